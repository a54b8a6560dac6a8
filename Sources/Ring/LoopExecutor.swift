import Synchronization

/// Runs the jobs of Swift tasks on a loop: the slow path of commands is written as `async` functions, and this
/// is what brings each of their steps back to the loop that owns the connection.
///
/// The engine resumes a task only on the loop that the task belongs to, so jobs are enqueued by the loop itself and
/// nobody has to be woken. The loop calls `runJobs()` once a turn.
public final class LoopExecutor: TaskExecutor {
  private let jobs = Mutex<[UnownedJob]>([])

  public init() {}

  public func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    jobs.withLock { $0.append(unowned) }
  }

  public var hasJobs: Bool { jobs.withLock { !$0.isEmpty } }

  /// Runs the jobs that are there, but not those that they enqueue: each turn of the loop is bounded. Returns whether
  /// there were any.
  @discardableResult
  public func runJobs() -> Bool {
    let ready = jobs.withLock { queue in
      let taken = queue
      if !taken.isEmpty { queue = [] }
      return taken
    }
    for job in ready { job.runSynchronously(on: asUnownedTaskExecutor()) }
    return !ready.isEmpty
  }
}

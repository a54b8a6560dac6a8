import Foundation
import Ring
import Synchronization
import Testing

@Suite("The executor of a loop")
struct LoopExecutorTests {
  private final class Journal: Sendable {
    private let entries = Mutex<[String]>([])

    func note(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }
  }

  @Test("runs nothing by itself")
  func runsNothingByItself() {
    let executor = LoopExecutor()
    let journal = Journal()
    #expect(!executor.hasJobs && !executor.runJobs())
    Task(executorPreference: executor) { journal.note("run") }
    #expect(executor.hasJobs)
    #expect(journal.all == [])
    #expect(executor.runJobs())
    #expect(journal.all == ["run"])
    #expect(!executor.hasJobs && !executor.runJobs())
  }

  @Test("runs jobs in the order in which they came")
  func order() {
    let executor = LoopExecutor()
    let journal = Journal()
    for number in 0..<100 { Task(executorPreference: executor) { journal.note("\(number)") } }
    executor.runJobs()
    #expect(journal.all == (0..<100).map(String.init))
  }

  @Test("leaves what jobs enqueue to the next turn, so that each turn ends")
  func boundedTurns() {
    let executor = LoopExecutor()
    let journal = Journal()
    Task(executorPreference: executor) {
      journal.note("first")
      Task(executorPreference: executor) {
        journal.note("second")
        Task(executorPreference: executor) { journal.note("third") }
      }
    }
    for expected in [["first"], ["first", "second"], ["first", "second", "third"]] {
      #expect(executor.hasJobs)
      #expect(executor.runJobs())
      #expect(journal.all == expected)
    }
    #expect(!executor.runJobs())
  }

  @Test("runs every step of a task on the thread that calls it, also behind an await")
  func thread() {
    let executor = LoopExecutor()
    let steps = Steps()
    // A thread that no pool of the runtime has.
    onThreads {
      let own = UInt(pthread_self())
      Task(executorPreference: executor) {
        steps.note()
        await withUnsafeContinuation { continuation in
          steps.continuation.withLock { $0 = continuation }
          steps.note()
        }
        steps.note()
        await Self.step(steps)
        steps.note()
      }
      executor.runJobs()
      #expect(steps.threads.withLock { $0.count } == 2)
      #expect(!executor.hasJobs)
      steps.continuation.withLock { $0 }?.resume()
      #expect(executor.hasJobs)
      while executor.runJobs() {}
      #expect(steps.threads.withLock { $0 } == Array(repeating: own, count: 5))
    }
  }

  private final class Steps: Sendable {
    let threads = Mutex<[UInt]>([])
    let continuation = Mutex<UnsafeContinuation<Void, Never>?>(nil)

    func note() { threads.withLock { $0.append(UInt(pthread_self())) } }
  }

  private static func step(_ steps: Steps) async { steps.note() }

  @Test("takes jobs from other threads")
  func otherThreads() {
    let executor = LoopExecutor()
    let journal = Journal()
    let producer: @Sendable () -> Void = {
      for _ in 0..<500 { Task(executorPreference: executor) { journal.note("job") } }
    }
    onThreads(
      producer, producer,
      {
        _ = spin {
          executor.runJobs()
          return journal.all.count == 1_000
        }
      })
    #expect(journal.all.count == 1_000)
  }
}

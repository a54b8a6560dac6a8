import CIntrinsics
import Heap
import Statistics

/// Giving back to the system what the allocator keeps without need.
///
/// It keeps free pages for the next allocation, and looks after those that it has kept for long only when
/// it works in their neighbourhood: on a server that deletes much and then idles, never. The loop's regular
/// work therefore compares what is resident with what is allocated, and collects when the difference has grown.
extension UnsafeMutablePointer<Shard> {
  /// Less than this is not worth the page faults when it is needed again.
  private static var smallestGrowth: Int { 16 << 20 }
  /// A shard that executes more commands in a second is left alone: giving a gibibyte back takes the kernel 0.2 s, in
  /// which nobody is served, and the allocator of a busy shard looks after its pages.
  private static var idleCommandsPerSecond: UInt64 { 1_000 }

  /// Collects the thread's heaps if much more memory than before is resident without being allocated. To be called
  /// once a second.
  public func giveBackRetained() {
    let memory = ResidentMemory.now()
    giveBackCode(memory)
    let resident = memory.anonymousByteCount
    let retained = resident - allocatedBytes
    // What stays after a collection are gaps between live blocks: only growth beyond them counts.
    pointee.unavoidablyRetained = Swift.min(pointee.unavoidablyRetained, Swift.max(0, retained))
    guard retained - pointee.unavoidablyRetained >= Swift.max(Self.smallestGrowth, resident / 8),
      isIdle
    else { return }
    pointee.heap.collect(force: true)
    Allocator.collectThisThread()
    let kept = ResidentMemory.now().anonymousByteCount - allocatedBytes
    pointee.unavoidablyRetained = Swift.max(0, kept)
  }

  /// Gives back whatever is resident without need.
  public func giveBackAll() {
    pointee.heap.collect(force: true)
    Allocator.collectThisThread()
    if pointee.index == 0 { giveBackCode() }
  }

  private var isIdle: Bool { pointee.commandsPerSecond.perSecond < Self.idleCommandsPerSecond }

  /// Gives code back if much more of it is resident than right after the last time, and that is some time ago: some
  /// megabytes are needed by the start and by commands that come seldom. The first shard does it for all, which have the same code.
  private func giveBackCode(_ memory: ResidentMemory) {
    let pause = isIdle ? CodeRetention.idlePause : CodeRetention.busyPause
    guard pointee.index == 0,
      memory.fileByteCount - pointee.codeRetention.keptBytes >= CodeRetention.smallestGrowth,
      MonotonicClock.nanoseconds - pointee.codeRetention.givenBack >= pause
    else { return }
    giveBackCode()
  }

  /// What is in use comes back when it is touched: a hundred page faults or so, of a microsecond.
  private func giveBackCode() {
    pantala_give_back_code()
    pointee.codeRetention.keptBytes = ResidentMemory.now().fileByteCount
    pointee.codeRetention.givenBack = MonotonicClock.nanoseconds
  }

  /// Frees some of the blocks that removed keys have left. To be called in every turn.
  @inline(__always)
  public func releaseRemoved(blockMaximum: Int) {
    if pointee.keyspace.hasRemovedValues { advanceRelease(blockMaximum) }
  }

  @inline(never)
  private func advanceRelease(_ blockMaximum: Int) {
    let hadTables = pointee.keyspace.removedTableBytes > 0
    Allocator.givingBackAtOnce { pointee.keyspace.releaseRemoved(blockMaximum: blockMaximum) }
    // The last pages of each size, which the allocator would keep.
    if hadTables, pointee.keyspace.removedTableBytes == 0 { pointee.heap.collect(force: true) }
  }

  /// Live bytes of all shards. What this one has allocated in this turn is not published yet, and taken for retained it would
  /// seem to stay whatever is collected.
  private var allocatedBytes: Int {
    let own = pointee.heap.liveBytes + pointee.runtimeAreas.used
    return pointee.server.publishedLiveBytes - pointee.server.liveBytes[pointee.index].load() + own
  }
}

/// When code was given back for the last time.
struct CodeRetention {
  /// In nanoseconds of the monotonic clock; 0 if it never was, so that what only the start has needed goes soon.
  var givenBack: UInt64 = 0
  /// What remained resident of files then.
  var keptBytes = 0

  /// Less is not worth it.
  static let smallestGrowth = 2 << 20
  /// Nanoseconds between two times, while there is little to do and while there is much.
  static let idlePause: UInt64 = 2_000_000_000
  static let busyPause: UInt64 = 60_000_000_000
}

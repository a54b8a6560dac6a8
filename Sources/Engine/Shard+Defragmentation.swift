import CIntrinsics
import Heap
import Keyspace
import Statistics

/// When a shard moves blocks together, and how much of its time that may take.
public struct DefragmentationSchedule {
  /// When the next slice is due, in nanoseconds of the monotonic clock.
  public fileprivate(set) var nextSlice = UInt64.max
  /// The percentage of time that the cycle under way takes; 0 if there is none.
  fileprivate(set) var effort = 0
  fileprivate var cycleStart: UInt64 = 0
  /// What the cycle found to be gained.
  fileprivate var found = HeapFragmentation()
  /// The next cycle does not begin before this, and after that one without gain the pause is so long.
  fileprivate var notBefore: UInt64 = 0
  fileprivate var pause = DefragmentationTuning.shortestPause
  /// Nanoseconds of all cycles that have ended.
  fileprivate var endedCycles: UInt64 = 0

  public init() {}
}

/// What defragmentation is doing, on one shard or on all.
public struct DefragmentationReport: Sendable, Equatable {
  /// The percentage of a shard's time that it takes at this moment; 0 if no cycle is under way.
  public var effort = 0
  /// How long cycles have been under way, and the one that is.
  public var totalMilliseconds = 0
  public var currentMilliseconds = 0

  public init() {}

  init(of schedule: DefragmentationSchedule) {
    if schedule.effort > 0 {
      currentMilliseconds = Int((MonotonicClock.nanoseconds - schedule.cycleStart) / 1_000_000)
    }
    effort = schedule.effort
    totalMilliseconds = Int(schedule.endedCycles / 1_000_000) + currentMilliseconds
  }

  /// Shards work side by side: what is told is how long the slowest of them takes.
  mutating func merge(_ other: DefragmentationReport) {
    effort = max(effort, other.effort)
    totalMilliseconds = max(totalMilliseconds, other.totalMilliseconds)
    currentMilliseconds = max(currentMilliseconds, other.currentMilliseconds)
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Begins a cycle of defragmentation if the directives want one, or ends one that they want no more. To be called once a
  /// second, with the monotonic clock's nanoseconds.
  public func reconsiderDefragmentation(_ now: UInt64) {
    let settings = pointee.settings
    guard settings.activeDefragmentation else { return endDefragmentation(now) }
    // While much is being freed, pages are sparse that will soon be empty.
    guard pointee.defragmentation.effort == 0, !pointee.keyspace.hasRemovedValues,
      now >= pointee.defragmentation.notBefore
    else { return }
    let lower = settings.defragmentationLowerPercentage
    let found = pointee.keyspace.fragmentation(lowerPercentage: lower)
    // Each shard answers for its share of the bytes that the directive allows to be lost.
    guard found.sparseFreeBytes >= settings.defragmentationIgnoredBytes / pointee.server.shardCount,
      found.percentage >= Double(lower)
    else { return }
    pointee.defragmentation.found = found
    pointee.defragmentation.effort = effort(for: found.percentage)
    pointee.defragmentation.cycleStart = now
    pointee.defragmentation.nextSlice = now
  }

  /// From the least effort at the lower threshold to the greatest at the upper one.
  private func effort(for percentage: Double) -> Int {
    let settings = pointee.settings
    let least = settings.defragmentationMinimumEffort
    let most = Swift.max(least, settings.defragmentationMaximumEffort)
    let lower = Double(settings.defragmentationLowerPercentage)
    let range = Double(settings.defragmentationUpperPercentage) - lower
    let share = range > 0 ? Swift.min(Swift.max((percentage - lower) / range, 0), 1) : 1
    return least + Int(share * Double(most - least))
  }

  /// Moves some blocks, if a slice is due. Between commands only.
  @inline(__always)
  public func defragmentIfDue(_ now: UInt64) {
    if now >= pointee.defragmentation.nextSlice { defragment(now) }
  }

  @inline(never)
  private func defragment(_ now: UInt64) {
    let isIdle = pointee.commandsPerSecond.perSecond < DefragmentationTuning.idleCommandsPerSecond
    let budget =
      isIdle ? DefragmentationTuning.idleSliceNanoseconds : DefragmentationTuning.busySliceNanoseconds
    let start = pantala_ticks()
    let deadline = start &+ (budget << 16) / Swift.max(pointee.nanosecondsPerTickFixed, 1)
    // Noting the sparse areas takes a slice of its own.
    guard pointee.keyspace.isDefragmenting else { return beginDefragmentation(now) }
    var isComplete = false
    Allocator.givingBackAtOnce { isComplete = pointee.keyspace.defragment(untilTicks: deadline) }
    let spent = pointee.nanoseconds(ofTicks: pantala_ticks() &- start)
    let threshold = pointee.settings.latencyMonitorThresholdMilliseconds
    if threshold > 0, spent / 1_000_000 >= UInt64(threshold) {
      pointee.latencyMonitor.record(
        .activeDefragmentationCycle, milliseconds: spent / 1_000_000,
        unixSeconds: pointee.keyspace.now / 1_000)
    }
    if isComplete { return completeDefragmentation(now + spent) }
    let effort = UInt64(Swift.max(pointee.defragmentation.effort, 1))
    pointee.defragmentation.nextSlice = now + spent * 100 / effort
  }

  private func beginDefragmentation(_ now: UInt64) {
    let settings = pointee.settings
    pointee.keyspace.beginDefragmentation(
      pointee.defragmentation.found, lowerPercentage: settings.defragmentationLowerPercentage,
      scannedFields: settings.defragmentationScannedFields)
    pointee.defragmentation.nextSlice = now + DefragmentationTuning.busySliceNanoseconds
  }

  /// Decides when to look again: soon after a cycle that gave much back, later and later after others, which found blocks
  /// that can't be moved, or memory that changes faster than it can be put in order.
  private func completeDefragmentation(_ now: UInt64) {
    let before = pointee.defragmentation.found.sparseFreeBytes
    let left = pointee.keyspace.fragmentation(
      lowerPercentage: pointee.settings.defragmentationLowerPercentage)
    endDefragmentation(now)
    // Of more areas than were visited, others come into sight.
    if left.sparseFreeBytes <= before / 2 || !left.isComplete {
      pointee.defragmentation.pause = DefragmentationTuning.shortestPause
    } else {
      pointee.defragmentation.notBefore = now + pointee.defragmentation.pause
      pointee.defragmentation.pause = Swift.min(
        pointee.defragmentation.pause * 2, DefragmentationTuning.longestPause)
    }
  }

  private func endDefragmentation(_ now: UInt64) {
    guard pointee.defragmentation.effort > 0 else { return }
    pointee.keyspace.endDefragmentation()
    pointee.defragmentation.endedCycles += now - Swift.min(now, pointee.defragmentation.cycleStart)
    pointee.defragmentation.effort = 0
    pointee.defragmentation.nextSlice = .max
  }
}

/// Numbers of defragmentation.
private enum DefragmentationTuning {
  /// A slice of moving, when few commands come and when many do: the time that a command may have to wait for it.
  static let idleSliceNanoseconds: UInt64 = 800_000
  static let busySliceNanoseconds: UInt64 = 150_000
  /// A shard that executes fewer commands in a second is idle.
  static let idleCommandsPerSecond: UInt64 = 1_000
  static let shortestPause: UInt64 = 2_000_000_000
  static let longestPause: UInt64 = 64_000_000_000
}

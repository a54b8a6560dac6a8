import Glibc

/// Processor time spent: what INFO cpu shows.
public struct ProcessorTimes: Sendable, Equatable {
  /// Time in the program's own code.
  public var userMicroseconds: UInt64

  /// Time in the kernel on its behalf.
  public var systemMicroseconds: UInt64

  /// Given times.
  public init(userMicroseconds: UInt64, systemMicroseconds: UInt64) {
    self.userMicroseconds = userMicroseconds
    self.systemMicroseconds = systemMicroseconds
  }

  /// All threads of this process: `used_cpu_user`, `used_cpu_sys`.
  public static func ofProcess() -> ProcessorTimes { of(0) }

  /// The calling thread: `used_cpu_user_main_thread`, or a shard's own time.
  public static func ofCurrentThread() -> ProcessorTimes { of(1) }

  /// Child processes that have ended: `used_cpu_user_children`.
  public static func ofChildren() -> ProcessorTimes { of(-1) }

  /// RUSAGE_SELF is 0, RUSAGE_THREAD 1, RUSAGE_CHILDREN -1; the header's names differ with its feature macros.
  private static func of(_ who: Int32) -> ProcessorTimes {
    var usage = rusage()
    guard getrusage(who, &usage) == 0 else {
      return ProcessorTimes(userMicroseconds: 0, systemMicroseconds: 0)
    }
    return ProcessorTimes(
      userMicroseconds: microseconds(usage.ru_utime), systemMicroseconds: microseconds(usage.ru_stime))
  }

  private static func microseconds(_ time: timeval) -> UInt64 {
    UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_usec)
  }

  /// Adds another thread's time.
  public mutating func merge(_ other: ProcessorTimes) {
    userMicroseconds &+= other.userMicroseconds
    systemMicroseconds &+= other.systemMicroseconds
  }

  /// Seconds with six decimals, as INFO shows them: `0.011269`.
  public static func secondsText(microseconds: UInt64) -> String {
    "\(microseconds / 1_000_000).\(DecimalText.padded(microseconds % 1_000_000, digits: 6))"
  }
}

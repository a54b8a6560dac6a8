import CIntrinsics
import Glibc

/// How fast `pantala_ticks` counts.
public enum TickRate {
  /// Nanoseconds per tick, times 2^16; measured once.
  public static let nanosecondsPerTickFixed = measured(
    overNanoseconds: 5_000_000, ticks: { pantala_ticks() }, nanoseconds: monotonicNanoseconds)

  /// One moment as both clocks tell it.
  private struct Reading {
    var ticks: UInt64
    var nanoseconds: UInt64
  }

  /// Readings that are made for each end: the system may take the core away in the middle of one, for milliseconds, and
  /// hardly ever in all of them.
  private static let attempts = 16

  /// Watches both clocks for a while. Five milliseconds give four digits.
  static func measured(
    overNanoseconds duration: UInt64, ticks: () -> UInt64, nanoseconds: () -> UInt64
  ) -> UInt64 {
    let start = reading(ticks, nanoseconds)
    while nanoseconds() - start.nanoseconds < duration { pantala_pause() }
    let end = reading(ticks, nanoseconds)
    let passed = max(end.ticks - start.ticks, 1)
    return max(((end.nanoseconds - start.nanoseconds) << 16) / passed, 1)
  }

  /// Looks at both clocks as nearly at the same moment as can be: of several readings the one during which the fewest
  /// ticks passed.
  private static func reading(_ ticks: () -> UInt64, _ nanoseconds: () -> UInt64) -> Reading {
    var best = Reading(ticks: 0, nanoseconds: 0)
    var leastTicks = UInt64.max
    for _ in 0..<attempts {
      let before = ticks()
      let time = nanoseconds()
      let between = ticks() - before
      if between < leastTicks {
        leastTicks = between
        best = Reading(ticks: before + between / 2, nanoseconds: time)
      }
    }
    return best
  }

  private static func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

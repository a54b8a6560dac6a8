import Glibc

/// Time that nothing happens in, as DEBUG SLEEP asks for.
extension Operation {
  /// Keeps every loop of the server from doing anything for `nanoseconds`.
  ///
  /// Clients of Redis expect that the whole server stands still, so all shards' threads sleep, until one and the
  /// same moment. It is for tests only.
  public func haltEveryShard(nanoseconds: UInt64) {
    let end = Self.monotonicNanoseconds() + nanoseconds
    coordinator.notifyOthers { _ in Self.sleep(until: end) }
    // This thread is about to sleep: the others must hear of it now, not when the turn ends.
    coordinator.pointee.publish()
    coordinator.pointee.uring?.pointee.submit()
    Self.sleep(until: end)
  }

  private static func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private static func sleep(until end: UInt64) {
    var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
    while clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil) == EINTR {}
  }
}

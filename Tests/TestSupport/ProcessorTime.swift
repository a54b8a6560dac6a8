import Glibc

/// The processor time that the calling thread takes for `body`: unlike time on the clock it hardly depends on what else
/// the machine does.
public func processorTime(_ body: () throws -> Void) rethrows -> Duration {
  let start = threadProcessorTime()
  try body()
  return threadProcessorTime() - start
}

private func threadProcessorTime() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

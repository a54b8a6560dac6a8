import Glibc

/// The number of files that the process may have open, which bounds the number of its clients.
public enum DescriptorLimit {
  /// Descriptors that are not clients': listeners, rings, files, and clients that are being turned away.
  private static let reserved = 64

  /// Asks the system for as many descriptors as `clientCount` clients need. Returns for how many clients there
  /// are enough now: `clientCount`, or fewer where the system refuses.
  public static func raise(forClients clientCount: Int) -> Int {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return clientCount }
    let wanted = rlim_t(clientCount + reserved)
    if limit.rlim_cur >= wanted { return clientCount }
    // Only a privileged process may go beyond the hard limit; any may go up to it.
    var raised = limit
    raised.rlim_cur = wanted
    raised.rlim_max = max(limit.rlim_max, wanted)
    if setrlimit(resource, &raised) == 0 { return clientCount }
    raised.rlim_cur = limit.rlim_max
    raised.rlim_max = limit.rlim_max
    let reached = setrlimit(resource, &raised) == 0 ? limit.rlim_max : limit.rlim_cur
    return max(1, min(clientCount, Int(clamping: reached) - reserved))
  }

  private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}

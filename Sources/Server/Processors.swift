import CIntrinsics
import Glibc

/// The processor cores that this process may use.
enum Processors {
  /// Cores that a machine may have at the most.
  private static let coreMaximum = 1_024

  /// Cores of the affinity mask, in rising order.
  static func allowed() -> [Int] {
    var cores = [Int32](repeating: 0, count: coreMaximum)
    let count = pantala_allowed_cores(&cores, Int32(coreMaximum))
    return count > 0 ? cores.prefix(Int(count)).map(Int.init) : [0]
  }

  /// The cores' worth of time that the control group grants, rounded up; nil without a limit.
  static func controlGroupQuota() -> Int? {
    // Version 2 gives "quota period" or "max period"; version 1 has a file for each.
    if let words = readWords("/sys/fs/cgroup/cpu.max"), words.count == 2, let quota = Int(words[0]),
      let period = Int(words[1]), period > 0
    {
      return max(1, (quota + period - 1) / period)
    }
    if let quota = readWords("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")?.first.flatMap({ Int($0) }), quota > 0,
      let period = readWords("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?.first.flatMap({ Int($0) }), period > 0
    {
      return max(1, (quota + period - 1) / period)
    }
    return nil
  }

  /// Keeps the calling thread on one core. Returns whether the system agreed.
  static func pinThisThread(to core: Int) -> Bool { pantala_pin_thread(Int32(core)) }

  private static func readWords(_ path: String) -> [Substring]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes.prefix(count), as: UTF8.self).split { $0 == " " || $0 == "\n" }
  }
}

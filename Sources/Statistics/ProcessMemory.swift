import Glibc

/// What the operating system says about the memory of this process and its machine.
///
/// Only files that cost the kernel nothing are read: `statm`, not `smaps`, which walks every page table.
public enum ProcessMemory {
  /// Bytes of this process in physical memory, or 0 if `/proc` is not to be had: `used_memory_rss`.
  public static func residentByteCount() -> UInt64 {
    guard let text = SmallFile.text(path: "/proc/self/statm") else { return 0 }
    return residentPageCount(statm: text) * pageByteCount
  }

  /// Bytes of physical memory of the machine: `total_system_memory`.
  public static func totalSystemByteCount() -> UInt64 {
    let pageCount = sysconf(Int32(_SC_PHYS_PAGES))
    return pageCount > 0 ? UInt64(pageCount) * pageByteCount : 0
  }

  /// The memory limit of the control group that this process is in, the smallest of the group and its parents, or
  /// nil if there is none.
  public static func controlGroupLimitByteCount() -> UInt64? {
    guard let text = SmallFile.text(path: "/proc/self/cgroup") else { return nil }
    return controlGroupLimitByteCount(groups: text, root: "/sys/fs/cgroup")
  }

  /// Bytes this process can hope for: the machine's memory or the control group's limit, whichever is smaller.
  public static func availableByteCount() -> UInt64 {
    let total = totalSystemByteCount()
    guard let limit = controlGroupLimitByteCount() else { return total }
    return total == 0 ? limit : min(total, limit)
  }

  private static var pageByteCount: UInt64 { UInt64(sysconf(Int32(_SC_PAGESIZE))) }

  /// The second number of `statm`.
  static func residentPageCount(statm: String) -> UInt64 {
    let fields = statm.split(separator: " ")
    return fields.count > 1 ? UInt64(fields[1]) ?? 0 : 0
  }

  /// The limit for the groups that `/proc/self/cgroup` names, in the hierarchy mounted at `root`.
  ///
  /// Version 2 has one group, on the line `0::/path`; version 1 has one per controller, `9:memory:/path`. In a container the
  /// path may not exist below the mount, whose root then is the container's group: every parent is tried.
  static func controlGroupLimitByteCount(groups: String, root: String) -> UInt64? {
    var limit: UInt64?
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
      let base = isUnified ? root : root + "/memory"
      let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
      var components = fields[2].split(separator: "/")
      while true {
        let path = ([base] + components.map(String.init) + [file]).joined(separator: "/")
        if let text = SmallFile.text(path: path), let found = limitByteCount(text) {
          limit = min(limit ?? found, found)
        }
        if components.popLast() == nil { break }
      }
    }
    return limit
  }

  /// A limit as its file has it: `max` (version 2) or a number near 2^63 (version 1) mean none.
  private static func limitByteCount(_ text: String) -> UInt64? {
    guard let number = UInt64(text.prefix { $0.isNumber }), number < 1 << 60 else { return nil }
    return number
  }
}

/// Files of `/proc` and `/sys` that fit a page.
enum SmallFile {
  /// The first 4,096 bytes of a file, or nil if it can't be read.
  static func text(path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      var length = 0
      while length < buffer.count {
        let count = read(descriptor, buffer.baseAddress! + length, buffer.count - length)
        if count < 0 && errno == EINTR { continue }
        if count < 0 { return nil }
        if count == 0 { break }
        length += count
      }
      return String(decoding: buffer[..<length], as: UTF8.self)
    }
  }
}

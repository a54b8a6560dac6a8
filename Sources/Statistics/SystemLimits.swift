import Glibc

/// What the system sets as limits to this process's memory, and how near it is to them.
public struct SystemLimits: Sendable, Equatable {
  /// The limit of the address space (`ulimit -v`), in bytes; nil if there is none.
  public var addressSpaceBytes: Int?
  /// The limit of the control group; beyond it the kernel kills. Nil if there is none.
  public var controlGroupBytes: Int?

  public init(addressSpaceBytes: Int? = nil, controlGroupBytes: Int? = nil) {
    self.addressSpaceBytes = addressSpaceBytes
    self.controlGroupBytes = controlGroupBytes
  }

  /// The limits that are set now.
  public static func ofThisProcess() -> SystemLimits {
    var limit = rlimit()
    var addressSpace: Int?
    if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < 1 << 62 {
      addressSpace = Int(limit.rlim_cur)
    }
    let group = ProcessMemory.controlGroupLimitByteCount().flatMap(Int.init(exactly:))
    return SystemLimits(addressSpaceBytes: addressSpace, controlGroupBytes: group)
  }

  public var isEmpty: Bool { addressSpaceBytes == nil && controlGroupBytes == nil }

  /// The smallest limit; nil if there is none.
  public var leastBytes: Int? { [addressSpaceBytes, controlGroupBytes].compactMap(\.self).min() }

  /// Bytes that the process can still take before it meets a limit, by what the system counts now.
  ///
  /// - Parameters:
  ///   - use: what the process takes.
  ///   - base: what it took when it began to serve.
  ///   - liveBytes: what is allocated of it: memory of the heaps between live blocks can be used again, mostly.
  public func room(_ use: MemoryUse, since base: MemoryUse, liveBytes: Int) -> Int {
    // Of what is not in use, a part lies between blocks where nothing fits.
    let needed = liveBytes + liveBytes / 8
    var room = Int.max
    if let addressSpaceBytes {
      let reusable = max(0, use.addressSpaceBytes - base.addressSpaceBytes - needed)
      room = addressSpaceBytes - use.addressSpaceBytes + reusable
    }
    if let controlGroupBytes {
      let reusable = max(0, use.residentBytes - base.residentBytes - needed)
      room = min(room, controlGroupBytes - use.residentBytes + reusable)
    }
    return room
  }

  /// What should stay free: an allocator takes its address space in large pieces, and what is under way must end.
  public func reserveBytes(shardCount: Int) -> Int {
    guard let leastBytes else { return 0 }
    let wanted =
      addressSpaceBytes == nil ? max(16 << 20, leastBytes / 20) : (64 << 20) + shardCount * (32 << 20)
    return min(wanted, leastBytes / 4)
  }
}

/// What a process takes of the system's memory.
public struct MemoryUse: Sendable, Equatable {
  /// Mapped addresses, with or without memory behind them.
  public var addressSpaceBytes = 0
  /// Memory of its own: no file's.
  public var residentBytes = 0

  public init(addressSpaceBytes: Int = 0, residentBytes: Int = 0) {
    self.addressSpaceBytes = addressSpaceBytes
    self.residentBytes = residentBytes
  }

  /// As the system counts it now, in about ten microseconds. Zeros if `/proc` is not to be had.
  public static func now() -> MemoryUse {
    guard let text = SmallFile.text(path: "/proc/self/statm") else { return MemoryUse() }
    return MemoryUse(statm: text, pageByteCount: Int(sysconf(Int32(_SC_PAGESIZE))))
  }

  /// From the text of `statm`: pages mapped, resident, and of files and shared among those.
  init(statm: String, pageByteCount: Int) {
    let fields = statm.split(separator: " ").map { Int($0) ?? 0 }
    guard fields.count > 2 else { return }
    addressSpaceBytes = fields[0] * pageByteCount
    residentBytes = max(0, fields[1] - fields[2]) * pageByteCount
  }
}

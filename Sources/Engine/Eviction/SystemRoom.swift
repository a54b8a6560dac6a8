import Heap
import Statistics

/// Staying clear of the system's limits: the process must not die of memory.
///
/// Where a control group or `ulimit -v` limits it, shards look every few hundred kilobytes of growth how much room the system still leaves. While it
/// is less than a reserve, commands that add data are refused and free pages are given back. Nothing is evicted for it: what the system
/// counts follows with delay, and evicting by it would empty the keyspace.
struct SystemRoom {
  /// Live bytes of the shard, and the time in milliseconds since 1970, when it last looked.
  var lookedAtBytes = 0
  var lookedAt: Int64 = 0

  /// Growth after which a shard looks again.
  static let stepBytes = 512 << 10
  /// How soon it looks anyway, while there is room and while there is not.
  static let interval: Int64 = 100
  static let urgentInterval: Int64 = 10
}

extension ServerState {
  /// Whether there is a limit to stay clear of.
  var hasSystemLimits: Bool { !systemLimits.isEmpty }

  /// What must stay free, and the part of it that is address space held back for an allocation that fails.
  var systemReserveBytes: Int { systemLimits.reserveBytes(shardCount: shardCount) }

  private var heldBytes: Int { systemLimits.addressSpaceBytes == nil ? 0 : systemReserveBytes / 2 }

  /// Most that a single client's unread input or unsent replies may take, so that no client alone can bring the process to
  /// its limit; nil if there is none.
  public var clientShareBytes: Int? { systemLimits.leastBytes.map { $0 / 8 } }

  /// Looks how much room the system leaves, and notes whether that is too little.
  fileprivate func lookForRoom() {
    let isMissing = MemoryReserve.isMissing
    let use = MemoryUse.now()
    let base = baseUse.withLock { base in
      base = base ?? use
      return base ?? use
    }
    let room = systemLimits.room(use, since: base, liveBytes: publishedLiveBytes)
    systemRoomBytes.store(room)
    let needed = systemReserveBytes - heldBytes
    if isSystemShort {
      // Not at the very edge, or it would change with every command.
      guard room > needed + needed / 4 else { return }
      if heldBytes == 0 || MemoryReserve.hold(heldBytes) { systemShortage.store(0) }
    } else if room < needed || isMissing {
      systemShortage.store(1)
    } else if heldBytes > 0, !isReserveMade {
      _ = MemoryReserve.hold(heldBytes)
      reserveMade.store(1)
    }
  }

  private var isReserveMade: Bool { reserveMade.load() != 0 }

  /// Whether the system leaves too little room for more data.
  var isSystemShort: Bool { systemShortage.load() != 0 }
}

extension UnsafeMutablePointer<Shard> {
  /// Looks how much room the system leaves, if this shard's memory has changed since it last did, or some time has passed.
  func lookForSystemRoom() {
    let server = pointee.server
    guard server.hasSystemLimits else { return }
    let bytes = pointee.heap.liveBytes
    let passed = pointee.keyspace.now - pointee.systemRoom.lookedAt
    let interval = server.isSystemShort ? SystemRoom.urgentInterval : SystemRoom.interval
    guard abs(bytes - pointee.systemRoom.lookedAtBytes) >= SystemRoom.stepBytes || passed >= interval else {
      return
    }
    pointee.systemRoom.lookedAtBytes = bytes
    pointee.systemRoom.lookedAt = pointee.keyspace.now
    let wasShort = server.isSystemShort
    server.lookForRoom()
    if server.isSystemShort, !wasShort { pointee.heap.collect(force: true) }
  }
}

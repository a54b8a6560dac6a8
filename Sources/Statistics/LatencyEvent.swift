/// What the latency monitor watches: a source of delays, named as in Redis.
public enum LatencyEvent: UInt8, CaseIterable, Sendable {
  case command
  case fastCommand
  case commandUnblocking
  case expireCycle
  case evictionCycle
  case evictionDelete
  case evictionLazyFree
  case activeDefragmentationCycle
  case fork
  case fileWrite
  case fileWriteAlone
  case fileWritePendingSync
  case fileWriteActiveChild
  case fileSyncAlways
  case fileStatus
  case fileRename
  case snapshotUnlinkTemporaryFile
  case whileBlockedCron

  /// The name that LATENCY commands use.
  public var name: String {
    switch self {
    case .command: "command"
    case .fastCommand: "fast-command"
    case .commandUnblocking: "command-unblocking"
    case .expireCycle: "expire-cycle"
    case .evictionCycle: "eviction-cycle"
    case .evictionDelete: "eviction-del"
    case .evictionLazyFree: "eviction-lazyfree"
    case .activeDefragmentationCycle: "active-defrag-cycle"
    case .fork: "fork"
    case .fileWrite: "aof-write"
    case .fileWriteAlone: "aof-write-alone"
    case .fileWritePendingSync: "aof-write-pending-fsync"
    case .fileWriteActiveChild: "aof-write-active-child"
    case .fileSyncAlways: "aof-fsync-always"
    case .fileStatus: "aof-fstat"
    case .fileRename: "aof-rename"
    case .snapshotUnlinkTemporaryFile: "rdb-unlink-temp-file"
    case .whileBlockedCron: "while-blocked-cron"
    }
  }

  /// The event of a name in any case, or nil.
  public init?(name: String) {
    let wanted = name.lowercased()
    guard let event = Self.allCases.first(where: { $0.name == wanted }) else { return nil }
    self = event
  }
}

/// A set of events.
public struct LatencyEventSet: OptionSet, Sendable {
  /// One bit per event, in the order of the cases.
  public let rawValue: UInt32

  /// A set of bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The set of one event.
  public init(_ event: LatencyEvent) { self.init(rawValue: 1 << UInt32(event.rawValue)) }

  /// Every event.
  public static var all: LatencyEventSet {
    LatencyEventSet(rawValue: (1 << UInt32(LatencyEvent.allCases.count)) - 1)
  }

  /// The number of events in the set.
  public var count: Int { rawValue.nonzeroBitCount }
}

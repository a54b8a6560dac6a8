/// Severity of a log message; the raw value is the word in the configuration file.
public enum LogLevel: String, Sendable, CaseIterable {
  /// Everything, for work on the server itself.
  case debug
  /// Rarely useful detail.
  case verbose
  /// What an operator of a production server wants to read.
  case notice
  /// Only what needs attention.
  case warning
  /// No messages at all.
  case nothing
}

/// What the server does when the data reaches `maxmemory`; the raw value is the word in the configuration file.
public enum MaxMemoryPolicy: String, Sendable, CaseIterable {
  /// Of the keys with an expiry time, those go that have not been used for longest.
  case volatileIdle = "volatile-lru"
  /// Of the keys with an expiry time, those go that are used least.
  case volatileFrequency = "volatile-lfu"
  /// Of the keys with an expiry time, any goes.
  case volatileRandom = "volatile-random"
  /// Of the keys with an expiry time, those go that would expire soonest.
  case volatileTimeToLive = "volatile-ttl"
  /// Keys go that have not been used for longest.
  case allKeysIdle = "allkeys-lru"
  /// Keys go that are used least.
  case allKeysFrequency = "allkeys-lfu"
  /// Any key goes.
  case allKeysRandom = "allkeys-random"
  /// Commands that need memory are refused.
  case noEviction = "noeviction"

  /// Whether it goes by how often keys are used.
  public var countsUse: Bool { self == .volatileFrequency || self == .allKeysFrequency }
}

/// How much memory all clients together may take.
public enum ClientMemoryLimit: Sendable, Equatable {
  /// So many bytes; 0 sets no limit.
  case bytes(Int)
  /// A percentage of `maxmemory`.
  case percentage(Int)
}

/// Who may do something dangerous; the raw value is the word in the configuration file.
public enum ProtectedAccess: String, Sendable, CaseIterable {
  /// Refused for everyone.
  case nobody = "no"
  /// Allowed for everyone.
  case everybody = "yes"
  /// Allowed for clients on this machine.
  case local

  /// Whether a client may, given whether it connects from this machine.
  public func allows(localClient: Bool) -> Bool {
    switch self {
    case .nobody: false
    case .everybody: true
    case .local: localClient
    }
  }
}

/// How much unsent output one client may have before it is disconnected.
public struct OutputBufferLimit: Sendable, Equatable {
  /// Disconnected at once when this is reached; 0 sets no such limit.
  public var hardBytes: Int
  /// Disconnected when more than this stays queued for `softSeconds`; 0 sets no such limit.
  public var softBytes: Int
  /// See `softBytes`.
  public var softSeconds: Int

  /// A limit of the given sizes.
  public init(hardBytes: Int, softBytes: Int, softSeconds: Int) {
    self.hardBytes = hardBytes
    self.softBytes = softBytes
    self.softSeconds = softSeconds
  }
}

/// The output buffer limit of each class of client.
public struct OutputBufferLimits: Sendable, Equatable {
  /// Clients that send commands and read replies.
  public var normal = OutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0)
  /// Replicas.
  public var replica = OutputBufferLimit(hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
  /// Clients subscribed to at least one channel.
  public var pubsub = OutputBufferLimit(hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)

  /// Every class at its default.
  public init() {}
}

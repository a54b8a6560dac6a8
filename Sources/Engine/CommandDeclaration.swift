/// Everything about a command but its code: what drives the coordinator, COMMAND INFO and COMMAND DOCS.
///
/// The vocabulary is that of the command reference and of the command tips which Redis defines for clients of a
/// cluster (https://redis.io/docs/latest/develop/reference/command-tips/).
public struct CommandDeclaration: Sendable {
  /// In lower case; a subcommand's own name, without its container's.
  public let name: String
  /// The number of arguments, the name (and the container's name) included; negative for a minimum.
  public let arity: Int
  public let flags: CommandFlags
  /// Categories beyond those that flags and group imply.
  public let categories: CommandCategories
  public let keys: [KeySpecification]
  public let requestPolicy: RequestPolicy
  public let responsePolicy: ResponsePolicy
  public let tips: CommandTips
  public let group: CommandGroup
  /// The Redis version that brought the command.
  public let since: String
  public let summary: String
  public let complexity: String
  public let arguments: [ArgumentSpecification]
  /// Changes to its behaviour: version and what changed.
  public let history: [(version: String, change: String)]
  public let deprecation: Deprecation?
  /// Whether it is for servers and tests, not for applications: the documentation flag `syscmd`.
  public let isSystem: Bool
  public let subcommands: [any Command.Type]

  public struct Deprecation: Sendable {
    public let since: String
    public let replacement: String

    public init(since: String, replacement: String) {
      self.since = since
      self.replacement = replacement
    }
  }

  public init(
    name: String, arity: Int, flags: CommandFlags = [], categories: CommandCategories = [],
    keys: [KeySpecification] = [], requestPolicy: RequestPolicy = .byKeys,
    responsePolicy: ResponsePolicy = .byKeys, tips: CommandTips = [], group: CommandGroup, since: String,
    summary: String, complexity: String, arguments: [ArgumentSpecification] = [],
    history: [(version: String, change: String)] = [], deprecation: Deprecation? = nil,
    isSystem: Bool = false,
    subcommands: [any Command.Type] = []
  ) {
    self.name = name
    self.arity = arity
    self.flags = flags
    self.categories = categories
    self.keys = keys
    self.requestPolicy = requestPolicy
    self.responsePolicy = responsePolicy
    self.tips = tips
    self.group = group
    self.since = since
    self.summary = summary
    self.complexity = complexity
    self.arguments = arguments
    self.history = history
    self.deprecation = deprecation
    self.isSystem = isSystem
    self.subcommands = subcommands
  }
}

/// To which shards a call goes.
public enum RequestPolicy: Sendable, Equatable {
  /// To the shard of its keys; without keys, to none.
  case byKeys
  /// To every shard.
  case allShards
  /// To every node of a cluster, replicas too. Within a server the command's own code says where to.
  case allNodes
  /// To each shard that owns some of the keys, with those keys.
  case multiShard
  /// As the command's own code says.
  case special

  /// The command tip; `byKeys` has none.
  public var tip: String? {
    switch self {
    case .byKeys: nil
    case .allShards: "request_policy:all_shards"
    case .allNodes: "request_policy:all_nodes"
    case .multiShard: "request_policy:multi_shard"
    case .special: "request_policy:special"
    }
  }
}

/// How the replies of several shards become one.
public enum ResponsePolicy: Sendable, Equatable {
  /// With one shard its reply; with several, arrays whose elements are put in the order of the keys.
  case byKeys
  case oneSucceeded
  case allSucceeded
  case logicalAnd
  case logicalOr
  case minimum
  case maximum
  case sum
  /// As the command's own code says.
  case special

  /// The command tip; `byKeys` has none.
  public var tip: String? {
    switch self {
    case .byKeys: nil
    case .oneSucceeded: "response_policy:one_succeeded"
    case .allSucceeded: "response_policy:all_succeeded"
    case .logicalAnd: "response_policy:agg_logical_and"
    case .logicalOr: "response_policy:agg_logical_or"
    case .minimum: "response_policy:agg_min"
    case .maximum: "response_policy:agg_max"
    case .sum: "response_policy:agg_sum"
    case .special: "response_policy:special"
    }
  }

  /// One number of those of two shards, by a policy that combines numbers.
  func combine(_ left: Int64, _ right: Int64) -> Int64 {
    switch self {
    case .sum: left + right
    case .minimum: min(left, right)
    case .maximum: max(left, right)
    case .logicalAnd: left != 0 && right != 0 ? 1 : 0
    case .logicalOr: left != 0 || right != 0 ? 1 : 0
    case .byKeys, .oneSucceeded, .allSucceeded, .special:
      preconditionFailure("a policy that does not combine numbers")
    }
  }
}

/// Tips beside the policies.
public struct CommandTips: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let nondeterministicOutput = CommandTips(rawValue: 1)
  public static let nondeterministicOutputOrder = CommandTips(rawValue: 2)
}

/// What a command does and where it may be called, as COMMAND INFO shows it.
public struct CommandFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let write = CommandFlags(rawValue: 1 << 0)
  public static let readOnly = CommandFlags(rawValue: 1 << 1)
  /// Refused when memory is full.
  public static let denyOutOfMemory = CommandFlags(rawValue: 1 << 2)
  public static let admin = CommandFlags(rawValue: 1 << 3)
  public static let pubSub = CommandFlags(rawValue: 1 << 4)
  public static let noScript = CommandFlags(rawValue: 1 << 5)
  public static let blocking = CommandFlags(rawValue: 1 << 6)
  public static let loading = CommandFlags(rawValue: 1 << 7)
  public static let stale = CommandFlags(rawValue: 1 << 8)
  /// Not shown to MONITOR.
  public static let skipMonitor = CommandFlags(rawValue: 1 << 9)
  /// Not entered into the slow log.
  public static let skipSlowLog = CommandFlags(rawValue: 1 << 10)
  public static let fast = CommandFlags(rawValue: 1 << 11)
  /// Allowed before authentication.
  public static let noAuthentication = CommandFlags(rawValue: 1 << 12)
  /// Held up by CLIENT PAUSE WRITE as a write is. Not a flag that Redis lists.
  public static let mayReplicate = CommandFlags(rawValue: 1 << 13)
  public static let noMandatoryKeys = CommandFlags(rawValue: 1 << 14)
  public static let protected = CommandFlags(rawValue: 1 << 15)
  public static let noAsyncLoading = CommandFlags(rawValue: 1 << 16)
  public static let noMulti = CommandFlags(rawValue: 1 << 17)
  public static let allowBusy = CommandFlags(rawValue: 1 << 18)
  public static let movableKeys = CommandFlags(rawValue: 1 << 19)
  public static let asking = CommandFlags(rawValue: 1 << 20)
  /// Has arguments that MONITOR and the slow log must not show. Not a flag that Redis lists.
  public static let sensitive = CommandFlags(rawValue: 1 << 21)

  /// The names, in the order in which COMMAND INFO lists them.
  public static let names: [(flag: CommandFlags, name: StaticString)] = [
    (.write, "write"), (.readOnly, "readonly"), (.denyOutOfMemory, "denyoom"), (.admin, "admin"),
    (.pubSub, "pubsub"), (.noScript, "noscript"), (.blocking, "blocking"), (.loading, "loading"),
    (.stale, "stale"), (.skipMonitor, "skip_monitor"), (.skipSlowLog, "skip_slowlog"), (.asking, "asking"),
    (.fast, "fast"), (.noAuthentication, "no_auth"),
    (.noMandatoryKeys, "no_mandatory_keys"), (.protected, "protected"),
    (.noAsyncLoading, "no_async_loading"), (.noMulti, "no_multi"), (.movableKeys, "movablekeys"),
    (.allowBusy, "allow_busy"),
  ]
}

/// The access-control categories, a bit each.
public struct CommandCategories: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let keyspace = CommandCategories(rawValue: 1 << 0)
  public static let read = CommandCategories(rawValue: 1 << 1)
  public static let write = CommandCategories(rawValue: 1 << 2)
  public static let set = CommandCategories(rawValue: 1 << 3)
  public static let sortedSet = CommandCategories(rawValue: 1 << 4)
  public static let list = CommandCategories(rawValue: 1 << 5)
  public static let hash = CommandCategories(rawValue: 1 << 6)
  public static let string = CommandCategories(rawValue: 1 << 7)
  public static let bitmap = CommandCategories(rawValue: 1 << 8)
  public static let hyperLogLog = CommandCategories(rawValue: 1 << 9)
  public static let geo = CommandCategories(rawValue: 1 << 10)
  public static let stream = CommandCategories(rawValue: 1 << 11)
  public static let pubSub = CommandCategories(rawValue: 1 << 12)
  public static let admin = CommandCategories(rawValue: 1 << 13)
  public static let fast = CommandCategories(rawValue: 1 << 14)
  public static let slow = CommandCategories(rawValue: 1 << 15)
  public static let blocking = CommandCategories(rawValue: 1 << 16)
  public static let dangerous = CommandCategories(rawValue: 1 << 17)
  public static let connection = CommandCategories(rawValue: 1 << 18)
  public static let transaction = CommandCategories(rawValue: 1 << 19)
  public static let scripting = CommandCategories(rawValue: 1 << 20)

  /// The names, in Redis's order.
  public static let names: [(category: CommandCategories, name: StaticString)] = [
    (.keyspace, "keyspace"), (.read, "read"), (.write, "write"), (.set, "set"), (.sortedSet, "sortedset"),
    (.list, "list"), (.hash, "hash"), (.string, "string"), (.bitmap, "bitmap"), (.hyperLogLog, "hyperloglog"),
    (.geo, "geo"), (.stream, "stream"), (.pubSub, "pubsub"), (.admin, "admin"), (.fast, "fast"),
    (.slow, "slow"), (.blocking, "blocking"), (.dangerous, "dangerous"), (.connection, "connection"),
    (.transaction, "transaction"), (.scripting, "scripting"),
  ]
}

/// The groups of the command reference.
public enum CommandGroup: String, Sendable {
  case generic, string, list, set, hash, pubsub, transactions, connection, server, scripting, hyperloglog
  case cluster, geo, stream, bitmap
  case sortedSet = "sorted-set"

  /// The category that belongs to the group, if one does.
  public var category: CommandCategories {
    switch self {
    case .generic: .keyspace
    case .string: .string
    case .list: .list
    case .set: .set
    case .sortedSet: .sortedSet
    case .hash: .hash
    case .pubsub: .pubSub
    case .transactions: .transaction
    case .connection: .connection
    case .hyperloglog: .hyperLogLog
    case .geo: .geo
    case .stream: .stream
    case .bitmap: .bitmap
    case .scripting: .scripting
    case .server, .cluster: []
    }
  }
}

extension CommandDeclaration {
  /// All categories: the declared ones, the group's, and those that the flags imply. A container does nothing by
  /// itself: its subcommands belong to the group's category. A generic command that is declared for some types is
  /// theirs, not the keyspace's.
  public var allCategories: CommandCategories {
    let isForTypes = group == .generic && !categories.isDisjoint(with: [.list, .set, .sortedSet])
    var all = subcommands.isEmpty && !isForTypes ? categories.union(group.category) : categories
    if flags.contains(.write) { all.insert(.write) }
    if flags.contains(.readOnly), group != .scripting { all.insert(.read) }
    if flags.contains(.admin) { all.formUnion([.admin, .dangerous]) }
    if flags.contains(.pubSub) { all.insert(.pubSub) }
    if flags.contains(.blocking) { all.insert(.blocking) }
    all.insert(flags.contains(.fast) ? .fast : .slow)
    return all
  }
}

extension Directive {
  /// How much memory the data may take.
  static let memoryLimits: [Directive] = [
    .memory(
      "maxmemory", \.maxMemoryBytes, 0...Int.max,
      summary: "memory the data may take; 0 sets no limit"),
    .choice(
      "maxmemory-policy", \.maxMemoryPolicy,
      summary: "what happens at that limit"),
    .integer(
      "maxmemory-samples", \.maxMemorySamples, 1...Int(Int32.max),
      summary: "buckets, of up to 14 keys each, looked at to choose one key for eviction"),
    .integer(
      "maxmemory-eviction-tenacity", \.maxMemoryEvictionTenacity, 0...100,
      summary: "how long evictions may hold a command up: 10 is half a millisecond, 100 sets no limit"),
    .integer(
      "lfu-log-factor", \.lfuLogFactor, 0...Int(Int32.max),
      summary: "how much more often a key must be used for each step of its frequency"),
    .integer(
      "lfu-decay-time", \.lfuDecayMinutes, 0...Int(Int32.max),
      summary: "minutes after which an unused key's frequency falls by one; 0 never lets it"),
    maxMemoryClients,
    .boolean(
      "lazyfree-lazy-user-flush", \.flushesLater,
      summary: "whether FLUSHALL and FLUSHDB, unless told otherwise, answer before the memory is free"),
    .boolean(
      "replica-ignore-maxmemory", aliases: ["slave-ignore-maxmemory"], \.replicaIgnoresMaxMemory,
      summary: "whether a replica leaves eviction to its primary"),
  ]

  private static let maxMemoryClients = Directive.single(
    "maxmemory-clients", kind: .list(form: "<bytes, or a percentage of maxmemory>"), isMutable: true,
    summary: "memory all clients together may take, the largest going first; 0 sets no limit",
    read: { settings in
      switch settings.maxMemoryClients {
      case .bytes(let bytes): "\(bytes)"
      case .percentage(let percentage): "\(percentage)%"
      }
    },
    write: { (settings, argument) throws(ConfigurationError) in
      settings.maxMemoryClients = try clientMemoryLimit(argument)
    },
    format: { settings in
      switch settings.maxMemoryClients {
      case .bytes(let bytes): ValueText.memory(bytes)
      case .percentage(let percentage): "\(percentage)%"
      }
    })

  private static func clientMemoryLimit(_ argument: String) throws(ConfigurationError) -> ClientMemoryLimit {
    if argument.hasSuffix("%") {
      guard let percentage = ValueText.integer(String(argument.dropLast())), percentage >= 0 else {
        throw .invalidValue(reason: "argument must be a memory or percent value")
      }
      guard percentage <= 100 else {
        throw .invalidValue(reason: "percentage argument must be less or equal to 100")
      }
      return .percentage(percentage)
    }
    guard let bytes = ValueText.memory(argument).flatMap(Int.init(exactly:)) else {
      throw .invalidValue(reason: "argument must be a memory or percent value")
    }
    return .bytes(bytes)
  }

  /// Directives of files from other servers that are accepted where they ask for what this server does.
  static let persistence: [Directive] = [
    Directive(
      name: "save", aliases: [], isMutable: true, isProtected: false, isSensitive: false,
      takesSeveralArguments: true, kind: .list(form: "\"\""),
      summary: "when to write a snapshot; only \"\" (never) for now",
      read: { _ in "" },
      write: { (_, arguments) throws(ConfigurationError) in
        guard arguments.allSatisfy(\.isEmpty) else { throw persistenceIsMissing }
      },
      rewrite: { _ in [RewrittenLine(text: "save \"\"", isDefault: true)] }),
    .single(
      "appendonly", kind: .choice(["no"]), isMutable: true,
      summary: "whether to log every write to a file; only no for now",
      read: { _ in "no" },
      write: { (_, argument) throws(ConfigurationError) in
        if try parseBoolean(argument) { throw persistenceIsMissing }
      }),
  ]

  private static let persistenceIsMissing = ConfigurationError.invalidValue(
    reason: "persistence is not part of this server yet")
}

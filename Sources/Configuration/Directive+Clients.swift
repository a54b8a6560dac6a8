extension Directive {
  /// How many clients there may be and what each may take.
  static let clients: [Directive] = [
    .integer(
      "maxclients", \.maxClients, 1...Int(UInt32.max),
      summary: "connections served at once"),
    .integer(
      "timeout", \.timeoutSeconds, 0...Int(Int32.max),
      summary: "seconds after which an idle client is closed; 0 never closes one"),
    .memory(
      "client-query-buffer-limit", \.clientQueryBufferLimitBytes, 1 << 20...Int.max,
      summary: "unparsed input one client may pile up"),
    clientOutputBufferLimit,
    .integer(
      "tracking-table-max-keys", \.trackingTableMaxKeys, 0...Int.max,
      summary: "keys remembered for clients that keep copies of them; 0 sets no limit"),
    .memory(
      "proto-max-bulk-len", \.protoMaxBulkBytes, 1 << 20...Int.max,
      summary: "longest argument a command may carry"),
  ]

  private static let clientOutputBufferLimit = Directive(
    name: "client-output-buffer-limit", aliases: [], isMutable: true, isProtected: false, isSensitive: false,
    takesSeveralArguments: true, kind: .list(form: "<class> <hard bytes> <soft bytes> <soft seconds> ..."),
    summary: "unsent replies a client may pile up, per class: normal, replica or pubsub; 0 sets no limit",
    read: { settings in
      outputBufferClasses.map { place, wireName, _ in
        let limit = settings.outputBufferLimits[keyPath: place]
        return "\(wireName) \(limit.hardBytes) \(limit.softBytes) \(limit.softSeconds)"
      }.joined(separator: " ")
    },
    write: { (settings, arguments) throws(ConfigurationError) in
      settings.outputBufferLimits = try updated(settings.outputBufferLimits, with: arguments)
    },
    rewrite: { settings in
      outputBufferClasses.map { place, _, fileName in
        let limit = settings.outputBufferLimits[keyPath: place]
        let sizes = "\(ValueText.memory(limit.hardBytes)) \(ValueText.memory(limit.softBytes))"
        return RewrittenLine(
          text: "client-output-buffer-limit \(fileName) \(sizes) \(limit.softSeconds)",
          isDefault: limit == OutputBufferLimits()[keyPath: place])
      }
    })

  private typealias OutputBufferPlace = WritableKeyPath<OutputBufferLimits, OutputBufferLimit> & Sendable

  /// The classes in Redis's order. CONFIG GET still says `slave`, CONFIG REWRITE already says `replica`.
  private static let outputBufferClasses: [(place: OutputBufferPlace, wireName: String, fileName: String)] = [
    (\.normal, "normal", "normal"),
    (\.replica, "slave", "replica"),
    (\.pubsub, "pubsub", "pubsub"),
  ]

  /// The limits with those of the classes in `arguments`, four arguments to a class.
  private static func updated(
    _ limits: OutputBufferLimits, with arguments: [String]
  ) throws(ConfigurationError) -> OutputBufferLimits {
    guard arguments.count.isMultiple(of: 4) else {
      throw .invalidValue(reason: "Wrong number of arguments in buffer limit configuration.")
    }
    var limits = limits
    for start in stride(from: 0, to: arguments.count, by: 4) {
      let word = arguments[start].asciiLowercased
      let known = outputBufferClasses.first { $0.wireName == word || $0.fileName == word }
      guard let place = known?.place else {
        throw .invalidValue(reason: "Invalid client class specified in buffer limit configuration.")
      }
      guard let hardBytes = ValueText.memory(arguments[start + 1]).flatMap(Int.init(exactly:)),
        let softBytes = ValueText.memory(arguments[start + 2]).flatMap(Int.init(exactly:)),
        let softSeconds = Int(arguments[start + 3]), softSeconds >= 0
      else {
        throw .invalidValue(
          reason: "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
      }
      limits[keyPath: place] = OutputBufferLimit(
        hardBytes: hardBytes, softBytes: softBytes, softSeconds: softSeconds)
    }
    return limits
  }
}

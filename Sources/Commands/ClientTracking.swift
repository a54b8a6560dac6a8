import Bytes
import Engine
import RESP

// CLIENT TRACKING and what belongs to it: telling clients that keep copies of keys when those change.

enum ClientTrackingCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.client(
    "tracking", arity: -3, since: "6.0.0",
    summary: "Chooses whether the connection is told of changes to keys that it has read.",
    complexity: "O(1). Some options may introduce additional complexity.",
    arguments: [
      .init("status", .oneOf, [.token("ON"), .token("OFF")]),
      .init("client-id", .integer, token: "REDIRECT", optional: true),
      .init("prefix", .string, token: "PREFIX", optional: true, multiple: true, tokenRepeated: true),
      .token("BCAST", optional: true), .token("OPTIN", optional: true), .token("OPTOUT", optional: true),
      .token("NOLOOP", optional: true),
    ])

  /// What the call asks for.
  private struct Request {
    var options: ClientTracking.Options = []
    var redirection: (client: UInt64, loop: Int)?
    var prefixes: [[UInt8]] = []
  }

  static func coordinate(_ operation: Operation) async {
    do throws(ClientOptionError) {
      let request = try await parse(operation)
      let client = operation.client
      if operation.arguments.isWord("on", at: 2) {
        try check(request, for: client)
        try checkPrefixes(request, for: client)
        await start(request, operation)
      } else if operation.arguments.isWord("off", at: 2) {
        operation.localShard.stopTracking(client)
      } else {
        throw .syntax
      }
      operation.reply.pointee.ok()
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func parse(_ operation: Operation) async throws(ClientOptionError) -> Request {
    let arguments = operation.arguments
    var request = Request()
    var index = 3
    while index < arguments.count {
      if arguments.isWord("redirect", at: index), arguments.hasArgument(after: index) {
        index += 1
        if request.redirection.map({ $0.client != 0 }) ?? false {
          throw ClientOptionError("ERR A client can only redirect to a single other client")
        }
        guard let identifier = arguments.integer(at: index) else {
          throw ClientOptionError(ErrorText.notAnInteger)
        }
        guard let loop = await loop(of: identifier, operation) else {
          throw ClientOptionError("ERR The client ID you want redirect to does not exist")
        }
        request.redirection = (UInt64(identifier), loop)
      } else if arguments.isWord("bcast", at: index) {
        request.options.insert(.broadcast)
      } else if arguments.isWord("optin", at: index) {
        request.options.insert(.optIn)
      } else if arguments.isWord("optout", at: index) {
        request.options.insert(.optOut)
      } else if arguments.isWord("noloop", at: index) {
        request.options.insert(.noLoop)
      } else if arguments.isWord("prefix", at: index), arguments.hasArgument(after: index) {
        index += 1
        request.prefixes.append(arguments[index].array)
      } else {
        throw .syntax
      }
      index += 1
    }
    return request
  }

  /// The loop of a client that is to get others' messages from now on.
  private static func loop(of identifier: Int64, _ operation: Operation) async -> Int? {
    guard let identifier = UInt64(exactly: identifier), identifier > 0 else { return nil }
    return await operation.onEveryShard { $0.acceptRedirection(to: identifier) }.firstIndex(of: true)
  }

  /// Checks that the options go with each other, and with what the client does already.
  private static func check(
    _ request: Request, for client: UnsafeMutablePointer<Client>
  ) throws(ClientOptionError) {
    let options = request.options
    if !options.contains(.broadcast), !request.prefixes.isEmpty {
      throw ClientOptionError("ERR PREFIX option requires BCAST mode to be enabled")
    }
    let before = client.pointee.tracking?.options
    if let before, before.contains(.broadcast) != options.contains(.broadcast) {
      throw ClientOptionError(
        "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
      )
    }
    if options.contains(.broadcast), !options.isDisjoint(with: [.optIn, .optOut]) {
      throw ClientOptionError("ERR OPTIN and OPTOUT are not compatible with BCAST")
    }
    if options.isSuperset(of: [.optIn, .optOut]) {
      throw ClientOptionError("ERR You can't specify both OPTIN mode and OPTOUT mode")
    }
    if let before,
      options.contains(.optIn) && before.contains(.optOut)
        || options.contains(.optOut) && before.contains(.optIn)
    {
      throw ClientOptionError(
        "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
      )
    }
  }

  /// Checks that no prefix begins with another, or every key with both would be told twice.
  private static func checkPrefixes(
    _ request: Request, for client: UnsafeMutablePointer<Client>
  ) throws(ClientOptionError) {
    let known = client.pointee.tracking?.prefixes ?? []
    for (index, prefix) in request.prefixes.enumerated() {
      if let other = known.first(where: { overlap($0, prefix) }) {
        throw overlapError(prefix, "' overlaps with an existing prefix '", other)
      }
      if let other = request.prefixes[(index + 1)...].first(where: { overlap($0, prefix) }) {
        throw overlapError(prefix, "' overlaps with another provided prefix '", other)
      }
    }
  }

  private static func overlap(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.starts(with: other) || other.starts(with: one)
  }

  private static func overlapError(
    _ prefix: [UInt8], _ words: StaticString, _ other: [UInt8]
  ) -> ClientOptionError {
    ClientOptionError(
      text: Array("ERR Prefix '".utf8) + prefix + ByteView(words).array + other
        + Array("'. Prefixes for a single client must not overlap.".utf8))
  }

  private static func start(_ request: Request, _ operation: Operation) async {
    var prefixes = request.prefixes
    // Without a prefix all keys are meant.
    if request.options.contains(.broadcast), prefixes.isEmpty { prefixes = [[]] }
    let known = operation.client.pointee.tracking?.prefixes ?? []
    let added = prefixes.filter { !known.contains($0) }
    if !added.isEmpty {
      let loop = operation.localShard.pointee.index
      _ = await operation.onEveryShard { shard in
        for prefix in added { shard.addBroadcastPrefix(prefix, loop: loop) }
      }
    }
    operation.localShard.startTracking(
      operation.client, request.options, redirection: request.redirection, prefixes: added)
  }
}

enum ClientCachingCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "caching", arity: 3, since: "6.0.0",
    summary: "Chooses whether the keys of the next command are tracked.",
    arguments: [.init("mode", .oneOf, [.token("YES"), .token("NO")])])

  static func execute(_ call: inout ClientCall) {
    guard let tracking = call.client.pointee.tracking else {
      return call.reply.pointee.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
      )
    }
    if call.arguments.isWord("yes", at: 2) {
      guard tracking.options.contains(.optIn) else {
        return call.reply.pointee.error(
          "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
      }
    } else if call.arguments.isWord("no", at: 2) {
      guard tracking.options.contains(.optOut) else {
        return call.reply.pointee.error(
          "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
      }
    } else {
      return call.reply.pointee.error(ErrorText.syntax)
    }
    call.client.pointee.flags.insert(.cachingGiven)
    call.reply.pointee.ok()
  }
}

enum ClientGetRedirCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "getredir", arity: 2, since: "6.0.0",
    summary: "Returns which connection gets this one's messages about changed keys.")

  static func execute(_ call: inout ClientCall) {
    call.reply.pointee.integer(call.client.pointee.tracking.map { Int64($0.redirection) } ?? -1)
  }
}

enum ClientTrackingInfoCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "trackinginfo", arity: 2, since: "6.2.0",
    summary: "Tells how the connection is told of changed keys.")

  static func execute(_ call: inout ClientCall) {
    let tracking = call.client.pointee.tracking
    let reply = call.reply
    reply.pointee.map(3)
    reply.pointee.bulk("flags")
    let words = words(for: tracking, isCachingGiven: call.client.pointee.flags.contains(.cachingGiven))
    reply.pointee.set(words.count)
    for word in words { reply.pointee.bulk(word) }
    reply.pointee.bulk("redirect")
    reply.pointee.integer(tracking.map { Int64($0.redirection) } ?? -1)
    reply.pointee.bulk("prefixes")
    let prefixes = (tracking?.prefixes ?? []).sorted { $0.lexicographicallyPrecedes($1) }
    reply.pointee.array(prefixes.count)
    for prefix in prefixes { reply.pointee.bulk(prefix) }
  }

  private static func words(for tracking: ClientTracking?, isCachingGiven: Bool) -> [StaticString] {
    guard let tracking else { return ["off"] }
    var words: [StaticString] = ["on"]
    if tracking.options.contains(.broadcast) { words.append("bcast") }
    if tracking.options.contains(.optIn) {
      words.append("optin")
      if isCachingGiven { words.append("caching-yes") }
    }
    if tracking.options.contains(.optOut) {
      words.append("optout")
      if isCachingGiven { words.append("caching-no") }
    }
    if tracking.options.contains(.noLoop) { words.append("noloop") }
    if tracking.isRedirectionBroken { words.append("broken_redirect") }
    return words
  }
}

import Bytes
import Engine
import RESP

enum ClientListCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.client(
    "list", arity: -2, flags: .clientAdministration, tips: .nondeterministicOutput, since: "2.4.0",
    summary: "Lists the connections, a line each.", complexity: "O(N) with N connections",
    arguments: [
      .init(
        "normal_master_replica_pubsub", .oneOf, token: "TYPE", since: "5.0.0", optional: true,
        [.token("NORMAL"), .token("MASTER"), .token("REPLICA"), .token("PUBSUB")]),
      .init(
        "id", .block, token: "ID", since: "6.2.0", optional: true,
        [.init("client-id", .integer, multiple: true)]),
    ],
    history: [
      ("2.8.12", "The field `id`."), ("5.0.0", "The filter `TYPE`."), ("6.0.0", "The field `user`."),
      ("6.2.0", "The fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and the filter `ID`."),
      ("7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp`."), ("7.0.3", "The field `ssub`."),
      ("7.2.0", "The fields `lib-name` and `lib-ver`."), ("7.4.0", "The field `watch`."),
    ])

  /// Which connections are asked for.
  private enum Choice: Sendable {
    case all
    case kind(ClientKind)
    /// In the order in which they are to be listed.
    case identifiers([Int64])
  }

  static func coordinate(_ operation: Operation) async {
    let choice: Choice
    do throws(ClientOptionError) {
      choice = try parse(operation.arguments)
    } catch {
      return operation.reply.pointee.error(error.text)
    }
    let descriptions = await gather(choice, operation)
    let names = operation.server.table.fullNames
    var text = ""
    for description in descriptions { description.appendLine(to: &text, commandNames: names) }
    operation.reply.pointee.verbatim(text)
  }

  private static func parse(_ arguments: Arguments) throws(ClientOptionError) -> Choice {
    if arguments.count == 2 { return .all }
    if arguments.count == 4, arguments.isWord("type", at: 2) {
      return .kind(try ClientKind(named: arguments[3]))
    }
    guard arguments.count > 3, arguments.isWord("id", at: 2) else { throw .syntax }
    var identifiers: [Int64] = []
    for index in 3..<arguments.count {
      guard let identifier = arguments.integer(at: index) else {
        throw ClientOptionError("ERR Invalid client ID")
      }
      identifiers.append(identifier)
    }
    return .identifiers(identifiers)
  }

  private static func gather(_ choice: Choice, _ operation: Operation) async -> [ClientDescription] {
    switch choice {
    case .all:
      return await describe(operation) { _ in true }.sorted { $0.identifier < $1.identifier }
    case .kind(let kind):
      return await describe(operation) { $0.pointee.kind == kind }.sorted { $0.identifier < $1.identifier }
    case .identifiers(let identifiers):
      let wanted = Set(identifiers.compactMap(UInt64.init(exactly:)))
      let found = await describe(operation) { wanted.contains($0.pointee.identifier) }
      let byIdentifier = Dictionary(uniqueKeysWithValues: found.map { ($0.identifier, $0) })
      return identifiers.compactMap { UInt64(exactly: $0).flatMap { byIdentifier[$0] } }
    }
  }

  /// Descriptions of the clients of all loops that are to stay and pass `isWanted`.
  private static func describe(
    _ operation: Operation, _ isWanted: @escaping @Sendable (UnsafeMutablePointer<Client>) -> Bool
  ) async -> [ClientDescription] {
    let lists = await operation.onEveryShard { shard in
      var descriptions: [ClientDescription] = []
      let now = shard.pointee.keyspace.now
      shard.forEachClient { client in
        if !client.pointee.isLost, isWanted(client) {
          descriptions.append(ClientDescription(of: client, now: now))
        }
      }
      return descriptions
    }
    return lists.flatMap { $0 }
  }
}

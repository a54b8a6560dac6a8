import Bytes
import Engine
import RESP

enum ClientKillCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.client(
    "kill", arity: -3, flags: .clientAdministration, since: "2.4.0",
    summary: "Closes the connections that match.", complexity: "O(N) with N connections",
    arguments: [
      .init(
        "filter", .oneOf,
        [
          .init("ip:port", .string),
          .init(
            "new-format", .oneOf, multiple: true,
            [
              .init("client-id", .integer, token: "ID", since: "2.8.12", optional: true),
              .init(
                "normal_master_slave_pubsub", .oneOf, token: "TYPE", since: "2.8.12", optional: true,
                [
                  .token("NORMAL"), .token("MASTER", since: "3.2.0"), .token("SLAVE"),
                  .token("REPLICA", since: "5.0.0"), .token("PUBSUB"),
                ]),
              .init("username", .string, token: "USER", optional: true),
              .init("ip:port", .string, token: "ADDR", optional: true),
              .init("ip:port", .string, token: "LADDR", since: "6.2.0", optional: true),
              .init("yes/no", .string, token: "SKIPME", optional: true),
              .init("maxage", .integer, token: "MAXAGE", since: "7.4.0", optional: true),
            ]),
        ])
    ],
    history: [
      ("2.8.12", "Filters, each a word and a value."), ("2.8.12", "The filter `ID`."),
      ("3.2.0", "The type `master`."),
      ("5.0.0", "The type `replica`, which was `slave`, a word that still works."),
      ("6.2.0", "The filter `LADDR`."), ("7.4.0", "The filter `MAXAGE`."),
    ])

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    // With one argument the call has its old form: an address, whoever it is, and OK instead of a count.
    let isOldForm = arguments.count == 3
    let filter: ClientFilter
    if isOldForm {
      filter = ClientFilter(address: arguments[2].string)
    } else {
      do throws(ClientOptionError) {
        filter = try parse(arguments, caller: operation.client.pointee.identifier)
      } catch {
        return operation.reply.pointee.error(error.text)
      }
    }
    let count = await kill(filter, operation)
    if !isOldForm {
      operation.reply.pointee.integer(count)
    } else if count > 0 {
      operation.reply.pointee.ok()
    } else {
      operation.reply.pointee.error("ERR No such client")
    }
  }

  private static func parse(
    _ arguments: Arguments, caller: UInt64
  ) throws(ClientOptionError) -> ClientFilter {
    var filter = ClientFilter(spared: caller)
    var index = 2
    while index < arguments.count {
      guard arguments.hasArgument(after: index) else { throw .syntax }
      let value = arguments[index + 1]
      if arguments.isWord("id", at: index) {
        filter.identifier = UInt64(try positive(value, otherwise: "ERR client-id should be greater than 0"))
      } else if arguments.isWord("maxage", at: index) {
        if parseInt64(value) == nil {
          throw ClientOptionError("ERR maxage is not an integer or out of range")
        }
        filter.ageSecondsMinimum = try positive(value, otherwise: "ERR maxage should be greater than 0")
      } else if arguments.isWord("type", at: index) {
        filter.kind = try ClientKind(named: value)
      } else if arguments.isWord("addr", at: index) {
        filter.address = value.string
      } else if arguments.isWord("laddr", at: index) {
        filter.localAddress = value.string
      } else if arguments.isWord("user", at: index) {
        // Every client is the one user that there is.
        guard value == ByteView("default") else {
          throw ClientOptionError("ERR No such user '", quoting: value, "'")
        }
      } else if arguments.isWord("skipme", at: index) {
        filter.spared = try isYes(value) ? caller : nil
      } else {
        throw .syntax
      }
      index += 2
    }
    return filter
  }

  private static func positive(
    _ value: ByteView, otherwise error: StaticString
  ) throws(ClientOptionError) -> Int64 {
    guard let number = parseInt64(value), number > 0 else { throw ClientOptionError(error) }
    return number
  }

  private static func isYes(_ value: ByteView) throws(ClientOptionError) -> Bool {
    if value.equalsIgnoringCase("yes") { return true }
    if value.equalsIgnoringCase("no") { return false }
    throw .syntax
  }

  /// Closes the clients that match, on all loops, and returns how many there were. The caller, if it is among them, gets
  /// its answer first.
  private static func kill(_ filter: ClientFilter, _ operation: Operation) async -> Int {
    let caller = operation.client.pointee.identifier
    let counts = await operation.onEveryShard { shard in
      var count = 0
      let now = shard.pointee.keyspace.now
      shard.forEachClient { client in
        guard filter.matches(client, now: now) else { return }
        shard.close(client, afterReply: client.pointee.identifier == caller)
        count += 1
      }
      return count
    }
    return counts.reduce(0, +)
  }
}

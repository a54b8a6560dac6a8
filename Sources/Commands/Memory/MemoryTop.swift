import Bytes
import Engine
import Keyspace
import RESP

/// The largest keys. Every shard knows some hundred of each type at any time, so nothing is searched for.
enum MemoryTopCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "top", arity: -2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns the keys that take the most bytes, the largest first.",
    complexity:
      "O(N*log(N)) where N is the number of keys of each type that every shard keeps in view, 512 at the most.",
    arguments: [
      .init("count", .integer, token: "COUNT", optional: true),
      .init("type", .string, token: "TYPE", optional: true),
      .init("pattern", .pattern, token: "MATCH", optional: true),
      .init("index", .integer, token: "DB", optional: true),
    ])

  /// What a call asks for.
  private struct Request: Sendable {
    var count = 10
    var types = ValueType.allCases
    var pattern: ByteView?
    var databases: Range<Int>

    init(_ arguments: Arguments, databaseCount: Int) throws(CommandError) {
      databases = 0..<databaseCount
      var index = 2
      while index < arguments.count {
        guard arguments.hasArgument(after: index) else { throw CommandError(ErrorText.syntax) }
        let value = arguments[index + 1]
        if arguments.isWord("count", at: index) {
          guard let count = parseInt64(value) else { throw CommandError(ErrorText.notAnInteger) }
          if count < 1 { throw CommandError(ErrorText.syntax) }
          self.count = Int(count)
        } else if arguments.isWord("type", at: index) {
          types = ValueType.allCases.filter { value.equalsIgnoringCase($0.name) }
          if types.isEmpty { throw CommandError("ERR unknown type name") }
        } else if arguments.isWord("match", at: index) {
          pattern = value
        } else if arguments.isWord("db", at: index) {
          let database = try databaseIndex(value, count: databaseCount)
          databases = database..<(database + 1)
        } else {
          throw CommandError(ErrorText.syntax)
        }
        index += 2
      }
    }
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let request = try Request(
        operation.arguments, databaseCount: operation.localShard.pointee.keyspace.databaseCount)
      guard
        let parts = await operation.largestKeys(
          request.count, of: request.types, in: request.databases, matching: request.pattern)
      else { throw CommandError("ERR the pattern takes too long to match") }
      var keys: [(shard: Int, size: KeySize)] = []
      for (shard, part) in parts.enumerated() { keys += part.map { (shard, $0) } }
      keys.sort { $0.size.usageBytes > $1.size.usageBytes }
      write(keys.prefix(request.count), to: operation.reply)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func write(
    _ keys: ArraySlice<(shard: Int, size: KeySize)>, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    reply.pointee.array(keys.count)
    for (shard, size) in keys {
      reply.pointee.map(6)
      reply.pointee.bulk("key")
      reply.pointee.bulk(size.key)
      reply.pointee.bulk("db")
      reply.pointee.integer(size.database)
      reply.pointee.bulk("type")
      reply.pointee.bulk(size.type.name)
      reply.pointee.bulk("bytes")
      reply.pointee.integer(size.usageBytes)
      reply.pointee.bulk("elements")
      reply.pointee.integer(size.elements)
      reply.pointee.bulk("shard")
      reply.pointee.integer(shard)
    }
  }
}

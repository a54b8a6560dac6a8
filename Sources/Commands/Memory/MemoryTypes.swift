import Bytes
import Engine
import Keyspace
import RESP

/// What the keys hold, by type and database. Every shard keeps these sums as its keys change: nothing is looked for.
enum MemoryTypesCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "types", arity: -2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns how many keys, bytes and elements there are of each type, in all and by database.",
    complexity: "O(N) where N is the number of shards and databases, however many keys there are.",
    arguments: [.init("index", .integer, token: "DB", optional: true)])

  /// What one shard says.
  private struct Part: Sendable {
    var databases: [[TypeUsage]]
    var removedBytes: Int
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let databases = try readDatabases(operation)
      let parts = await operation.onEveryShard { shard in
        Part(
          databases: databases.map { database in
            ValueType.allCases.map { shard.pointee.keyspace.usage(of: $0, in: database) }
          }, removedBytes: shard.pointee.keyspace.removedBytes)
      }
      write(parts, databases, to: operation.reply)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func readDatabases(_ operation: Operation) throws(CommandError) -> Range<Int> {
    var databases = 0..<operation.localShard.pointee.keyspace.databaseCount
    var index = 2
    while index < operation.arguments.count {
      guard operation.arguments.isWord("db", at: index), operation.arguments.hasArgument(after: index) else {
        throw CommandError(ErrorText.syntax)
      }
      let database = try databaseIndex(operation.arguments[index + 1], count: databases.upperBound)
      databases = database..<(database + 1)
      index += 2
    }
    return databases
  }

  private static func write(
    _ parts: [Part], _ databases: Range<Int>, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    var sums = databases.map { _ in ValueType.allCases.map { _ in TypeUsage() } }
    var total = ValueType.allCases.map { _ in TypeUsage() }
    for part in parts {
      for (place, usages) in part.databases.enumerated() {
        for (type, usage) in usages.enumerated() {
          sums[place][type] += usage
          total[type] += usage
        }
      }
    }
    let used = databases.filter { database in sums[database - databases.lowerBound].contains { $0.keys > 0 } }
    reply.pointee.map(used.count + 2)
    reply.pointee.bulk("total")
    write(total, to: reply)
    for database in used {
      reply.pointee.bulk("db.\(database)")
      write(sums[database - databases.lowerBound], to: reply)
    }
    reply.pointee.bulk("removed.bytes")
    reply.pointee.integer(parts.reduce(0) { $0 + $1.removedBytes })
  }

  private static func write(_ usages: [TypeUsage], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(usages.count)
    for (type, usage) in zip(ValueType.allCases, usages) {
      reply.pointee.bulk(type.name)
      reply.pointee.map(4)
      reply.pointee.bulk("keys")
      reply.pointee.integer(usage.keys)
      reply.pointee.bulk("elements")
      reply.pointee.integer(usage.elements)
      reply.pointee.bulk("bytes")
      reply.pointee.integer(usage.usageBytes)
      reply.pointee.bulk("blocks.bytes")
      reply.pointee.integer(usage.bytes)
    }
  }
}

import Bytes
import Engine
import Keyspace
import RESP

/// Bytes by what names begin with.
enum MemoryPrefixCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "prefix", arity: -2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns the prefixes of names whose keys take the most bytes, estimated, or counted exactly.",
    complexity:
      "O(1) for each shard: a sample of its keys is read. With EXACT O(N) where N is the number of keys, in slices.",
    arguments: [
      .init("separator", .string, token: "SEPARATOR", optional: true),
      .init("depth", .integer, token: "DEPTH", optional: true),
      .init("count", .integer, token: "COUNT", optional: true),
      .init("index", .integer, token: "DB", optional: true),
      .init("exact", .pureToken, token: "EXACT", optional: true),
    ])

  /// Prefixes that are returned at the most.
  private static let countLimit = 1_000

  /// What a call asks for.
  private struct Request {
    var separator = [UInt8(ascii: ":")]
    var depth = 1
    var count = 10
    var databases: Range<Int>
    var isExact = false

    init(_ arguments: Arguments, databaseCount: Int) throws(CommandError) {
      databases = 0..<databaseCount
      var index = 2
      while index < arguments.count {
        if arguments.isWord("exact", at: index) {
          isExact = true
          index += 1
          continue
        }
        guard arguments.hasArgument(after: index) else { throw CommandError(ErrorText.syntax) }
        let value = arguments[index + 1]
        if arguments.isWord("separator", at: index) {
          guard (1...PrefixRule.separatorBytesMaximum).contains(value.count) else {
            throw CommandError("ERR SEPARATOR must have between 1 and 64 bytes")
          }
          separator = value.array
        } else if arguments.isWord("depth", at: index) {
          depth = try Self.positive(value)
        } else if arguments.isWord("count", at: index) {
          count = min(try Self.positive(value), countLimit)
        } else if arguments.isWord("db", at: index) {
          let database = try databaseIndex(value, count: databaseCount)
          databases = database..<(database + 1)
        } else {
          throw CommandError(ErrorText.syntax)
        }
        index += 2
      }
    }

    private static func positive(_ value: ByteView) throws(CommandError) -> Int {
      guard let number = parseInt64(value) else { throw CommandError(ErrorText.notAnInteger) }
      if number < 1 { throw CommandError(ErrorText.syntax) }
      return Int(number)
    }
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let request = try Request(
        operation.arguments, databaseCount: operation.localShard.pointee.keyspace.databaseCount)
      let rule = PrefixRule(separator: request.separator, depth: request.depth)
      let report: PrefixReport
      if request.isExact {
        // The others would wait for it.
        if operation.isInTransaction { throw CommandError(ErrorText.notInTransaction) }
        report = await operation.countPrefixes(rule, in: request.databases, countMaximum: request.count)
      } else {
        report = await operation.estimatePrefixes(rule, in: request.databases, countMaximum: request.count)
      }
      write(report, to: operation.reply)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func write(_ report: PrefixReport, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(7)
    write("exact", report.isExact ? 1 : 0, to: reply)
    write("keys", report.total.keys, to: reply)
    write("bytes", report.total.bytes, to: reply)
    write("visited.keys", Double(report.visitedCount), to: reply)
    // What is not in the list.
    let listed = report.prefixes.reduce(into: PrefixSums()) { sum, usage in
      sum.keys += usage.sums.keys.rounded()
      sum.bytes += usage.sums.bytes.rounded()
    }
    write("other.keys", max(0, report.total.keys - listed.keys), to: reply)
    write("other.bytes", max(0, report.total.bytes - listed.bytes), to: reply)
    reply.pointee.bulk("prefixes")
    reply.pointee.array(report.prefixes.count)
    for usage in report.prefixes {
      reply.pointee.map(4)
      reply.pointee.bulk("prefix")
      reply.pointee.bulk(usage.prefix)
      write("keys", usage.sums.keys, to: reply)
      write("bytes", usage.sums.bytes, to: reply)
      // Nineteen of twenty estimates are not farther from the truth than two standard deviations.
      write("bytes.error", 2 * usage.sums.variance.squareRoot(), to: reply)
    }
  }

  private static func write(
    _ name: StaticString, _ value: Double, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    reply.pointee.bulk(name)
    reply.pointee.integer(Int(value.rounded()))
  }
}

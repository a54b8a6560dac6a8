import Engine
import RESP
import Statistics

/// The last hour by purpose, a row for each ten seconds.
enum MemoryHistoryCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "history", arity: -2, requestPolicy: .special, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary:
      "Returns what the memory of the last hour consisted of, a row for each ten seconds and one for now.",
    complexity: "O(N) where N is the number of rows returned, 361 at the most.",
    arguments: [.init("count", .integer, token: "COUNT", optional: true)])

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let count = try count(operation)
      // The row for now is not in the ring.
      let kept = await operation.onShard(0) { $0.pointee.memoryHistory?.rows(countMaximum: count - 1) ?? [] }
      let now = MemoryHistoryRow(
        sample: operation.server.publishedSample(time: WallClock.milliseconds),
        residentBytes: ResidentMemory.now().byteCount)
      write(count > 0 ? kept + [now] : [], to: operation.reply)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func count(_ operation: Operation) throws(CommandError) -> Int {
    let arguments = operation.arguments
    guard arguments.count > 2 else { return .max }
    guard arguments.count == 4, arguments.isWord("count", at: 2) else { throw CommandError(ErrorText.syntax) }
    guard let count = arguments.integer(at: 3) else { throw CommandError(ErrorText.notAnInteger) }
    guard count >= 0 else { throw CommandError("ERR value is out of range, must be positive") }
    return Int(count)
  }

  private static func write(_ rows: [MemoryHistoryRow], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    let columns = ["time", "total.allocated", "rss"] + MemorySample.names
    reply.pointee.map(3)
    reply.pointee.bulk("interval")
    reply.pointee.integer(MemoryHistory.interval / 1_000)
    reply.pointee.bulk("columns")
    reply.pointee.array(columns.count)
    for column in columns { reply.pointee.bulk(column) }
    reply.pointee.bulk("rows")
    reply.pointee.array(rows.count)
    for row in rows {
      reply.pointee.array(columns.count)
      reply.pointee.integer(row.sample.time / 1_000)
      reply.pointee.integer(row.sample.totalBytes)
      reply.pointee.integer(row.residentBytes)
      for value in row.sample.values { reply.pointee.integer(value) }
    }
  }
}

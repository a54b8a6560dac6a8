import Engine
import Heap
import RESP

/// Where the gaps between live blocks are: the allocator's areas by the size of their blocks.
enum MemoryFragmentationCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "fragmentation", arity: 2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns how full the allocator's areas are, by the size of their blocks.",
    complexity: "O(N) where N is the number of memory areas, but no more than a millisecond on each shard.")

  static func coordinate(_ operation: Operation) async {
    let tables = await operation.onEveryShard { $0.sizeClasses() }
    let whole = tables.reduce(into: SizeClassTable()) { $0.merge($1) }
    let sum = whole.sum
    let reply = operation.reply
    reply.pointee.map(6)
    write("areas", sum.areaCount, to: reply)
    write("used.bytes", sum.usedBytes, to: reply)
    write("committed.bytes", sum.committedBytes, to: reply)
    write("wasted.bytes", sum.wastedBytes, to: reply)
    // Full areas are visited last: of those that there was no time for only the live bytes are known.
    write("unvisited.bytes", whole.unvisitedBytes, to: reply)
    reply.pointee.bulk("classes")
    reply.pointee.array(whole.rows.count)
    for row in whole.rows { write(row, to: reply) }
  }

  private static func write(_ row: SizeClass, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(7)
    write("size", row.blockBytes, to: reply)
    write("areas", row.areaCount, to: reply)
    write("blocks", row.blockCount, to: reply)
    write("used", row.usedCount, to: reply)
    write("used.bytes", row.usedBytes, to: reply)
    write("committed.bytes", row.committedBytes, to: reply)
    write("wasted.bytes", row.wastedBytes, to: reply)
  }

  private static func write(_ name: StaticString, _ value: Int, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.bulk(name)
    reply.pointee.integer(value)
  }
}

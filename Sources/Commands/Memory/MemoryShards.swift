import Engine
import RESP
import Statistics

/// The memory of each shard beside that of all of them.
enum MemoryShardsCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "shards", arity: 2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns the memory of each shard by purpose, of all together, and how uneven they are.",
    complexity: "O(N) where N is the number of shards.")

  static func coordinate(_ operation: Operation) async {
    let memory = await operation.memoryReport()
    let reply = operation.reply
    reply.pointee.map(3)
    reply.pointee.bulk("shards")
    reply.pointee.array(memory.shards.count)
    for (index, shard) in memory.shards.enumerated() {
      let part = MemoryReport(
        shards: [shard], resident: ResidentMemory(byteCount: 0, anonymousByteCount: 0), startupBytes: 0,
        peakBytes: 0)
      write([.init("shard", index)] + fields(part), to: reply)
    }
    reply.pointee.bulk("total")
    write(fields(memory.whole), to: reply)
    reply.pointee.bulk("skew")
    writeSkew(memory.shards, to: reply)
  }

  /// The fields that add up over the shards.
  private static func fields(_ report: MemoryReport) -> [MemoryReport.Part] {
    [
      .init("total.allocated", report.totalAllocated), .init("keys.count", report.keyCount),
      .init("keys.expiring", report.databases.reduce(0) { $0 + $1.expiringCount }),
    ] + report.allocatedParts + [
      .init("allocator.active", report.allocatorActive),
      .init("allocator.difference", report.allocatorDifference),
    ]
  }

  private static func write(_ fields: [MemoryReport.Part], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(fields.count)
    for field in fields {
      reply.pointee.bulk(field.name)
      reply.pointee.integer(field.bytes)
    }
  }

  /// For what may be uneven: the fullest shard, and how many times the average it has.
  private static func writeSkew(_ shards: [ShardMemory], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    let measures: [(name: String, values: [Int])] = [
      ("total.allocated", shards.map(\.allocatedBytes)), ("keys.count", shards.map(\.keyCount)),
      ("keys.bytes", shards.map { $0.heap[.dataset] }),
    ]
    reply.pointee.map(measures.count)
    for (name, values) in measures {
      let fullest = values.indices.max { values[$0] < values[$1] } ?? 0
      let average = Double(values.reduce(0, +)) / Double(values.count)
      reply.pointee.bulk(name)
      reply.pointee.map(2)
      reply.pointee.bulk("shard")
      reply.pointee.integer(fullest)
      reply.pointee.bulk("ratio")
      reply.pointee.double(average > 0 ? Double(values[fullest]) / average : 1)
    }
  }
}

import Engine
import Heap
import Statistics

/// The accounts of each heap beside the allocator's own walk of it, for people.
enum MemoryMallocStatsCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "malloc-stats", arity: 2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "4.0.0",
    summary: "Returns the accounts of every shard's heap beside the allocator's walk of it.",
    complexity: "O(N) where N is the number of memory pages.")

  static func coordinate(_ operation: Operation) async {
    let shards = await operation.onEveryShard { shard in
      // This walk is complete, unlike the survey that MEMORY STATS makes.
      var memory = ShardMemory(of: shard)
      memory.heap = shard.pointee.heap.report()
      return memory
    }
    let whole = operation.server.memoryReport(of: shards, resident: .now())
    operation.reply.pointee.verbatim(MallocStatsText(shards: shards, whole: whole).text)
  }
}

/// The text of MEMORY MALLOC-STATS: a table for each shard, and one for all of them.
struct MallocStatsText {
  private(set) var text = ""
  private static let nameWidth = 28
  private static let numberWidth = 16

  init(shards: [ShardMemory], whole: MemoryReport) {
    text = "\(ShardHeap.allocatorName), \(shards.count) shard\(shards.count == 1 ? "" : "s"), in bytes\n"
    for (index, shard) in shards.enumerated() {
      text += "\nShard \(index)\n"
      appendHeap(shard.heap)
      appendRuntime(shard.runtime)
    }
    if shards.count > 1 {
      text += "\nAll shards\n"
      appendHeap(whole.heap)
      appendRuntime(whole.runtime)
    }
    text += "\nProcess\n"
    append("allocated", whole.totalAllocated)
    append("resident", whole.resident.byteCount)
    append("resident, anonymous", whole.resident.anonymousByteCount)
  }

  private mutating func appendHeap(_ heap: HeapReport) {
    for purpose in Purpose.allCases where heap[purpose] != 0 { append("\(purpose.name)", heap[purpose]) }
    append("live, as counted", heap.liveBytes)
    append("live, as the allocator walks", heap.areas.used)
    // Blocks are counted with the size that the allocator gave them, so this is 0, or a count is wrong.
    append("difference", heap.areas.used - heap.liveBytes)
    append("areas committed", heap.areas.committed)
    append("areas reserved", heap.areas.reserved)
  }

  private mutating func appendRuntime(_ areas: HeapAreas) {
    append("runtime, live", areas.used)
    append("runtime, areas committed", areas.committed)
    append("runtime, areas reserved", areas.reserved)
  }

  private mutating func append(_ name: String, _ value: Int) {
    let number = "\(value)"
    text += "  " + name + String(repeating: " ", count: max(1, Self.nameWidth - name.utf8.count))
    text += String(repeating: " ", count: max(0, Self.numberWidth - number.utf8.count)) + number + "\n"
  }
}

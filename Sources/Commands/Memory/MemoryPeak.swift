import Engine
import RESP

/// What memory consisted of when most was allocated, beside what it consists of now.
enum MemoryPeakCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "peak", arity: 2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns what the memory consisted of when it was at its peak, and when that was.",
    complexity: "O(N) where N is the number of shards.")

  static func coordinate(_ operation: Operation) async {
    let memory = await operation.memoryReport()
    let now = MemorySample(memory.shards, time: WallClock.milliseconds)
    let peak = operation.server.peak
    let reply = operation.reply
    reply.pointee.map(6)
    reply.pointee.bulk("peak.allocated")
    reply.pointee.integer(peak.totalBytes)
    reply.pointee.bulk("peak.time")
    reply.pointee.integer(peak.time / 1_000)
    reply.pointee.bulk("peak.age")
    reply.pointee.integer(max(0, now.time - peak.time) / 1_000)
    reply.pointee.bulk("total.allocated")
    reply.pointee.integer(now.totalBytes)
    for (name, sample) in [("at.peak", peak), ("now", now)] {
      reply.pointee.bulk(name)
      reply.pointee.map(MemorySample.names.count)
      for (name, value) in zip(MemorySample.names, sample.values) {
        reply.pointee.bulk(name)
        reply.pointee.integer(value)
      }
    }
  }
}

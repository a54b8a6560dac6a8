import Engine
import RESP

/// Compares the books with what there is, on a live server, in slices. A transaction would hold its locks all the time.
enum MemoryAuditCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "audit", arity: 2, flags: [.noMulti], requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Compares what the server counts of its memory with what there is, and returns each difference.",
    complexity: "O(N) where N is the number of keys, in slices of less than a millisecond.")

  static func coordinate(_ operation: Operation) async {
    let audit = await operation.auditMemory()
    let reply = operation.reply
    reply.pointee.map(8)
    write("differences", audit.differences.count, to: reply)
    write("difference.bytes", audit.differences.reduce(0) { $0 + abs($1.difference) }, to: reply)
    write("skipped", audit.skippedCount, to: reply)
    write("keys", audit.keyCount, to: reply)
    write("slices", audit.sliceCount, to: reply)
    write("longest.slice.usec", Int(audit.longestSliceNanoseconds / 1_000), to: reply)
    write("duration.usec", Int(audit.durationNanoseconds / 1_000), to: reply)
    reply.pointee.bulk("checks")
    reply.pointee.array(audit.checks.count)
    for check in audit.checks { write(check, to: reply) }
  }

  private static func write(_ check: AuditCheck, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(6)
    reply.pointee.bulk("check")
    reply.pointee.bulk(check.name)
    write("shard", check.shard, to: reply)
    write("counted", check.counted, to: reply)
    write("found", check.found, to: reply)
    write("difference", check.difference, to: reply)
    reply.pointee.bulk("skipped")
    reply.pointee.bulk(check.excuse ?? "no")
  }

  private static func write(_ name: StaticString, _ value: Int, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.bulk(name)
    reply.pointee.integer(value)
  }
}

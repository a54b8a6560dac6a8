import Bytes
import Engine
import Keyspace
import RESP

enum XAckCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xack", arity: -4, flags: [.write, .fast], keys: [.key([.readWrite, .update])], group: .stream,
    since: "5.0.0", summary: "Acknowledges entries that a group delivered, so that they are pending no more.",
    complexity: "O(log N) for each ID, N being what is pending.",
    arguments: [.init("key", .key), .init("group", .string), .init("id", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .stream, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      guard let group = call.keyspace.stream(entry).group(named: call.arguments[2]) else {
        return call.reply.pointee.integer(0)
      }
      guard call.arguments.areStreamIDs(from: 3) else {
        return call.reply.pointee.error(StreamErrorText.invalidID)
      }
      var acknowledged = 0
      for index in 3..<call.arguments.count {
        if let id = parseStreamID(call.arguments[index]), group.removePending(id) { acknowledged += 1 }
      }
      call.keyspace.dirty += acknowledged
      call.reply.pointee.integer(acknowledged)
    }
  }
}

enum XPendingCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xpending", arity: -3, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .stream, since: "5.0.0",
    summary: "Returns what a group delivered and nobody acknowledged: a summary, or the entries of a range.",
    complexity:
      "O(C) for the summary, C being the consumers; O(N) for a range, N being the entries looked at.",
    arguments: [
      .init("key", .key), .init("group", .string),
      .init(
        "filters", .block, optional: true,
        [
          .init("min-idle-time", .integer, token: "IDLE", since: "6.2.0", optional: true),
          .init("start", .string), .init("end", .string), .init("count", .integer),
          .init("consumer", .string, optional: true),
        ]),
    ],
    history: [("6.2.0", "Option `IDLE`, and bounds that are not part of the range themselves.")])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let range = try Range(call.arguments)
      let found = call.find(call.key(1), .stream, for: .read)
      if case .otherType = found { return call.refuseType() }
      guard case .entry(let entry) = found,
        let group = call.keyspace.stream(entry).group(named: call.arguments[2])
      else {
        return call.reply.pointee.noSuchGroup(call.arguments[2], in: call.arguments[1])
      }
      if let range {
        range.write(group, now: call.now, to: call.reply)
      } else {
        writeSummary(group, to: call.reply)
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  private static func writeSummary(_ group: ConsumerGroup, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.array(4)
    reply.pointee.integer(group.pendingCount)
    guard let first = group.firstPendingID, let last = group.lastPendingID else {
      reply.pointee.null()
      reply.pointee.null()
      return reply.pointee.nullArray()
    }
    reply.pointee.bulk(first)
    reply.pointee.bulk(last)
    var count = 0
    group.forEachConsumer { if $0.pendingCount > 0 { count += 1 } }
    reply.pointee.array(count)
    group.forEachConsumer { consumer in
      if consumer.pendingCount == 0 { return }
      reply.pointee.array(2)
      reply.pointee.bulk(consumer.name)
      reply.pointee.bulk(decimal: Int64(consumer.pendingCount))
    }
  }

  /// What a call for single entries asks for.
  private struct Range {
    private let first: StreamID
    private let last: StreamID
    private let limit: Int
    private let minimumIdle: Int64
    private let consumer: ByteView?

    /// Nil for a call for the summary.
    init?(_ arguments: Arguments) throws(CommandError) {
      if arguments.count == 3 { return nil }
      guard 6...9 ~= arguments.count else { throw CommandError(ErrorText.syntax) }
      var start = 3
      var minimumIdle: Int64 = 0
      if arguments.isWord("idle", at: 3) {
        guard let idle = arguments.integer(at: 4) else { throw CommandError(ErrorText.notAnInteger) }
        guard arguments.count >= 8 else { throw CommandError(ErrorText.syntax) }
        minimumIdle = idle
        start = 5
      }
      self.minimumIdle = minimumIdle
      guard let count = arguments.integer(at: start + 2) else { throw CommandError(ErrorText.notAnInteger) }
      limit = Int(max(0, count))
      first = try arguments.streamRangeStart(at: start)
      last = try arguments.streamRangeEnd(at: start + 1)
      if arguments.count - start > 4 { throw CommandError(ErrorText.syntax) }
      consumer = arguments.count - start == 4 ? arguments[start + 3] : nil
    }

    func write(_ group: ConsumerGroup, now: Int64, to reply: UnsafeMutablePointer<ReplyBuffer>) {
      var list = ElementList(for: reply)
      let append = { (pending: PendingEntry) in
        let idle = max(0, now - pending.deliveryTime)
        if minimumIdle > 0, idle < minimumIdle { return }
        list.append { reply in
          reply.pointee.array(4)
          reply.pointee.bulk(pending.id)
          reply.pointee.bulk(pending.consumer.name)
          reply.pointee.integer(idle)
          reply.pointee.integer(Int64(bitPattern: pending.deliveryCount))
          return true
        }
      }
      if limit > 0 {
        if let consumer {
          group.consumer(named: consumer)?.forEachPendingID(from: first) { id in
            if id > last { return false }
            if let pending = group.pending(id) { append(pending) }
            return list.count < limit
          }
        } else {
          group.forEachPending(from: first) { pending in
            if pending.id > last { return false }
            append(pending)
            return list.count < limit
          }
        }
      }
      reply.pointee.array(list.count)
      list.move(to: reply)
    }
  }
}

import Bytes
import Engine
import Keyspace
import RESP

enum XInfoCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "xinfo", arity: -2, group: .stream, since: "5.0.0",
    summary: "Commands that look at streams and consumer groups.", complexity: "Depends on the subcommand.",
    subcommands: [
      XInfoConsumersCommand.self, XInfoGroupsCommand.self, XInfoHelpCommand.self, XInfoStreamCommand.self,
    ])
}

extension KeyCall {
  /// The stream that a subcommand is about. If there is none, the error is written.
  fileprivate func streamToShow() -> StreamValue? {
    switch find(key(2), .stream, for: .read) {
    case .missing: reply.pointee.error(ErrorText.noSuchKey)
    case .otherType: refuseType()
    case .entry(let entry): return keyspace.stream(entry)
    }
    return nil
  }
}

enum XInfoStreamCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "stream", arity: -3, flags: [.readOnly], keys: [.key(at: 2, [.readOnly, .access])],
    group: .stream, since: "5.0.0", summary: "Returns what there is to know of a stream.",
    complexity: "O(1); with FULL O(N), N being the entries, groups, consumers and pending entries shown.",
    arguments: [
      .init("key", .key),
      .init(
        "full", .block, token: "FULL", optional: true,
        [.init("count", .integer, token: "COUNT", optional: true)]),
    ],
    history: [
      ("6.0.0", "Modifier `FULL`."),
      (
        "7.0.0",
        "Fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`."
      ), ("7.2.0", "Field `active-time`; `seen-time` is when the consumer last tried something."),
    ])

  private static let defaultCount = 10

  static func execute(_ call: inout KeyCall) {
    guard let stream = call.streamToShow() else { return }
    let arguments = call.arguments
    if arguments.count == 3 { return writeSummary(stream, to: call.reply) }
    guard arguments.isWord("full", at: 3), arguments.count == 4 || arguments.count == 6,
      arguments.count == 4 || arguments.isWord("count", at: 4)
    else {
      return call.reply.pointee.error(ErrorText.subcommandSyntax(arguments[1], of: "xinfo"))
    }
    var count = defaultCount
    if arguments.count == 6 {
      guard let given = arguments.integer(at: 5) else { return call.refuseInteger() }
      if given >= 0 { count = given == 0 ? .max : Int(given) }
    }
    writeFull(stream, limit: count, to: call.reply)
  }

  private static func writeSummary(_ stream: StreamValue, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(10)
    writeState(stream, to: reply)
    reply.pointee.bulk("groups")
    reply.pointee.integer(stream.groupCount)
    reply.pointee.bulk("first-entry")
    writeEntry(stream.firstID, of: stream, to: reply)
    reply.pointee.bulk("last-entry")
    writeEntry(stream.lastPresentID, of: stream, to: reply)
  }

  private static func writeEntry(
    _ id: StreamID?, of stream: StreamValue, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    guard let id else { return reply.pointee.null() }
    stream.withEntry(id) { reply.pointee.entry($0) }
  }

  private static func writeState(_ stream: StreamValue, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.bulk("length")
    reply.pointee.integer(stream.count)
    reply.pointee.bulk("radix-tree-keys")
    reply.pointee.integer(stream.blockCount)
    reply.pointee.bulk("radix-tree-nodes")
    reply.pointee.integer(stream.indexNodeCount)
    reply.pointee.bulk("last-generated-id")
    reply.pointee.bulk(stream.lastID)
    reply.pointee.bulk("max-deleted-entry-id")
    reply.pointee.bulk(stream.greatestDeletedID)
    reply.pointee.bulk("entries-added")
    reply.pointee.integer(Int64(bitPattern: stream.entriesAdded))
    reply.pointee.bulk("recorded-first-entry-id")
    reply.pointee.bulk(stream.firstID ?? .zero)
  }

  private static func writeFull(
    _ stream: StreamValue, limit: Int, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    reply.pointee.map(9)
    writeState(stream, to: reply)
    reply.pointee.bulk("entries")
    stream.write(from: .zero, through: .maximum, limit: limit, to: reply)
    reply.pointee.bulk("groups")
    reply.pointee.array(stream.groupCount)
    stream.forEachGroup { writeFull($0, limit: limit, to: reply) }
  }

  private static func writeFull(
    _ group: ConsumerGroup, limit: Int, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    reply.pointee.map(7)
    reply.pointee.bulk("name")
    reply.pointee.bulk(group.name)
    reply.pointee.bulk("last-delivered-id")
    reply.pointee.bulk(group.lastID)
    reply.pointee.progress(of: group)
    reply.pointee.bulk("pel-count")
    reply.pointee.integer(group.pendingCount)
    reply.pointee.bulk("pending")
    var left = min(limit, group.pendingCount)
    reply.pointee.array(left)
    group.forEachPending { pending in
      if left == 0 { return false }
      left -= 1
      reply.pointee.array(4)
      reply.pointee.bulk(pending.id)
      reply.pointee.bulk(pending.consumer.name)
      reply.pointee.integer(pending.deliveryTime)
      reply.pointee.integer(Int64(bitPattern: pending.deliveryCount))
      return true
    }
    reply.pointee.bulk("consumers")
    reply.pointee.array(group.consumerCount)
    group.forEachConsumer { writeFull($0, of: group, limit: limit, to: reply) }
  }

  private static func writeFull(
    _ consumer: Consumer, of group: ConsumerGroup, limit: Int, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    reply.pointee.map(5)
    reply.pointee.bulk("name")
    reply.pointee.bulk(consumer.name)
    reply.pointee.bulk("seen-time")
    reply.pointee.integer(consumer.seenTime)
    reply.pointee.bulk("active-time")
    reply.pointee.integer(consumer.activeTime)
    reply.pointee.bulk("pel-count")
    reply.pointee.integer(consumer.pendingCount)
    reply.pointee.bulk("pending")
    var left = min(limit, consumer.pendingCount)
    reply.pointee.array(left)
    consumer.forEachPendingID { id in
      guard left > 0, let pending = group.pending(id) else { return false }
      left -= 1
      reply.pointee.array(3)
      reply.pointee.bulk(id)
      reply.pointee.integer(pending.deliveryTime)
      reply.pointee.integer(Int64(bitPattern: pending.deliveryCount))
      return true
    }
  }
}

extension ReplyBuffer {
  /// How far a group has come.
  fileprivate mutating func progress(of group: ConsumerGroup) {
    bulk("entries-read")
    if group.entriesRead == -1 { null() } else { integer(group.entriesRead) }
    bulk("lag")
    if let lag = group.lag { integer(lag) } else { null() }
  }
}

enum XInfoGroupsCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "groups", arity: 3, flags: [.readOnly], keys: [.key(at: 2, [.readOnly, .access])],
    group: .stream, since: "5.0.0", summary: "Lists the consumer groups of a stream.",
    complexity: "O(N), N being the number of groups.", arguments: [.init("key", .key)],
    history: [("7.0.0", "Fields `entries-read` and `lag`.")])

  static func execute(_ call: inout KeyCall) {
    guard let stream = call.streamToShow() else { return }
    let reply = call.reply
    reply.pointee.array(stream.groupCount)
    stream.forEachGroup { group in
      reply.pointee.map(6)
      reply.pointee.bulk("name")
      reply.pointee.bulk(group.name)
      reply.pointee.bulk("consumers")
      reply.pointee.integer(group.consumerCount)
      reply.pointee.bulk("pending")
      reply.pointee.integer(group.pendingCount)
      reply.pointee.bulk("last-delivered-id")
      reply.pointee.bulk(group.lastID)
      reply.pointee.progress(of: group)
    }
  }
}

enum XInfoConsumersCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "consumers", arity: 4, flags: [.readOnly], keys: [.key(at: 2, [.readOnly, .access])],
    tips: .nondeterministicOutput, group: .stream, since: "5.0.0",
    summary: "Lists the consumers of a group.", complexity: "O(N), N being the number of consumers.",
    arguments: [.init("key", .key), .init("groupname", .string)],
    history: [("7.2.0", "Field `inactive`; `idle` is since the consumer last tried something.")])

  static func execute(_ call: inout KeyCall) {
    guard let stream = call.streamToShow() else { return }
    guard let group = stream.group(named: call.arguments[3]) else { return call.refuseGroup() }
    let reply = call.reply
    let now = call.now
    reply.pointee.array(group.consumerCount)
    group.forEachConsumer { consumer in
      reply.pointee.map(4)
      reply.pointee.bulk("name")
      reply.pointee.bulk(consumer.name)
      reply.pointee.bulk("pending")
      reply.pointee.integer(consumer.pendingCount)
      reply.pointee.bulk("idle")
      reply.pointee.integer(max(0, now - consumer.seenTime))
      reply.pointee.bulk("inactive")
      reply.pointee.integer(consumer.activeTime == -1 ? -1 : max(0, now - consumer.activeTime))
    }
  }
}

enum XInfoHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .stream, since: "5.0.0",
    summary: "Lists the subcommands of XINFO.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "XINFO",
      [
        ("CONSUMERS <key> <groupname>", ["Show the consumers of the group."]),
        ("GROUPS <key>", ["Show the consumer groups of the stream."]),
        (
          "STREAM <key> [FULL [COUNT <count>]",
          ["Show the stream; with FULL its entries, groups and consumers as well."]
        ),
      ], to: call.reply)
  }
}

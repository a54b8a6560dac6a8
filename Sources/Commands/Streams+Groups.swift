import Bytes
import Engine
import Keyspace
import RESP

enum XGroupCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "xgroup", arity: -2, group: .stream, since: "5.0.0", summary: "Commands about consumer groups.",
    complexity: "Depends on the subcommand.",
    subcommands: [
      XGroupCreateCommand.self, XGroupCreateConsumerCommand.self, XGroupDelConsumerCommand.self,
      XGroupDestroyCommand.self, XGroupHelpCommand.self, XGroupSetIDCommand.self,
    ])
}

/// What subcommands of XGROUP have in common.
extension KeyCall {
  /// The stream that a subcommand is about. If there is none, the error is written.
  fileprivate func streamOfGroup() -> StreamValue? {
    switch find(key(2), .stream, for: .write) {
    case .missing: reply.pointee.error(StreamErrorText.missingKey)
    case .otherType: refuseType()
    case .entry(let entry): return keyspace.stream(entry)
    }
    return nil
  }

  /// The group that a subcommand is about, likewise.
  fileprivate func existingGroup() -> ConsumerGroup? {
    guard let stream = streamOfGroup() else { return nil }
    if let group = stream.group(named: arguments[3]) { return group }
    refuseGroup()
    return nil
  }

  /// The error of a subcommand whose group is not there.
  func refuseGroup() {
    reply.pointee.error(
      ("NOGROUP No such consumer group '", "' for key name '", "'"), naming: arguments[3], arguments[2])
  }
}

/// The options of XGROUP CREATE and SETID.
private struct XGroupOptions {
  private(set) var makesStream = false
  private(set) var entriesRead: Int64 = -1

  /// Reads what follows the ID. If that is not right, the error is written.
  init?(_ call: KeyCall, knowsMakeStream: Bool) {
    let arguments = call.arguments
    var index = 5
    while index < arguments.count {
      if knowsMakeStream, arguments.isWord("mkstream", at: index) {
        makesStream = true
        index += 1
      } else if arguments.isWord("entriesread", at: index), arguments.hasArgument(after: index) {
        guard let count = arguments.integer(at: index + 1) else {
          call.refuseInteger()
          return nil
        }
        guard count >= -1 else {
          call.reply.pointee.error("ERR value for ENTRIESREAD must be positive or -1")
          return nil
        }
        entriesRead = count
        index += 2
      } else {
        call.reply.pointee.error(ErrorText.subcommandSyntax(arguments[1], of: "xgroup"))
        return nil
      }
    }
  }
}

private let groupIDArgument = ArgumentSpecification(
  "id", .oneOf, [.init("id", .string), .init("new_id", .pureToken, token: "$")])

private let entriesReadArgument = ArgumentSpecification(
  "entries_read", .integer, token: "ENTRIESREAD", optional: true)

enum XGroupCreateCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "create", arity: -5, flags: [.write, .denyOutOfMemory],
    keys: [.key(at: 2, [.readWrite, .insert])], group: .stream, since: "5.0.0",
    summary: "Makes a consumer group.", complexity: "O(log N), N being the number of groups.",
    arguments: [
      .init("key", .key), .init("groupname", .string), groupIDArgument,
      .init("mkstream", .pureToken, token: "MKSTREAM", optional: true), entriesReadArgument,
    ],
    history: [("7.0.0", "Argument `entries_read`.")])

  static func execute(_ call: inout KeyCall) {
    guard let options = XGroupOptions(call, knowsMakeStream: true) else { return }
    let key = call.key(2)
    let found = call.find(key, .stream, for: .write)
    var stream: StreamValue?
    switch found {
    case .missing:
      guard options.makesStream else { return call.reply.pointee.error(StreamErrorText.missingKey) }
    case .otherType: return call.refuseType()
    case .entry(let entry): stream = call.keyspace.stream(entry)
    }
    var lastID = stream?.lastID ?? .zero
    if !call.arguments.isWord("$", at: 4) {
      guard let id = parseStreamID(call.arguments[4]) else {
        return call.reply.pointee.error(StreamErrorText.invalidID)
      }
      lastID = id
    }
    let target = stream ?? call.keyspace.makeStream(key, in: call.database)
    guard target.makeGroup(call.arguments[3], lastID: lastID, entriesRead: options.entriesRead) != nil else {
      return call.reply.pointee.error("BUSYGROUP Consumer Group name already exists")
    }
    if stream == nil {
      call.changed(key, .stream, "xgroup-create")
    } else {
      call.keyspace.dirty += 1
      call.noticed(key, .stream, "xgroup-create")
    }
    call.reply.pointee.ok()
  }
}

enum XGroupSetIDCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "setid", arity: -5, flags: [.write], keys: [.key(at: 2, [.readWrite, .update])], group: .stream,
    since: "5.0.0", summary: "Sets the ID up to which a group counts as having been given everything.",
    complexity: "O(log N), N being the number of groups.",
    arguments: [.init("key", .key), .init("groupname", .string), groupIDArgument, entriesReadArgument],
    history: [("7.0.0", "Argument `entries_read`.")])

  static func execute(_ call: inout KeyCall) {
    guard let options = XGroupOptions(call, knowsMakeStream: false), let group = call.existingGroup() else {
      return
    }
    if call.arguments.isWord("$", at: 4) {
      group.lastID = group.stream.lastID
    } else {
      guard let id = parseStreamBound(call.arguments[4], defaultSequence: 0) else {
        return call.reply.pointee.error(StreamErrorText.invalidID)
      }
      group.lastID = id
    }
    group.entriesRead = options.entriesRead
    call.keyspace.dirty += 1
    call.noticed(call.key(2), .stream, "xgroup-setid")
    call.reply.pointee.ok()
  }
}

enum XGroupDestroyCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "destroy", arity: 4, flags: [.write], keys: [.key(at: 2, [.readWrite, .delete])], group: .stream,
    since: "5.0.0", summary: "Removes a consumer group.",
    complexity: "O(log N), N being the number of groups; what was pending is freed bit by bit.",
    arguments: [.init("key", .key), .init("groupname", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let stream = call.streamOfGroup() else { return }
    guard let group = stream.group(named: call.arguments[3]) else { return call.reply.pointee.integer(0) }
    call.keyspace.removeGroup(group)
    call.keyspace.dirty += 1
    call.noticed(call.key(2), .stream, "xgroup-destroy")
    call.shard.concernsWaiters(call.key(2), in: call.database)
    call.reply.pointee.integer(1)
  }
}

enum XGroupCreateConsumerCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "createconsumer", arity: 5, flags: [.write, .denyOutOfMemory],
    keys: [.key(at: 2, [.readWrite, .insert])], group: .stream, since: "6.2.0",
    summary: "Makes a consumer of a group.", complexity: "O(log N), N being the number of consumers.",
    arguments: [.init("key", .key), .init("groupname", .string), .init("consumername", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let group = call.existingGroup() else { return }
    if group.consumer(named: call.arguments[4]) != nil { return call.reply.pointee.integer(0) }
    _ = group.makeConsumer(call.arguments[4], seenTime: call.now)
    call.keyspace.dirty += 1
    call.noticed(call.key(2), .stream, "xgroup-createconsumer")
    call.reply.pointee.integer(1)
  }
}

enum XGroupDelConsumerCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "delconsumer", arity: 5, flags: [.write], keys: [.key(at: 2, [.readWrite, .delete])],
    group: .stream, since: "5.0.0", summary: "Removes a consumer of a group, and what is pending of it.",
    complexity: "O(M log N), N being what is pending in the group and M what is of the consumer.",
    arguments: [.init("key", .key), .init("groupname", .string), .init("consumername", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let group = call.existingGroup() else { return }
    guard let consumer = group.consumer(named: call.arguments[4]) else {
      return call.reply.pointee.integer(0)
    }
    call.reply.pointee.integer(group.removeConsumer(consumer))
    call.keyspace.dirty += 1
    call.noticed(call.key(2), .stream, "xgroup-delconsumer")
  }
}

enum XGroupHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .stream, since: "5.0.0",
    summary: "Lists the subcommands of XGROUP.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "XGROUP",
      [
        (
          "CREATE <key> <groupname> <id|$> [option]",
          [
            "Make a consumer group that is given what comes after <id>. Options are:", "* MKSTREAM",
            "  Make an empty stream if <key> is not there.", "* ENTRIESREAD entries_read",
            "  How many entries count as read already.",
          ]
        ),
        ("CREATECONSUMER <key> <groupname> <consumer>", ["Make a consumer of the group."]),
        (
          "DELCONSUMER <key> <groupname> <consumer>", ["Remove a consumer, and what is pending of it."]
        ), ("DESTROY <key> <groupname>", ["Remove the group."]),
        (
          "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
          ["Set up to which ID, and how many entries, the group has read."]
        ),
      ], to: call.reply)
  }
}

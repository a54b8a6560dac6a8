import Bytes
import Engine
import Keyspace
import RESP

enum ObjectCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "object", arity: -2, group: .generic, since: "2.2.3",
    summary: "Looks at how a key's value is kept.", complexity: "Depends on the subcommand.",
    subcommands: [
      ObjectEncodingCommand.self, ObjectFreqCommand.self, ObjectHelpCommand.self, ObjectIdleTimeCommand.self,
      ObjectRefCountCommand.self,
    ])
}

private func objectDeclaration(_ name: String, since: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: 3, flags: [.readOnly], keys: [.key(at: 2, [.readOnly])], tips: .nondeterministicOutput,
    group: .generic, since: since, summary: summary, complexity: "O(1)", arguments: [.init("key", .key)])
}

enum ObjectEncodingCommand: KeyCommand {
  static let declaration = objectDeclaration(
    "encoding", since: "2.2.3", summary: "Names the form in which a key's value is kept.")

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.lookupUntouched(call.key(2), isQuiet: true) else {
      return call.reply.pointee.null()
    }
    call.reply.pointee.bulk(entry.encodingName)
  }
}

enum ObjectFreqCommand: KeyCommand {
  static let declaration = objectDeclaration(
    "freq", since: "4.0.0", summary: "Answers how often a key is used, where eviction goes by that.")

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.lookupUntouched(call.key(2), isQuiet: true) else {
      return call.reply.pointee.null()
    }
    if call.shard.pointee.settings.maxMemoryPolicy.countsUse {
      return call.reply.pointee.integer(call.keyspace.useCount(of: entry))
    }
    call.reply.pointee.error(
      """
      ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
      between policies at runtime LRU and LFU data will take some time to adjust.
      """)
  }
}

enum ObjectIdleTimeCommand: KeyCommand {
  static let declaration = objectDeclaration(
    "idletime", since: "2.2.3", summary: "Answers for about how many seconds a key was not used.")

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.lookupUntouched(call.key(2), isQuiet: true) else {
      return call.reply.pointee.null()
    }
    if call.shard.pointee.settings.maxMemoryPolicy.countsUse {
      return call.reply.pointee.error(
        """
        ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies \
        at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    call.reply.pointee.integer(call.keyspace.idleSeconds(of: entry))
  }
}

enum ObjectRefCountCommand: KeyCommand {
  static let declaration = objectDeclaration(
    "refcount", since: "2.2.3", summary: "Answers how many keys share a key's value: always one.")

  static func execute(_ call: inout KeyCall) {
    guard call.lookupUntouched(call.key(2), isQuiet: true) != nil else { return call.reply.pointee.null() }
    call.reply.pointee.integer(1)
  }
}

enum ObjectHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .generic, since: "6.2.0",
    summary: "Lists the subcommands of OBJECT.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "OBJECT",
      [
        ("ENCODING <key>", ["The form in which the value of <key> is kept."]),
        (
          "FREQ <key>",
          ["How often <key> is used, on a logarithmic scale; only with an LFU maxmemory policy."]
        ),
        ("IDLETIME <key>", ["For about how many seconds <key> was not used."]),
        ("REFCOUNT <key>", ["How many references to the value of <key> there are."]),
      ], to: call.reply)
  }
}

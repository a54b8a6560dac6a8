import Bytes
import Engine
import RESP
import Statistics

enum SlowLogCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "slowlog", arity: -2, group: .server, since: "2.2.12", summary: "Commands about the slow log.",
    complexity: "Depends on the subcommand.",
    subcommands: [
      SlowLogGetCommand.self, SlowLogLenCommand.self, SlowLogResetCommand.self, SlowLogHelpCommand.self,
    ])
}

enum SlowLogGetCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "get", arity: -2, flags: [.admin, .loading, .stale], requestPolicy: .allNodes,
    tips: [.nondeterministicOutput], group: .server, since: "2.2.12",
    summary: "Returns the newest entries of the slow log.",
    complexity: "O(N), N being the number of entries returned",
    arguments: [.init("count", .integer, optional: true)],
    history: [("4.0.0", "Entries tell the client's address and name.")])

  private static let defaultCount: Int64 = 10

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    guard arguments.count <= 3 else {
      return operation.reply.pointee.error(
        ErrorText.subcommandSyntax(arguments[1], of: "slowlog"))
    }
    var count = defaultCount
    if arguments.count == 3 {
      guard let given = parseInt64(arguments[2]), given >= -1 else {
        return operation.reply.pointee.error("ERR count should be greater than or equal to -1")
      }
      count = given
    }
    let limit = Int(count)
    // The newest of the server are among the newest of each shard, as identifiers rise over all of them.
    let shards = await operation.onEveryShard { $0.pointee.slowLog.newest(limit) }
    let entries = SlowLog.merge(
      shards, limit: limit, maximumLength: operation.server.configuration.settings.slowlogMaxEntries)
    write(entries, to: operation.reply)
  }

  private static func write(_ entries: [SlowLog.Entry], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.array(entries.count)
    for entry in entries {
      reply.pointee.array(6)
      reply.pointee.integer(Int64(clamping: entry.id))
      reply.pointee.integer(entry.unixSeconds)
      reply.pointee.integer(Int64(clamping: entry.microseconds))
      reply.pointee.array(entry.arguments.count)
      for argument in entry.arguments { reply.pointee.bulk(argument) }
      reply.pointee.bulk(entry.clientAddress)
      reply.pointee.bulk(entry.clientName)
    }
  }
}

enum SlowLogLenCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "len", arity: 2, flags: [.admin, .loading, .stale], requestPolicy: .allNodes, responsePolicy: .sum,
    tips: [.nondeterministicOutput], group: .server, since: "2.2.12",
    summary: "Returns the number of entries in the slow log.", complexity: "O(1)")

  static func coordinate(_ operation: Operation) async {
    let counts = await operation.onEveryShard { $0.pointee.slowLog.count }
    let maximum = operation.server.configuration.settings.slowlogMaxEntries
    operation.reply.pointee.integer(SlowLog.mergedLength(counts, maximumLength: maximum))
  }
}

enum SlowLogResetCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "reset", arity: 2, flags: [.admin, .loading, .stale], requestPolicy: .allNodes,
    responsePolicy: .allSucceeded, group: .server, since: "2.2.12", summary: "Empties the slow log.",
    complexity: "O(N), N being the number of entries")

  static func coordinate(_ operation: Operation) async {
    _ = await operation.onEveryShard { $0.pointee.slowLog.reset() }
    operation.reply.pointee.ok()
  }
}

enum SlowLogHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .server, since: "6.2.0",
    summary: "Explains the subcommands.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "SLOWLOG",
      [
        (
          "GET [<count>]",
          [
            "Return the newest <count> entries of all shards (10 if not given, all if -1).",
            "An entry is: id, time of day, microseconds taken, arguments,",
            "address of the client, name of the client.",
          ]
        ),
        ("LEN", ["Return the number of entries."]),
        ("RESET", ["Forget all entries."]),
      ], to: call.reply)
  }
}

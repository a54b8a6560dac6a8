import Bytes
import Engine
import RESP

/// Commands about the connection: greeting, authentication, and what its later commands go by.
let connectionCommands: [any Command.Type] = [
  PingCommand.self, EchoCommand.self, HelloCommand.self, AuthCommand.self, SelectCommand.self,
  QuitCommand.self, ResetCommand.self, ClientContainerCommand.self, MonitorCommand.self,
]

enum PingCommand: ClientCommand, SubscriberCommand {
  static let declaration = CommandDeclaration(
    name: "ping", arity: -1, flags: [.fast], requestPolicy: .allShards, responsePolicy: .allSucceeded,
    group: .connection, since: "1.0.0", summary: "Answers PONG, or with the message given.",
    complexity: "O(1)", arguments: [.init("message", .string, optional: true)])

  static func execute(_ call: inout ClientCall) {
    if call.client.pointee.flags.contains(.subscriber), call.client.pointee.version == .resp2,
      call.arguments.count <= 2
    {
      // In the form of a message, so that clients need not tell it from one.
      call.reply.pointee.array(2)
      call.reply.pointee.bulk("pong")
      call.reply.pointee.bulk(call.arguments.count == 2 ? call.arguments[1] : ByteView(""))
      return
    }
    switch call.arguments.count {
    case 1: call.reply.pointee.simple("PONG")
    case 2: call.reply.pointee.bulk(call.arguments[1])
    default: call.reply.pointee.error(ErrorText.wrongArity("ping"))
    }
  }
}

enum EchoCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "echo", arity: 2, flags: [.loading, .stale, .fast], group: .connection, since: "1.0.0",
    summary: "Answers with the message given.", complexity: "O(1)", arguments: [.init("message", .string)])

  static func execute(_ call: inout ClientCall) { call.reply.pointee.bulk(call.arguments[1]) }
}

enum SelectCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "select", arity: 2, flags: [.loading, .stale, .fast], group: .connection, since: "1.0.0",
    summary: "Chooses the database that the connection's later commands work on.", complexity: "O(1)",
    arguments: [.init("index", .integer)])

  static func execute(_ call: inout ClientCall) {
    do throws(CommandError) {
      call.client.pointee.database = try databaseIndex(
        call.arguments[1], count: call.shard.pointee.settings.databaseCount)
    } catch {
      return call.reply.pointee.error(error.text)
    }
    call.reply.pointee.ok()
  }
}

enum QuitCommand: ClientCommand, SubscriberCommand {
  static let declaration = CommandDeclaration(
    name: "quit", arity: -1, flags: [.noScript, .loading, .stale, .fast, .noAuthentication, .allowBusy],
    group: .connection, since: "1.0.0",
    summary: "Closes the connection, once the replies that are due have left.", complexity: "O(1)",
    deprecation: .init(since: "7.2.0", replacement: "just closing the connection"))

  static func execute(_ call: inout ClientCall) {
    call.reply.pointee.ok()
    call.shard.close(call.client, afterReply: true)
  }
}

enum ResetCommand: ClientCommand, SubscriberCommand {
  static let declaration = CommandDeclaration(
    name: "reset", arity: 1, flags: [.noScript, .loading, .stale, .fast, .noAuthentication, .allowBusy],
    group: .connection, since: "6.2.0", summary: "Puts the connection back into the state of a new one.",
    complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    call.stopMonitoring()
    call.shard.unsubscribeAll(call.client)
    call.shard.stopTracking(call.client)
    call.coordinator.forgetTransaction(call.client)
    // The library's name stays: it is still the same library at the other end.
    call.client.pointee.name = ""
    call.client.pointee.database = 0
    call.client.pointee.flags.subtract([.replyOff, .replySkipNext, .noEvict, .noTouch])
    if !call.shard.pointee.settings.password.isEmpty { call.client.pointee.flags.remove(.authenticated) }
    call.reply.pointee.version = .resp2
    call.reply.pointee.simple("RESET")
  }
}

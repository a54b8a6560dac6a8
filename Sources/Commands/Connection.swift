import Bytes
import Engine
import RESP

let connectionCommands: [any Command.Type] = [PingCommand.self]

enum PingCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "ping", arity: -1, flags: [.fast], requestPolicy: .allShards, responsePolicy: .allSucceeded,
    group: .connection, since: "1.0.0", summary: "Answers PONG, or with the message given.", complexity: "O(1)",
    arguments: [.init("message", .string, optional: true)])

  static func execute(_ call: inout ClientCall) {
    switch call.arguments.count {
    case 1: call.reply.pointee.simple("PONG")
    case 2: call.reply.pointee.bulk(call.arguments[1])
    default: call.reply.pointee.error(ErrorText.wrongArity("ping"))
    }
  }
}

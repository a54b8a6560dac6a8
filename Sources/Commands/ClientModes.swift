import Bytes
import Engine
import RESP

// How a client is served: CLIENT REPLY, NO-EVICT, NO-TOUCH.

enum ClientReplyCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "reply", arity: 3, since: "3.2.0", summary: "Chooses whether the connection's commands are answered.",
    arguments: [.init("on_off_skip", .oneOf, [.token("ON"), .token("OFF"), .token("SKIP")])])

  static func execute(_ call: inout ClientCall) {
    let client = call.client
    if call.arguments.isWord("on", at: 2) {
      // This very call is answered already.
      client.pointee.flags.subtract([.replyOff, .replySkipping])
      call.reply.pointee.ok()
    } else if call.arguments.isWord("off", at: 2) {
      client.pointee.flags.insert(.replyOff)
    } else if call.arguments.isWord("skip", at: 2) {
      if !client.pointee.flags.contains(.replyOff) { client.pointee.flags.insert(.replySkipNext) }
    } else {
      call.reply.pointee.error(ErrorText.syntax)
    }
  }
}

enum ClientNoEvictCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "no-evict", arity: 3, flags: .clientAdministration, since: "7.0.0",
    summary: "Keeps the connection open when clients are closed for want of memory.", arguments: [.onOrOff])

  static func execute(_ call: inout ClientCall) { call.setFlag(.noEvict) }
}

enum ClientNoTouchCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "no-touch", arity: 3, since: "7.2.0",
    summary: "Lets the connection's commands leave the age of keys as it is.", arguments: [.onOrOff])

  static func execute(_ call: inout ClientCall) { call.setFlag(.noTouch) }
}

extension ClientCall {
  /// Sets or clears a flag of the client, as the third argument says.
  fileprivate func setFlag(_ flag: ClientFlags) {
    if arguments.isWord("on", at: 2) {
      client.pointee.flags.insert(flag)
    } else if arguments.isWord("off", at: 2) {
      client.pointee.flags.remove(flag)
    } else {
      return reply.pointee.error(ErrorText.syntax)
    }
    reply.pointee.ok()
  }
}

import Bytes
import Engine
import RESP

// HELLO and AUTH: who the client is, and which version of the protocol it speaks.

enum HelloCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "hello", arity: -1,
    flags: [.noScript, .loading, .stale, .fast, .noAuthentication, .allowBusy, .sensitive],
    group: .connection, since: "6.0.0",
    summary: "Agrees on the protocol version, and tells about the server.",
    complexity: "O(1)",
    arguments: [
      .init(
        "arguments", .block, optional: true,
        [
          .init("protover", .integer),
          .init(
            "username_password", .block, token: "AUTH", optional: true,
            [.init("username", .string), .init("password", .string)]),
          .init("clientname", .string, token: "SETNAME", optional: true),
        ])
    ],
    history: [("6.2.0", "The protocol version may be left out: the call then only reports.")])

  private static let notAuthenticated: StaticString =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"

  static func execute(_ call: inout ClientCall) {
    var version = call.reply.pointee.version
    if call.arguments.count > 1 {
      guard let number = call.arguments.integer(at: 1) else {
        return call.reply.pointee.error("ERR Protocol version is not an integer or out of range")
      }
      guard let chosen = UInt8(exactly: number).flatMap(ProtocolVersion.init) else {
        return call.reply.pointee.error("NOPROTO unsupported protocol version")
      }
      version = chosen
      guard applyOptions(&call) else { return }
    }
    guard call.client.pointee.flags.contains(.authenticated) else {
      return call.reply.pointee.error(notAuthenticated)
    }
    call.reply.pointee.version = version
    describeServer(call)
  }

  /// Applies AUTH and SETNAME one after the other; false if one of them was answered with an error.
  private static func applyOptions(_ call: inout ClientCall) -> Bool {
    let arguments = call.arguments
    var index = 2
    while index < arguments.count {
      if arguments.isWord("auth", at: index), arguments.hasArgument(after: index + 1) {
        guard call.authenticate(user: arguments[index + 1], password: arguments[index + 2]) else {
          return false
        }
        index += 3
      } else if arguments.isWord("setname", at: index), arguments.hasArgument(after: index) {
        guard call.setName(arguments[index + 1]) else { return false }
        index += 2
      } else {
        call.reply.pointee.error(
          errorText("ERR Syntax error in HELLO option '", quoting: arguments[index], "'"))
        return false
      }
    }
    return true
  }

  private static func describeServer(_ call: ClientCall) {
    let reply = call.reply
    reply.pointee.map(7)
    reply.pointee.bulk("server")
    // Clients look at the name as they look at the version: to know what they can ask for.
    reply.pointee.bulk("redis")
    reply.pointee.bulk("version")
    reply.pointee.bulk(ServerVersion.compatible)
    reply.pointee.bulk("proto")
    reply.pointee.integer(Int(reply.pointee.version.rawValue))
    reply.pointee.bulk("id")
    reply.pointee.integer(Int64(call.client.pointee.identifier))
    reply.pointee.bulk("mode")
    reply.pointee.bulk("standalone")
    reply.pointee.bulk("role")
    reply.pointee.bulk("master")
    reply.pointee.bulk("modules")
    reply.pointee.array(0)
  }
}

enum AuthCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "auth", arity: -2,
    flags: [.noScript, .loading, .stale, .fast, .noAuthentication, .allowBusy, .sensitive],
    group: .connection, since: "1.0.0", summary: "Tells the server the password, and the user it belongs to.",
    complexity: "O(N) with N passwords of the user",
    arguments: [
      .init("username", .string, since: "6.0.0", optional: true), .init("password", .string),
    ],
    history: [("6.0.0", "A user's name may stand before the password.")])

  static func execute(_ call: inout ClientCall) {
    switch call.arguments.count {
    case 2:
      if call.shard.pointee.settings.password.isEmpty {
        return call.reply.pointee.error(
          "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
        )
      }
      if call.authenticate(user: ByteView("default"), password: call.arguments[1]) { call.reply.pointee.ok() }
    case 3:
      if call.authenticate(user: call.arguments[1], password: call.arguments[2]) { call.reply.pointee.ok() }
    default:
      call.reply.pointee.error(ErrorText.syntax)
    }
  }
}

extension ClientCall {
  /// Lets the client in if the password is the user's; answers with an error and returns false if it is not.
  ///
  /// There is one user, `default`. Without `requirepass` any password will do for it.
  fileprivate func authenticate(user: ByteView, password: ByteView) -> Bool {
    let expected = shard.pointee.settings.password
    guard user == ByteView("default"), expected.isEmpty || Self.isSame(password, expected) else {
      reply.pointee.error("WRONGPASS invalid username-password pair or user is disabled.")
      return false
    }
    client.pointee.flags.insert(.authenticated)
    return true
  }

  /// Compares in a time that depends on the length of what was sent only, so that it tells nothing about the secret.
  private static func isSame(_ given: ByteView, _ secret: String) -> Bool {
    let secret = Array(secret.utf8)
    var difference = given.count ^ secret.count
    for (index, byte) in given.buffer.enumerated() {
      difference |= Int(byte ^ secret[index % secret.count])
    }
    return difference == 0
  }
}

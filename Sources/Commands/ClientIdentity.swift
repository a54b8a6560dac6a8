import Bytes
import Engine
import RESP

// Who a client is: CLIENT ID, INFO, GETNAME, SETNAME, SETINFO.

enum ClientIdCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "id", arity: 2, since: "5.0.0", summary: "Returns the connection's identifier.")

  static func execute(_ call: inout ClientCall) {
    call.reply.pointee.integer(Int64(call.client.pointee.identifier))
  }
}

enum ClientInfoCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "info", arity: 2, tips: .nondeterministicOutput, since: "6.2.0",
    summary: "Returns what CLIENT LIST shows about this connection.")

  static func execute(_ call: inout ClientCall) {
    var line = ""
    ClientDescription(of: call.client, now: call.shard.pointee.keyspace.now)
      .appendLine(to: &line, commandNames: call.server.table.fullNames)
    call.reply.pointee.verbatim(line)
  }
}

enum ClientGetNameCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "getname", arity: 2, since: "2.6.9", summary: "Returns the connection's name.")

  static func execute(_ call: inout ClientCall) {
    if call.client.pointee.name.isEmpty {
      call.reply.pointee.null()
    } else {
      call.reply.pointee.bulk(call.client.pointee.name)
    }
  }
}

enum ClientSetNameCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "setname", arity: 3, since: "2.6.9", summary: "Names the connection.",
    arguments: [.init("connection-name", .string)])

  static func execute(_ call: inout ClientCall) {
    if call.setName(call.arguments[2]) { call.reply.pointee.ok() }
  }
}

enum ClientSetInfoCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "setinfo", arity: 4, since: "7.2.0", summary: "Tells which client library is at the other end.",
    arguments: [
      .init(
        "attr", .oneOf,
        [.init("libname", .string, token: "LIB-NAME"), .init("libver", .string, token: "LIB-VER")])
    ])

  static func execute(_ call: inout ClientCall) {
    let attribute: WritableKeyPath<Client, String>
    if call.arguments.isWord("lib-name", at: 2) {
      attribute = \.libraryName
    } else if call.arguments.isWord("lib-ver", at: 2) {
      attribute = \.libraryVersion
    } else {
      return call.reply.pointee.error(
        errorText("ERR Unrecognized option '", quoting: call.arguments[2], "'"))
    }
    guard call.arguments[3].isPrintableWord else {
      return call.reply.pointee.error(
        errorText(
          "ERR ", quoting: call.arguments[2], " cannot contain spaces, newlines or special characters."))
    }
    call.client.pointee[keyPath: attribute] = call.arguments[3].string
    call.reply.pointee.ok()
  }
}

extension ClientCall {
  /// Names the client; an empty name takes the old one away. Answers with an error and returns false if a line of
  /// CLIENT LIST couldn't show the name.
  func setName(_ name: ByteView) -> Bool {
    guard name.isPrintableWord else {
      reply.pointee.error("ERR Client names cannot contain spaces, newlines or special characters.")
      return false
    }
    client.pointee.name = name.string
    return true
  }
}

extension ByteView {
  /// Whether all bytes are printable ASCII without spaces.
  fileprivate var isPrintableWord: Bool { buffer.allSatisfy { $0 > 0x20 && $0 < 0x7f } }
}

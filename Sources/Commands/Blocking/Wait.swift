import Bytes
import Engine
import RESP

// Waiting for copies of what was written. There are no replicas and no file yet: nobody acknowledges anything.

enum WaitCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "wait", arity: 3, flags: [.noScript], categories: [.connection], requestPolicy: .allShards,
    responsePolicy: .minimum, group: .generic, since: "3.0.0",
    summary: "Waits until replicas have what this connection has written.", complexity: "O(1)",
    arguments: [.init("numreplicas", .integer), .init("timeout", .integer)])

  static func request(_ arguments: Arguments) throws(WaitingError) -> AcknowledgementRequest {
    guard let wanted = arguments.integer(at: 1) else { throw WaitingError(ErrorText.notAnInteger) }
    let patience = try arguments.patience(atMilliseconds: 2)
    return AcknowledgementRequest(arguments: arguments, patience: wanted > 0 ? patience : .none)
  }

  static func writeNothing(to reply: UnsafeMutablePointer<ReplyBuffer>, afterWaiting: Bool) {
    reply.pointee.integer(0)
  }
}

enum WaitAofCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "waitaof", arity: 4, flags: [.noScript], categories: [.connection], requestPolicy: .allShards,
    responsePolicy: .minimum, group: .generic, since: "7.2.0",
    summary: "Waits until what this connection has written is in the files of this server or of replicas.",
    complexity: "O(1)",
    arguments: [
      .init("numlocal", .integer), .init("numreplicas", .integer), .init("timeout", .integer),
    ])

  static func request(_ arguments: Arguments) throws(WaitingError) -> AcknowledgementRequest {
    guard let local = arguments.integer(at: 1), 0...1 ~= local else {
      throw WaitingError("ERR value is out of range, must be between 0 and 1")
    }
    guard let wanted = arguments.integer(at: 2), wanted >= 0 else {
      throw WaitingError("ERR value is out of range, must be positive")
    }
    let patience = try arguments.patience(atMilliseconds: 3)
    if local > 0 {
      throw WaitingError("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    }
    return AcknowledgementRequest(arguments: arguments, patience: wanted > 0 ? patience : .none)
  }

  static func writeNothing(to reply: UnsafeMutablePointer<ReplyBuffer>, afterWaiting: Bool) {
    reply.pointee.array(2)
    reply.pointee.integer(0)
    reply.pointee.integer(0)
  }
}

/// Acknowledgements that nobody gives: only time ends the waiting.
struct AcknowledgementRequest: WaitingRequest {
  let arguments: Arguments
  let patience: Patience
  let kind = WaitedKind.list
  let keys = 0..<0

  func look(at key: WaitedKey) -> WaitFinding { .nothing }
  func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {}
}

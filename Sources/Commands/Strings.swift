import Bytes
import Engine
import Keyspace
import RESP

let stringCommands: [any Command.Type] = [GetCommand.self, SetCommand.self]

enum GetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "get", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .string, since: "1.0.0", summary: "Returns the string value of a key.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read) else {
      return call.reply.pointee.null()
    }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
      call.reply.pointee.bulk(call.keyspace.string(of: entry, scratch: scratch.baseAddress.unsafelyUnwrapped))
    }
  }
}

enum SetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "set", arity: -3, flags: [.write, .denyOutOfMemory], keys: [.key([.readWrite, .access, .update, .variableFlags])],
    group: .string, since: "1.0.0", summary: "Sets the string value of a key.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: .write)
    call.keyspace.setString(key, in: call.database, to: call.arguments[2], replacing: existing, expiry: nil)
    call.reply.pointee.ok()
  }
}

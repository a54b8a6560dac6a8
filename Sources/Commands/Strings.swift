import Bytes
import Engine
import Keyspace
import RESP

/// The strings family, in the order of the reference.
let stringCommands: [any Command.Type] = [
  AppendCommand.self, DecrCommand.self, DecrByCommand.self, DelIfEqCommand.self, GetCommand.self,
  GetDelCommand.self,
  GetExCommand.self, GetRangeCommand.self, GetSetCommand.self, IncrCommand.self, IncrByCommand.self,
  IncrByFloatCommand.self, LcsCommand.self, MGetCommand.self, MSetCommand.self, MSetNxCommand.self,
  PSetExCommand.self, SetCommand.self, SetExCommand.self, SetNxCommand.self, SetRangeCommand.self,
  StrlenCommand.self, SubstrCommand.self,
]

enum GetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "get", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .string, since: "1.0.0", summary: "Returns the string value of a key.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    call.replyString(of: call.keyspace.lookup(call.key(1), in: call.database, for: .read))
  }
}

enum GetDelCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "getdel", arity: 2, flags: [.write, .fast], keys: [.key([.readWrite, .access, .delete])],
    group: .string, since: "6.2.0", summary: "Returns the string value of a key and removes the key.",
    complexity: "O(1)", arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let entry = call.keyspace.lookup(key, in: call.database, for: .read)
    guard call.replyString(of: entry), let entry else { return }
    call.keyspace.remove(entry)
    call.changed(key, .generic, "del")
  }
}

/// Valkey's command for giving back a lock only as long as one holds it.
enum DelIfEqCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "delifeq", arity: 3, flags: [.write, .fast], keys: [.key([.remove, .delete])],
    group: .string, since: "9.0.0", summary: "Removes a key if it holds a certain string.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("value", .string)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .write) else {
      return call.reply.pointee.integer(0)
    }
    guard let isEqual = entry.holds(call.arguments[2]) else { return call.refuseType() }
    if isEqual {
      call.keyspace.remove(entry)
      call.changed(key, .generic, "del")
    }
    call.reply.pointee.integer(isEqual ? 1 : 0)
  }
}

enum StrlenCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "strlen", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .string, since: "2.2.0", summary: "Returns how many bytes the string value of a key has.",
    complexity: "O(1)", arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read) else {
      return call.reply.pointee.integer(0)
    }
    guard let count = entry.textCount else { return call.refuseType() }
    call.reply.pointee.integer(count)
  }
}

extension Entry {
  /// Calls `body` with the text of the value, which is valid until the keyspace is next changed; with nil if the key
  /// holds no string.
  @inline(__always)
  func withText<Result>(_ body: (ByteView?) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
      body(text(scratch: scratch.baseAddress.unsafelyUnwrapped))
    }
  }
}

extension Entry {
  /// Whether the key holds this string; nil if it holds another type.
  @inline(__always)
  func holds(_ text: ByteView) -> Bool? {
    withText { held in held.map { $0 == text } }
  }
}

extension KeyCall {
  /// Writes the string value of a key as the reply: null without a key, an error if it holds something else.
  /// Returns false for the error.
  @discardableResult
  @inline(__always)
  func replyString(of entry: Entry?) -> Bool {
    guard let entry else {
      reply.pointee.null()
      return true
    }
    return entry.withText { text in
      guard let text else {
        refuseType()
        return false
      }
      reply.pointee.bulk(text)
      return true
    }
  }

  /// The error reply to a command for another type than the key's.
  @inline(never)
  func refuseType() { reply.pointee.error(ErrorText.wrongType) }

  /// The error reply to an argument that must be an integer.
  @inline(never)
  func refuseInteger() { reply.pointee.error(ErrorText.notAnInteger) }
}

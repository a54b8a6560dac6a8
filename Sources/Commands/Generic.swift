import Bytes
import Engine
import Keyspace
import RESP

let genericCommands: [any Command.Type] = [
  DelCommand.self, UnlinkCommand.self, ExistsCommand.self, TouchCommand.self, TypeCommand.self,
  KeysCommand.self, ScanCommand.self, RandomKeyCommand.self,
  RenameCommand.self, RenameNXCommand.self, CopyCommand.self, MoveCommand.self,
  ExpireCommand.self, PExpireCommand.self, ExpireAtCommand.self, PExpireAtCommand.self,
  TTLCommand.self, PTTLCommand.self, ExpireTimeCommand.self, PExpireTimeCommand.self, PersistCommand.self,
  ObjectCommand.self,
  DBSizeCommand.self, FlushDBCommand.self, FlushAllCommand.self, SwapDBCommand.self,
]

extension KeyCall {
  /// A key looked up as commands do that ask about a key and not for its value: counted as a hit or a miss, its age left
  /// as it is.
  ///
  /// - Parameter isQuiet: whether a miss is no event.
  @inline(__always)
  func lookupUntouched(_ key: Key, isQuiet: Bool = false) -> Entry? {
    guard let entry = keyspace.lookup(key, in: database, for: .peek) else {
      if isQuiet { keyspace.statistics.misses &+= 1 } else { keyspace.countMiss(key, in: database) }
      return nil
    }
    keyspace.statistics.hits &+= 1
    return entry
  }

  /// Answers for how many of the call's keys `applies` is true.
  @inline(__always)
  fileprivate func answerCount(_ applies: (Key) -> Bool) {
    // A single key's hash is known, and its memory has been asked for.
    if arguments.count == 2 { return reply.pointee.integer(applies(key(1)) ? 1 : 0) }
    var count = 0
    forEachKey { key, _ in if applies(key) { count += 1 } }
    reply.pointee.integer(count)
  }
}

enum DelCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "del", arity: -2, flags: [.write], keys: [.keys([.remove, .delete])],
    requestPolicy: .multiShard, responsePolicy: .sum, group: .generic, since: "1.0.0",
    summary: "Removes keys, and answers how many there were.",
    complexity: "O(N) for N keys; a key that holds a collection of M elements costs O(M).",
    arguments: [.init("key", .key, multiple: true)])

  static func execute(_ call: inout KeyCall) { removeKeys(call) }
}

enum UnlinkCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "unlink", arity: -2, flags: [.write, .fast], keys: [.keys([.remove, .delete])],
    requestPolicy: .multiShard, responsePolicy: .sum, group: .generic, since: "4.0.0",
    summary: "Removes keys as DEL does; the memory of large values may be given back later.",
    complexity: "O(1) for each key; giving the memory back is O(M) for M allocations.",
    arguments: [.init("key", .key, multiple: true)])

  static func execute(_ call: inout KeyCall) { removeKeys(call) }
}

@inline(__always)
private func removeKeys(_ call: KeyCall) {
  call.answerCount { key in
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .peek) else { return false }
    call.keyspace.remove(entry)
    call.changed(key, .generic, "del")
    return true
  }
}

enum ExistsCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "exists", arity: -2, flags: [.readOnly, .fast], keys: [.keys([.readOnly])],
    requestPolicy: .multiShard, responsePolicy: .sum, group: .generic, since: "1.0.0",
    summary: "Counts how many of the keys exist; a key named twice counts twice.",
    complexity: "O(N) for N keys.", arguments: [.init("key", .key, multiple: true)],
    history: [("3.0.3", "Accepts multiple `key` arguments.")])

  static func execute(_ call: inout KeyCall) {
    let call = call
    call.answerCount { call.lookupUntouched($0) != nil }
  }
}

enum TouchCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "touch", arity: -2, flags: [.readOnly, .fast], keys: [.keys([.readOnly])],
    requestPolicy: .multiShard, responsePolicy: .sum, group: .generic, since: "3.2.1",
    summary: "Marks keys as just used, and answers how many of them exist.",
    complexity: "O(N) for N keys.", arguments: [.init("key", .key, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    let call = call
    call.answerCount { call.keyspace.lookup($0, in: call.database, for: .read) != nil }
  }
}

enum TypeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "type", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .generic, since: "1.0.0", summary: "Answers what type of value a key holds, or none.",
    complexity: "O(1)", arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    call.reply.pointee.simple(call.lookupUntouched(call.key(1))?.kind.typeName ?? "none")
  }
}

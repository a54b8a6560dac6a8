import Bytes
import Engine
import Keyspace
import RESP

enum MGetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "mget", arity: -2, flags: [.readOnly, .fast], keys: [.keys([.readOnly, .access])],
    requestPolicy: .multiShard, group: .string, since: "1.0.0",
    summary: "Returns the string values of several keys, null for each that holds none.",
    complexity: "O(N) in the number of keys.", arguments: [.init("key", .key, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    call.reply.pointee.array(call.arguments.count - 1)
    call.forEachKey { key, _ in
      guard let entry = call.keyspace.lookup(key, in: call.database, for: .read) else {
        return call.reply.pointee.null()
      }
      entry.withText { text in
        if let text { call.reply.pointee.bulk(text) } else { call.reply.pointee.null() }
      }
    }
  }
}

enum MSetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "mset", arity: -3, flags: [.write, .denyOutOfMemory],
    keys: [.keys(step: 2, [.overwrite, .update])],
    requestPolicy: .multiShard, responsePolicy: .allSucceeded, group: .string, since: "1.0.1",
    summary: "Sets several keys to strings.", complexity: "O(N) in the number of keys.",
    arguments: [
      .init("key_value", .block, multiple: true, [.init("key", .key), .init("value", .string)])
    ])

  static func execute(_ call: inout KeyCall) {
    guard hasPairs(call.arguments) else {
      return call.reply.pointee.error(ErrorText.wrongArity("mset"))
    }
    call.setPairs()
    call.reply.pointee.ok()
  }
}

enum MSetNxCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "msetnx", arity: -3, flags: [.write, .denyOutOfMemory],
    keys: [.keys(step: 2, [.overwrite, .insert])],
    requestPolicy: .multiShard, responsePolicy: .minimum, group: .string, since: "1.0.1",
    summary: "Sets several keys to strings, unless one of the keys exists.",
    complexity: "O(N) in the number of keys.",
    arguments: [
      .init("key_value", .block, multiple: true, [.init("key", .key), .init("value", .string)])
    ])

  static func execute(_ call: inout KeyCall) {
    guard hasPairs(call.arguments) else {
      return call.reply.pointee.error(ErrorText.wrongArity("msetnx"))
    }
    var index = 1
    while index < call.arguments.count {
      if call.keyspace.lookup(call.key(index), in: call.database, for: .write) != nil {
        return call.reply.pointee.integer(0)
      }
      index += 2
    }
    call.setPairs()
    call.reply.pointee.integer(1)
  }

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    guard hasPairs(arguments) else {
      return operation.reply.pointee.error(ErrorText.wrongArity("msetnx"))
    }
    var keysOfShard: [Int: [Int]] = [:]
    for index in stride(from: 1, to: arguments.count, by: 2) {
      keysOfShard[operation.shard(of: arguments[index]), default: []].append(index)
    }
    let shards = keysOfShard.keys.sorted()
    let database = operation.database
    let someExist = await operation.onShards(shards) { [keysOfShard] shard in
      (keysOfShard[shard.pointee.index] ?? []).contains { index in
        let key = Key(arguments[index], hasher: shard.pointee.keyspace.hasher)
        return shard.pointee.keyspace.lookup(key, in: database, for: .write) != nil
      }
    }
    guard !someExist.contains(true) else { return operation.reply.pointee.integer(0) }
    _ = await operation.onShards(shards) { [keysOfShard] shard in
      for index in keysOfShard[shard.pointee.index] ?? [] {
        let key = Key(arguments[index], hasher: shard.pointee.keyspace.hasher)
        shard.setString(key, in: database, to: arguments[index + 1])
      }
    }
    operation.reply.pointee.integer(1)
  }
}

/// Whether each key has a value.
private func hasPairs(_ arguments: Arguments) -> Bool { !arguments.count.isMultiple(of: 2) }

extension UnsafeMutablePointer<Shard> {
  /// Sets a key to a string, whatever it was before, without an expiry time.
  @inline(__always)
  fileprivate func setString(_ key: Key, in database: Int, to value: ByteView) {
    let existing = pointee.keyspace.lookup(key, in: database, for: .write)
    pointee.keyspace.setString(key, in: database, to: value, replacing: existing, expiry: nil)
    changed(key, in: database, .string, "set")
  }
}

extension KeyCall {
  fileprivate func setPairs() {
    forEachKey(step: 2) { key, index in
      shard.setString(key, in: database, to: arguments[index + 1])
    }
  }
}

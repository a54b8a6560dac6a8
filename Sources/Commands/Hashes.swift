import Bytes
import Engine
import Keyspace
import RESP

/// The hashes family, in the order of the reference.
let hashCommands: [any Command.Type] = [
  HDelCommand.self, HExistsCommand.self, HExpireCommand.self, HExpireAtCommand.self, HExpireTimeCommand.self,
  HGetCommand.self, HGetAllCommand.self, HGetDelCommand.self, HGetExCommand.self, HIncrByCommand.self,
  HIncrByFloatCommand.self, HKeysCommand.self, HLenCommand.self, HMGetCommand.self, HMSetCommand.self,
  HPersistCommand.self, HPExpireCommand.self, HPExpireAtCommand.self, HPExpireTimeCommand.self,
  HPTTLCommand.self, HRandFieldCommand.self, HScanCommand.self, HSetCommand.self, HSetExCommand.self,
  HSetNxCommand.self, HStrlenCommand.self, HTTLCommand.self, HValsCommand.self,
]

// MARK: Setting

enum HSetCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hset", arity: -4, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .update])],
    group: .hash, since: "2.0.0",
    summary: "Sets fields of a hash, which is made if the key is not there, and counts the new ones.",
    complexity: "O(1) for each field.", arguments: [.init("key", .key), fieldValueArgument],
    history: [("4.0.0", "Accepts multiple `field` and `value` arguments.")])

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count & 1 == 0 else { return call.refuseFieldCount(of: "hset") }
    let key = call.key(1)
    guard let added = call.setFields(key) else { return }
    call.changed(key, .hash, "hset")
    call.reply.pointee.integer(added)
  }
}

enum HMSetCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hmset", arity: -4, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .update])],
    group: .hash, since: "2.0.0", summary: "Sets fields of a hash, which is made if the key is not there.",
    complexity: "O(N) for N fields.", arguments: [.init("key", .key), fieldValueArgument],
    deprecation: .init(since: "4.0.0", replacement: "`HSET` with multiple field-value pairs"))

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count & 1 == 0 else { return call.refuseFieldCount(of: "hmset") }
    let key = call.key(1)
    guard call.setFields(key) != nil else { return }
    call.changed(key, .hash, "hset")
    call.reply.pointee.ok()
  }
}

private let fieldValueArgument = ArgumentSpecification(
  "field_value", .block, multiple: true, [.init("field", .string), .init("value", .string)])

enum HSetNxCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hsetnx", arity: 4, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .insert])],
    group: .hash, since: "2.0.0", summary: "Sets a field of a hash if the hash does not have it.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("field", .string), .init("value", .string)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let field = Element(call.arguments[2])
    switch call.find(key, .hash, for: .write) {
    case .otherType: return call.refuseType()
    case .missing:
      _ = call.keyspace.makeHash(key, in: call.database, of: field, Element(call.arguments[3]))
    case .entry(let entry):
      if call.keyspace.fieldValue(field, of: entry) != nil { return call.reply.pointee.integer(0) }
      call.keyspace.setField(field, of: entry, to: Element(call.arguments[3]))
    }
    call.changed(key, .hash, "hset")
    call.reply.pointee.integer(1)
  }
}

extension KeyCall {
  /// Sets the fields that the arguments name from the third on, each with the value behind it. Returns how many are new;
  /// nil, with the error written, if the key holds something else.
  @inline(__always)
  fileprivate func setFields(_ key: Key) -> Int? {
    switch find(key, .hash, for: .write) {
    case .otherType:
      refuseType()
      return nil
    case .missing: return setFieldsOfNewHash(key)
    case .entry(let entry): return setFields(of: entry, from: 2)
    }
  }

  /// The same from one argument on, of a hash that is there.
  @inline(__always)
  private func setFields(of entry: Entry, from first: Int) -> Int {
    var added = 0
    var index = first
    while index < arguments.count {
      if keyspace.setField(Element(arguments[index]), of: entry, to: Element(arguments[index + 1])) {
        added &+= 1
      }
      index &+= 2
    }
    return added
  }

  /// A hash that fits is written in one go.
  @inline(never)
  private func setFieldsOfNewHash(_ key: Key) -> Int {
    var byteCount = 0
    var index = 2
    while index < arguments.count {
      guard let bytes = keyspace.packedBytes(Element(arguments[index]), Element(arguments[index + 1])) else {
        break
      }
      byteCount &+= bytes
      index &+= 2
    }
    guard index == arguments.count,
      var builder = keyspace.beginHash(
        key, in: database, fieldCount: arguments.count / 2 - 1, byteCount: byteCount)
    else {
      let entry = keyspace.makeHash(key, in: database, of: Element(arguments[2]), Element(arguments[3]))
      return 1 + setFields(of: entry, from: 4)
    }
    var added = 0
    index = 2
    while index < arguments.count {
      guard builder.add(Element(arguments[index]), Element(arguments[index + 1])) else {
        // A field that comes twice.
        keyspace.finish(builder)
        return added &+ setFields(of: builder.entry, from: index)
      }
      added &+= 1
      index &+= 2
    }
    return added
  }

  @inline(never)
  fileprivate func refuseFieldCount(of command: StaticString) {
    reply.pointee.error(ErrorText.wrongArity("\(command)"))
  }
}

// MARK: Getting

enum HGetCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hget", arity: 3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .hash, since: "2.0.0", summary: "Returns the value of a field of a hash.", complexity: "O(1)",
    arguments: [.init("key", .key), .init("field", .string)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .hash, for: .read) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry): call.replyValue(of: Element(call.arguments[2]), in: entry)
    }
  }
}

enum HMGetCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hmget", arity: -3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .hash, since: "2.0.0", summary: "Returns the values of fields of a hash.",
    complexity: "O(N) for N fields.",
    arguments: [.init("key", .key), .init("field", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    let found = call.find(call.key(1), .hash, for: .read)
    if case .otherType = found { return call.refuseType() }
    call.reply.pointee.array(call.arguments.count - 2)
    var index = 2
    while index < call.arguments.count {
      if case .entry(let entry) = found {
        call.replyValue(of: Element(call.arguments[index]), in: entry)
      } else {
        call.reply.pointee.null()
      }
      index &+= 1
    }
  }
}

enum HStrlenCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hstrlen", arity: 3, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .hash, since: "3.2.0", summary: "Returns how many bytes the value of a field has.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("field", .string)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .hash, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let value = call.keyspace.fieldValue(Element(call.arguments[2]), of: entry)
      call.reply.pointee.integer(value?.textCount ?? 0)
    }
  }
}

enum HExistsCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hexists", arity: 3, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .hash, since: "2.0.0", summary: "Tells whether a hash has a field.", complexity: "O(1)",
    arguments: [.init("key", .key), .init("field", .string)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .hash, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let isThere = call.keyspace.fieldValue(Element(call.arguments[2]), of: entry) != nil
      call.reply.pointee.integer(isThere ? 1 : 0)
    }
  }
}

enum HLenCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hlen", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .hash, since: "2.0.0", summary: "Returns how many fields a hash has.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .hash, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(entry.fieldCount)
    }
  }
}

extension KeyCall {
  /// Answers with the value of a field, null if there is none. Returns whether there is.
  @discardableResult
  @inline(__always)
  func replyValue(of field: Element, in entry: Entry) -> Bool {
    guard let value = keyspace.fieldValue(field, of: entry) else {
      reply.pointee.null()
      return false
    }
    reply.pointee.bulk(value)
    return true
  }
}

// MARK: Removing

enum HDelCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hdel", arity: -3, flags: [.write, .fast], keys: [.key([.readWrite, .delete])],
    group: .hash, since: "2.0.0", summary: "Removes fields of a hash, and the key with the last of them.",
    complexity: "O(N) for N fields.",
    arguments: [.init("key", .key), .init("field", .string, multiple: true)],
    history: [("2.4.0", "Accepts multiple `field` arguments.")])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    switch call.find(key, .hash, for: .write) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      var removed = 0
      var isEmptied = false
      var index = 2
      loop: while index < call.arguments.count {
        switch call.keyspace.removeField(Element(call.arguments[index]), of: entry) {
        case .missing: break
        case .removed: removed &+= 1
        case .removedLast:
          removed &+= 1
          isEmptied = true
          break loop
        }
        index &+= 1
      }
      if removed > 0 { call.changed(key, .hash, "hdel") }
      if isEmptied { call.changed(key, .generic, "del") }
      call.reply.pointee.integer(removed)
    }
  }
}

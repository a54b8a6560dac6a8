import Bytes
import Engine
import Keyspace
import RESP

/// The sets family, in the order of the reference.
let setCommands: [any Command.Type] = [
  SAddCommand.self, SCardCommand.self, SDiffCommand.self, SDiffStoreCommand.self, SInterCommand.self,
  SInterCardCommand.self, SInterStoreCommand.self, SIsMemberCommand.self, SMembersCommand.self,
  SMIsMemberCommand.self, SMoveCommand.self, SPopCommand.self, SRandMemberCommand.self, SRemCommand.self,
  SScanCommand.self, SUnionCommand.self, SUnionStoreCommand.self,
]

enum SAddCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "sadd", arity: -3, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .insert])],
    group: .set, since: "1.0.0", summary: "Adds members to a set, which is made if the key is not there.",
    complexity: "O(1) for each member.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)],
    history: [("2.4.0", "Accepts multiple `member` arguments.")])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    var index = 2
    var added = 0
    let entry: Entry
    switch call.find(key, .set, for: .write) {
    case .otherType: return call.refuseType()
    case .entry(let found): entry = found
    case .missing:
      entry = call.keyspace.makeSet(key, in: call.database, of: Element(call.arguments[2]))
      index = 3
      added = 1
    }
    while index < call.arguments.count {
      call.prefetchElements(of: entry, at: index, first: 2)
      if call.keyspace.addMember(Element(call.arguments[index]), to: entry) { added &+= 1 }
      index &+= 1
    }
    if added > 0 { call.changed(key, .set, "sadd") }
    call.reply.pointee.integer(added)
  }
}

enum SRemCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "srem", arity: -3, flags: [.write, .fast], keys: [.key([.readWrite, .delete])],
    group: .set, since: "1.0.0", summary: "Removes members from a set, and the key with the last of them.",
    complexity: "O(N) for N members to be removed.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)],
    history: [("2.4.0", "Accepts multiple `member` arguments.")])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    switch call.find(key, .set, for: .write) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      var removed = 0
      var removedKey = false
      var index = 2
      while index < call.arguments.count {
        call.prefetchElements(of: entry, at: index, first: 2)
        if call.keyspace.removeMember(Element(call.arguments[index]), from: entry) {
          removed &+= 1
          if entry.memberCount == 0 {
            call.keyspace.removeEmptySet(entry)
            removedKey = true
            break
          }
        }
        index &+= 1
      }
      if removed > 0 { call.changed(key, .set, "srem", removedKey: removedKey) }
      call.reply.pointee.integer(removed)
    }
  }
}

enum SIsMemberCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "sismember", arity: 3, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .set, since: "1.0.0", summary: "Answers whether a set has a member.", complexity: "O(1)",
    arguments: [.init("key", .key), .init("member", .string)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .set, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let isMember = entry.hasMember(Element(call.arguments[2]), hasher: call.keyspace.hasher)
      call.reply.pointee.integer(isMember ? 1 : 0)
    }
  }
}

enum SMIsMemberCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "smismember", arity: -3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .set, since: "6.2.0",
    summary: "Answers for each of several texts whether a set has it as a member.",
    complexity: "O(N) for N texts.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    var set: Entry?
    switch call.find(call.key(1), .set, for: .read) {
    case .missing: set = nil
    case .otherType: return call.refuseType()
    case .entry(let entry): set = entry
    }
    let hasher = call.keyspace.hasher
    call.reply.pointee.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      if let set { call.prefetchElements(of: set, at: index, first: 2) }
      let isMember = set?.hasMember(Element(call.arguments[index]), hasher: hasher) ?? false
      call.reply.pointee.integer(isMember ? 1 : 0)
    }
  }
}

enum SMembersCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "smembers", arity: 2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutputOrder, group: .set, since: "1.0.0", summary: "Lists all members of a set.",
    complexity: "O(N) for a set of N members.", arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .set, for: .read) {
    case .missing: call.reply.pointee.set(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.replyMembers(of: entry)
    }
  }
}

enum SCardCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "scard", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])],
    group: .set, since: "1.0.0", summary: "Counts the members of a set.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .set, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(entry.memberCount)
    }
  }
}

extension KeyCall {
  /// Writes a set with all its members as the reply, one by one.
  func replyMembers(of entry: Entry) {
    reply.pointee.set(entry.memberCount)
    var reader = SetReader(entry)
    while let member = reader.next() { reply.pointee.bulk(member) }
  }
}

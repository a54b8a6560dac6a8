import Bytes
import Engine
import Keyspace
import RESP

enum SPopCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "spop", arity: -2, flags: [.write, .fast], keys: [.key([.readWrite, .access, .delete])],
    tips: .nondeterministicOutput, group: .set, since: "1.0.0",
    summary: "Removes members chosen at random from a set and answers with them.",
    complexity: "O(1) without a count, otherwise O(N) for a count of N.",
    arguments: [.init("key", .key), .init("count", .integer, since: "3.2.0", optional: true)],
    history: [("3.2.0", "Added the `count` argument.")])

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count == 2 else { return executeWithCount(call) }
    let key = call.key(1)
    switch call.find(key, .set, for: .write) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry):
      let member = entry.randomMember(using: &call.keyspace.random)
      call.reply.pointee.bulk(member.item)
      let isLast = entry.memberCount == 1
      if isLast {
        call.keyspace.remove(entry)
      } else {
        call.keyspace.removeMember(member, from: entry)
      }
      call.changed(key, .set, "spop", removedKey: isLast)
    }
  }

  @inline(never)
  private static func executeWithCount(_ call: KeyCall) {
    guard call.arguments.count == 3 else { return call.reply.pointee.error(ErrorText.syntax) }
    guard let count = call.arguments.integer(at: 2), count >= 0 else {
      return call.reply.pointee.error("ERR value is out of range, must be positive")
    }
    let key = call.key(1)
    switch call.find(key, .set, for: .write) {
    case .missing: call.reply.pointee.set(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let takesAll = count >= entry.memberCount
      if takesAll {
        call.replyMembers(of: entry)
        call.keyspace.dirty += entry.memberCount - 1
        call.keyspace.remove(entry)
      } else {
        call.reply.pointee.set(Int(count))
        call.keyspace.popMembers(Int(count), from: entry) { call.reply.pointee.bulk($0) }
      }
      if count > 0 { call.changed(key, .set, "spop", removedKey: takesAll) }
    }
  }
}

enum SRandMemberCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "srandmember", arity: -2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .set, since: "1.0.0",
    summary: "Answers with members of a set chosen at random.",
    complexity: "O(1) without a count, otherwise O(N) for a count of N or -N.",
    arguments: [.init("key", .key), .init("count", .integer, since: "2.6.0", optional: true)],
    history: [("2.6.0", "Added the optional `count` argument.")])

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count == 2 else { return executeWithCount(call) }
    switch call.find(call.key(1), .set, for: .read) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry):
      call.reply.pointee.bulk(entry.randomMember(using: &call.keyspace.random).item)
    }
  }

  @inline(never)
  private static func executeWithCount(_ call: KeyCall) {
    guard call.arguments.count == 3 else { return call.reply.pointee.error(ErrorText.syntax) }
    guard let count = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    guard count > Int64.min else {
      return call.reply.pointee.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
    }
    switch call.find(call.key(1), .set, for: .read) {
    case .missing: call.reply.pointee.array(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.replySample(Int(count), of: entry)
    }
  }
}

extension KeyCall {
  /// Answers with `count` different members, or with `-count` that may come again.
  fileprivate func replySample(_ count: Int, of entry: Entry) {
    let wanted = count < 0 ? -count : min(count, entry.memberCount)
    reply.pointee.array(wanted)
    if count < 0 {
      for _ in 0..<wanted {
        if reply.pointee.isOverLimit { break }
        reply.pointee.bulk(entry.randomMember(using: &keyspace.random).item)
      }
    } else {
      entry.forEachSample(wanted, using: &keyspace.random) { reply.pointee.bulk($0) }
    }
  }
}

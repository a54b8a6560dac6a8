import Bytes
import Engine
import Keyspace
import RESP

/// The sorted sets family, in the order of the reference.
let sortedSetCommands: [any Command.Type] = [
  ZAddCommand.self, ZCardCommand.self, ZCountCommand.self, ZDiffCommand.self, ZDiffStoreCommand.self,
  ZIncrByCommand.self, ZInterCommand.self, ZInterCardCommand.self, ZInterStoreCommand.self,
  ZLexCountCommand.self, ZMPopCommand.self, ZMScoreCommand.self, ZPopMaxCommand.self, ZPopMinCommand.self,
  ZRandMemberCommand.self, ZRangeCommand.self, ZRangeByLexCommand.self, ZRangeByScoreCommand.self,
  ZRangeStoreCommand.self, ZRankCommand.self, ZRemCommand.self, ZRemRangeByLexCommand.self,
  ZRemRangeByRankCommand.self, ZRemRangeByScoreCommand.self, ZRevRangeCommand.self,
  ZRevRangeByLexCommand.self, ZRevRangeByScoreCommand.self, ZRevRankCommand.self, ZScanCommand.self,
  ZScoreCommand.self, ZUnionCommand.self, ZUnionStoreCommand.self,
]

enum ZCardCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zcard", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])], group: .sortedSet,
    since: "1.2.0", summary: "Counts the members of a sorted set.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .sortedSet, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(entry.sortedSetCount)
    }
  }
}

enum ZScoreCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "zscore", arity: 3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "1.2.0", summary: "Answers with the score of a member of a sorted set.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("member", .string)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .sortedSet, for: .read) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.score(entry.score(of: Element(call.arguments[2])))
    }
  }
}

enum ZMScoreCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "zmscore", arity: -3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "6.2.0", summary: "Answers with the scores of some members of a sorted set.",
    complexity: "O(N) for N members asked for.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    let found = call.find(call.key(1), .sortedSet, for: .read)
    if case .otherType = found { return call.refuseType() }
    call.reply.pointee.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      if case .entry(let entry) = found {
        call.reply.pointee.score(entry.score(of: Element(call.arguments[index])))
      } else {
        call.reply.pointee.null()
      }
    }
  }
}

enum ZRemCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "zrem", arity: -3, flags: [.write, .fast], keys: [.key([.readWrite, .delete])], group: .sortedSet,
    since: "1.2.0", summary: "Removes members from a sorted set; one without members does not exist.",
    complexity: "O(M*log(N)) for M members taken out of N.",
    arguments: [.init("key", .key), .init("member", .string, multiple: true)],
    history: [("2.4.0", "Accepts multiple elements.")])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    switch call.find(key, .sortedSet, for: .write) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      var rest = entry.sortedSetCount
      var removed = 0
      for index in 2..<call.arguments.count where rest > 0 {
        if call.keyspace.removeScored(Element(call.arguments[index]), from: entry) != nil {
          removed += 1
          rest -= 1
        }
      }
      if removed > 0 { call.changed(key, .sortedSet, "zrem", removedKey: rest == 0) }
      call.reply.pointee.integer(removed)
    }
  }
}

extension ReplyBuffer {
  /// A score; null if there is none.
  @inline(__always)
  mutating func score(_ score: Double?) {
    if let score { double(score) } else { null() }
  }

  /// The head of `count` members; with scores RESP2 clients get a flat array, RESP3 clients one of pairs.
  @inline(__always)
  mutating func scoredHead(_ count: Int, withScores: Bool) {
    array(withScores && version == .resp2 ? count * 2 : count)
  }

  /// A member, with its score perhaps, of an array that `scoredHead` began.
  @inline(__always)
  mutating func scored(_ member: Item, _ score: Double, withScores: Bool) {
    guard withScores else { return bulk(member) }
    if version == .resp3 { array(2) }
    bulk(member)
    double(score)
  }
}

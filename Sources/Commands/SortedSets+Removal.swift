import Bytes
import Engine
import Keyspace
import RESP

enum ZRemRangeByRankCommand: KeyCommand {
  static let declaration = removalDeclaration(
    "zremrangebyrank", since: "2.0.0",
    summary: "Removes the members of a sorted set within a range of places.",
    bounds: [.init("start", .integer), .init("stop", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let first = call.arguments.integer(at: 2), let last = call.arguments.integer(at: 3) else {
      return call.refuseInteger()
    }
    call.removeRange("zremrangebyrank") { placesInRange(first, last, count: $0.sortedSetCount) }
  }
}

enum ZRemRangeByScoreCommand: KeyCommand {
  static let declaration = removalDeclaration(
    "zremrangebyscore", since: "1.2.0",
    summary: "Removes the members of a sorted set within a range of scores.",
    bounds: [.init("min", .double), .init("max", .double)])

  static func execute(_ call: inout KeyCall) {
    guard let range = ScoreRange(call.arguments[2], call.arguments[3]) else {
      return call.reply.pointee.error(SortedSetError.scoreRange)
    }
    call.removeRange("zremrangebyscore") { $0.ranks(in: range) }
  }
}

enum ZRemRangeByLexCommand: KeyCommand {
  static let declaration = removalDeclaration(
    "zremrangebylex", since: "2.8.9",
    summary: "Removes the members of a sorted set within a range of texts, where all scores are the same.",
    bounds: [.init("min", .string), .init("max", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let range = LexRange(call.arguments[2], call.arguments[3]) else {
      return call.reply.pointee.error(SortedSetError.lexRange)
    }
    call.removeRange("zremrangebylex") { $0.ranks(in: range) }
  }
}

private func removalDeclaration(
  _ name: String, since: String, summary: String, bounds: [ArgumentSpecification]
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: 4, flags: [.write], keys: [.key([.readWrite, .delete])], group: .sortedSet,
    since: since,
    summary: summary, complexity: "O(log(N)+M) for M members taken out of N.",
    arguments: [.init("key", .key)] + bounds)
}

extension KeyCall {
  /// Removes the members of the ranks that `ranks` gives, and answers with their number.
  @inline(__always)
  fileprivate func removeRange(_ event: StaticString, _ ranks: (Entry) -> Range<Int>) {
    let key = key(1)
    switch find(key, .sortedSet, for: .write) {
    case .missing: reply.pointee.integer(0)
    case .otherType: refuseType()
    case .entry(let entry):
      let ranks = ranks(entry)
      let total = entry.sortedSetCount
      keyspace.removeScored(inRanks: ranks, from: entry)
      if !ranks.isEmpty { changed(key, .sortedSet, event, removedKey: ranks.count == total) }
      reply.pointee.integer(ranks.count)
    }
  }
}

// MARK: Popping

enum ZPopMinCommand: KeyCommand {
  static let declaration = popDeclaration(
    "zpopmin", summary: "Removes the members with the lowest scores from a sorted set and answers with them.")

  static func execute(_ call: inout KeyCall) { call.pop(.lowest) }
}

enum ZPopMaxCommand: KeyCommand {
  static let declaration = popDeclaration(
    "zpopmax", summary: "Removes the members with the highest scores from a sorted set and answers with them."
  )

  static func execute(_ call: inout KeyCall) { call.pop(.highest) }
}

private func popDeclaration(_ name: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -2, flags: [.write, .fast], keys: [.key([.readWrite, .access, .delete])],
    group: .sortedSet, since: "5.0.0", summary: summary,
    complexity: "O(log(N)+M) for M members taken out of N.",
    arguments: [.init("key", .key), .init("count", .integer, optional: true)])
}

/// The end of a sorted set from which members are taken.
enum SortedSetEnd: Sendable {
  case lowest
  case highest
}

extension KeyCall {
  @inline(__always)
  fileprivate func pop(_ end: SortedSetEnd) {
    if arguments.count > 3 { return reply.pointee.error(ErrorText.syntax) }
    var count = 1
    let hasCount = arguments.count == 3
    if hasCount {
      guard let wanted = arguments.integer(at: 2), wanted >= 0 else {
        return reply.pointee.error("ERR value is out of range, must be positive")
      }
      count = Int(wanted)
    }
    let key = key(1)
    switch find(key, .sortedSet, for: .write) {
    case .missing: reply.pointee.array(0)
    case .otherType: refuseType()
    case .entry(let entry):
      let ranks = end.ranks(count, in: entry)
      // One member that was asked for without a count comes without an array of its own.
      let isFlat = !hasCount || reply.pointee.version == .resp2
      reply.pointee.array(isFlat ? ranks.count * 2 : ranks.count)
      shard.pop(ranks, from: entry, at: key, in: database, end) { member, score in
        if !isFlat { reply.pointee.array(2) }
        reply.pointee.bulk(member)
        reply.pointee.double(score)
      }
    }
  }
}

extension SortedSetEnd {
  /// The ranks of up to `count` members at this end.
  @inline(__always)
  func ranks(_ count: Int, in entry: Entry) -> Range<Int> {
    let total = entry.sortedSetCount
    let count = min(count, total)
    return self == .lowest ? 0..<count : (total - count)..<total
  }

  /// The event of popping members from this end.
  var popEvent: StaticString { self == .lowest ? "zpopmin" : "zpopmax" }
}

extension UnsafeMutablePointer<Shard> {
  /// Removes members at an end of the sorted set at a key, after `body` has seen each, the outermost first.
  @inline(__always)
  func pop(
    _ ranks: Range<Int>, from entry: Entry, at key: Key, in database: Int, _ end: SortedSetEnd,
    _ body: (Item, Double) -> Void
  ) {
    let total = entry.sortedSetCount
    entry.forEachScored(inRanks: ranks, reversed: end == .highest, body)
    pointee.keyspace.removeScored(inRanks: ranks, from: entry)
    if ranks.isEmpty { return }
    changed(key, in: database, .sortedSet, end.popEvent, removedKey: ranks.count == total)
  }
}

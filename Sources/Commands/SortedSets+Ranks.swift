import Bytes
import Engine
import Keyspace
import RESP

enum ZRankCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = rankDeclaration(
    "zrank", summary: "Answers with the place of a member of a sorted set, counted from the lowest score.")

  static func execute(_ call: inout KeyCall) { call.answerRank(reversed: false) }
}

enum ZRevRankCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = rankDeclaration(
    "zrevrank", summary: "Answers with the place of a member of a sorted set, counted from the highest score."
  )

  static func execute(_ call: inout KeyCall) { call.answerRank(reversed: true) }
}

private func rankDeclaration(_ name: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])], group: .sortedSet,
    since: "2.0.0", summary: summary, complexity: "O(log(N)) in a set of N members.",
    arguments: [
      .init("key", .key), .init("member", .string), .token("WITHSCORE", optional: true, since: "7.2.0"),
    ],
    history: [("7.2.0", "Added the optional `WITHSCORE` argument.")])
}

extension KeyCall {
  @inline(__always)
  fileprivate func answerRank(reversed: Bool) {
    if arguments.count > 4 { return refuseArity(reversed ? "zrevrank" : "zrank") }
    let withScore = arguments.count == 4
    if withScore, !arguments.isWord("withscore", at: 3) { return reply.pointee.error(ErrorText.syntax) }
    switch find(key(1), .sortedSet, for: .read) {
    case .missing: answerNoRank(withScore)
    case .otherType: refuseType()
    case .entry(let entry):
      guard let (rank, score) = entry.rank(of: Element(arguments[2])) else { return answerNoRank(withScore) }
      if withScore { reply.pointee.array(2) }
      reply.pointee.integer(reversed ? entry.sortedSetCount - 1 - rank : rank)
      if withScore { reply.pointee.double(score) }
    }
  }

  private func answerNoRank(_ withScore: Bool) {
    if withScore { reply.pointee.nullArray() } else { reply.pointee.null() }
  }

  @inline(never)
  private func refuseArity(_ name: String) { reply.pointee.error(ErrorText.wrongArity(name)) }
}

enum ZCountCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zcount", arity: 4, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "2.0.0",
    summary: "Counts the members of a sorted set within a range of scores.",
    complexity: "O(log(N)) in a set of N members.",
    arguments: [.init("key", .key), .init("min", .double), .init("max", .double)])

  static func execute(_ call: inout KeyCall) {
    guard let range = ScoreRange(call.arguments[2], call.arguments[3]) else {
      return call.reply.pointee.error(SortedSetError.scoreRange)
    }
    switch call.find(call.key(1), .sortedSet, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(entry.ranks(in: range).count)
    }
  }
}

enum ZLexCountCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zlexcount", arity: 4, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "2.8.9",
    summary: "Counts the members of a sorted set within a range of texts, where all scores are the same.",
    complexity: "O(log(N)) in a set of N members.",
    arguments: [.init("key", .key), .init("min", .string), .init("max", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let range = LexRange(call.arguments[2], call.arguments[3]) else {
      return call.reply.pointee.error(SortedSetError.lexRange)
    }
    switch call.find(call.key(1), .sortedSet, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(entry.ranks(in: range).count)
    }
  }
}

/// Errors of the family, as Redis words them.
enum SortedSetError {
  static let scoreRange: StaticString = "ERR min or max is not a float"
  static let lexRange: StaticString = "ERR min or max not valid string range item"
}

extension ScoreRange {
  /// The range that two arguments spell, each with "(" in front if it is not to belong to it.
  @inline(__always)
  init?(_ minimum: ByteView, _ maximum: ByteView) {
    let excludesMinimum = minimum.count > 0 && minimum[0] == UInt8(ascii: "(")
    let excludesMaximum = maximum.count > 0 && maximum[0] == UInt8(ascii: "(")
    guard let low = parseScoreBound(excludesMinimum ? minimum[1..<minimum.count] : minimum),
      let high = parseScoreBound(excludesMaximum ? maximum[1..<maximum.count] : maximum)
    else { return nil }
    self.init(low, high, excludesMinimum: excludesMinimum, excludesMaximum: excludesMaximum)
  }
}

extension LexRange {
  /// The range that two arguments spell: `-`, `+`, or a text with `[` or `(` in front.
  @inline(__always)
  init?(_ minimum: ByteView, _ maximum: ByteView) {
    guard let low = Bound(minimum), let high = Bound(maximum) else { return nil }
    self.init(low, high)
  }
}

extension LexRange.Bound {
  fileprivate init?(_ argument: ByteView) {
    guard argument.count > 0 else { return nil }
    let rest = argument[1..<argument.count]
    switch argument[0] {
    case UInt8(ascii: "["): self = .including(rest)
    case UInt8(ascii: "("): self = .excluding(rest)
    // What follows a NUL does not count, as C has it.
    case UInt8(ascii: "-"): if rest.isEmpty || rest[0] == 0 { self = .lowest } else { return nil }
    case UInt8(ascii: "+"): if rest.isEmpty || rest[0] == 0 { self = .highest } else { return nil }
    default: return nil
    }
  }
}

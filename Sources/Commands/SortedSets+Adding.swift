import Bytes
import Engine
import Keyspace
import RESP

enum ZAddCommand: ElementCommand {
  static let elementArgument = 3
  static let declaration = CommandDeclaration(
    name: "zadd", arity: -4, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .update])],
    group: .sortedSet, since: "1.2.0",
    summary: "Adds members to a sorted set, or gives those that it has other scores.",
    complexity: "O(log(N)) for each member, in a set of N.",
    arguments: [
      .init("key", .key),
      .init("condition", .oneOf, since: "3.0.2", optional: true, [.token("NX"), .token("XX")]),
      .init("comparison", .oneOf, since: "6.2.0", optional: true, [.token("GT"), .token("LT")]),
      .init("change", .pureToken, token: "CH", since: "3.0.2", optional: true),
      .init("increment", .pureToken, token: "INCR", since: "3.0.2", optional: true),
      .init("score_member", .block, multiple: true, [.init("score", .double), .init("member", .string)]),
    ],
    history: [
      ("2.4.0", "Accepts multiple elements."),
      ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
      ("6.2.0", "Added the `GT` and `LT` options."),
    ])

  static func execute(_ call: inout KeyCall) { call.addScores([]) }
}

enum ZIncrByCommand: ElementCommand {
  static let elementArgument = 3
  static let declaration = CommandDeclaration(
    name: "zincrby", arity: 4, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])], group: .sortedSet, since: "1.2.0",
    summary: "Adds to the score of a member of a sorted set; a missing one has 0.",
    complexity: "O(log(N)) in a set of N members.",
    arguments: [.init("key", .key), .init("increment", .integer), .init("member", .string)])

  static func execute(_ call: inout KeyCall) { call.addScores(.increments) }
}

/// The options of ZADD.
private struct AddOptions {
  var rule: ScoreRule
  /// Whether changed scores count like added members.
  var countsChanges = false
  /// The first score.
  var first = 2

  @inline(__always)
  init(_ arguments: Arguments, _ rule: ScoreRule) {
    self.rule = rule
    while first < arguments.count {
      if arguments.isWord("nx", at: first) {
        self.rule.insert(.onlyNew)
      } else if arguments.isWord("xx", at: first) {
        self.rule.insert(.onlyExisting)
      } else if arguments.isWord("ch", at: first) {
        countsChanges = true
      } else if arguments.isWord("incr", at: first) {
        self.rule.insert(.increments)
      } else if arguments.isWord("gt", at: first) {
        self.rule.insert(.onlyGreater)
      } else if arguments.isWord("lt", at: first) {
        self.rule.insert(.onlyLess)
      } else {
        return
      }
      first += 1
    }
  }

  /// Why the options can't be obeyed, if so.
  @inline(__always)
  func objection(_ arguments: Arguments) -> StaticString? {
    let rest = arguments.count - first
    if rest == 0 || rest & 1 != 0 { return ErrorText.syntax }
    if rule.isEmpty { return nil }
    if rule.contains([.onlyNew, .onlyExisting]) {
      return "ERR XX and NX options at the same time are not compatible"
    }
    if rule.contains([.onlyGreater, .onlyNew]) || rule.contains([.onlyLess, .onlyNew])
      || rule.contains([.onlyGreater, .onlyLess])
    {
      return "ERR GT, LT, and/or NX options at the same time are not compatible"
    }
    if rule.contains(.increments), rest > 2 {
      return "ERR INCR option supports a single increment-element pair"
    }
    return nil
  }
}

extension KeyCall {
  /// Executes ZADD and ZINCRBY. All scores are read before anything is changed.
  @inline(__always)
  fileprivate func addScores(_ rule: ScoreRule) {
    let options = AddOptions(arguments, rule)
    if let objection = options.objection(arguments) { return reply.pointee.error(objection) }
    let count = (arguments.count - options.first) / 2
    withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { scores in
      for number in 0..<count {
        guard let score = parseDouble(arguments[options.first + number * 2]) else {
          return reply.pointee.error(ErrorText.notAFloat)
        }
        scores[number] = score
      }
      addScores(UnsafeBufferPointer(scores), options)
    }
  }

  @inline(__always)
  private func addScores(_ scores: UnsafeBufferPointer<Double>, _ options: AddOptions) {
    let key = key(1)
    var tally = AddTally()
    var entry: Entry
    var number = 0
    switch find(key, .sortedSet, for: .write) {
    case .otherType: return refuseType()
    case .entry(let found): entry = found
    case .missing:
      if options.rule.contains(.onlyExisting) { return answer(tally, options) }
      entry = keyspace.makeSortedSet(
        key, in: database, member: Element(arguments[options.first + 1]), score: scores[0])
      tally.added = 1
      tally.last = scores[0]
      number = 1
    }
    while number < scores.count {
      let outcome = keyspace.setScore(
        scores[number], of: Element(arguments[options.first + number * 2 + 1]), in: entry, options.rule)
      switch outcome.change {
      case .notANumber: return reply.pointee.error("ERR resulting score is not a number (NaN)")
      case .added: tally.added += 1
      case .updated: tally.updated += 1
      case .unchanged, .refused: break
      }
      tally.last = outcome.change == .refused ? nil : outcome.score
      number += 1
    }
    if tally.added + tally.updated > 0 {
      let event: StaticString = options.rule.contains(.increments) ? "zincr" : "zadd"
      changed(key, .sortedSet, event)
    }
    answer(tally, options)
  }

  @inline(__always)
  private func answer(_ tally: AddTally, _ options: AddOptions) {
    if options.rule.contains(.increments) {
      reply.pointee.score(tally.last)
    } else {
      reply.pointee.integer(tally.added + (options.countsChanges ? tally.updated : 0))
    }
  }
}

/// What came of the members of a call.
private struct AddTally {
  var added = 0
  var updated = 0
  /// The score of the last member; nil if it was refused.
  var last: Double?
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// What a sorted set is, in the simplest words: members and scores, sorted when somebody looks.
private struct SortedSetModel {
  private(set) var scores: [[UInt8]: Double] = [:]

  var count: Int { scores.count }

  subscript(member: [UInt8]) -> Double? {
    get { scores[member] }
    set { scores[member] = newValue }
  }

  var sorted: [(member: [UInt8], score: Double)] {
    scores.map { ($0.key, $0.value) }.sorted { left, right in
      left.1 == right.1 ? left.0.lexicographicallyPrecedes(right.0) : left.1 < right.1
    }
  }
}

@Suite("Sorted sets against a model")
struct SortedSetModelTests {
  private static let key = Array("zset".utf8)

  /// Which members and scores a run draws.
  struct Shape: Sendable, CustomTestStringConvertible {
    let name: String
    let memberCount: Int
    let scoreCount: Int
    let steps: Int
    let longShare: Int
    var packedEntries = 16

    var testDescription: String { name }

    func member(_ random: inout SeededRandom) -> [UInt8] {
      let number = random.below(memberCount)
      switch number % 16 {
      case 0: return Array("\(number)".utf8)
      case 1: return Array("-\(number * 7_919 % 100_000_007)".utf8)
      case 2: return Array(repeating: UInt8(truncatingIfNeeded: number), count: number % 40)
      case 3 where longShare > 0 && number % longShare == 3:
        return Array("\(number)|".utf8) + Array(repeating: 0x7a, count: 100 + number % 900)
      default: return Array("member:\(number * 31 % 1_000_003)".utf8)
      }
    }

    func score(_ random: inout SeededRandom) -> Double {
      if scoreCount == 0 { return Double(Int64(bitPattern: random.next()) >> 20) / 1_024 }
      switch random.below(40) {
      case 0: return .infinity
      case 1: return -.infinity
      default: return Double(random.below(scoreCount)) - Double(scoreCount / 2)
      }
    }
  }

  static let shapes = [
    Shape(name: "small", memberCount: 30, scoreCount: 5, steps: 20_000, longShare: 0, packedEntries: 128),
    Shape(name: "around the conversion", memberCount: 40, scoreCount: 20, steps: 20_000, longShare: 8),
    Shape(
      name: "thousands, distinct scores", memberCount: 20_000, scoreCount: 0, steps: 30_000, longShare: 64),
    Shape(name: "thousands, few scores", memberCount: 20_000, scoreCount: 3, steps: 30_000, longShare: 64),
    Shape(name: "thousands, one score", memberCount: 8_000, scoreCount: 1, steps: 20_000, longShare: 16),
  ]

  @Test("behave as a sorted dictionary, whatever the form", arguments: shapes)
  func randomRuns(_ shape: Shape) {
    var random = SeededRandom(test: "SortedSetModelTests.\(shape.name)")
    withKeyspace(hasher: random.hasher()) { keyspace in
      keyspace.limits.sortedSetPackedEntries = shape.packedEntries
      var model = SortedSetModel()
      // Growing and shrinking by turns.
      var removalShare = 20
      let stepCount = steps(shape.steps)
      for step in 0..<stepCount {
        if step % (stepCount / 8) == 0 { removalShare = removalShare == 20 ? 70 : 20 }
        if random.below(100) < removalShare {
          remove(shape, &random, &keyspace, &model)
        } else {
          add(shape, &random, &keyspace, &model)
        }
        keyspace.moveOneBlock()
        if step % (stepCount / 16) == 0 { check(&keyspace, model, &random, "step \(step), \(random)") }
        if keyspace.hasRemovedValues, random.below(4) == 0 { keyspace.releaseRemoved(blockMaximum: 7) }
      }
      check(&keyspace, model, &random, "the end, \(random)")
      checkRemoval(&keyspace, "\(random)")
    }
  }

  private func add(
    _ shape: Shape, _ random: inout SeededRandom, _ keyspace: inout Keyspace, _ model: inout SortedSetModel
  ) {
    let member = shape.member(&random)
    let score = shape.score(&random)
    let rule: ScoreRule =
      switch random.below(12) {
      case 0: .onlyNew
      case 1: .onlyExisting
      case 2: .onlyGreater
      case 3: .onlyLess
      case 4: .increments
      default: []
      }
    let outcome = keyspace.zadd(Self.key, member, score, rule)
    let old = model[member]
    var expected: (ScoreOutcome.Change, Double?) = (.added, score)
    if let old {
      let new = rule == .increments ? old + score : score
      if rule == .onlyNew || (rule == .onlyGreater && new <= old) || (rule == .onlyLess && new >= old) {
        expected = (.refused, old)
      } else if new.isNaN {
        expected = (.notANumber, old)
      } else {
        expected = (new == old ? .unchanged : .updated, new)
      }
    } else if rule == .onlyExisting {
      expected = (.refused, nil)
    }
    expectEqual(outcome, expected.0, "\(member) \(score) \(rule.rawValue) \(random)")
    model[member] = expected.1
  }

  private func remove(
    _ shape: Shape, _ random: inout SeededRandom, _ keyspace: inout Keyspace, _ model: inout SortedSetModel
  ) {
    guard random.below(50) == 0, model.count > 0 else {
      let member = shape.member(&random)
      let expected = model[member]
      expectEqual(keyspace.zrem(Self.key, member), expected, "\(member) \(random)")
      model[member] = nil
      return
    }
    let sorted = model.sorted
    let start = random.below(sorted.count)
    let count = min(random.below(40) + 1, sorted.count - start)
    keyspace.withEntry(Self.key) { keyspace, entry in
      let isLeft = keyspace.removeScored(inRanks: start..<(start + count), from: entry)
      expectEqual(isLeft, count < sorted.count, "\(random)")
    }
    for (member, _) in sorted[start..<(start + count)] { model[member] = nil }
  }

  private func check(
    _ keyspace: inout Keyspace, _ model: SortedSetModel, _ random: inout SeededRandom, _ comment: String
  ) {
    let sorted = model.sorted
    let found: Void? = keyspace.withEntry(Self.key) { keyspace, entry in
      expectEqual(entry.sortedSetCount, sorted.count, comment)
      if entry.isLarge { LargeSortedSetInvariants.expect(entry, comment) }
      checkOrder(entry, sorted, comment)
      for _ in 0..<40 { checkRanges(entry, sorted, &random, comment) }
      checkScan(entry, sorted, comment)
      for place in stride(from: 0, to: sorted.count, by: max(sorted.count / 50, 1)) {
        let (member, score) = sorted[place]
        withView(member) { view in
          expectEqual(entry.score(of: Element(view)), score, comment)
          let rank = entry.rank(of: Element(view))
          expectEqual(rank?.rank, place, comment)
          expectEqual(rank?.score, score, comment)
        }
      }
    }
    expectEqual(found == nil, sorted.isEmpty, comment)
  }

  private func checkOrder(_ entry: Entry, _ sorted: [(member: [UInt8], score: Double)], _ comment: String) {
    for reversed in [false, true] {
      var place = reversed ? sorted.count - 1 : 0
      var isRight = true
      entry.forEachScored(inRanks: 0..<sorted.count, reversed: reversed) { member, score in
        if isRight { isRight = sorted[place].member == member.array && sorted[place].score == score }
        place += reversed ? -1 : 1
      }
      expectEqual(isRight, true, "order, \(comment)")
      expectEqual(place, reversed ? -1 : sorted.count, comment)
    }
  }

  private func checkRanges(
    _ entry: Entry, _ sorted: [(member: [UInt8], score: Double)], _ random: inout SeededRandom,
    _ comment: String
  ) {
    guard let low = sorted.randomElement(using: &random), let high = sorted.randomElement(using: &random)
    else { return }
    let range = ScoreRange(
      low.score, high.score, excludesMinimum: random.below(2) == 0, excludesMaximum: random.below(2) == 0)
    let ranks = entry.ranks(in: range)
    let expected = sorted.indices.filter {
      let score = sorted[$0].score
      return (range.excludesMinimum ? score > low.score : score >= low.score)
        && (range.excludesMaximum ? score < high.score : score <= high.score)
    }
    expectEqual(Array(ranks), expected, "\(range), \(comment)")
    guard sorted[0].score == sorted[sorted.count - 1].score else { return }
    withView(low.member) { lowest in
      withView(high.member) { highest in
        let isIncluding = random.below(2) == 0
        let texts = LexRange(
          isIncluding ? .including(lowest) : .excluding(lowest),
          isIncluding ? .including(highest) : .excluding(highest))
        let expected = sorted.indices.filter { place in
          let member = sorted[place].member
          if member == low.member || member == high.member {
            return isIncluding && !member.lexicographicallyPrecedes(low.member)
              && !high.member.lexicographicallyPrecedes(member)
          }
          return low.member.lexicographicallyPrecedes(member)
            && member.lexicographicallyPrecedes(high.member)
        }
        expectEqual(Array(entry.ranks(in: texts)), expected, comment)
        expectEqual(Array(entry.ranks(in: texts, reversed: true)), expected, comment)
      }
    }
  }

  private func checkScan(_ entry: Entry, _ sorted: [(member: [UInt8], score: Double)], _ comment: String) {
    var seen: [[UInt8]: Double] = [:]
    var cursor: UInt64 = 0
    var visits = 0
    repeat {
      cursor = entry.scanScored(from: cursor, count: 10) { member, score in
        seen[member.array] = score
        visits += 1
      }
    } while cursor != 0
    expectEqual(visits, sorted.count, comment)
    expectEqual(seen, Dictionary(uniqueKeysWithValues: sorted.map { ($0.member, $0.score) }), comment)
  }

  /// Removing the key must give back what it was said to take.
  private func checkRemoval(_ keyspace: inout Keyspace, _ comment: String) {
    keyspace.withEntry(Self.key) { keyspace, entry in
      let bytes = keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
      while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 100) }
      let before = keyspace.heap.liveBytes(.dataset)
      keyspace.remove(entry)
      while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 3) }
      expectEqual(before - keyspace.heap.liveBytes(.dataset), bytes, comment)
      expectEqual(keyspace.heap.liveBytes(.dataset), 0, comment)
    }
  }
}

extension Keyspace {
  /// ZADD of one member.
  mutating func zadd(_ key: [UInt8], _ member: [UInt8], _ score: Double, _ rule: ScoreRule = [])
    -> ScoreOutcome.Change
  {
    withView(key) { keyView in
      withView(member) { memberView in
        let key = Key(keyView, hasher: hasher)
        guard let entry = lookup(key, in: 0, for: .write) else {
          if rule.contains(.onlyExisting) { return .refused }
          _ = makeSortedSet(key, in: 0, member: Element(memberView), score: score)
          return .added
        }
        return setScore(score, of: Element(memberView), in: entry, rule).change
      }
    }
  }

  /// ZREM of one member; the score that it had.
  mutating func zrem(_ key: [UInt8], _ member: [UInt8]) -> Double? {
    withView(member) { memberView in
      withEntry(key) { $0.removeScored(Element(memberView), from: $1) } ?? nil
    }
  }
}

import Bytes
import Heap

/// Conditions on giving a member a score, as ZADD's options set them.
public struct ScoreRule: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Members that are there stay as they are.
  public static let onlyNew = ScoreRule(rawValue: 1 << 0)
  /// No members are added.
  public static let onlyExisting = ScoreRule(rawValue: 1 << 1)
  /// A member's score is only raised.
  public static let onlyGreater = ScoreRule(rawValue: 1 << 2)
  /// A member's score is only lowered.
  public static let onlyLess = ScoreRule(rawValue: 1 << 3)
  /// The score is added to the one that the member has.
  public static let increments = ScoreRule(rawValue: 1 << 4)
}

/// What came of giving a member a score.
public struct ScoreOutcome: Sendable {
  public enum Change: Sendable {
    case added
    case updated
    /// The member has the score already.
    case unchanged
    /// A condition was not met.
    case refused
    /// The sum of two infinities; nothing is changed.
    case notANumber
  }

  public let change: Change
  /// The score that the member has now; of no meaning if nothing was done.
  public let score: Double

  @inline(__always)
  init(_ change: Change, _ score: Double) {
    self.change = change
    self.score = score
  }
}

/// Changing sorted sets.
extension Keyspace {
  /// Gives a member of a sorted set a score. The entry stays valid.
  @inline(__always)
  public mutating func setScore(_ score: Double, of member: Element, in entry: Entry, _ rule: ScoreRule = [])
    -> ScoreOutcome
  {
    entry.isLarge
      ? setLargeScore(score, of: member, in: entry, rule) : setPackedScore(score, of: member, in: entry, rule)
  }

  /// Gives a key that is missing a sorted set with one member.
  public mutating func makeSortedSet(_ key: Key, in database: Int, member: Element, score: Double) -> Entry {
    if limits.sortedSetPackedEntries < 1 || member.textCount > limits.sortedSetPackedValueBytes {
      let set = LargeSortedSet.make(hasher: hasher, heap: heap)
      set.add(member, score: score, tag: set.tag(of: member), heap: heap)
      return makeLarge(key, in: database, replacing: nil, kind: .sortedSet, root: set)
    }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { scratch in
      let score = Element(score: score, scratch: scratch.baseAddress.unsafelyUnwrapped)
      let entry = makeCompact(
        key, in: database, replacing: nil, kind: .sortedSet, form: .packed, count: 1,
        byteCount: member.byteCount + score.byteCount)
      let target = entry.compactBytes.baseAddress.unsafelyUnwrapped
      member.write(to: target)
      score.write(to: target + member.byteCount)
      return entry
    }
  }

  /// What the rule makes of a new score for a member that has one: nil if the score is to be changed to `score`.
  @inline(__always)
  private static func outcome(_ score: inout Double, old: Double, _ rule: ScoreRule) -> ScoreOutcome? {
    if rule.contains(.onlyNew) { return ScoreOutcome(.refused, old) }
    if rule.contains(.increments) {
      score += old
      if score.isNaN { return ScoreOutcome(.notANumber, old) }
    }
    if rule.contains(.onlyGreater), score <= old { return ScoreOutcome(.refused, old) }
    if rule.contains(.onlyLess), score >= old { return ScoreOutcome(.refused, old) }
    return score == old ? ScoreOutcome(.unchanged, old) : nil
  }

  // MARK: Large sets

  @inline(__always)
  private mutating func setLargeScore(_ score: Double, of member: Element, in entry: Entry, _ rule: ScoreRule)
    -> ScoreOutcome
  {
    let set = entry.root(as: LargeSortedSet.self)
    let tag = set.tag(of: member)
    var score = score
    if let place = set.find(member, tag: tag) {
      if let outcome = Self.outcome(&score, old: place.score, rule) { return outcome }
      set.changeScore(of: member, at: place, to: score, heap: heap)
      dirty &+= 1
      return ScoreOutcome(.updated, score)
    }
    if rule.contains(.onlyExisting) { return ScoreOutcome(.refused, score) }
    set.add(member, score: score, tag: tag, heap: heap)
    dirty &+= 1
    return ScoreOutcome(.added, score)
  }

  // MARK: Compact sets

  private mutating func setPackedScore(
    _ score: Double, of member: Element, in entry: Entry, _ rule: ScoreRule
  )
    -> ScoreOutcome
  {
    let packed = PackedScores(entry)
    var score = score
    if let found = packed.find(member) {
      if let outcome = Self.outcome(&score, old: found.pair.score.score, rule) { return outcome }
      changePackedScore(of: member, found.pair, to: score, in: entry)
      return ScoreOutcome(.updated, score)
    }
    if rule.contains(.onlyExisting) { return ScoreOutcome(.refused, score) }
    let count = entry.compactCount
    if count >= limits.sortedSetPackedEntries || count >= CollectionForm.compactCountMaximum
      || member.textCount > limits.sortedSetPackedValueBytes
    {
      makeSortedSetLarge(entry)
      return setLargeScore(score, of: member, in: entry, [])
    }
    let position = member.withText { packed.position(of: ScoreKey(score, $0)) } - packed.start
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { scratch in
      let encoded = Element(score: score, scratch: scratch.baseAddress.unsafelyUnwrapped)
      let target = splice(
        entry, at: position, removing: 0, inserting: member.byteCount &+ encoded.byteCount)
      member.write(to: target)
      encoded.write(to: target + member.byteCount)
    }
    setCompactCount(of: entry, to: count &+ 1)
    return ScoreOutcome(.added, score)
  }

  /// Writes another score to a pair, then puts the pair where it belongs.
  private mutating func changePackedScore(
    of member: Element, _ pair: PackedScores.Pair, to score: Double, in entry: Entry
  ) {
    let packed = PackedScores(entry)
    let offset = pair.start - packed.start
    let position = member.withText { packed.position(of: ScoreKey(score, $0)) } - packed.start
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { scratch in
      let encoded = Element(score: score, scratch: scratch.baseAddress.unsafelyUnwrapped)
      let oldBytes = pair.byteCount
      let newBytes = pair.memberBytes &+ encoded.byteCount
      let target = splice(
        entry, at: offset &+ pair.memberBytes, removing: pair.score.byteCount, inserting: encoded.byteCount)
      encoded.write(to: target)
      let start = entry.compactBytes.baseAddress.unsafelyUnwrapped
      if position > offset {
        // It was counted with the pair at its old place.
        Self.rotate(start + offset, front: newBytes, total: position &- offset &- oldBytes &+ newBytes)
      } else if position < offset {
        Self.rotate(start + position, front: offset &- position, total: offset &- position &+ newBytes)
      }
    }
  }

  /// Exchanges the first `front` of `total` bytes with the others.
  private static func rotate(_ start: UnsafeMutablePointer<UInt8>, front: Int, total: Int) {
    let back = total - front
    if front == 0 || back == 0 { return }
    let shorter = min(front, back)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: shorter) { spare in
      let spare = spare.baseAddress.unsafelyUnwrapped
      if front <= back {
        copyBytes(from: start, to: spare, front)
        moveBytes(from: start + front, to: start, back)
        copyBytes(from: spare, to: start + back, front)
      } else {
        copyBytes(from: start + front, to: spare, back)
        moveBytes(from: start, to: start + back, front)
        copyBytes(from: spare, to: start, back)
      }
    }
  }

  /// Takes a compact set out of its key's block.
  @inline(never)
  private mutating func makeSortedSetLarge(_ entry: Entry) {
    let set = LargeSortedSet.make(hasher: hasher, heap: heap)
    PackedScores(entry).forEach(inRanks: 0..<entry.compactCount, reversed: false) { item, score in
      let element = Element(item)
      set.add(element, score: score, tag: set.tag(of: element), heap: heap)
    }
    replaceByLarge(entry, root: set)
    // Only the form has changed.
    dirty -= 1
  }

  // MARK: Removing

  /// Removes a member. The entry is not valid any more if the set becomes empty. Returns the score that the member had,
  /// nil if the set does not have it.
  @inline(__always)
  public mutating func removeScored(_ member: Element, from entry: Entry) -> Double? {
    if entry.isLarge {
      let set = entry.root(as: LargeSortedSet.self)
      guard let place = set.find(member, tag: set.tag(of: member)) else { return nil }
      let score = place.score
      if set.count == 1 {
        remove(entry)
      } else {
        set.remove(member, at: place, heap: heap)
        dirty &+= 1
      }
      return score
    }
    let packed = PackedScores(entry)
    guard let found = packed.find(member) else { return nil }
    let score = found.pair.score.score
    let count = entry.compactCount
    if count == 1 {
      remove(entry)
    } else {
      _ = splice(entry, at: found.pair.start - packed.start, removing: found.pair.byteCount, inserting: 0)
      setCompactCount(of: entry, to: count &- 1)
    }
    return score
  }

  /// Removes the members of some ranks, which must exist. The entry is not valid any more if none is left; returns
  /// whether some are.
  @discardableResult
  public mutating func removeScored(inRanks ranks: Range<Int>, from entry: Entry) -> Bool {
    if ranks.isEmpty { return true }
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + ranks.count }
    let count = entry.sortedSetCount
    if ranks.count == count {
      remove(entry)
      return false
    }
    if entry.isLarge {
      entry.root(as: LargeSortedSet.self).removeMembers(ranks, heap: heap)
      return true
    }
    let packed = PackedScores(entry)
    let first = packed.pair(atRank: ranks.lowerBound)
    var end = first
    for _ in 0..<ranks.count { end = PackedScores.Pair(at: end).end }
    _ = splice(entry, at: first - packed.start, removing: end - first, inserting: 0)
    setCompactCount(of: entry, to: count - ranks.count)
    return true
  }
}

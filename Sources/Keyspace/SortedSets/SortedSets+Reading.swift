import Bytes

/// Reading sorted sets: of entries of that kind only. What is given is valid until the keyspace is next changed.
extension Entry {
  private var largeSortedSet: UnsafeMutablePointer<LargeSortedSet> {
    @inline(__always) get { root(as: LargeSortedSet.self) }
  }

  /// Members of a sorted set.
  @inline(__always)
  public var sortedSetCount: Int { isLarge ? largeSortedSet.count : compactCount }

  /// Whether a sorted set is kept in its key's block.
  public var isPackedSortedSet: Bool { !isLarge }

  /// The score of a member; nil if the set does not have it.
  @inline(__always)
  public func score(of member: Element) -> Double? {
    if isLarge {
      let set = largeSortedSet
      return set.find(member, tag: set.tag(of: member))?.score
    }
    return PackedScores(self).find(member)?.pair.score.score
  }

  /// How many members stand before a member, and its score; nil if the set does not have it.
  @inline(__always)
  public func rank(of member: Element) -> (rank: Int, score: Double)? {
    if isLarge {
      let set = largeSortedSet
      guard let place = set.find(member, tag: set.tag(of: member)) else { return nil }
      return (member.withText { set.rank(of: place, text: $0) }, place.score)
    }
    guard let found = PackedScores(self).find(member) else { return nil }
    return (found.rank, found.pair.score.score)
  }

  /// The ranks of the members whose scores lie in a range.
  public func ranks(in range: ScoreRange) -> Range<Int> {
    guard isLarge else { return PackedScores(self).ranks(in: range) }
    let set = largeSortedSet
    let first = set.countOfMembers(below: range.minimum, orEqual: range.excludesMinimum)
    let end = set.countOfMembers(below: range.maximum, orEqual: !range.excludesMaximum)
    return min(first, end)..<end
  }

  /// The ranks of the members that lie in a range of texts, in a set whose scores are all the same. (Of others some run
  /// of members is given, which may depend on the direction in which it is to be read.)
  public func ranks(in range: LexRange, reversed: Bool = false) -> Range<Int> {
    guard isLarge else { return PackedScores(self).ranks(in: range, reversed: reversed) }
    let first = Self.members(of: largeSortedSet, before: range.minimum, isMinimum: true)
    let end = Self.members(of: largeSortedSet, before: range.maximum, isMinimum: false)
    return min(first, end)..<end
  }

  /// Members in front of the place that a bound marks.
  private static func members(
    of set: UnsafeMutablePointer<LargeSortedSet>, before bound: LexRange.Bound, isMinimum: Bool
  ) -> Int {
    switch bound {
    case .lowest: 0
    case .highest: set.count
    case .including(let text): set.countOfMembers(before: text, orEqual: !isMinimum)
    case .excluding(let text): set.countOfMembers(before: text, orEqual: isMinimum)
    }
  }

  /// Calls `body` with the members of some ranks, which must exist, and their scores, upwards or downwards.
  @inline(__always)
  public func forEachScored(inRanks ranks: Range<Int>, reversed: Bool = false, _ body: (Item, Double) -> Void)
  {
    if isLarge {
      largeSortedSet.forEachMember(
        fromRank: reversed ? ranks.upperBound - 1 : ranks.lowerBound, count: ranks.count, reversed: reversed,
        body)
    } else {
      PackedScores(self).forEach(inRanks: ranks, reversed: reversed, body)
    }
  }

  /// Calls `body` with all members whose scores lie in a range, in ascending order.
  public func forEachScored(in range: ScoreRange, _ body: (Item, Double) -> Void) {
    forEachScored(inRanks: ranks(in: range), body)
  }

  /// Calls `body` with all members, in ascending order.
  public func forEachScored(_ body: (Item, Double) -> Void) {
    forEachScored(inRanks: 0..<sortedSetCount, body)
  }

  /// Visits some members for ZSCAN, about `count`, and returns the cursor to go on with; 0 at the end.
  ///
  /// A large set is gone through in the order of its members' hashes, which change neither with scores nor with what
  /// else becomes of the set: a member that is there throughout is visited. A compact one is visited all at once.
  public func scanScored(from cursor: UInt64, count: Int, _ body: (Item, Double) -> Void) -> UInt64 {
    guard isLarge else {
      forEachScored(body)
      return 0
    }
    guard cursor <= UInt64(UInt32.max) else { return 0 }
    let set = largeSortedSet
    let end = set.forEachEntry(from: UInt32(cursor), atMost: count) { tag, leaf in
      set.forEachMember(tag: tag, in: leaf, body)
    }
    return end > UInt64(UInt32.max) ? 0 : end
  }
}

extension UnsafeMutablePointer<LargeSortedSet> {
  /// Calls `body` with the members of a leaf that have a tag: one, but for chance.
  fileprivate func forEachMember(tag: UInt32, in leaf: UInt32, _ body: (Item, Double) -> Void) {
    let leaf = pointee.leaves[leaf]
    let fingerprint = ScoreLeaf.fingerprint(tag)
    var place = leaf.next(fingerprint, from: 0)
    while place < leaf.count {
      let item = leaf.item(place)
      if self.tag(of: item) == tag { body(item, leaf.scores[place]) }
      place = leaf.next(fingerprint, from: place + 1)
    }
  }
}

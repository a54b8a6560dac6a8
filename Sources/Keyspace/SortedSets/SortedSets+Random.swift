import Bytes

/// Choosing members of sorted sets at random.
extension Entry {
  /// Calls `body` with a member, each as likely as the others.
  @inline(__always)
  public func withRandomScored(using random: inout FastRandom, _ body: (Item, Double) -> Void) {
    let rank = random.below(sortedSetCount)
    forEachScored(inRanks: rank..<(rank + 1), body)
  }

  /// Calls `body` with `count` different members, each choice of them as likely as the others. There are as many.
  public func forEachScoredSample(
    _ count: Int, using random: inout FastRandom, _ body: (Item, Double) -> Void
  ) {
    let total = sortedSetCount
    precondition(count <= total, "more members wanted than there are")
    guard count < total / Self.drawShare, isLarge else {
      return forEachScoredSelection(count, using: &random, body)
    }
    var ranks: Set<Int> = []
    ranks.reserveCapacity(count)
    while ranks.count < count {
      let rank = random.below(total)
      if ranks.insert(rank).inserted { forEachScored(inRanks: rank..<(rank + 1), body) }
    }
  }

  /// One going through, in which each member is taken as likely as the rest demands (Knuth, volume 2, algorithm S).
  private func forEachScoredSelection(
    _ count: Int, using random: inout FastRandom, _ body: (Item, Double) -> Void
  ) {
    var rest = sortedSetCount
    var wanted = count
    forEachScored { member, score in
      if wanted > 0, wanted == rest || random.below(rest) < wanted {
        body(member, score)
        wanted -= 1
      }
      rest -= 1
    }
  }

  /// For less than this part of a set, ranks are drawn; for more, the set is gone through.
  private static var drawShare: Int { 8 }
}

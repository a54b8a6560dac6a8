import Bytes

/// The items of a compact sorted set: member and score by turns, in the order of the set. A view, valid until the value
/// is next changed.
struct PackedScores {
  let start: UnsafePointer<UInt8>
  let end: UnsafePointer<UInt8>

  @inline(__always)
  init(_ entry: Entry) {
    let bytes = entry.compactBytes
    start = UnsafePointer(bytes.baseAddress.unsafelyUnwrapped)
    end = start + bytes.count
  }

  /// A member and its score as they lie in the block.
  struct Pair {
    let start: UnsafePointer<UInt8>
    let memberBytes: Int
    let score: Item

    @inline(__always)
    init(at start: UnsafePointer<UInt8>) {
      self.start = start
      memberBytes = ItemCode.byteCount(at: start)
      score = Item(at: start + memberBytes)
    }

    @inline(__always) var member: Item { Item(at: start) }
    @inline(__always) var byteCount: Int { memberBytes &+ score.byteCount }
    @inline(__always) var end: UnsafePointer<UInt8> { start + byteCount }
  }

  /// Where a member was found, and how many stand before it.
  struct Found {
    let pair: Pair
    let rank: Int
  }

  /// Looks for a member.
  @inline(__always)
  func find(_ element: Element) -> Found? {
    var next = start
    var rank = 0
    while next != end {
      if element.isStored(at: next) { return Found(pair: Pair(at: next), rank: rank) }
      next += ItemCode.byteCount(at: next)
      next += ItemCode.byteCount(at: next)
      rank &+= 1
    }
    return nil
  }

  /// Where a key belongs: at the first pair that does not stand before it.
  @inline(__always)
  func position(of key: ScoreKey) -> UnsafePointer<UInt8> {
    var next = start
    while next != end {
      let pair = Pair(at: next)
      let score = pair.score.score
      if score > key.score { break }
      if score == key.score, orderOfText(key.text, pair.member) <= 0 { break }
      next = pair.end
    }
    return next
  }

  /// Where the pair of a rank begins.
  @inline(__always)
  func pair(atRank rank: Int) -> UnsafePointer<UInt8> {
    var next = start
    for _ in 0..<rank {
      next += ItemCode.byteCount(at: next)
      next += ItemCode.byteCount(at: next)
    }
    return next
  }

  /// The ranks of the members whose scores lie in a range.
  func ranks(in range: ScoreRange) -> Range<Int> {
    var next = start
    var first = 0
    var end = 0
    while next != self.end {
      let pair = Pair(at: next)
      let score = pair.score.score
      if !range.isNotAbove(score) { break }
      if !range.isNotBelow(score) { first += 1 }
      end += 1
      next = pair.end
    }
    return min(first, end)..<end
  }

  /// The ranks of the members that lie in a range of texts. What members of different scores give is Redis's: going up, the
  /// first run of members in the range; going down (`reversed`), the last.
  func ranks(in range: LexRange, reversed: Bool) -> Range<Int> {
    var next = start
    var rank = 0
    var first: Int?
    var end = 0
    var isClosed = false
    var runStart = 0
    var firstIsNotAbove = false
    var lastIsNotBelow = false
    while next != self.end {
      let pair = Pair(at: next)
      let member = pair.member
      let isNotBelow = range.isNotBelow(member)
      let isNotAbove = range.isNotAbove(member)
      if rank == 0 { firstIsNotAbove = isNotAbove }
      lastIsNotBelow = isNotBelow
      if reversed {
        if !isNotBelow { runStart = rank + 1 }
        if isNotAbove { (first, end) = (runStart, rank + 1) }
      } else if !isClosed {
        if first == nil, isNotBelow { (first, end) = (rank, rank) }
        if first != nil { if isNotAbove { end = rank + 1 } else { isClosed = true } }
      }
      rank += 1
      next = pair.end
    }
    guard let first, firstIsNotAbove, lastIsNotBelow, first < end else { return 0..<0 }
    return first..<end
  }

  /// Calls `body` with the members of a run of ranks, upwards or downwards.
  @inline(__always)
  func forEach(inRanks ranks: Range<Int>, reversed: Bool, _ body: (Item, Double) -> Void) {
    var next = pair(atRank: ranks.lowerBound)
    if !reversed {
      for _ in 0..<ranks.count {
        let pair = Pair(at: next)
        body(pair.member, pair.score.score)
        next = pair.end
      }
      return
    }
    // Items can only be walked upwards.
    withUnsafeTemporaryAllocation(of: UnsafePointer<UInt8>.self, capacity: ranks.count) { starts in
      for place in 0..<ranks.count {
        starts[place] = next
        next = Pair(at: next).end
      }
      for place in stride(from: ranks.count - 1, through: 0, by: -1) {
        let pair = Pair(at: starts[place])
        body(pair.member, pair.score.score)
      }
    }
  }
}

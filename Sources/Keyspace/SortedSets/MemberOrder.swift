import Bytes
import Glibc

/// Where an element stands in a sorted set: by its score, and among equal scores by the bytes of its text.
struct ScoreKey {
  let score: Double
  let text: ByteView

  @inline(__always)
  init(_ score: Double, _ text: ByteView) {
    self.score = score
    self.text = text
  }
}

/// Whether the left text comes before the right one (negative), after it (positive) or is the same (0).
@inline(__always)
func orderOfTexts(_ left: ByteView, _ right: ByteView) -> Int {
  let shared = min(left.count, right.count)
  if shared >= 8 {
    let a = UInt64(bigEndian: UnsafeRawPointer(left.start).loadUnaligned(as: UInt64.self))
    let b = UInt64(bigEndian: UnsafeRawPointer(right.start).loadUnaligned(as: UInt64.self))
    if a != b { return a < b ? -1 : 1 }
  }
  let order = memcmp(left.start, right.start, shared)
  return order != 0 ? Int(order) : left.count - right.count
}

/// The same for a text and an item. An integer counts with its decimal text.
@inline(__always)
func orderOfText(_ text: ByteView, _ item: Item) -> Int {
  if let other = item.text { return orderOfTexts(text, other) }
  return orderOfText(text, integer: item.integer)
}

@inline(never)
private func orderOfText(_ text: ByteView, integer: Int64) -> Int {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { digits in
    let start = digits.baseAddress.unsafelyUnwrapped
    return orderOfTexts(text, ByteView(start: UnsafePointer(start), count: writeDecimal(integer, to: start)))
  }
}

extension Element {
  /// Calls `body` with the text, which for an integer is written out for the time of the call.
  @inline(__always)
  func withText<Result>(_ body: (ByteView) -> Result) -> Result {
    if let text { return body(text) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      return body(ByteView(start: UnsafePointer(start), count: writeDecimal(integer, to: start)))
    }
  }
}

/// How many of the ascending `scores` are below `score`. Without branches that depend on the scores: they would be
/// guessed wrong every other time.
@inline(__always)
func countBelow(_ score: Double, in scores: UnsafePointer<Double>, count: Int) -> Int {
  if count == 0 { return 0 }
  var base = 0
  var rest = count
  while rest > 1 {
    let half = rest >> 1
    base = scores[base &+ half &- 1] < score ? base &+ half : base
    rest &-= half
  }
  return scores[base] < score ? base &+ 1 : base
}

/// How many of the ascending `scores` are not above `score`.
@inline(__always)
func countNotAbove(_ score: Double, in scores: UnsafePointer<Double>, count: Int) -> Int {
  if count == 0 { return 0 }
  var base = 0
  var rest = count
  while rest > 1 {
    let half = rest >> 1
    base = scores[base &+ half &- 1] <= score ? base &+ half : base
    rest &-= half
  }
  return scores[base] <= score ? base &+ 1 : base
}

/// The size class of the allocator that `byteCount` bytes fall in: steps of 16 up to 128, then four to each power of
/// two. Blocks are made of these sizes, so that no room is hidden behind their end.
@inline(__always)
func allocationClass(_ byteCount: Int) -> Int {
  if byteCount <= 128 { return max(16, (byteCount + 15) & ~15) }
  let shift = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 2
  return (byteCount + (1 << shift) - 1) & ~((1 << shift) - 1)
}

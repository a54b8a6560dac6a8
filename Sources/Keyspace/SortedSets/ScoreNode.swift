/// An inner node of a sorted set's tree: a block of up to two kilobytes that holds the addresses of its children, leaves
/// or other nodes, how many members each has beneath it, and the scores that separate them.
///
///     [count 2] [capacity 2] [unused 4] [separators, 8 each] [counts, 8 each] [children, 8 each]
///
/// The separator of a child is a score that none of its members is below and no member of the children before it
/// is above; that of the first child means nothing. Removing members leaves separators as they are.
struct ScoreNode: Equatable {
  static let byteMaximum = 2_048
  static let headerBytes = 8
  /// Bytes that a child takes.
  static let entryBytes = 24
  static let childMaximum = (byteMaximum - headerBytes) / entryBytes

  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(base: UnsafeMutableRawPointer) { self.base = base }

  /// Makes an empty node of a block with room for `capacity` children.
  init(block: UnsafeMutableRawPointer, capacity: Int) {
    base = block
    base.storeBytes(of: 0, as: UInt16.self)
    base.storeBytes(of: UInt16(capacity), toByteOffset: 2, as: UInt16.self)
  }

  /// Bytes of the block of a node that is to have room for `count` children, and how many fit it.
  static func room(for count: Int) -> (byteCount: Int, capacity: Int) {
    let byteCount = allocationClass(headerBytes + count * entryBytes)
    return (byteCount, (byteCount - headerBytes) / entryBytes)
  }

  @inline(__always)
  var count: Int {
    get { Int(base.load(as: UInt16.self)) }
    nonmutating set { base.storeBytes(of: UInt16(newValue), as: UInt16.self) }
  }

  @inline(__always)
  var capacity: Int { Int(base.load(fromByteOffset: 2, as: UInt16.self)) }

  @inline(__always)
  var separators: UnsafeMutablePointer<Double> {
    (base + Self.headerBytes).assumingMemoryBound(to: Double.self)
  }

  /// Members beneath each child.
  @inline(__always)
  var counts: UnsafeMutablePointer<Int> {
    (base + (Self.headerBytes &+ capacity &* 8)).assumingMemoryBound(to: Int.self)
  }

  @inline(__always)
  var children: UnsafeMutablePointer<UnsafeMutableRawPointer> {
    (base + (Self.headerBytes &+ capacity &* 16)).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
  }

  /// Members beneath all children.
  var memberCount: Int { countBefore(count) }

  /// Members beneath the children before the one at `index`.
  @inline(__always)
  func countBefore(_ index: Int) -> Int {
    let counts = counts
    var sum = 0
    for child in 0..<index { sum &+= counts[child] }
    return sum
  }

  /// How many children after the first have separators below `score`: the place of the last child that can have
  /// members below it.
  @inline(__always)
  func lastChild(below score: Double) -> Int { countBelow(score, in: separators + 1, count: count &- 1) }

  /// The place of the last child that can have members not above `score`.
  @inline(__always)
  func lastChild(notAbove score: Double) -> Int {
    countNotAbove(score, in: separators + 1, count: count &- 1)
  }

  // MARK: Changing

  /// Puts a child in. There is room.
  func insert(
    _ child: UnsafeMutableRawPointer, separator: Double, memberCount: Int, at index: Int
  ) {
    let tail = count - index
    assert(count < capacity, "a node is full")
    (separators + index + 1).update(from: separators + index, count: tail)
    (counts + index + 1).update(from: counts + index, count: tail)
    (children + index + 1).update(from: children + index, count: tail)
    separators[index] = separator
    counts[index] = memberCount
    children[index] = child
    count += 1
  }

  func remove(at index: Int) {
    let tail = count - index - 1
    (separators + index).update(from: separators + index + 1, count: tail)
    (counts + index).update(from: counts + index + 1, count: tail)
    (children + index).update(from: children + index + 1, count: tail)
    count -= 1
  }

  /// Appends children of another node. There is room.
  func append(_ range: Range<Int>, of other: ScoreNode) {
    assert(count + range.count <= capacity, "a node is full")
    (separators + count).update(from: other.separators + range.lowerBound, count: range.count)
    (counts + count).update(from: other.counts + range.lowerBound, count: range.count)
    (children + count).update(from: other.children + range.lowerBound, count: range.count)
    count += range.count
  }

  /// Keeps the first `kept` children only.
  func truncate(to kept: Int) { count = kept }
}

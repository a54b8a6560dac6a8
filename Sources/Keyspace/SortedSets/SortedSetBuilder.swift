import Bytes
import Heap

/// A sorted set in the making, to become the value of a key when all its members are in: the results of ZUNIONSTORE,
/// ZRANGESTORE, GEOSEARCHSTORE. It belongs to the thread of its heap.
public struct SortedSetBuilder: ~Copyable {
  fileprivate let root: UnsafeMutablePointer<LargeSortedSet>
  fileprivate let heap: ShardHeap
  fileprivate var longest = 0
  /// As long as it is set, scores lose the sign of zero, as they do in a compact set that this one could still be.
  private var packedLimits: CollectionLimits?

  /// - Parameter growingWithin: the limits of compact sets, if the set is to come out as if each member had been added
  ///   to it by ZADD; nil if it is made as a large one first.
  public init(hasher: KeyHasher, heap: ShardHeap, growingWithin limits: CollectionLimits? = nil) {
    packedLimits = limits
    root = LargeSortedSet.make(hasher: hasher, heap: heap)
    self.heap = heap
  }

  deinit {
    var budget = Int.max
    _ = LargeSortedSet.releaseParts(of: root, heap: heap, blockBudget: &budget)
    heap.free(root, for: .dataset)
  }

  /// Hands the set over.
  fileprivate consuming func take() -> UnsafeMutablePointer<LargeSortedSet> {
    let root = root
    discard self
    return root
  }

  /// Members so far.
  public var count: Int { root.count }

  /// The score of a member; nil if it is not there yet.
  public func score(of member: Element) -> Double? {
    root.find(member, tag: root.tag(of: member))?.score
  }

  /// Calls `body` with all members, in ascending order.
  public func forEachScored(_ body: (Item, Double) -> Void) {
    root.forEachMember(fromRank: 0, count: root.count, reversed: false, body)
  }

  /// A copy of all members as plain items.
  public var flat: FlatValue {
    var value = FlatValue(kind: .sortedSet)
    forEachScored { value.appendScored($0, $1) }
    return value
  }

  /// Gives a member a score, whether it is there or not.
  public mutating func setScore(_ score: Double, of member: Element) {
    combineScore(score, of: member) { _, new in new }
  }

  /// Gives a member a score, or if it has one, what `combine` makes of the old one and this.
  public mutating func combineScore(
    _ score: Double, of member: Element, _ combine: (Double, Double) -> Double
  ) {
    let tag = root.tag(of: member)
    if let place = root.find(member, tag: tag) {
      let combined = combine(place.score, score)
      // By the bits: zeros have signs here.
      if combined.bitPattern != place.score.bitPattern {
        root.changeScore(of: member, at: place, to: combined, heap: heap)
      }
    } else {
      longest = max(longest, member.textCount)
      root.add(member, score: packedScore(score), tag: tag, heap: heap)
    }
  }

  private mutating func packedScore(_ score: Double) -> Double {
    guard let limits = packedLimits else { return score }
    if limits.keepPacked(count: count + 1, longest: longest) { return score == 0 ? 0 : score }
    packedLimits = nil
    return score
  }
}

extension Keyspace {
  /// Gives a key the sorted set that was made; without members the key has no value. What the key had before is gone.
  public mutating func place(
    _ builder: consuming SortedSetBuilder, at key: Key, in database: Int, replacing existing: Entry?,
    expiry: Int64? = nil
  ) {
    let count = builder.count
    if count == 0 {
      if let existing { remove(existing) }
    } else if limits.keepPacked(count: count, longest: builder.longest) {
      placePacked(builder.root, at: key, in: database, replacing: existing, expiry: expiry)
    } else {
      _ = makeLarge(
        key, in: database, replacing: existing, kind: .sortedSet, root: builder.take(), expiry: expiry)
    }
  }

  private mutating func placePacked(
    _ set: UnsafeMutablePointer<LargeSortedSet>, at key: Key, in database: Int, replacing existing: Entry?,
    expiry: Int64?
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { scratch in
      let scratch = scratch.baseAddress.unsafelyUnwrapped
      var byteCount = 0
      set.forEachMember(fromRank: 0, count: set.count, reversed: false) { item, score in
        byteCount += item.byteCount + Element(score: score, scratch: scratch).byteCount
      }
      let entry = makeCompact(
        key, in: database, replacing: existing, kind: .sortedSet, form: .packed, count: set.count,
        byteCount: byteCount, expiry: expiry)
      var target = entry.compactBytes.baseAddress.unsafelyUnwrapped
      set.forEachMember(fromRank: 0, count: set.count, reversed: false) { item, score in
        Element(item).write(to: target)
        target += item.byteCount
        let encoded = Element(score: score, scratch: scratch)
        encoded.write(to: target)
        target += encoded.byteCount
      }
    }
  }
}

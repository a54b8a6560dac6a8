import Bytes
import Heap

/// A sorted set that has outgrown its key's block.
///
/// Two structures that know each other:
///
/// - A *tree* in the order of the set. Its leaves hold the members themselves with their scores, about 20 to 40 to a
///   kilobyte; the inner nodes know how many members are beneath each child, so that ranks are found in both directions.
/// - An *index* from members to leaves: a page of 32-bit hashes and leaf numbers for each part of the hash's range. A
///   leaf keeps its number wherever its block goes, and only splitting and merging leaves renumbers members.
///
/// A member of 16 bytes takes 17 as an item, 8 for its score, 2 for its slot, 8 in the index: 35 bytes, and about 41 with
/// what blocks have to spare.
struct LargeSortedSet: LargeValue {
  static let form = LargeForm.sortedSet
  var header: LargeValueHeader
  /// The tree's root: a leaf if `height` is 0.
  var top: UnsafeMutableRawPointer
  /// Levels of inner nodes.
  var height = 0
  var leaves = LeafTable()
  var index = MemberIndex()
  let hasher: KeyHasher

  private init(top: UnsafeMutableRawPointer, hasher: KeyHasher) {
    header = Self.newHeader
    self.top = top
    self.hasher = hasher
  }

  /// Makes a sorted set without members, which must get some before it becomes a key's value.
  static func make(hasher: KeyHasher, heap: ShardHeap) -> UnsafeMutablePointer<LargeSortedSet> {
    // The root needs an address before anything can be counted on it.
    let nothing = UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped
    let root = makeRoot(LargeSortedSet(top: nothing, hasher: hasher), heap: heap)
    root.pointee.top = root.makeLeaf(holding: 0, heap: heap).base
    root.makeFirstPage(heap: heap)
    return root
  }
}

/// Where a member of a large sorted set is.
struct MemberPlace {
  let leaf: ScoreLeaf
  /// Its place in the leaf.
  let index: Int
  let tag: UInt32

  @inline(__always)
  var score: Double { leaf.scores[index] }
}

extension UnsafeMutablePointer<LargeSortedSet> {
  @inline(__always)
  var count: Int { pointee.header.count }

  // MARK: Members

  /// The upper half of a member's hash, by which the index knows it.
  @inline(__always)
  func tag(of element: Element) -> UInt32 { UInt32(truncatingIfNeeded: element.hash(pointee.hasher) >> 32) }

  @inline(__always)
  func tag(of item: Item) -> UInt32 { UInt32(truncatingIfNeeded: item.hash(pointee.hasher) >> 32) }

  /// Looks for a member.
  @inline(__always)
  func find(_ element: Element, tag: UInt32) -> MemberPlace? {
    let page = pointee.index.page(of: tag)
    let fingerprint = ScoreLeaf.fingerprint(tag)
    let count = page.count
    var entry = page.next(tag, from: 0)
    while entry < count {
      let leaf = pointee.leaves[page.leaves[entry]]
      if let index = leaf.find(element, fingerprint) {
        return MemberPlace(leaf: leaf, index: index, tag: tag)
      }
      entry = page.next(tag, from: entry &+ 1)
    }
    return nil
  }

  /// Adds a member that is not there.
  func add(_ element: Element, score: Double, tag: UInt32, heap: ShardHeap) {
    let leaf = element.withText { insert(element, ScoreKey(score, $0), tag: tag, heap: heap) }
    indexMember(tag, in: leaf, heap: heap)
    pointee.header.count &+= 1
  }

  /// Gives a member another score.
  func changeScore(of element: Element, at place: MemberPlace, to score: Double, heap: ShardHeap) {
    element.withText { text in
      let leaf = place.leaf
      let key = ScoreKey(score, text)
      if movesWithin(leaf, from: place.index, to: key) { return }
      let old = leaf.identifier
      var path = ScorePath()
      descend(to: ScoreKey(place.score, text), &path)
      remove(place.index..<(place.index + 1), from: leaf, &path, heap: heap)
      let new = insert(element, key, tag: place.tag, heap: heap)
      reindexMember(place.tag, from: old, to: new)
    }
  }

  /// Changes a score where the member stays between the first and the last of its leaf; false, with nothing changed,
  /// if it does not.
  @inline(__always)
  private func movesWithin(_ leaf: ScoreLeaf, from index: Int, to key: ScoreKey) -> Bool {
    if pointee.height > 0 {
      let last = leaf.count &- 1
      let staysAbove =
        index == 0 ? key.score >= leaf.scores[0] : leaf.isMember(0, before: key)
      let staysBelow = index == last ? key.score <= leaf.scores[last] : !leaf.isMember(last, before: key)
      guard staysAbove, staysBelow else { return false }
    }
    // The member itself still stands where it was: in front of the new place, it counts.
    let position = leaf.position(of: key)
    leaf.move(from: index, to: position > index ? position &- 1 : position, score: key.score)
    return true
  }

  /// Removes a member.
  func remove(_ element: Element, at place: MemberPlace, heap: ShardHeap) {
    unindexMember(place.tag, in: place.leaf.identifier, heap: heap)
    element.withText { text in
      var path = ScorePath()
      descend(to: ScoreKey(place.score, text), &path)
      remove(place.index..<(place.index + 1), from: place.leaf, &path, heap: heap)
    }
    pointee.header.count &-= 1
  }

  /// Removes the members of some ranks.
  func removeMembers(_ ranks: Range<Int>, heap: ShardHeap) {
    var rest = ranks.count
    while rest > 0 {
      var path = ScorePath()
      let (leaf, index) = descend(toRank: ranks.lowerBound, &path)
      let places = index..<min(index + rest, leaf.count)
      for place in places { unindexMember(tag(of: leaf.item(place)), in: leaf.identifier, heap: heap) }
      remove(places, from: leaf, &path, heap: heap)
      pointee.header.count -= places.count
      rest -= places.count
    }
  }
}

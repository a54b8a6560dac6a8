import Bytes
import CIntrinsics

/// A leaf of a sorted set's tree: a block of up to a kilobyte that holds some consecutive members and their scores.
///
///     [identifier 4] [count 1] [capacity / 16 1] [bytes of items 2]
///     [scores, 8 each] [slots, 2 each] … free … [items]
///
/// Scores and slots are in the order of the set; the items grow downwards from the end of the block in any order. A slot
/// says where its member's item begins, counted from the end of the block, in its lower ten bits, and in the upper six
/// holds the *fingerprint*, some bits of the member's hash. A search by score reads scores only, one for a member slots
/// only, and a leaf that grows is copied without a change.
///
/// An item too long to share a leaf lies in a block of its own; its place in the leaf has a byte that begins no item, and
/// the block's address.
struct ScoreLeaf: Equatable {
  static let byteMaximum = 1_024
  static let headerBytes = 8
  /// Bytes that a member takes beside its item.
  static let entryBytes = 10
  /// Longer items get blocks of their own.
  static let inlineItemMaximum = 240

  private static let distanceMask: UInt16 = 0x03ff
  private static let fingerprintMask: UInt16 = 0xfc00
  private static let referenceLead: UInt8 = 0xf5
  private static let referenceBytes = 9

  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(base: UnsafeMutableRawPointer) { self.base = base }

  /// Makes an empty leaf of a block of `capacity` bytes, a size class.
  init(block: UnsafeMutableRawPointer, capacity: Int, identifier: UInt32) {
    base = block
    base.storeBytes(of: identifier, as: UInt32.self)
    base.storeBytes(of: 0, toByteOffset: 4, as: UInt8.self)
    base.storeBytes(of: UInt8(capacity >> 4), toByteOffset: 5, as: UInt8.self)
    base.storeBytes(of: 0, toByteOffset: 6, as: UInt16.self)
  }

  // MARK: Geometry

  /// The number by which the member index knows the leaf, wherever its block is.
  @inline(__always)
  var identifier: UInt32 {
    get { base.load(as: UInt32.self) }
    nonmutating set { base.storeBytes(of: newValue, as: UInt32.self) }
  }

  @inline(__always)
  var count: Int { Int(base.load(fromByteOffset: 4, as: UInt8.self)) }

  @inline(__always)
  private func setCount(_ count: Int) {
    base.storeBytes(of: UInt8(truncatingIfNeeded: count), toByteOffset: 4, as: UInt8.self)
  }

  /// Bytes of the block.
  @inline(__always)
  var capacity: Int { Int(base.load(fromByteOffset: 5, as: UInt8.self)) << 4 }

  @inline(__always)
  private var itemBytes: Int {
    get { Int(base.load(fromByteOffset: 6, as: UInt16.self)) }
    nonmutating set { base.storeBytes(of: UInt16(newValue), toByteOffset: 6, as: UInt16.self) }
  }

  /// Bytes of the block that are not free.
  @inline(__always)
  var usedBytes: Int { Self.headerBytes &+ count &* Self.entryBytes &+ itemBytes }

  @inline(__always)
  var scores: UnsafeMutablePointer<Double> {
    (base + Self.headerBytes).assumingMemoryBound(to: Double.self)
  }

  @inline(__always)
  private var slots: UnsafeMutablePointer<UInt16> {
    (base + (Self.headerBytes &+ count &* 8)).assumingMemoryBound(to: UInt16.self)
  }

  /// Where the items end.
  @inline(__always)
  private var end: UnsafeMutablePointer<UInt8> {
    (base + capacity).assumingMemoryBound(to: UInt8.self)
  }

  // MARK: Members

  @inline(__always)
  private func storedStart(_ index: Int) -> UnsafeMutablePointer<UInt8> {
    end - Int(slots[index] & Self.distanceMask)
  }

  /// Where the member's item begins, in the leaf or in its own block.
  @inline(__always)
  func itemStart(_ index: Int) -> UnsafePointer<UInt8> {
    let start = storedStart(index)
    if start[0] != Self.referenceLead { return UnsafePointer(start) }
    return UnsafePointer(Self.referenced(start).assumingMemoryBound(to: UInt8.self))
  }

  @inline(__always)
  func item(_ index: Int) -> Item { Item(at: itemStart(index)) }

  @inline(__always)
  private static func referenced(_ start: UnsafeMutablePointer<UInt8>) -> UnsafeMutableRawPointer {
    let address = UnsafeRawPointer(start + 1).loadUnaligned(as: UInt.self)
    return UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// The block of a member that has its own.
  func longBlock(_ index: Int) -> UnsafeMutableRawPointer? {
    let start = storedStart(index)
    return start[0] == Self.referenceLead ? Self.referenced(start) : nil
  }

  /// Notes where the block of a member that has its own is now.
  func setLongBlock(_ index: Int, _ block: UnsafeMutableRawPointer) {
    UnsafeMutableRawPointer(storedStart(index) + 1).storeBytes(of: UInt(bitPattern: block), as: UInt.self)
  }

  /// Bytes that a member takes in the leaf.
  @inline(__always)
  private func storedBytes(_ start: UnsafePointer<UInt8>) -> Int {
    start[0] == Self.referenceLead ? Self.referenceBytes : ItemCode.byteCount(at: start)
  }

  /// Bytes that a member takes in the leaf, score and slot included.
  func bytes(of index: Int) -> Int { Self.entryBytes + storedBytes(UnsafePointer(storedStart(index))) }

  /// Bytes that a new member will take in a leaf, score and slot included.
  @inline(__always)
  static func bytes(for element: Element) -> Int {
    let count = element.byteCount
    return entryBytes &+ (count > inlineItemMaximum ? referenceBytes : count)
  }

  // MARK: Finding

  /// The slot bits for a member with this tag.
  @inline(__always)
  static func fingerprint(_ tag: UInt32) -> UInt16 { UInt16(truncatingIfNeeded: tag) << 10 }

  /// The first member from `start` on whose fingerprint is `fingerprint`; `count` if there is none.
  @inline(__always)
  func next(_ fingerprint: UInt16, from start: Int) -> Int {
    Int(
      pantala_find_masked_16(
        slots, UInt32(truncatingIfNeeded: start), UInt32(truncatingIfNeeded: count), Self.fingerprintMask,
        fingerprint))
  }

  /// The place of a member; nil if the leaf does not have it.
  @inline(__always)
  func find(_ element: Element, _ fingerprint: UInt16) -> Int? {
    let count = count
    var index = next(fingerprint, from: 0)
    while index < count {
      if element.isStored(at: itemStart(index)) { return index }
      index = next(fingerprint, from: index &+ 1)
    }
    return nil
  }

  /// How many members stand before the key.
  @inline(__always)
  func position(of key: ScoreKey) -> Int {
    let count = count
    var low = countBelow(key.score, in: scores, count: count)
    if low == count || scores[low] != key.score { return low }
    var high = low &+ countNotAbove(key.score, in: scores + low, count: count &- low)
    while low < high {
      let middle = (low &+ high) >> 1
      if orderOfText(key.text, item(middle)) > 0 { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// Whether the member stands before the key.
  @inline(__always)
  func isMember(_ index: Int, before key: ScoreKey) -> Bool {
    let score = scores[index]
    if score != key.score { return score < key.score }
    return orderOfText(key.text, item(index)) > 0
  }

  // MARK: Changing

  /// Makes room for a member at `index`: its score and fingerprint are noted, its item of `byteCount` bytes is to be
  /// written where the result points. There is room.
  @inline(__always)
  private func open(at index: Int, score: Double, fingerprint: UInt16, byteCount: Int)
    -> UnsafeMutablePointer<UInt8>
  {
    let count = count
    assert(usedBytes + Self.entryBytes + byteCount <= capacity, "a leaf is full")
    let oldSlots = base + (Self.headerBytes &+ count &* 8)
    // From the last on, since everything moves up.
    (oldSlots + (8 &+ 2 &* (index &+ 1))).copyMemory(
      from: oldSlots + 2 &* index, byteCount: 2 &* (count &- index))
    (oldSlots + 8).copyMemory(from: oldSlots, byteCount: 2 &* index)
    let place = base + (Self.headerBytes &+ index &* 8)
    (place + 8).copyMemory(from: place, byteCount: 8 &* (count &- index))
    place.storeBytes(of: score, as: Double.self)
    setCount(count &+ 1)
    let distance = itemBytes &+ byteCount
    itemBytes = distance
    slots[index] = fingerprint | UInt16(truncatingIfNeeded: distance)
    return end - distance
  }

  /// Puts a member in at `index`. If its item is long, `longBlock` is the block that holds it.
  @inline(__always)
  func insert(
    _ element: Element, score: Double, fingerprint: UInt16, longBlock: UnsafeMutableRawPointer?, at index: Int
  ) {
    guard let longBlock else {
      let target = open(at: index, score: score, fingerprint: fingerprint, byteCount: element.byteCount)
      return element.write(to: target)
    }
    let target = open(at: index, score: score, fingerprint: fingerprint, byteCount: Self.referenceBytes)
    target[0] = Self.referenceLead
    UnsafeMutableRawPointer(target + 1).storeBytes(of: UInt(bitPattern: longBlock), as: UInt.self)
  }

  /// Appends members of another leaf, in their order. There is room.
  func append(_ range: Range<Int>, of other: ScoreLeaf) {
    let old = count
    let added = range.count
    // The slots move up behind the longer run of scores.
    let oldSlots = slots
    UnsafeMutableRawPointer(oldSlots + 4 * added).copyMemory(from: oldSlots, byteCount: 2 * old)
    (scores + old).update(from: other.scores + range.lowerBound, count: added)
    setCount(old + added)
    let slots = slots
    let otherSlots = other.slots
    var distance = itemBytes
    for offset in 0..<added {
      let source = UnsafePointer(other.storedStart(range.lowerBound + offset))
      let byteCount = storedBytes(source)
      distance += byteCount
      copyBytes(from: source, to: end - distance, byteCount)
      slots[old + offset] =
        otherSlots[range.lowerBound + offset] & Self.fingerprintMask | UInt16(distance)
    }
    itemBytes = distance
    assert(usedBytes <= capacity, "a leaf is full")
  }

  /// Takes a member out. A block of its own is the caller's then.
  func remove(at index: Int) {
    let count = count
    let slots = slots
    let distance = slots[index] & Self.distanceMask
    let start = storedStart(index)
    let byteCount = storedBytes(UnsafePointer(start))
    let lowest = end - itemBytes
    if lowest < start {
      // Items that lie lower move up by as much, and their slots follow.
      UnsafeMutableRawPointer(lowest + byteCount).copyMemory(from: lowest, byteCount: start - lowest)
      let shift = UInt16(truncatingIfNeeded: byteCount)
      for place in 0..<count {
        slots[place] = slots[place] &- (slots[place] & Self.distanceMask > distance ? shift : 0)
      }
    }
    itemBytes -= byteCount
    let place = scores + index
    UnsafeMutableRawPointer(place).copyMemory(from: place + 1, byteCount: 8 * (count - index - 1))
    let newSlots = UnsafeMutableRawPointer(slots) - 8
    newSlots.copyMemory(from: slots, byteCount: 2 * index)
    (newSlots + 2 * index).copyMemory(from: slots + index + 1, byteCount: 2 * (count - index - 1))
    setCount(count - 1)
  }

  /// Gives the member at `index` another score, and the place `target` that belongs to it.
  @inline(__always)
  func move(from index: Int, to target: Int, score: Double) {
    let scores = scores
    let slots = slots
    let slot = slots[index]
    if target > index {
      UnsafeMutableRawPointer(scores + index).copyMemory(
        from: scores + index + 1, byteCount: 8 &* (target &- index))
      UnsafeMutableRawPointer(slots + index).copyMemory(
        from: slots + index + 1, byteCount: 2 &* (target &- index))
    } else if target < index {
      UnsafeMutableRawPointer(scores + target + 1).copyMemory(
        from: scores + target, byteCount: 8 &* (index &- target))
      UnsafeMutableRawPointer(slots + target + 1).copyMemory(
        from: slots + target, byteCount: 2 &* (index &- target))
    }
    scores[target] = score
    slots[target] = slot
  }

  /// Copies everything into another, larger or smaller block that has room for it.
  func copy(to block: UnsafeMutableRawPointer, capacity newCapacity: Int) -> ScoreLeaf {
    let front = Self.headerBytes + count * Self.entryBytes
    assert(usedBytes <= newCapacity, "a leaf is full")
    copyBytes(
      from: base.assumingMemoryBound(to: UInt8.self), to: block.assumingMemoryBound(to: UInt8.self), front)
    copyBytes(
      from: UnsafePointer(end - itemBytes),
      to: (block + (newCapacity - itemBytes)).assumingMemoryBound(to: UInt8.self), itemBytes)
    block.storeBytes(of: UInt8(newCapacity >> 4), toByteOffset: 5, as: UInt8.self)
    return ScoreLeaf(base: block)
  }
}

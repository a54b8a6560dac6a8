import Bytes
import CIntrinsics
import Heap

/// A page of a dense table: a block in which the entries themselves lie.
///
///     [slots 2] [item bytes 2] [hole bytes 2] [size / 16 2] [fingerprints 1 …] [offsets 2 …] … free … [entries …]
///
/// Slots grow from the front and entries from the end. An entry's offset counts from the page's end, so that growing
/// moves two runs and changes no offset. Removed entries leave holes, which go when the page is next rebuilt.
struct DensePage {
  static let headerBytes = 8
  /// What a slot takes: a fingerprint and an offset.
  static let slotBytes = 3
  static let capacityMinimum = 32
  static let capacityMaximum = 1 << 16

  let base: UnsafeMutableRawPointer

  // MARK: The header

  @inline(__always)
  private func field(_ index: Int) -> Int {
    Int(base.load(fromByteOffset: index &* 2, as: UInt16.self))
  }

  @inline(__always)
  private func setField(_ index: Int, _ value: Int) {
    base.storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: index &* 2, as: UInt16.self)
  }

  /// Slots in use; there are no empty ones between them.
  @inline(__always)
  var count: Int {
    get { field(0) }
    nonmutating set { setField(0, newValue) }
  }

  /// Bytes between the first entry and the end, holes included.
  @inline(__always)
  var itemBytes: Int {
    get { field(1) }
    nonmutating set { setField(1, newValue) }
  }

  /// Bytes of removed entries among them.
  @inline(__always)
  var holeBytes: Int {
    get { field(2) }
    nonmutating set { setField(2, newValue) }
  }

  /// Bytes of the page.
  @inline(__always)
  var capacity: Int { field(3) &* 16 }

  /// Makes a block a page without entries.
  func initialize() {
    count = 0
    itemBytes = 0
    holeBytes = 0
    setField(3, min(ShardHeap.usableSize(base), Self.capacityMaximum) / 16)
  }

  @inline(__always)
  var freeBytes: Int { capacity &- Self.headerBytes &- Self.slotBytes &* count &- itemBytes }

  /// Bytes that header, slots and entries take, without the holes.
  @inline(__always)
  var liveBytes: Int { Self.headerBytes &+ Self.slotBytes &* count &+ itemBytes &- holeBytes }

  // MARK: Slots

  @inline(__always)
  var fingerprints: UnsafeMutablePointer<UInt8> {
    (base + Self.headerBytes).assumingMemoryBound(to: UInt8.self)
  }

  @inline(__always)
  private var offsets: UnsafeMutableRawPointer { base + (Self.headerBytes &+ count) }

  @inline(__always)
  func offset(_ slot: Int) -> Int { Int(offsets.loadUnaligned(fromByteOffset: slot &* 2, as: UInt16.self)) }

  @inline(__always)
  func setOffset(_ slot: Int, _ offset: Int) {
    offsets.storeBytes(of: UInt16(truncatingIfNeeded: offset), toByteOffset: slot &* 2, as: UInt16.self)
  }

  /// The entry of a slot.
  @inline(__always)
  func entry(_ slot: Int) -> DenseEntry {
    DenseEntry(start: (base + (capacity &- offset(slot))).assumingMemoryBound(to: UInt8.self))
  }

  /// Those of the 16 slots from `first` on that have this fingerprint, a bit each.
  @inline(__always)
  func slots(from first: Int, with fingerprint: UInt8) -> UInt32 {
    let matches = pantala_match_16(base + (Self.headerBytes &+ first), fingerprint)
    let left = count &- first
    return left < 16 ? matches & (1 << UInt32(truncatingIfNeeded: left) &- 1) : matches
  }

  // MARK: Changing

  /// Takes `byteCount` bytes for an entry from the free ones, and returns their offset.
  @inline(__always)
  func takeBytes(_ byteCount: Int) -> Int {
    let offset = itemBytes &+ byteCount
    itemBytes = offset
    return offset
  }

  /// Leaves the bytes of an entry to the page again.
  @inline(__always)
  func giveBytes(_ byteCount: Int, at offset: Int) {
    if offset == itemBytes {
      itemBytes = offset &- byteCount
    } else {
      holeBytes &+= byteCount
    }
  }

  /// Adds a slot and `byteCount` bytes for its entry, for which there is room. Returns where the entry is to be written.
  @inline(__always)
  func append(fingerprint: UInt8, byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    assert(freeBytes >= byteCount + Self.slotBytes, "a page has no room for an entry")
    let slot = count
    let start = fingerprints + slot
    moveBytes(from: start, to: start + 1, slot &* 2)
    start[0] = fingerprint
    count = slot &+ 1
    let offset = takeBytes(byteCount)
    setOffset(slot, offset)
    return (base + (capacity &- offset)).assumingMemoryBound(to: UInt8.self)
  }

  /// Removes a slot and its entry of `byteCount` bytes. The last slot takes its place.
  @inline(__always)
  func remove(_ slot: Int, byteCount: Int) {
    let last = count &- 1
    giveBytes(byteCount, at: offset(slot))
    if slot != last {
      setOffset(slot, offset(last))
      fingerprints[slot] = fingerprints[last]
    }
    let start = fingerprints + last
    moveBytes(from: start + 1, to: start, last &* 2)
    count = last
    if last == 0 {
      itemBytes = 0
      holeBytes = 0
    }
  }

  /// Adds a copy of another page's entry.
  @inline(__always)
  func append(_ slot: Int, of other: DensePage, byteCount: Int) {
    let target = append(fingerprint: other.fingerprints[slot], byteCount: byteCount)
    copyBytes(from: other.entry(slot).start, to: target, byteCount)
  }

  /// Fills a new page with another's entries, without its holes.
  func fill(from other: DensePage, hasValues: Bool) {
    let slotCount = other.count
    if other.holeBytes == 0 {
      count = slotCount
      itemBytes = other.itemBytes
      copyBytes(from: other.fingerprints, to: fingerprints, slotCount * Self.slotBytes)
      let bytes = other.itemBytes
      copyBytes(
        from: (other.base + (other.capacity - bytes)).assumingMemoryBound(to: UInt8.self),
        to: (base + (capacity - bytes)).assumingMemoryBound(to: UInt8.self), bytes)
      return
    }
    copyBytes(from: other.fingerprints, to: fingerprints, slotCount)
    count = slotCount
    for slot in 0..<slotCount {
      let entry = other.entry(slot)
      let byteCount = entry.byteCount(hasValue: hasValues)
      let offset = takeBytes(byteCount)
      setOffset(slot, offset)
      copyBytes(
        from: entry.start, to: (base + (capacity - offset)).assumingMemoryBound(to: UInt8.self), byteCount)
    }
  }

  /// The size class of the allocator that `byteCount` bytes fall in: steps of 16 up to 128, then four steps to each
  /// power of two.
  static func sizeClass(_ byteCount: Int) -> Int {
    if byteCount <= 128 { return max(capacityMinimum, (byteCount + 15) & ~15) }
    let step = 1 << (Int.bitWidth - 3 - (byteCount - 1).leadingZeroBitCount)
    return (byteCount + step - 1) & ~(step - 1)
  }
}

import Bytes
import CIntrinsics
import Heap

/// A key found in a table.
struct Slot {
  let segment: Segment
  let place: Place

  @inline(__always)
  var handle: Handle {
    get { segment.handle(at: place) }
    nonmutating set { segment.handlePointer(place).pointee = newValue.bits }
  }
}

/// The keys of one database on one shard: a directory of segments that split and merge one at a time.
///
/// This is extendible hashing (Fagin, Nievergelt, Pippenger, Strong, 1979): the leading bits of a key's
/// *warped* hash index the directory. A segment that is full splits in two, alone; two that have become
/// nearly empty merge. No operation ever moves more than one segment's keys, so there is no rehash pause.
///
/// The warp is what keeps memory even. Uniform hashing fills all segments at the same rate, so all would split at
/// about the same time, and the bytes per key would swing by a factor of two. The directory is therefore
/// indexed by log2(1 + u), where u is the hash read as a fraction: equal ranges of the directory then hold
/// unequal shares of the keys, spread evenly over one doubling, and at any moment some segments are full,
/// some half full, and the average stands still.
public struct Table: ~Copyable {
  /// Bits of the warped hash that a directory may use at the most: 2^28 entries, more than 10^11 keys.
  static let maximumDepth = 28
  /// Two segments merge when together they fill no more than this many slots: well below one segment's room, so
  /// that a table at the edge does not split and merge in turn.
  static let mergeSlotCount = Segment.slotCount * 4 / 10

  private let heap: ShardHeap
  let hasher: KeyHasher
  /// What the keys hold, by type: the ledger's accounts of this table.
  let accounts: UnsafeMutablePointer<TypeAccount>
  private var directory: UnsafeMutablePointer<UnsafeMutableRawPointer>?
  private(set) var depth = 0
  /// Segments that exist.
  public private(set) var segmentCount = 0
  /// Keys, expired ones that nobody has noticed yet included.
  public private(set) var count = 0
  /// Keys that have an expiry time.
  public internal(set) var expiringCount = 0

  init(heap: ShardHeap, hasher: KeyHasher, accounts: UnsafeMutablePointer<TypeAccount>) {
    self.heap = heap
    self.hasher = hasher
    self.accounts = accounts
  }

  /// Frees every segment, but not the blocks of the keys.
  mutating func releaseSegments() {
    forEachSegment { segment, _ in heap.free(segment.base, for: .tables) }
    if let directory { heap.free(directory, for: .tables) }
    forgetSegments()
  }

  /// Takes all segments out, with their keys. The directory, and all that it leads to, is the caller's then.
  mutating func detachSegments() -> DetachedSegments? {
    guard let directory else { return nil }
    let detached = DetachedSegments(directory: directory, depth: depth, allocatedBytes: allocatedBytes)
    forgetSegments()
    return detached
  }

  private mutating func forgetSegments() {
    directory = nil
    depth = 0
    segmentCount = 0
    count = 0
    expiringCount = 0
  }

  // MARK: The directory

  /// log2(1 + u) for u = `hash`'s upper half as a fraction, as a 32-bit fraction, to within a hundredth.
  @inline(__always)
  static func warp(_ hash: UInt64) -> UInt64 {
    let fraction = hash >> 32
    // u + 0.3431 u (1 - u): the parabola through the ends that stays closest to the logarithm.
    let bulge = (fraction &* (0xffff_ffff &- fraction)) >> 32
    return fraction &+ ((bulge &* 1_473_602_573) >> 32)
  }

  @inline(__always)
  private func directoryIndex(_ warped: UInt64) -> Int {
    Int(truncatingIfNeeded: warped >> UInt64(32 &- depth))
  }

  @inline(__always)
  private func segment(for hash: UInt64, in directory: UnsafeMutablePointer<UnsafeMutableRawPointer>)
    -> Segment
  {
    Segment(base: directory[directoryIndex(Self.warp(hash))])
  }

  /// Bytes of segments and directory, as the allocator counts them.
  var allocatedBytes: Int {
    segmentCount * Segment.byteCount + (directory.map { ShardHeap.usableSize($0) } ?? 0)
  }

  // MARK: Keys

  @inline(__always)
  func find(_ key: Key) -> Slot? {
    guard let directory else { return nil }
    let segment = segment(for: key.hash, in: directory)
    guard let place = segment.find(key) else { return nil }
    return Slot(segment: segment, place: place)
  }

  /// The handle of the key that has this hash.
  func find(hash: UInt64) -> Handle? {
    guard let directory else { return nil }
    let segment = segment(for: hash, in: directory)
    return segment.find(hash: hash, hasher: hasher).map(segment.handle)
  }

  /// Adds a key that is not there.
  mutating func insert(_ handle: Handle, hash: UInt64) -> Slot {
    count += 1
    if handle.hasExpiry { expiringCount += 1 }
    while true {
      if let directory {
        let segment = segment(for: hash, in: directory)
        if let place = segment.insert(handle, hash: hash, hasher: hasher) {
          return Slot(segment: segment, place: place)
        }
        split(segment, hash: hash)
      } else {
        makeFirstSegment()
      }
    }
  }

  /// Takes a key out. Its block is the caller's then.
  mutating func remove(_ slot: Slot, hash: UInt64) {
    count -= 1
    if slot.handle.hasExpiry { expiringCount -= 1 }
    slot.segment.remove(at: slot.place, hash: hash, hasher: hasher)
  }

  /// Asks for the cache lines in which a lookup of `hash` begins.
  @inline(__always)
  func prefetchBucket(_ hash: UInt64) {
    guard let directory else { return }
    segment(for: hash, in: directory).prefetchHome(hash)
  }

  /// Asks for the block of the key that has this hash, once its bucket is at hand; false if the key does not seem to
  /// live at home, and `prefetchBlockElsewhere` is to be called when the buckets asked for instead are there.
  @inline(__always)
  func prefetchBlock(_ hash: UInt64) -> Bool {
    guard let directory else { return true }
    return segment(for: hash, in: directory).prefetchBlock(hash)
  }

  /// What most likely is the handle of the key that has this hash; nil if the key does not live in its home bucket.
  @inline(__always)
  func homeCandidate(_ hash: UInt64) -> Handle? {
    guard let directory else { return nil }
    return segment(for: hash, in: directory).homeCandidate(hash)
  }

  func prefetchBlockElsewhere(_ hash: UInt64) {
    guard let directory else { return }
    segment(for: hash, in: directory).prefetchBlockElsewhere(hash)
  }

  // MARK: Growing

  private func makeSegment(depth: Int) -> Segment {
    let segment = Segment(base: heap.allocate(Segment.byteCount, for: .tables))
    segment.clear()
    segment.depth = depth
    return segment
  }

  private mutating func makeFirstSegment() {
    let first = heap.allocate(MemoryLayout<UnsafeMutableRawPointer>.stride, for: .tables)
      .bindMemory(to: UnsafeMutableRawPointer.self, capacity: 1)
    first[0] = makeSegment(depth: 0).base
    directory = first
    depth = 0
    segmentCount = 1
  }

  /// Splits the segment that `hash` falls in.
  @inline(never)
  private mutating func split(_ segment: Segment, hash: UInt64) {
    let old = segment.depth
    precondition(old < Self.maximumDepth, "a keyspace table can't grow further: its hash does not spread")
    if old == depth { doubleDirectory() }
    let new = makeSegment(depth: old + 1)
    segment.depth = old + 1
    let movingBit = UInt64(1) << UInt64(31 - old)
    segment.split(into: new, hasher: hasher) { Self.warp($0) & movingBit != 0 }
    // The directory entries of the old segment are consecutive; the upper half of them gets the new one.
    let span = 1 << (depth - old)
    let first = directoryIndex(Self.warp(hash)) & ~(span - 1)
    for index in (first + span / 2)..<(first + span) { directory?[index] = new.base }
    segmentCount += 1
  }

  private mutating func doubleDirectory() {
    guard let old = directory else { return }
    let entries = 1 << depth
    let grown = heap.allocate(entries * 2 * MemoryLayout<UnsafeMutableRawPointer>.stride, for: .tables)
      .bindMemory(to: UnsafeMutableRawPointer.self, capacity: entries * 2)
    for index in 0..<entries {
      grown[index * 2] = old[index]
      grown[index * 2 + 1] = old[index]
    }
    heap.free(old, for: .tables)
    directory = grown
    depth += 1
  }

  // MARK: Shrinking

  /// Merges the segment at directory position `index` with its sibling if both have become nearly empty, and
  /// halves the directory when no segment needs its last bit. Returns whether anything was given back.
  mutating func shrink(at index: Int) -> Bool {
    guard let directory, segmentCount > 0, index < 1 << depth else { return false }
    if count == 0 {
      releaseSegments()
      return true
    }
    let segment = Segment(base: directory[index])
    let own = segment.depth
    guard own > 0 else { return false }
    let span = 1 << (depth - own)
    let first = index & ~(span - 1)
    let siblingFirst = first ^ span
    let sibling = Segment(base: directory[siblingFirst])
    guard sibling.depth == own, segment.keyCount + sibling.keyCount <= Self.mergeSlotCount else {
      return false
    }
    guard merge(sibling, into: segment) else { return false }
    segment.depth = own - 1
    for entry in siblingFirst..<(siblingFirst + span) { directory[entry] = segment.base }
    heap.free(sibling.base, for: .tables)
    segmentCount -= 1
    halveDirectoryIfPossible()
    return true
  }

  /// Adds the keys of `sibling` to `segment`; false, with nothing changed, if they do not fit.
  private func merge(_ sibling: Segment, into segment: Segment) -> Bool {
    let trial = Segment(base: heap.allocate(Segment.byteCount, for: .tables))
    defer { heap.free(trial.base, for: .tables) }
    trial.copy(from: segment)
    var fits = true
    sibling.forEach { _, handle in
      if fits, trial.insert(handle, hash: hasher.hash(handle.key), hasher: hasher) == nil { fits = false }
    }
    if fits { segment.copy(from: trial) }
    return fits
  }

  private mutating func halveDirectoryIfPossible() {
    // The directory is looked through only when the merge may have freed its last bit, and at most once
    // for every quarter of its segments.
    guard depth > 0, segmentCount <= 1 << (depth - 1), let old = directory else { return }
    let entries = 1 << depth
    for index in 0..<entries where Segment(base: old[index]).depth == depth { return }
    let halved = heap.allocate(entries / 2 * MemoryLayout<UnsafeMutableRawPointer>.stride, for: .tables)
      .bindMemory(to: UnsafeMutableRawPointer.self, capacity: entries / 2)
    for index in 0..<(entries / 2) { halved[index] = old[index * 2] }
    heap.free(old, for: .tables)
    directory = halved
    depth -= 1
  }

  // MARK: Moving

  /// The segment whose range of warped hashes holds `warped`, moved if it lies in a sparse area; nil past the end.
  func segment(holding warped: UInt64, moving mover: inout BlockMover) -> Segment? {
    guard let directory, warped < 1 << 32 else { return nil }
    let index = directoryIndex(warped)
    let segment = Segment(base: directory[index])
    guard let moved = mover.move(segment.base, for: .tables) else { return segment }
    let span = 1 << (depth - Segment(base: moved).depth)
    let first = index & ~(span - 1)
    for entry in first..<(first + span) { directory[entry] = moved }
    return Segment(base: moved)
  }

  /// The lowest warped hash behind those of the segment of `depth` bits that holds `warped`.
  static func warpedHash(after warped: UInt64, depth: Int) -> UInt64 {
    let span = UInt64(1) << UInt64(32 - depth)
    return (warped & ~(span - 1)) + span
  }

  mutating func moveDirectory(_ mover: inout BlockMover) {
    guard let directory, let moved = mover.move(directory, for: .tables) else { return }
    self.directory = moved.bindMemory(to: UnsafeMutableRawPointer.self, capacity: 1 << depth)
  }

  // MARK: Going through

  /// Calls `body` with every segment and its first position in the directory, in the order of the directory. `body`
  /// may free the segment.
  func forEachSegment(_ body: (Segment, Int) -> Void) {
    guard let directory else { return }
    var index = 0
    while index < 1 << depth {
      let segment = Segment(base: directory[index])
      let span = 1 << (depth - segment.depth)
      body(segment, index)
      index += span
    }
  }

  /// The segment at or after a directory position, with the position after it; nil past the end.
  func segment(atPosition position: Int) -> (segment: Segment, first: Int, next: Int)? {
    guard let directory, position >= 0, position < 1 << depth else { return nil }
    let segment = Segment(base: directory[position])
    let span = 1 << (depth - segment.depth)
    let first = position & ~(span - 1)
    return (segment, first, first + span)
  }

  /// The segment whose range of warped hashes holds `warped`.
  func segment(holding warped: UInt64) -> Segment? {
    guard let directory else { return nil }
    return Segment(base: directory[directoryIndex(warped)])
  }

  /// Positions in the directory.
  var directoryCount: Int { directory == nil ? 0 : 1 << depth }
}

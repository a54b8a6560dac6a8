import Bytes
import CIntrinsics

/// A place in a segment: which bucket, and which of its slots.
struct Place: Equatable {
  var bucket: Int
  var slot: Int
}

/// A fixed-size piece of a table: 64 buckets of 14 slots, 8,192 bytes.
///
/// A bucket is 128 bytes, two cache lines: 14 one-byte fingerprints, 16 bits of notes, 14 handles. A key's
/// hash names its *home*, one of the first 60 buckets. If that is full, the key goes to the *neighbour*, the
/// bucket after it; if that is full too, to one of the four *stash* buckets at the end. A home's notes count
/// its keys in the neighbour and name the stash buckets that hold some, so that a lookup reads only what it must.
/// (The scheme is that of Dash: Lu, Hao, Wang, Lo, "Dash: Scalable Hashing on Persistent Memory", VLDB 2020.)
///
/// The notes of the first stash bucket hold the segment's depth: how many leading bits of the warped
/// hash all its keys share.
struct Segment: Equatable {
  static let bucketBytes = 128
  static let homeCount = 60
  static let bucketCount = 64
  static let slotsPerBucket = 14
  static let slotCount = bucketCount * slotsPerBucket
  static let byteCount = bucketCount * bucketBytes
  private static let notesOffset = 14
  private static let handlesOffset = 16
  private static let allSlots: UInt32 = 0x3fff

  let base: UnsafeMutableRawPointer

  // MARK: Geometry

  @inline(__always)
  static func fingerprint(_ hash: UInt64) -> UInt8 {
    // 0 marks an empty slot, so hashes ending in 0 share the fingerprint 1.
    let byte = UInt8(truncatingIfNeeded: hash)
    return byte == 0 ? 1 : byte
  }

  @inline(__always)
  static func home(_ hash: UInt64) -> Int {
    Int((((hash >> 8) & 0xffff) * UInt64(homeCount)) >> 16)
  }

  @inline(__always)
  static func neighbour(of home: Int) -> Int { home == homeCount - 1 ? 0 : home + 1 }

  @inline(__always)
  func bucket(_ index: Int) -> UnsafeMutableRawPointer { base + index &* Self.bucketBytes }

  @inline(__always)
  func handlePointer(_ place: Place) -> UnsafeMutablePointer<UInt64> {
    (bucket(place.bucket) + (Self.handlesOffset &+ place.slot &* 8)).assumingMemoryBound(to: UInt64.self)
  }

  @inline(__always)
  func handle(at place: Place) -> Handle { Handle(bits: handlePointer(place).pointee) }

  @inline(__always)
  private func setFingerprint(_ fingerprint: UInt8, at place: Place) {
    bucket(place.bucket).storeBytes(of: fingerprint, toByteOffset: place.slot, as: UInt8.self)
  }

  /// The slots of a bucket with this fingerprint, a bit each.
  @inline(__always)
  func slots(in bucket: Int, with fingerprint: UInt8) -> UInt32 {
    pantala_match_16(self.bucket(bucket), fingerprint) & Self.allSlots
  }

  @inline(__always)
  func occupiedSlots(in bucket: Int) -> UInt32 { ~slots(in: bucket, with: 0) & Self.allSlots }

  @inline(__always)
  private func freeSlot(in bucket: Int) -> Int? {
    let free = slots(in: bucket, with: 0)
    return free == 0 ? nil : free.trailingZeroBitCount
  }

  // MARK: Notes

  @inline(__always)
  private func notes(_ bucket: Int) -> UInt16 {
    self.bucket(bucket).load(fromByteOffset: Self.notesOffset, as: UInt16.self)
  }

  private func setNotes(_ notes: UInt16, _ bucket: Int) {
    self.bucket(bucket).storeBytes(of: notes, toByteOffset: Self.notesOffset, as: UInt16.self)
  }

  /// How many keys of this home live in the neighbour.
  @inline(__always)
  private func displacedCount(_ home: Int) -> Int { Int(notes(home) & 15) }

  /// The stash buckets that hold keys of this home, a bit each.
  @inline(__always)
  private func stashMask(_ home: Int) -> UInt32 { UInt32(notes(home) >> 4) & 15 }

  /// How many leading bits of the warped hash the keys share.
  var depth: Int {
    get { Int(notes(Self.homeCount)) }
    nonmutating set { setNotes(UInt16(newValue), Self.homeCount) }
  }

  // MARK: Finding

  @inline(__always)
  func find(_ key: Key) -> Place? {
    let fingerprint = Self.fingerprint(key.hash)
    let home = Self.home(key.hash)
    if let slot = find(key, fingerprint, in: home) { return Place(bucket: home, slot: slot) }
    let notes = notes(home)
    if notes == 0 { return nil }
    return findElsewhere(key, fingerprint, home: home)
  }

  private func findElsewhere(_ key: Key, _ fingerprint: UInt8, home: Int) -> Place? {
    if displacedCount(home) > 0 {
      let neighbour = Self.neighbour(of: home)
      if let slot = find(key, fingerprint, in: neighbour) { return Place(bucket: neighbour, slot: slot) }
    }
    var stash = stashMask(home)
    while stash != 0 {
      let bucket = Self.homeCount + stash.trailingZeroBitCount
      if let slot = find(key, fingerprint, in: bucket) { return Place(bucket: bucket, slot: slot) }
      stash &= stash - 1
    }
    return nil
  }

  @inline(__always)
  private func find(_ key: Key, _ fingerprint: UInt8, in bucket: Int) -> Int? {
    var candidates = slots(in: bucket, with: fingerprint)
    while candidates != 0 {
      let slot = candidates.trailingZeroBitCount
      if handle(at: Place(bucket: bucket, slot: slot)).hasKey(key.bytes) { return slot }
      candidates &= candidates - 1
    }
    return nil
  }

  /// The key that has this hash.
  func find(hash: UInt64, hasher: KeyHasher) -> Place? {
    let fingerprint = Self.fingerprint(hash)
    func find(in bucket: Int) -> Place? {
      var candidates = slots(in: bucket, with: fingerprint)
      while candidates != 0 {
        let place = Place(bucket: bucket, slot: candidates.trailingZeroBitCount)
        if hasher.hash(handle(at: place).key) == hash { return place }
        candidates &= candidates - 1
      }
      return nil
    }
    let home = Self.home(hash)
    if let place = find(in: home) { return place }
    if displacedCount(home) > 0, let place = find(in: Self.neighbour(of: home)) { return place }
    var stash = stashMask(home)
    while stash != 0 {
      if let place = find(in: Self.homeCount + stash.trailingZeroBitCount) { return place }
      stash &= stash - 1
    }
    return nil
  }

  /// Asks for the cache lines of the home bucket.
  @inline(__always)
  func prefetchHome(_ hash: UInt64) { prefetch(Self.home(hash)) }

  /// Asks for the block that a lookup of this hash will most likely read, once its home bucket is at hand. If the home
  /// does not have it, asks for the other buckets that may, and returns false: `prefetchBlockElsewhere` is next.
  @inline(__always)
  func prefetchBlock(_ hash: UInt64) -> Bool {
    let home = Self.home(hash)
    if prefetchCandidate(in: home, Self.fingerprint(hash)) { return true }
    return notes(home) == 0 || prefetchOtherBuckets(of: home)
  }

  /// Asks for the block of a key that does not live at home, once the buckets are at hand.
  func prefetchBlockElsewhere(_ hash: UInt64) {
    let home = Self.home(hash)
    let fingerprint = Self.fingerprint(hash)
    if displacedCount(home) > 0, prefetchCandidate(in: Self.neighbour(of: home), fingerprint) { return }
    var stash = stashMask(home)
    while stash != 0 {
      if prefetchCandidate(in: Self.homeCount + stash.trailingZeroBitCount, fingerprint) { return }
      stash &= stash - 1
    }
  }

  /// What most likely is the handle of the key that has this hash, if it lives at home.
  @inline(__always)
  func homeCandidate(_ hash: UInt64) -> Handle? {
    let home = Self.home(hash)
    let candidates = slots(in: home, with: Self.fingerprint(hash))
    return candidates == 0 ? nil : handle(at: Place(bucket: home, slot: candidates.trailingZeroBitCount))
  }

  @inline(__always)
  private func prefetchCandidate(in bucket: Int, _ fingerprint: UInt8) -> Bool {
    let candidates = slots(in: bucket, with: fingerprint)
    guard candidates != 0 else { return false }
    let block = handle(at: Place(bucket: bucket, slot: candidates.trailingZeroBitCount)).block
    pantala_prefetch(block)
    pantala_prefetch(block + 64)
    return true
  }

  private func prefetchOtherBuckets(of home: Int) -> Bool {
    if displacedCount(home) > 0 { prefetch(Self.neighbour(of: home)) }
    var stash = stashMask(home)
    while stash != 0 {
      prefetch(Self.homeCount + stash.trailingZeroBitCount)
      stash &= stash - 1
    }
    return false
  }

  @inline(__always)
  private func prefetch(_ index: Int) {
    let bucket = bucket(index)
    pantala_prefetch(bucket)
    pantala_prefetch(bucket + 64)
  }

  // MARK: Inserting and removing

  /// Puts a handle where there is room; nil if the segment must be split first. The key must not be there yet.
  func insert(_ handle: Handle, hash: UInt64, hasher: KeyHasher) -> Place? {
    let home = Self.home(hash)
    if let slot = freeSlot(in: home) { return put(handle, hash, at: Place(bucket: home, slot: slot)) }
    let neighbour = Self.neighbour(of: home)
    if let slot = freeSlot(in: neighbour) {
      return put(handle, hash, home: home, inNeighbourSlot: slot)
    }
    return insertElsewhere(handle, hash: hash, home: home, hasher: hasher)
  }

  /// The same where home and neighbour are full: makes room in one of them, else goes to the stash.
  ///
  /// Moving keys comes first although it reads their blocks: a segment that spares its stash is fuller by a fortieth before it must
  /// be split, and so are all segments on average.
  private func insertElsewhere(_ handle: Handle, hash: UInt64, home: Int, hasher: KeyHasher) -> Place? {
    let neighbour = Self.neighbour(of: home)
    if let slot = makeRoom(in: home, hasher) { return put(handle, hash, at: Place(bucket: home, slot: slot)) }
    if let slot = makeRoom(in: neighbour, hasher) {
      return put(handle, hash, home: home, inNeighbourSlot: slot)
    }
    for stash in 0..<(Self.bucketCount - Self.homeCount) {
      let bucket = Self.homeCount + stash
      guard let slot = freeSlot(in: bucket) else { continue }
      setNotes(notes(home) | 1 << (4 + UInt16(stash)), home)
      return put(handle, hash, at: Place(bucket: bucket, slot: slot))
    }
    return nil
  }

  @inline(__always)
  private func put(_ handle: Handle, _ hash: UInt64, at place: Place) -> Place {
    setFingerprint(Self.fingerprint(hash), at: place)
    handlePointer(place).pointee = handle.bits
    return place
  }

  private func put(_ handle: Handle, _ hash: UInt64, home: Int, inNeighbourSlot slot: Int) -> Place {
    setNotes(notes(home) + 1, home)
    return put(handle, hash, at: Place(bucket: Self.neighbour(of: home), slot: slot))
  }

  /// Frees a slot of a full home bucket by moving one key one bucket back or forth; nil if none can move.
  private func makeRoom(in bucket: Int, _ hasher: KeyHasher) -> Int? {
    let before = bucket == 0 ? Self.homeCount - 1 : bucket - 1
    let freeBefore = displacedCount(before) > 0 ? freeSlot(in: before) : nil
    let freeAfter = freeSlot(in: Self.neighbour(of: bucket))
    if freeBefore == nil && freeAfter == nil { return nil }
    for slot in 0..<Self.slotsPerBucket {
      let handle = handle(at: Place(bucket: bucket, slot: slot))
      let hash = hasher.hash(handle.key)
      let home = Self.home(hash)
      if home == bucket, let freeAfter {
        _ = put(handle, hash, home: bucket, inNeighbourSlot: freeAfter)
        return slot
      }
      if home != bucket, let freeBefore {
        setNotes(notes(before) - 1, before)
        _ = put(handle, hash, at: Place(bucket: before, slot: freeBefore))
        return slot
      }
    }
    return nil
  }

  /// Empties a slot. `hash` is that of the key in it.
  func remove(at place: Place, hash: UInt64, hasher: KeyHasher) {
    setFingerprint(0, at: place)
    handlePointer(place).pointee = 0
    let home = Self.home(hash)
    if place.bucket == home { return }
    if place.bucket < Self.homeCount {
      setNotes(notes(home) - 1, home)
    } else {
      updateStashNote(of: home, bucket: place.bucket, hasher)
    }
  }

  /// Clears a home's note of a stash bucket that holds no key of it any more.
  private func updateStashNote(of home: Int, bucket: Int, _ hasher: KeyHasher) {
    var occupied = occupiedSlots(in: bucket)
    while occupied != 0 {
      let slot = occupied.trailingZeroBitCount
      if Self.home(hasher.hash(handle(at: Place(bucket: bucket, slot: slot)).key)) == home { return }
      occupied &= occupied - 1
    }
    setNotes(notes(home) & ~(1 << UInt16(4 + bucket - Self.homeCount)), home)
  }

  // MARK: Whole segments

  /// The number of keys in the segment.
  var keyCount: Int {
    var sum = 0
    for bucket in 0..<Self.bucketCount { sum += occupiedSlots(in: bucket).nonzeroBitCount }
    return sum
  }

  /// Calls `body` for every key. `body` must not change the segment, save by handle bits in place.
  func forEach(_ body: (Place, Handle) -> Void) {
    for bucket in 0..<Self.bucketCount {
      var occupied = occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        body(place, handle(at: place))
        occupied &= occupied - 1
      }
    }
  }

  /// The same, asking for the blocks ahead.
  func forEachPrefetched(_ body: (Handle) -> Void) {
    for bucket in 0..<Self.bucketCount {
      if bucket + 1 < Self.bucketCount { prefetchBlocks(of: bucket + 1) }
      var occupied = occupiedSlots(in: bucket)
      while occupied != 0 {
        body(handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount)))
        occupied &= occupied - 1
      }
    }
  }

  /// Calls `body` for every key whose home is `home`, wherever it lives.
  func forEach(ofHome home: Int, hasher: KeyHasher, _ body: (Place, Handle, UInt64) -> Void) {
    func visit(_ bucket: Int) {
      var occupied = occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        let handle = handle(at: place)
        let hash = hasher.hash(handle.key)
        if Self.home(hash) == home { body(place, handle, hash) }
        occupied &= occupied - 1
      }
    }
    visit(home)
    if displacedCount(home) > 0 { visit(Self.neighbour(of: home)) }
    var stash = stashMask(home)
    while stash != 0 {
      visit(Self.homeCount + stash.trailingZeroBitCount)
      stash &= stash - 1
    }
  }

  /// Moves the keys for which `moves` says so to the empty segment `target`, each to the very place that it
  /// has here: nothing can fail to fit. Afterwards both segments bring home what has room there now.
  func split(into target: Segment, hasher: KeyHasher, moves: (UInt64) -> Bool) {
    // The blocks are read in an order that no prefetcher guesses; ask for a bucket's blocks ahead.
    for bucket in 0..<Self.bucketCount {
      if bucket + 1 < Self.bucketCount { prefetchBlocks(of: bucket + 1) }
      var occupied = occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        occupied &= occupied - 1
        let handle = handle(at: place)
        let hash = hasher.hash(handle.key)
        guard moves(hash) else { continue }
        setFingerprint(0, at: place)
        handlePointer(place).pointee = 0
        _ = target.put(handle, hash, at: place)
      }
    }
    settle(hasher)
    target.settle(hasher)
  }

  /// Brings keys home where there is room, and writes all notes anew.
  private func settle(_ hasher: KeyHasher) {
    for home in 0..<Self.homeCount { setNotes(0, home) }
    for bucket in (0..<Self.bucketCount).reversed() {
      var occupied = occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        occupied &= occupied - 1
        let handle = handle(at: place)
        let hash = hasher.hash(handle.key)
        let home = Self.home(hash)
        if home == bucket { continue }
        if let slot = freeSlot(in: home) {
          setFingerprint(0, at: place)
          handlePointer(place).pointee = 0
          _ = put(handle, hash, at: Place(bucket: home, slot: slot))
        } else if bucket < Self.homeCount {
          setNotes(notes(home) + 1, home)
        } else {
          setNotes(notes(home) | 1 << UInt16(4 + bucket - Self.homeCount), home)
        }
      }
    }
  }

  /// Asks for the blocks of a bucket's keys.
  func prefetchBlocks(of bucket: Int) {
    var occupied = occupiedSlots(in: bucket)
    while occupied != 0 {
      pantala_prefetch(handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount)).block)
      occupied &= occupied - 1
    }
  }

  func clear() { base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount) }

  func copy(from other: Segment) { base.copyMemory(from: other.base, byteCount: Self.byteCount) }
}

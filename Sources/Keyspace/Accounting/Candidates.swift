import Heap

/// The largest keys of one type on one shard, known by their hashes.
///
/// All keys above `threshold` are here, and some that are just as large, with their sizes: whoever makes a key larger than
/// that, or changes or removes one that was at least as large, says so. When there is no more room the threshold rises, and
/// all but the largest are dropped.
///
/// After removals few may be left. Then a *renewal* lets the threshold down, and the background sweep, which sees all
/// keys anyway, offers them again.
struct Candidates {
  /// Keys that are kept when there is no more room: as many as a question may ask for.
  static let keptCount = 512
  private static let slotCount = 1_024
  /// With more than this the table would become slow.
  private static let filledMaximum = 768
  /// With fewer the threshold is too high.
  private static let fewCount = 256

  /// A key: an empty slot is all zeros.
  struct Entry: BitwiseCopyable {
    var hash: UInt64 = 0
    /// 24 bits of database, 40 of bytes.
    private var packed: UInt64 = 0

    static let empty = Entry()
    private static let byteBits: UInt64 = 40
    private static let byteMaximum = 1 << 40 - 1

    private init() {}

    init(hash: UInt64, database: Int, byteCount: Int) {
      self.hash = hash
      packed = UInt64(database) << Self.byteBits | UInt64(min(byteCount, Self.byteMaximum))
    }

    var isEmpty: Bool { packed == 0 }
    var byteCount: Int { Int(packed & UInt64(Self.byteMaximum)) }
    var database: Int { Int(packed >> Self.byteBits) }
  }

  private var slots: UnsafeMutablePointer<Entry>?
  private(set) var count = 0
  /// Keys larger than this are here.
  private(set) var threshold = 0
  /// During a renewal, the threshold above which certainly all are here; otherwise the same.
  private(set) var completeThreshold = 0
  private(set) var isRenewing = false

  func release(heap: ShardHeap) {
    if let slots { heap.free(slots, for: .statistics) }
  }

  /// Bytes that the table takes.
  var allocatedBytes: Int { slots.map { ShardHeap.usableSize($0) } ?? 0 }

  // MARK: Changing

  /// A key has this size, which is above the threshold.
  mutating func offer(_ hash: UInt64, database: Int, byteCount: Int, heap: ShardHeap) {
    let entry = Entry(hash: hash, database: database, byteCount: byteCount)
    let slots = self.slots ?? makeSlots(heap: heap)
    let index = Self.index(of: hash, entry.database, in: slots)
    if slots[index].isEmpty {
      count += 1
      slots[index] = entry
      if count > Self.filledMaximum { drop() }
    } else {
      slots[index] = entry
    }
  }

  private mutating func makeSlots(heap: ShardHeap) -> UnsafeMutablePointer<Entry> {
    let made = heap.allocateZeroed(Self.slotCount * MemoryLayout<Entry>.stride, for: .statistics)
      .bindMemory(to: Entry.self, capacity: Self.slotCount)
    slots = made
    return made
  }

  /// A key is gone, or not above the threshold any more. It may have had no place here.
  mutating func remove(_ hash: UInt64, database: Int) {
    guard let slots else { return }
    var hole = Self.index(of: hash, database, in: slots)
    guard !slots[hole].isEmpty else { return }
    count -= 1
    slots[hole] = .empty
    // What stands behind the hole moves up if it belongs in front of it.
    var index = Self.next(hole)
    while !slots[index].isEmpty {
      let home = Self.home(slots[index].hash)
      if (index &- home) & (Self.slotCount - 1) >= (index &- hole) & (Self.slotCount - 1) {
        slots[hole] = slots[index]
        slots[index] = .empty
        hole = index
      }
      index = Self.next(index)
    }
  }

  /// A database is empty.
  ///
  /// - Parameter isLast: whether there is no key of the type any more, so that all begins anew.
  mutating func removeAll(of database: Int, isLast: Bool) {
    rebuild(entries.filter { $0.database != database })
    guard isLast else { return }
    threshold = 0
    completeThreshold = 0
    isRenewing = false
  }

  /// Two databases have changed their numbers.
  mutating func swap(_ first: Int, _ second: Int) {
    rebuild(
      entries.map { entry in
        let database = entry.database == first ? second : entry.database == second ? first : entry.database
        return Entry(hash: entry.hash, database: database, byteCount: entry.byteCount)
      })
  }

  /// Raises the threshold so far that the rest are as many as are kept.
  private mutating func drop() {
    let largest = entries.sorted { $0.byteCount > $1.byteCount }.prefix(Self.keptCount)
    threshold = largest[Self.keptCount - 1].byteCount
    completeThreshold = max(completeThreshold, threshold)
    rebuild(Array(largest))
  }

  private mutating func rebuild(_ entries: [Entry]) {
    guard let slots else { return }
    slots.update(repeating: .empty, count: Self.slotCount)
    for entry in entries { slots[Self.index(of: entry.hash, entry.database, in: slots)] = entry }
    count = entries.count
  }

  // MARK: Renewing

  /// Lets the threshold down if few are left of the type's `keyCount` keys. Returns whether a renewal began: all
  /// keys must be offered then, before `finishRenewal`.
  mutating func beginRenewal(keyCount: Int) -> Bool {
    guard !isRenewing, threshold > 0, count < Self.fewCount, keyCount > count else { return false }
    isRenewing = true
    threshold = 0
    return true
  }

  mutating func finishRenewal() {
    guard isRenewing else { return }
    isRenewing = false
    completeThreshold = threshold
  }

  // MARK: Reading

  /// All of them, in no order.
  var entries: [Entry] {
    guard let slots, count > 0 else { return [] }
    return UnsafeBufferPointer(start: slots, count: Self.slotCount).filter { !$0.isEmpty }
  }

  // MARK: Places

  @inline(__always)
  private static func home(_ hash: UInt64) -> Int {
    // Not the bits that choose shard, segment or bucket alone: their product with the golden ratio.
    Int(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15) >> 54)
  }

  @inline(__always)
  private static func next(_ index: Int) -> Int { (index &+ 1) & (slotCount - 1) }

  /// Where a key is, or would be.
  @inline(__always)
  private static func index(of hash: UInt64, _ database: Int, in slots: UnsafeMutablePointer<Entry>) -> Int {
    var index = home(hash)
    while !slots[index].isEmpty, slots[index].hash != hash || slots[index].database != database {
      index = next(index)
    }
    return index
  }
}

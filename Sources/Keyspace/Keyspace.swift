import Bytes
import Heap

/// A key that a lookup found. Valid until the keyspace is next changed.
public struct Entry {
  let slot: Slot
  /// The database that it was found in.
  public let database: Int
  public let key: Key

  public var kind: ValueKind { slot.handle.kind }
  /// When the key expires, in milliseconds since 1970; nil if it does not.
  public var expiry: Int64? { slot.handle.expiry }
  /// 0 for a key just touched, or touched often, up to 15 for one long idle.
  public var age: Int { Int(slot.handle.age) }
}

/// Counters of one shard's keyspace since the start or the last `CONFIG RESETSTAT`.
public struct KeyspaceStatistics: Sendable, Equatable {
  public var hits = 0
  public var misses = 0
  /// Keys removed because their time had come.
  public var expired = 0
  /// The part of them that the active cycle removed, and how often the cycle had to stop for lack of time.
  public var activelyExpired = 0
  public var expireCyclesCutShort = 0
  /// Microseconds spent in the active cycle.
  public var expireCycleMicroseconds = 0
  public var defragmentation = DefragmentationStatistics()
  /// Keys removed for want of memory.
  public var evicted = 0
  /// Removed keys and values that were freed in slices.
  public var freedLater = 0

  public init() {}
}

/// What a lookup is for: reads count as hits and misses and refresh the key's age.
public enum LookupPurpose: Sendable {
  case read
  case write
  /// Looks without leaving a trace, as OBJECT and TTL do.
  case peek
}

/// The keys of one shard: a table for each database, the clock by which keys expire, and the counters.
///
/// It belongs to the thread of its shard. Every operation is synchronous and leaves it whole.
public struct Keyspace: ~Copyable {
  public let heap: ShardHeap
  public let hasher: KeyHasher
  public let databaseCount: Int
  private let tables: UnsafeMutablePointer<Table>
  /// Milliseconds since 1970, as the loop read them when its turn began: one clock for all of a turn.
  public var now: Int64 = 0
  public var statistics = KeyspaceStatistics()
  /// Changes since the start; `INFO persistence` shows them.
  public var dirty = 0
  /// Whether lookups leave a key's age as it is (`CLIENT NO-TOUCH`).
  public var leavesAges = false
  /// Up to which size collections stay in their keys' blocks.
  public var limits = CollectionLimits()
  /// For choosing elements.
  public var random = FastRandom()
  var sweep = SweepState()
  /// Whether ages tell how often keys are used; what a new key's handle has for it.
  var countsUse = false
  var newKeyBits: UInt64 = 0
  var useSettings = UseSettings()
  var useFrequency = UseFrequency(logFactor: UseSettings().logFactor)
  var eviction = EvictionState()
  /// What `notes` are made about.
  public var notedKinds: KeyNoteKinds = []
  /// Whether there are notes to take.
  public internal(set) var hasNotes = false
  var notes: [KeyNote] = []
  /// What the keys hold, by database and type.
  let ledger: UnsafeMutablePointer<Ledger>
  /// Large values that were removed and are freed in slices.
  var released: ReleaseQueue
  /// Tables that were emptied at once, whose blocks are freed likewise.
  var removedTables = RemovedTables()
  /// The cycle of defragmentation that is under way.
  var defragmentation: DefragmentationCycle?

  public init(heap: ShardHeap, hasher: KeyHasher, databaseCount: Int) {
    self.heap = heap
    self.hasher = hasher
    self.databaseCount = databaseCount
    tables = .allocate(capacity: databaseCount)
    ledger = Ledger.make(databaseCount: databaseCount, heap: heap)
    released = ReleaseQueue(account: ledger.pointee.removed)
    for database in 0..<databaseCount {
      (tables + database).initialize(
        to: Table(heap: heap, hasher: hasher, accounts: ledger.pointee.newAccounts(for: database)))
    }
  }

  deinit {
    defragmentation?.mover.release()
    var remaining = released
    var tablesToFree = removedTables
    var budget = Int.max
    tablesToFree.advance(heap: heap, blockBudget: &budget) { handle in
      if let root = handle.largeRoot { remaining.release(root, heap: heap) }
    }
    for database in 0..<databaseCount { Self.empty(tables + database, heap: heap, &remaining) }
    remaining.advance(heap: heap, blockBudget: &budget)
    tables.deinitialize(count: databaseCount)
    tables.deallocate()
    Ledger.destroy(ledger)
  }

  @inline(__always)
  func table(_ database: Int) -> UnsafeMutablePointer<Table> {
    precondition(database >= 0 && database < databaseCount, "database out of range")
    return tables + database
  }

  // MARK: Finding

  /// The key, if it is there and has not expired. An expired key is removed on the way.
  @inline(__always)
  public mutating func lookup(_ key: Key, in database: Int, for purpose: LookupPurpose) -> Entry? {
    let table = table(database)
    guard let slot = table.pointee.find(key) else {
      if purpose == .read { countMiss(key, in: database) }
      return nil
    }
    let handle = slot.handle
    if handle.hasExpiry, handle.block.load(as: Int64.self) <= now {
      expire(slot, key.hash, table)
      if purpose == .read { countMiss(key, in: database) }
      return nil
    }
    if purpose == .read { statistics.hits &+= 1 }
    if purpose != .peek, handle.age != 0, !leavesAges {
      if countsUse { countUse(of: slot) } else { slot.handle.age = 0 }
    }
    return Entry(slot: slot, database: database, key: key)
  }

  @inline(never)
  private mutating func expire(_ slot: Slot, _ hash: UInt64, _ table: UnsafeMutablePointer<Table>) {
    statistics.expired += 1
    dirty += 1
    noteExpiry(.expired, slot.handle.key, in: table - tables)
    remove(slot, hash, from: table)
  }

  mutating func remove(_ slot: Slot, _ hash: UInt64, from table: UnsafeMutablePointer<Table>) {
    let handle = slot.handle
    if handle.isCollection { discardValue(of: handle, hash: hash, table.pointee.accounts) }
    removeBlock(slot, hash, from: table)
  }

  /// Removes a key whose value, if it lies outside the key's block, has gone elsewhere.
  func removeBlock(_ slot: Slot, _ hash: UInt64, from table: UnsafeMutablePointer<Table>) {
    let handle = slot.handle
    table.pointee.accounts.removeKey(handle, hash: hash)
    table.pointee.remove(slot, hash: hash)
    heap.free(handle.block, for: .dataset)
  }

  /// Asks for the cache lines in which a lookup begins. The three stages, each gone through for many keys before the
  /// next, make the memory work on all of them at once.
  ///
  /// These change nothing, but a method of a noncopyable value that is not `mutating`, called through a pointer,
  /// makes the compiler copy the whole value first.
  @inline(__always)
  public mutating func prefetchBucket(hash: UInt64, in database: Int) {
    table(database).pointee.prefetchBucket(hash)
  }

  /// The second stage: the key's block, or, where the key is not in its home bucket, the other buckets. Returns
  /// false for the latter, which need the third stage.
  @inline(__always)
  public mutating func prefetchBlock(hash: UInt64, in database: Int) -> Bool {
    table(database).pointee.prefetchBlock(hash)
  }

  /// The third stage, for keys that do not live at home.
  public mutating func prefetchBlockElsewhere(hash: UInt64, in database: Int) {
    table(database).pointee.prefetchBlockElsewhere(hash)
  }

  // MARK: Changing

  /// Removes a key.
  public mutating func remove(_ entry: Entry) {
    remove(entry.slot, entry.key.hash, from: table(entry.database))
    dirty += 1
  }

  /// Makes the value of a key `valueCount` bytes of the given kind, and returns where its bytes lie. They
  /// are undefined, but for the first ones when `preservingValue` is set. The expiry time becomes `expiry`.
  ///
  /// - Parameter spare: bytes that a block which must be replaced gets in addition, for growth to come.
  mutating func store(
    _ key: Key, in database: Int, replacing existing: Entry?, kind: ValueKind, valueCount: Int,
    expiry: Int64?, preservingValue: Bool = false, spare: Int = 0
  ) -> UnsafeMutableBufferPointer<UInt8> {
    dirty += 1
    let table = table(database)
    guard let existing else {
      noteCreation(key, in: database)
      var handle = Handle.make(
        key: key.bytes, kind: kind, valueCount: valueCount, expiry: expiry, heap: heap)
      handle.bits |= newKeyBits
      table.pointee.accounts.addKey(handle, hash: key.hash)
      return table.pointee.insert(handle, hash: key.hash).handle.value
    }
    let old = existing.slot.handle
    if old.isCollection, !preservingValue { discardValue(of: old, hash: key.hash, table.pointee.accounts) }
    if old.hasExpiry == (expiry != nil), let same = old.resized(toValueCount: valueCount, kind: kind) {
      if let expiry { same.block.storeBytes(of: expiry, as: Int64.self) }
      table.pointee.accounts.changeType(from: old, to: same, hash: key.hash)
      existing.slot.handle = same
      return same.value
    }
    var new = Handle.make(
      key: key.bytes, kind: kind, valueCount: valueCount, expiry: expiry, spare: spare, heap: heap)
    new.age = old.age
    if preservingValue {
      let kept = min(old.value.count, valueCount)
      if kept > 0, let from = old.value.baseAddress, let to = new.value.baseAddress {
        copyBytes(from: from, to: to, kept)
      }
    }
    if old.hasExpiry != new.hasExpiry { table.pointee.expiringCount += new.hasExpiry ? 1 : -1 }
    table.pointee.accounts.replaceBlock(
      old, by: new, hash: key.hash, root: preservingValue ? new.largeRoot : nil)
    existing.slot.handle = new
    heap.free(old.block, for: .dataset)
    return new.value
  }

  /// The same, as an entry.
  mutating func makeValue(
    _ key: Key, in database: Int, replacing existing: Entry?, kind: ValueKind, valueCount: Int, expiry: Int64?
  ) -> Entry {
    guard let existing else {
      dirty += 1
      noteCreation(key, in: database)
      var handle = Handle.make(
        key: key.bytes, kind: kind, valueCount: valueCount, expiry: expiry, heap: heap)
      handle.bits |= newKeyBits
      let table = table(database)
      table.pointee.accounts.addKey(handle, hash: key.hash)
      return Entry(slot: table.pointee.insert(handle, hash: key.hash), database: database, key: key)
    }
    _ = store(
      key, in: database, replacing: existing, kind: kind, valueCount: valueCount, expiry: expiry)
    return existing
  }

  /// Sets or clears the expiry time of a key.
  public mutating func setExpiry(_ entry: Entry, _ expiry: Int64?) {
    let handle = entry.slot.handle
    if let expiry, handle.hasExpiry {
      handle.block.storeBytes(of: expiry, as: Int64.self)
      dirty += 1
      return
    }
    if expiry == nil, !handle.hasExpiry { return }
    _ = store(
      entry.key, in: entry.database, replacing: entry, kind: handle.kind, valueCount: handle.value.count,
      expiry: expiry, preservingValue: true)
  }

  /// Removes all keys of a database. Returns how many there were.
  @discardableResult
  public mutating func removeAll(in database: Int) -> Int {
    let table = table(database)
    let count = table.pointee.count
    if table.pointee.segmentCount <= RemovedTables.immediateSegments {
      Self.empty(table, heap: heap, &released)
    } else if let segments = table.pointee.detachSegments() {
      removedTables.add(segments, keyCount: count)
      ledger.pointee.discard(table.pointee.accounts)
    }
    ledger.pointee.clear(table.pointee.accounts)
    dirty += count
    return count
  }

  private static func empty(
    _ table: UnsafeMutablePointer<Table>, heap: ShardHeap, _ released: inout ReleaseQueue
  ) {
    table.pointee.forEachSegment { segment, _ in
      segment.forEach { _, handle in
        if let root = handle.largeRoot { released.release(root, heap: heap) }
        heap.free(handle.block, for: .dataset)
      }
    }
    table.pointee.releaseSegments()
  }

  /// Exchanges the contents of two databases.
  public mutating func swap(_ first: Int, _ second: Int) {
    if first == second { return }
    let a = table(first).move()
    table(first).initialize(to: table(second).move())
    table(second).initialize(to: a)
    ledger.pointee.swap(table(first).pointee.accounts, table(second).pointee.accounts)
    dirty += 1
  }

  // MARK: Counting

  /// Keys in a database, expired ones that nobody has noticed yet included.
  public func count(in database: Int) -> Int { table(database).pointee.count }

  /// Keys of a database that have an expiry time.
  public func expiringCount(in database: Int) -> Int { table(database).pointee.expiringCount }

  /// What a database's table costs beside its keys' blocks, and how large it is.
  public func tableReport(in database: Int) -> TableReport {
    let table = table(database)
    return TableReport(
      keyCount: table.pointee.count, expiringCount: table.pointee.expiringCount,
      tableBytes: table.pointee.allocatedBytes, segmentCount: table.pointee.segmentCount)
  }

  /// Bytes that a key holds: its block and all that hangs on it, as the allocator counts them, and its slot's share
  /// of a bucket.
  public func allocatedBytes(of entry: Entry) -> Int {
    let handle = entry.slot.handle
    return handle.allocatedBytes + (handle.largeRoot?.pointee.allocatedBytes ?? 0) + Self.slotBytes
  }

  /// The fixed cost of a slot: a bucket's bytes over its slots, rounded up.
  public static let slotBytes =
    (Segment.bucketBytes + Segment.slotsPerBucket - 1) / Segment.slotsPerBucket

  /// Bytes that an expiry time adds to a key's block.
  public static let expiryBytes = Block.expiryBytes
}

/// The size of one table, as a value that may cross threads.
public struct TableReport: Sendable, Equatable {
  public var keyCount = 0
  public var expiringCount = 0
  /// Bytes of segments and directory.
  public var tableBytes = 0
  public var segmentCount = 0

  public init(keyCount: Int = 0, expiringCount: Int = 0, tableBytes: Int = 0, segmentCount: Int = 0) {
    self.keyCount = keyCount
    self.expiringCount = expiringCount
    self.tableBytes = tableBytes
    self.segmentCount = segmentCount
  }

  public static func + (left: TableReport, right: TableReport) -> TableReport {
    TableReport(
      keyCount: left.keyCount + right.keyCount, expiringCount: left.expiringCount + right.expiringCount,
      tableBytes: left.tableBytes + right.tableBytes, segmentCount: left.segmentCount + right.segmentCount)
  }
}

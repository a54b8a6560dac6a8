import Bytes
import Heap

/// Expiry times of fields.
///
/// Nobody sees a field whose time has come. From a packed hash it is removed when the key is next looked up; in a large
/// one it is passed over, until an operation that goes through the whole hash or the sweep removes it.
extension Keyspace {
  /// What asking for a field's time, or setting it, came to.
  public enum FieldTime {
    case missing
    /// In milliseconds since 1970; 0 for a field that does not expire.
    case time(Int64)
  }

  /// When a field expires.
  public mutating func fieldTime(_ field: Element, of entry: Entry) -> FieldTime {
    if entry.isLarge {
      let root = entry.root(as: DenseTable.self)
      guard let place = root.find(field, hash: field.hash(hasher)), isAlive(place.entry) else {
        return .missing
      }
      return .time(place.entry.time)
    }
    let packed = PackedHash(entry)
    guard let found = packed.find(field) else { return .missing }
    return .time(packed.hasTimes ? found.time : 0)
  }

  /// Sets the time when a field that is there expires; 0 clears it.
  public mutating func setFieldTime(_ field: Element, of entry: Entry, _ time: Int64) {
    if entry.isLarge {
      let root = entry.root(as: DenseTable.self)
      guard let place = root.find(field, hash: field.hash(hasher)) else { return }
      if time != 0 { noteFieldTimes() }
      root.setTime(place, time, heap: heap)
      dirty += 1
      return
    }
    if time != 0 { addTimes(to: entry) }
    setPackedTime(field, of: entry, time)
    dirty += 1
  }

  /// The same for a packed hash with times.
  mutating func setPackedTime(_ field: Element, of entry: Entry, _ time: Int64) {
    let packed = PackedHash(entry)
    guard packed.hasTimes, let found = packed.find(field) else { return }
    if time != 0, time < packed.earliestTime { packed.earliestTime = time }
    let item = Element(time)
    let target = splice(
      entry, at: found.timeOffset, removing: ItemCode.byteCount(at: found.behind), inserting: item.byteCount)
    item.write(to: target)
    // It belongs to a change that has been counted.
    dirty -= 1
  }

  /// Gives a packed hash room for times.
  mutating func addTimes(to entry: Entry) {
    noteFieldTimes()
    guard entry.form == .packed else { return }
    let packed = PackedHash(entry)
    let count = entry.compactCount
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: packed.byteCount) { copy in
      guard let source = copy.baseAddress else { return }
      copyBytes(from: packed.start, to: source, packed.byteCount)
      var target = replaceCompact(
        entry, form: .packedWithTimes, count: count,
        byteCount: PackedHash.timesHeaderBytes + packed.byteCount + count)
      PackedHash(entry).earliestTime = .max
      target += PackedHash.timesHeaderBytes
      var next = UnsafePointer(source)
      for _ in 0..<count {
        let fieldBytes = ItemCode.byteCount(at: next)
        let pairBytes = fieldBytes + ItemCode.byteCount(at: next + fieldBytes)
        copyBytes(from: next, to: target, pairBytes)
        target[pairBytes] = 0
        next += pairBytes
        target += pairBytes + 1
      }
    }
    // Another form is no change of the hash.
    dirty -= 1
  }

  /// Remembers that there are hashes whose fields expire, so that the sweep looks for them.
  @inline(__always)
  mutating func noteFieldTimes() {
    sweep.hasFieldTimes = true
    sweep.sawFieldTimes = true
  }

  // MARK: Removing what has expired

  /// Removes the fields of a packed hash whose time has come. To be called whenever a hash was looked up. Returns
  /// whether fields are left; otherwise the key is gone, and its entry no longer valid.
  @inline(__always)
  public mutating func keepsFields(_ entry: Entry) -> Bool {
    guard entry.form == .packedWithTimes, PackedHash(entry).earliestTime <= now else { return true }
    return removeExpiredFromPacked(entry)
  }

  @inline(never)
  private mutating func removeExpiredFromPacked(_ entry: Entry) -> Bool {
    let packed = PackedHash(entry)
    let first = packed.start + packed.headerBytes
    let end = packed.start + packed.byteCount
    var (next, target) = (first, first)
    var kept = 0
    var earliest = Int64.max
    while next < end {
      let value = next + ItemCode.byteCount(at: next)
      let time = value + ItemCode.byteCount(at: value)
      let following = time + ItemCode.byteCount(at: time)
      let expiry = Item(at: time).integer
      if expiry == 0 || expiry > now {
        if expiry != 0 { earliest = min(earliest, expiry) }
        if target != next { moveBytes(from: next, to: target, following - next) }
        target += following - next
        kept += 1
      }
      next = following
    }
    if kept == 0 {
      noteEmptied(entry)
      remove(entry)
      return false
    }
    packed.earliestTime = earliest
    if target == end { return true }
    noteExpiry(.fieldsExpired, entry.key.bytes, in: entry.database)
    _ = splice(entry, at: target - packed.start, removing: end - target, inserting: 0)
    setCompactCount(of: entry, to: kept)
    return true
  }

  /// Removes all fields whose time has come, of a large hash too: what an operation needs that goes through all of them.
  /// Returns whether fields are left; otherwise the key is gone, and its entry no longer valid.
  public mutating func keepsFieldsAfterRemovingExpired(_ entry: Entry) -> Bool {
    guard entry.isLarge else { return keepsFields(entry) }
    let root = entry.root(as: DenseTable.self)
    while root.pointee.earliestTime <= now {
      guard removeExpired(from: root, of: entry, pageMaximum: .max) != .emptied else { return false }
    }
    return true
  }

  private enum Purge { case complete, goesOn, emptied }

  private mutating func removeExpired(
    from root: UnsafeMutablePointer<DenseTable>, of entry: Entry, pageMaximum: Int
  ) -> Purge {
    let before = root.count
    let isComplete = root.removeExpired(now: now, pageMaximum: pageMaximum, heap: heap)
    dirty += before - root.count
    if root.count == 0 {
      noteEmptied(entry)
      remove(entry)
      return .emptied
    }
    if root.count != before { noteExpiry(.fieldsExpired, entry.key.bytes, in: entry.database) }
    return isComplete ? .complete : .goesOn
  }

  /// All fields of a hash have expired.
  private mutating func noteEmptied(_ entry: Entry) {
    noteExpiry(.fieldsExpired, entry.key.bytes, in: entry.database)
    noteExpiry(.emptied, entry.key.bytes, in: entry.database)
  }

  // MARK: The sweep

  /// Pages of one large hash that the sweep looks at before it looks at the clock again.
  private static let sweepPageMaximum = 512

  /// Removes expired fields of the hashes in a segment. Returns how many, and whether all hashes are done with: a large
  /// one may take several calls.
  mutating func removeExpiredFields(in segment: Segment, of database: Int) -> (count: Int, isDone: Bool) {
    var removed = 0
    for bucket in 0..<Segment.bucketCount {
      var occupied = segment.occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        occupied &= occupied - 1
        let handle = segment.handle(at: place)
        guard handle.kind == .hash else { continue }
        let key = handle.key
        let entry = Entry(
          slot: Slot(segment: segment, place: place), database: database,
          key: Key(key, hash: hasher.hash(key)))
        guard entry.hasFieldTimes else { continue }
        sweep.sawFieldTimes = true
        let before = entry.fieldCount
        if entry.isLarge {
          let root = entry.root(as: DenseTable.self)
          guard root.pointee.earliestTime <= now else { continue }
          switch removeExpired(from: root, of: entry, pageMaximum: Self.sweepPageMaximum) {
          case .complete: removed += before - root.count
          case .goesOn: return (removed + before - root.count, false)
          case .emptied: removed += before
          }
        } else {
          removed += keepsFields(entry) ? before - entry.fieldCount : before
        }
      }
    }
    return (removed, true)
  }
}

extension UnsafeMutablePointer where Pointee == DenseTable {
  /// Removes entries whose time has come from up to `pageMaximum` pages. Returns whether this ended a pass over the
  /// table; only then `earliestTime` is set anew. (It may still lie in the past, when entries moved meanwhile.)
  fileprivate func removeExpired(now: Int64, pageMaximum: Int, heap: ShardHeap) -> Bool {
    if pointee.purgePosition == 0 { pointee.purgeEarliestTime = .max }
    var visited = 0
    while pointee.purgePosition < pageCount, visited < pageMaximum, pointee.timedCount > 0 {
      removeExpired(inPage: pointee.purgePosition, now: now, heap: heap)
      pointee.purgePosition += 1
      visited += 1
    }
    mergePages(heap: heap)
    if pointee.purgePosition < pageCount, pointee.timedCount > 0 { return false }
    pointee.purgePosition = 0
    pointee.earliestTime = pointee.timedCount > 0 ? pointee.purgeEarliestTime : .max
    return true
  }

  private func removeExpired(inPage index: Int, now: Int64, heap: ShardHeap) {
    let page = page(index)
    var slot = page.count - 1
    while slot >= 0 {
      let entry = page.entry(slot)
      if entry.isTimed {
        if entry.time <= now {
          // The last entry takes the place; it has been looked at.
          removeEntry(DensePlace(page: page, pageIndex: index, slot: slot), heap: heap)
        } else {
          pointee.purgeEarliestTime = Swift.min(pointee.purgeEarliestTime, entry.time)
        }
      }
      slot -= 1
    }
    shrinkIfPossible(index, heap: heap)
  }
}

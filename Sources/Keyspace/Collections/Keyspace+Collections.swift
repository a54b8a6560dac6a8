import Bytes
import Heap

/// Making and changing the values of collections in their keys' blocks: what all types have in common.
extension Keyspace {
  /// Gives a key a compact collection of `byteCount` bytes of items, which the caller writes to the entry's
  /// `compactBytes`. What the key had before is gone; its expiry time becomes `expiry`.
  mutating func makeCompact(
    _ key: Key, in database: Int, replacing existing: Entry?, kind: ValueKind, form: CollectionForm,
    count: Int, byteCount: Int, expiry: Int64? = nil
  ) -> Entry {
    let entry = makeValue(
      key, in: database, replacing: existing, kind: kind,
      valueCount: CollectionForm.compactHeaderBytes + byteCount, expiry: expiry)
    entry.setCompactForm(form)
    entry.setCompactCount(count)
    table(database).pointee.accounts.attachValue(of: entry.slot.handle, hash: key.hash)
    return entry
  }

  /// Gives a key a large value. What the key had before is gone; its expiry time becomes `expiry`.
  mutating func makeLarge<Root: LargeValue>(
    _ key: Key, in database: Int, replacing existing: Entry?, kind: ValueKind,
    root: UnsafeMutablePointer<Root>, expiry: Int64? = nil
  ) -> Entry {
    let entry = makeValue(
      key, in: database, replacing: existing, kind: kind, valueCount: CollectionForm.largeBytes,
      expiry: expiry)
    entry.setRoot(root.header)
    table(database).pointee.accounts.attachValue(of: entry.slot.handle, hash: key.hash)
    return entry
  }

  /// Replaces `removed` bytes of a compact value's items, from `offset` on, by `inserted` bytes, which the caller
  /// writes where the result points. Everything else is kept, and the entry stays valid.
  mutating func splice(_ entry: Entry, at offset: Int, removing removed: Int, inserting inserted: Int)
    -> UnsafeMutablePointer<UInt8>
  {
    dirty += 1
    let old = entry.slot.handle
    let value = old.value
    let start = value.baseAddress.unsafelyUnwrapped
    let gap = CollectionForm.compactHeaderBytes + offset
    let tail = value.count - gap - removed
    assert(removed >= 0 && inserted >= 0 && tail >= 0, "a splice must lie within the value")
    let newCount = gap + inserted + tail
    if inserted == removed { return start + gap }
    if inserted < removed {
      moveBytes(from: start + gap + removed, to: start + gap + inserted, tail)
      // A block that stays leaves the items where they are now.
      if let same = old.resized(toValueCount: newCount, kind: old.kind) {
        entry.slot.handle = same
        return start + gap
      }
      let new = replacement(of: old, key: entry.key, valueCount: newCount)
      copyLong(from: start, to: new.value.baseAddress.unsafelyUnwrapped, newCount)
      table(entry.database).pointee.accounts.replaceBlock(old, by: new, hash: entry.key.hash)
      entry.slot.handle = new
      heap.free(old.block, for: .dataset)
      return new.value.baseAddress.unsafelyUnwrapped + gap
    }
    if let same = old.resized(toValueCount: newCount, kind: old.kind) {
      entry.slot.handle = same
      moveBytes(from: start + gap + removed, to: start + gap + inserted, tail)
      return start + gap
    }
    let new = replacement(of: old, key: entry.key, valueCount: newCount)
    let target = new.value.baseAddress.unsafelyUnwrapped
    copyLong(from: start, to: target, gap)
    copyLong(from: start + gap + removed, to: target + gap + inserted, tail)
    table(entry.database).pointee.accounts.replaceBlock(old, by: new, hash: entry.key.hash)
    entry.slot.handle = new
    heap.free(old.block, for: .dataset)
    return target + gap
  }

  /// Makes a compact value `byteCount` bytes of items, in another form perhaps; none of the old bytes are kept.
  mutating func replaceCompact(_ entry: Entry, form: CollectionForm, count: Int, byteCount: Int)
    -> UnsafeMutablePointer<UInt8>
  {
    _ = makeCompact(
      entry.key, in: entry.database, replacing: entry, kind: entry.kind, form: form, count: count,
      byteCount: byteCount, expiry: entry.expiry)
    return entry.compactBytes.baseAddress.unsafelyUnwrapped
  }

  /// Makes a compact value a large one, whose root the caller has filled from it. The expiry time stays.
  mutating func replaceByLarge<Root: LargeValue>(_ entry: Entry, root: UnsafeMutablePointer<Root>) {
    _ = makeLarge(
      entry.key, in: entry.database, replacing: entry, kind: entry.kind, root: root, expiry: entry.expiry)
  }

  private func replacement(of old: Handle, key: Key, valueCount: Int) -> Handle {
    var new = Handle.make(
      key: key.bytes, kind: old.kind, valueCount: valueCount, expiry: old.expiry, heap: heap)
    new.age = old.age
    return new
  }

  // MARK: Freeing

  /// Frees some of the blocks of large values that were removed. To be called in every turn.
  @inline(__always)
  public mutating func releaseRemoved(blockMaximum: Int) {
    if hasRemovedValues { advanceRelease(blockMaximum) }
  }

  @inline(never)
  private mutating func advanceRelease(_ blockMaximum: Int) {
    var budget = blockMaximum
    let freedBefore = released.freedCount
    released.advance(heap: heap, blockBudget: &budget)
    statistics.freedLater += released.freedCount - freedBefore
    if budget > 0, !removedTables.isEmpty { advanceRemovedTables(&budget) }
  }

  private mutating func advanceRemovedTables(_ budget: inout Int) {
    var queue = released
    let account = ledger.pointee.removed
    var freedCount = 0
    removedTables.advance(heap: heap, blockBudget: &budget) { handle in
      account.pointee.bytes &-= handle.countedBytes
      guard let root = handle.largeRoot else {
        freedCount += 1
        return
      }
      // It is counted again when it stands in the queue.
      account.pointee.bytes &-= root.pointee.allocatedBytes
      if queue.release(root, heap: heap) { freedCount += 1 }
    }
    released = queue
    statistics.freedLater += freedCount
  }

  /// Whether blocks of removed values still wait to be freed.
  public var hasRemovedValues: Bool {
    @inline(__always) mutating get { !released.isEmpty || !removedTables.isEmpty }
  }

  /// Keys, and values whose keys are gone already, that wait to be freed.
  public var removedValueCount: Int { removedTables.keyCount + released.addedCount - released.freedCount }

  /// What waits to be freed now, so that its end can be awaited.
  public var removalMark: RemovalMark { RemovalMark(tables: removedTables.addedCount) }

  /// Whether everything is freed that waited when the mark was set. It may come to stand further behind meanwhile, once.
  public func isFreed(_ mark: inout RemovalMark) -> Bool {
    if removedTables.freedCount < mark.tables { return false }
    let values = mark.values ?? released.addedCount
    mark.values = values
    return released.freedCount >= values
  }

  /// Bytes of the tables among them.
  public var removedTableBytes: Int { removedTables.tableBytes }
}

/// A place in what waits to be freed.
public struct RemovalMark: Sendable {
  /// So many tables must be freed first.
  fileprivate let tables: Int
  /// And then so many values, those of the tables included: known when the tables are freed.
  fileprivate var values: Int?
}

extension Entry {
  fileprivate func setRoot(_ root: UnsafeMutablePointer<LargeValueHeader>) {
    let value = slot.handle.value
    value[0] = CollectionForm.large.rawValue
    UnsafeMutableRawPointer(value.baseAddress.unsafelyUnwrapped).storeBytes(
      of: UInt(bitPattern: root), toByteOffset: 1, as: UInt.self)
  }
}

/// Moves bytes whose source and target may overlap.
@inline(__always)
func moveBytes(from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ count: Int) {
  if count > 0 { UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count) }
}

@inline(__always)
private func copyLong(
  from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  copyBytes(from: source, to: target, count)
}

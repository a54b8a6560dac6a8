import Bytes

/// Changing lists between their ends.
extension Keyspace {
  /// Puts an element where the one at `index` is; the index counts from the tail if it is negative. Returns false if
  /// there is none.
  public mutating func setListElement(_ entry: Entry, at index: Int, to text: ByteView) -> Bool {
    let count = entry.listCount
    let position = index < 0 ? index + count : index
    guard position >= 0, position < count else { return false }
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + 1 }
    let element = Element(text)
    if !entry.isLarge, makesLarge(entry, text) { makeListLarge(entry) }
    if entry.isLarge {
      entry.root(as: LargeList.self).replace(at: position, by: element, limits: limits.list, heap: heap)
      compactIfSmall(entry)
    } else {
      let run = entry.compactRun
      let offset = run.offset(of: position)
      let target = splice(
        entry, at: offset, removing: PackedCell.byteCount(at: run.start + offset),
        inserting: PackedCell.byteCount(of: element))
      PackedCell.write(element, to: target)
    }
    return true
  }

  /// Puts an element in front of or behind the first one that is `pivot`. Returns how many elements there are then; nil
  /// if there is no pivot.
  public mutating func insertIntoList(_ entry: Entry, _ text: ByteView, before: Bool, pivot: ByteView) -> Int?
  {
    var search = entry.listSearch(for: pivot, maximum: .max, backwards: false)
    guard let position = search.next() else { return nil }
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + 1 }
    let index = before ? position : position + 1
    let element = Element(text)
    if !entry.isLarge, makesLarge(entry, text) { makeListLarge(entry) }
    if entry.isLarge {
      let list = entry.root(as: LargeList.self)
      list.insert(element, at: index, limits: limits.list, heap: heap)
      return list.pointee.header.count
    }
    let run = entry.compactRun
    let target = splice(
      entry, at: run.offset(of: index), removing: 0, inserting: PackedCell.byteCount(of: element))
    PackedCell.write(element, to: target)
    setCompactCount(of: entry, to: run.count + 1)
    return run.count + 1
  }

  /// Removes up to `maximum` of the elements that are `text`, beginning from an end, and the key with the last element.
  /// Returns how many were removed.
  public mutating func removeFromList(
    _ entry: Entry, _ maximum: Int, equalTo text: ByteView, from end: ListEnd
  )
    -> Int
  {
    let element = Element(text)
    let dirtyBefore = dirty
    let removedCount: Int
    if entry.isLarge {
      let list = entry.root(as: LargeList.self)
      removedCount = list.remove(maximum, equalTo: element, from: end, limits: limits.list, heap: heap)
      if removedCount > 0 {
        if list.pointee.header.count == 0 { remove(entry) } else { compactIfSmall(entry) }
      }
    } else {
      let run = entry.compactRun
      let removed =
        end == .head
        ? run.removeFirst(maximum, equalTo: element) : run.removeLast(maximum, equalTo: element)
      removedCount = removed.count
      if removed.count == run.count {
        remove(entry)
      } else if removed.count > 0 {
        // What stays has moved together at that end.
        let offset = end == .head ? run.byteCount - removed.byteCount : 0
        _ = splice(entry, at: offset, removing: removed.byteCount, inserting: 0)
        setCompactCount(of: entry, to: run.count - removed.count)
      }
    }
    dirty = dirtyBefore + removedCount
    return removedCount
  }

  /// Removes all elements but those in `range`, which is within the list; with none left, the key.
  public mutating func trimList(_ entry: Entry, to range: Range<Int>) {
    let count = entry.listCount
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + count - range.count }
    if range.isEmpty { return remove(entry) }
    if range.lowerBound > 0 { popFromList(entry, at: .head, count: range.lowerBound) }
    if range.upperBound < count { popFromList(entry, at: .tail, count: count - range.upperBound) }
  }

  /// Moves an element from one end of a list to the other.
  public mutating func rotateList(_ entry: Entry, from end: ListEnd) {
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + 1 }
    if entry.listCount == 1 { return }
    let item = entry.listItem(at: end)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(item.textCount, Self.integerTextBytes)) {
      let scratch = $0.baseAddress.unsafelyUnwrapped
      let text = item.view(scratch: scratch)
      if item.text != nil { copyBytes(from: text.start, to: scratch, text.count) }
      popFromList(entry, at: end)
      _ = pushToList(
        entry.key, in: entry.database, existing: entry, at: end == .head ? .tail : .head,
        ByteView(start: UnsafePointer(scratch), count: text.count))
    }
  }

  /// Whether a compact list has to become large before an element is put into it.
  private func makesLarge(_ entry: Entry, _ text: ByteView) -> Bool {
    let run = entry.compactRun
    return !limits.list.allowCompact(byteCount: run.byteCount + text.count, count: run.count + 1)
  }
}

import Bytes
import Heap

/// Growing and shrinking by a page.
extension UnsafeMutablePointer where Pointee == DenseTable {
  /// Splits the page whose turn it is.
  @inline(never)
  func splitNextPage(heap: ShardHeap, hasher: KeyHasher) {
    let level = Int.bitWidth - 1 - pageCount.leadingZeroBitCount
    let index = pageCount - 1 << level
    let source = page(index)
    let slotCount = source.count
    let hasValues = pointee.hasValues
    withUnsafeTemporaryAllocation(of: Bool.self, capacity: Swift.max(slotCount, 1)) { goes in
      var highBytes = DensePage.headerBytes
      for slot in 0..<slotCount {
        let entry = source.entry(slot)
        let hash = entry.element.hash(hasher)
        goes[slot] = Self.pageBits(hash) >> UInt32(level) & 1 == 1
        if goes[slot] { highBytes += entry.byteCount(hasValue: hasValues) + DensePage.slotBytes }
      }
      let low = makePage(source.liveBytes + DensePage.headerBytes - highBytes, heap: heap)
      let high = makePage(highBytes, heap: heap)
      for slot in 0..<slotCount {
        let byteCount = source.entry(slot).byteCount(hasValue: hasValues)
        (goes[slot] ? high : low).append(slot, of: source, byteCount: byteCount)
      }
      setPage(index, low)
      appendPage(high, heap: heap)
    }
    free(source.base, heap: heap)
  }

  /// Adds the entries of the last page to those of the page that it was split from.
  @inline(never)
  func mergeLastPage(heap: ShardHeap) {
    let last = pageCount - 1
    // The page number without its highest bit.
    let index = last - 1 << (Int.bitWidth - 1 - last.leadingZeroBitCount)
    let (lower, upper) = (page(index), page(last))
    let needed = lower.liveBytes + upper.liveBytes - DensePage.headerBytes
    // Where the hash does not spread, the page that would result could be too large to exist.
    if needed > DensePage.capacityMaximum { return }
    let hasValues = pointee.hasValues
    let merged = makePage(needed, heap: heap)
    merged.fill(from: lower, hasValues: hasValues)
    // The lower page may be behind a pass that removes expired entries, and the upper one before it.
    let notesTimes = pointee.timedCount > 0
    for slot in 0..<upper.count {
      let time = notesTimes ? upper.entry(slot).time : 0
      if time != 0 { noteTime(time) }
      merged.append(slot, of: upper, byteCount: upper.entry(slot).byteCount(hasValue: hasValues))
    }
    noteSlotCount(of: merged)
    setPage(index, merged)
    free(lower.base, heap: heap)
    free(upper.base, heap: heap)
    removeLastPage(heap: heap)
    trimDirectory(heap: heap)
  }
}

extension DenseTable {
  static func releaseParts(
    of root: UnsafeMutablePointer<DenseTable>, heap: ShardHeap, blockBudget: inout Int
  ) -> Bool {
    while root.pageCount > 0, blockBudget > 0 {
      let page = root.page(root.pageCount - 1)
      if root.pointee.outsideCount > 0 {
        let before = root.pointee.outsideCount
        root.releaseOutside(of: page, heap: heap)
        blockBudget -= before - root.pointee.outsideCount
      }
      root.free(page.base, heap: heap)
      root.removeLastPage(heap: heap)
      blockBudget -= 1
    }
    if root.pageCount > 0 { return false }
    root.free(root.pointee.chunks, heap: heap)
    blockBudget -= 1
    return true
  }
}

extension UnsafeMutablePointer where Pointee == DenseTable {
  /// Frees the blocks of all items that a page names.
  fileprivate func releaseOutside(of page: DensePage, heap: ShardHeap) {
    for slot in 0..<page.count {
      let entry = page.entry(slot)
      let value = entry.valueStart
      releaseOutside(entry.elementStart, heap: heap)
      if pointee.hasValues { releaseOutside(value, heap: heap) }
    }
  }
}

import Bytes
import Heap

/// Adding, changing and removing entries. What is written must not lie in the table itself, for pages move.
extension UnsafeMutablePointer where Pointee == DenseTable {
  // MARK: Adding

  /// Adds an entry whose element is not there: with a value if the table has values, and the time when it expires,
  /// or 0.
  @inline(__always)
  @discardableResult
  func insert(
    _ element: Element, value: Element? = nil, time: Int64 = 0, hash: UInt64, heap: ShardHeap,
    hasher: KeyHasher
  ) -> DensePlace {
    if pointee.liveBytes > DenseTable.targetBytes &* pageCount { splitNextPage(heap: heap, hasher: hasher) }
    let byteCount =
      (time == 0 ? 0 : DenseCode.timeBytes) &+ element.pageByteCount &+ (value?.pageByteCount ?? 0)
    let index = pageIndex(Self.pageBits(hash))
    let page = makeRoom(byteCount &+ DensePage.slotBytes, in: index, heap: heap)
    var target = page.append(fingerprint: Self.fingerprint(hash), byteCount: byteCount)
    if time != 0 {
      writeTime(time, at: target)
      pointee.timedCount &+= 1
      target += DenseCode.timeBytes
    }
    write(element, at: target, heap: heap)
    if let value { write(value, at: target + element.pageByteCount, heap: heap) }
    pointee.header.count &+= 1
    pointee.liveBytes &+= byteCount &+ DensePage.slotBytes
    noteSlotCount(of: page)
    return DensePlace(page: page, pageIndex: index, slot: page.count &- 1)
  }

  @inline(__always)
  func noteSlotCount(of page: DensePage) {
    let count = UInt16(truncatingIfNeeded: page.count)
    if count > pointee.slotMaximum { pointee.slotMaximum = count }
  }

  /// The page `index` with at least `byteCount` free bytes.
  @inline(__always)
  private func makeRoom(_ byteCount: Int, in index: Int, heap: ShardHeap) -> DensePage {
    let page = page(index)
    return page.freeBytes >= byteCount ? page : enlarge(index, for: byteCount, heap: heap)
  }

  @inline(never)
  private func enlarge(_ index: Int, for byteCount: Int, heap: ShardHeap) -> DensePage {
    let page = page(index)
    let needed = page.liveBytes + byteCount
    // Where there are only few holes, closing them would be for a moment only.
    let closesHoles = needed <= page.capacity && page.holeBytes >= page.capacity / 16
    return rebuild(index, byteCount: closesHoles ? page.capacity : max(needed, page.capacity + 1), heap: heap)
  }

  /// Replaces a page by one of another size, without holes.
  @inline(never)
  @discardableResult
  private func rebuild(_ index: Int, byteCount: Int, heap: ShardHeap) -> DensePage {
    let old = page(index)
    let new = makePage(byteCount, heap: heap)
    new.fill(from: old, hasValues: pointee.hasValues)
    setPage(index, new)
    free(old.base, heap: heap)
    return new
  }

  @inline(__always)
  private func writeTime(_ time: Int64, at target: UnsafeMutablePointer<UInt8>) {
    target[0] = DenseCode.timed
    UnsafeMutableRawPointer(target + 1).storeBytes(of: time, as: Int64.self)
    noteTime(time)
  }

  /// Remembers that an entry expires.
  @inline(__always)
  func noteTime(_ time: Int64) {
    if time < pointee.earliestTime { pointee.earliestTime = time }
    // A pass under way may have gone by already.
    if time < pointee.purgeEarliestTime { pointee.purgeEarliestTime = time }
  }

  @inline(__always)
  private func write(_ element: Element, at target: UnsafeMutablePointer<UInt8>, heap: ShardHeap) {
    if element.liesOutside {
      writeOutside(element, at: target, heap: heap)
    } else {
      element.write(to: target)
    }
  }

  @inline(never)
  private func writeOutside(_ element: Element, at target: UnsafeMutablePointer<UInt8>, heap: ShardHeap) {
    let block = allocate(element.byteCount, heap: heap)
    element.write(to: block.assumingMemoryBound(to: UInt8.self))
    target[0] = DenseCode.outside
    UnsafeMutableRawPointer(target + 1).storeBytes(of: UInt(bitPattern: block), as: UInt.self)
    pointee.outsideCount += 1
  }

  /// Frees the block of an item, if it has one.
  @inline(__always)
  func releaseOutside(_ start: UnsafePointer<UInt8>, heap: ShardHeap) {
    guard start[0] == DenseCode.outside else { return }
    free(DenseCode.outsideBlock(at: start), heap: heap)
    pointee.outsideCount &-= 1
  }

  // MARK: Changing

  /// Gives an entry another value. Its time stays. Returns where the entry is now.
  @inline(__always)
  @discardableResult
  func replaceValue(_ place: DensePlace, by value: Element, heap: ShardHeap) -> DensePlace {
    let target = place.entry.valueStart
    releaseOutside(target, heap: heap)
    let before = DenseCode.byteCount(at: target)
    let after = value.pageByteCount
    if after <= before {
      write(value, at: target, heap: heap)
      place.page.holeBytes &+= before &- after
      pointee.liveBytes &-= before &- after
      return place
    }
    let headBytes = target - place.entry.start
    let moved = move(place, byteCount: headBytes + before, toByteCount: headBytes + after, heap: heap)
    copyBytes(from: moved.old, to: moved.new, headBytes)
    write(value, at: moved.new + headBytes, heap: heap)
    return refreshed(place)
  }

  /// The place of an entry whose page may have moved.
  @inline(__always)
  private func refreshed(_ place: DensePlace) -> DensePlace {
    DensePlace(page: page(place.pageIndex), pageIndex: place.pageIndex, slot: place.slot)
  }

  /// Sets the time when an entry expires; 0 clears it. Returns where the entry is now.
  @discardableResult
  func setTime(_ place: DensePlace, _ time: Int64, heap: ShardHeap) -> DensePlace {
    let entry = place.entry
    if entry.isTimed {
      if time != 0 {
        writeTime(time, at: entry.start)
        return place
      }
      let page = place.page
      let offset = page.offset(place.slot)
      page.setOffset(place.slot, offset - DenseCode.timeBytes)
      page.giveBytes(DenseCode.timeBytes, at: offset)
      pointee.liveBytes -= DenseCode.timeBytes
      pointee.timedCount -= 1
      if pointee.timedCount == 0 { pointee.earliestTime = .max }
      return place
    }
    if time == 0 { return place }
    let before = entry.byteCount(hasValue: pointee.hasValues)
    let moved = move(place, byteCount: before, toByteCount: before + DenseCode.timeBytes, heap: heap)
    writeTime(time, at: moved.new)
    copyBytes(from: moved.old, to: moved.new + DenseCode.timeBytes, before)
    pointee.timedCount += 1
    return refreshed(place)
  }

  /// Gives an entry new bytes, more than it had. The old ones stay readable until the table is next changed.
  @inline(never)
  private func move(_ place: DensePlace, byteCount: Int, toByteCount newCount: Int, heap: ShardHeap)
    -> (old: UnsafeMutablePointer<UInt8>, new: UnsafeMutablePointer<UInt8>)
  {
    let page = makeRoom(newCount, in: place.pageIndex, heap: heap)
    let old = page.entry(place.slot).start
    page.holeBytes += byteCount
    page.setOffset(place.slot, page.takeBytes(newCount))
    pointee.liveBytes += newCount - byteCount
    return (old, page.entry(place.slot).start)
  }

  // MARK: Removing

  /// Removes an entry. The table may become empty; it is the caller's then to remove its key.
  @inline(__always)
  func remove(_ place: DensePlace, heap: ShardHeap, hasher: KeyHasher) {
    removeEntry(place, heap: heap)
    tidy(after: place.pageIndex, heap: heap)
  }

  /// Removes an entry without tidying up: the places of the page's other entries stay valid, but for the last one's,
  /// which becomes this one's. `tidy` must follow.
  @inline(__always)
  func removeEntry(_ place: DensePlace, heap: ShardHeap) {
    let entry = place.entry
    let hasValues = pointee.hasValues
    let byteCount = entry.byteCount(hasValue: hasValues)
    if pointee.outsideCount != 0 {
      releaseOutside(entry.elementStart, heap: heap)
      if hasValues { releaseOutside(entry.valueStart, heap: heap) }
    }
    if entry.isTimed {
      pointee.timedCount &-= 1
      if pointee.timedCount == 0 { pointee.earliestTime = .max }
    }
    place.page.remove(place.slot, byteCount: byteCount)
    pointee.header.count &-= 1
    pointee.liveBytes &-= byteCount &+ DensePage.slotBytes
  }

  /// Gives back room after removals from a page: the page shrinks if it has become too large for what it holds, and the
  /// last page joins its sibling if the table has too many.
  @inline(__always)
  func tidy(after index: Int, heap: ShardHeap) {
    shrinkIfPossible(index, heap: heap)
    if hasTooManyPages { mergeLastPage(heap: heap) }
  }

  @inline(__always)
  func shrinkIfPossible(_ index: Int, heap: ShardHeap) {
    let page = page(index)
    let live = page.liveBytes
    // An eighth on top, so that a page at the edge does not shrink and grow in turn.
    if live &+ live >> 3 <= page.capacity &- page.capacity >> 3, page.capacity > DensePage.capacityMinimum {
      shrink(index, heap: heap)
    }
  }

  @inline(never)
  private func shrink(_ index: Int, heap: ShardHeap) {
    let page = page(index)
    let live = page.liveBytes
    if DensePage.sizeClass(live + live / 8) < page.capacity { rebuild(index, byteCount: live, heap: heap) }
  }

  @inline(__always)
  private var hasTooManyPages: Bool {
    pageCount > 1 && pointee.liveBytes < DenseTable.targetBytes * 5 / 8 &* pageCount
  }

  /// Merges pages after many removals.
  func mergePages(heap: ShardHeap) {
    while hasTooManyPages {
      let before = pageCount
      mergeLastPage(heap: heap)
      if pageCount == before { return }
    }
  }
}

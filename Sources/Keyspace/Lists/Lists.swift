import Bytes

/// Lists: elements in order, pushed and popped at both ends.
///
/// A list of up to `list-max-listpack-size` is compact: cells (`PackedCell`) in the key's own block. A larger one is a
/// `LargeList`. A list that shrinks becomes compact again at half that size.
extension Keyspace {
  /// Adds an element at an end of a list, which is made if there is none. Returns how many elements there are.
  ///
  /// - Parameter existing: What the key has, which must be a list.
  @inline(__always)
  public mutating func pushToList(
    _ key: Key, in database: Int, existing: Entry?, at end: ListEnd, _ text: ByteView
  ) -> Int {
    let element = Element(text)
    guard let existing else { return makeList(key, in: database, element) }
    if existing.isLarge {
      dirty &+= 1
      let list = existing.root(as: LargeList.self)
      list.push(element, at: end, limits: limits.list, heap: heap)
      return list.pointee.header.count
    }
    let run = existing.compactRun
    let limits = limits.list
    guard limits.allowCompact(byteCount: run.byteCount + text.count, count: run.count + 1) else {
      return pushBeyondCompact(existing, element, at: end)
    }
    let offset = end == .head ? 0 : run.byteCount
    let target = splice(
      existing, at: offset, removing: 0, inserting: PackedCell.byteCount(of: element))
    PackedCell.write(element, to: target)
    setCompactCount(of: existing, to: run.count + 1)
    return run.count + 1
  }

  /// Adds several elements, one after the other.
  public mutating func pushToList(
    _ key: Key, in database: Int, existing: Entry?, at end: ListEnd, count: Int, _ text: (Int) -> ByteView
  ) -> Int {
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + count }
    var textBytes = 0
    var cellBytes = 0
    for number in 0..<count {
      let text = text(number)
      textBytes += text.count
      cellBytes += PackedCell.byteCount(of: Element(text))
    }
    let limits = limits.list
    let isCompact = existing.map { !$0.isLarge } ?? true
    let run = isCompact ? existing?.compactRun : nil
    let oldCount = run?.count ?? 0
    let oldBytes = run?.byteCount ?? 0
    if isCompact, limits.allowCompact(byteCount: oldBytes + textBytes, count: oldCount + count) {
      var target: UnsafeMutablePointer<UInt8>
      if let existing {
        target = splice(existing, at: end == .head ? 0 : oldBytes, removing: 0, inserting: cellBytes)
        setCompactCount(of: existing, to: oldCount + count)
      } else {
        let entry = makeCompact(
          key, in: database, replacing: nil, kind: .list, form: .packed, count: count, byteCount: cellBytes)
        target = entry.compactBytes.baseAddress.unsafelyUnwrapped
      }
      for number in 0..<count {
        let element = Element(text(end == .head ? count - 1 - number : number))
        PackedCell.write(element, to: target)
        target += PackedCell.byteCount(of: element)
      }
      return oldCount + count
    }
    let entry: Entry
    if let existing {
      entry = existing
      if isCompact { makeListLarge(entry) }
    } else {
      entry = makeLarge(
        key, in: database, replacing: nil, kind: .list, root: LargeList.make(heap: heap))
    }
    let list = entry.root(as: LargeList.self)
    for number in 0..<count { list.push(Element(text(number)), at: end, limits: limits, heap: heap) }
    return list.pointee.header.count
  }

  /// Removes elements from an end, and the key with the last one.
  @inline(__always)
  public mutating func popFromList(_ entry: Entry, at end: ListEnd, count: Int = 1) {
    if entry.isLarge {
      let list = entry.root(as: LargeList.self)
      if count == 1, list.blockCount > 2 {
        dirty &+= 1
        list.remove(1, at: end, heap: heap)
      } else {
        popFromLarge(entry, at: end, count: count)
      }
      return
    }
    let run = entry.compactRun
    if count >= run.count {
      remove(entry)
      dirty += run.count - 1
      return
    }
    let boundary = run.offset(of: end == .head ? count : run.count - count)
    let offset = end == .head ? 0 : boundary
    _ = splice(
      entry, at: offset, removing: end == .head ? boundary : run.byteCount - boundary, inserting: 0)
    setCompactCount(of: entry, to: run.count - count)
    dirty += count - 1
  }

  /// Whole blocks that are removed at once up to this number; more are left to be freed in slices.
  private static let blocksFreedAtOnce = 32

  @inline(never)
  private mutating func popFromLarge(_ entry: Entry, at end: ListEnd, count: Int) {
    let list = entry.root(as: LargeList.self)
    let dirtyBefore = dirty
    let removed = min(count, list.pointee.header.count)
    defer { dirty = dirtyBefore + removed }
    if count >= list.pointee.header.count { return remove(entry) }
    var rest = count
    let whole = count > 1 ? list.wholeBlocks(of: count, at: end) : (count: 0, elements: 0)
    if whole.count > Self.blocksFreedAtOnce {
      let gone = list.splitOff(whole.count, at: end, heap: heap)
      released.release(gone.header, heap: heap)
      rest -= whole.elements
    }
    if rest > 0 { list.remove(rest, at: end, heap: heap) }
    compactIfSmall(entry)
  }

  // MARK: Changing form

  @inline(never)
  private mutating func makeList(_ key: Key, in database: Int, _ element: Element) -> Int {
    if limits.list.allowCompact(byteCount: element.textCount, count: 1) {
      let entry = makeCompact(
        key, in: database, replacing: nil, kind: .list, form: .packed, count: 1,
        byteCount: PackedCell.byteCount(of: element))
      PackedCell.write(element, to: entry.compactBytes.baseAddress.unsafelyUnwrapped)
    } else {
      let list = LargeList.make(heap: heap)
      list.push(element, at: .tail, limits: limits.list, heap: heap)
      _ = makeLarge(key, in: database, replacing: nil, kind: .list, root: list)
    }
    return 1
  }

  @inline(never)
  private mutating func pushBeyondCompact(_ entry: Entry, _ element: Element, at end: ListEnd) -> Int {
    makeListLarge(entry)
    let list = entry.root(as: LargeList.self)
    list.push(element, at: end, limits: limits.list, heap: heap)
    return list.pointee.header.count
  }

  /// Makes a compact list a large one.
  mutating func makeListLarge(_ entry: Entry) {
    let list = LargeList.make(heap: heap)
    list.adopt(entry.compactRun, heap: heap)
    replaceByLarge(entry, root: list)
  }

  /// Makes a large list that has become small a compact one.
  mutating func compactIfSmall(_ entry: Entry) {
    let list = entry.root(as: LargeList.self)
    // An element that is larger than a block is too large for this, too; so the blocks say all.
    guard list.blockCount <= 2 else { return }
    let count = list.pointee.header.count
    var byteCount = 0
    for number in 0..<list.blockCount { byteCount += list.block(number).pointee.usedBytes }
    guard limits.list.suggestCompact(byteCount: byteCount, count: count) else { return }
    let detached = list.detachBlocks()
    var target = replaceCompact(entry, form: .packed, count: count, byteCount: byteCount)
    target = take(detached.0, to: target)
    if let second = detached.1 { _ = take(second, to: target) }
  }

  /// Moves the cells of a block to `target`, and frees it. Returns where they end.
  private func take(_ block: ListBlock, to target: UnsafeMutablePointer<UInt8>)
    -> UnsafeMutablePointer<UInt8>
  {
    let run = block.run
    copyBytes(from: run.start, to: target, run.byteCount)
    heap.free(block.memory, for: .dataset)
    return target + run.byteCount
  }
}

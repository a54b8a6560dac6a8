import Bytes
import Heap

/// Pushing and popping.
extension UnsafeMutablePointer<LargeList> {
  /// Adds an element at an end.
  @inline(__always)
  func push(_ element: Element, at end: ListEnd, limits: ListLimits, heap: ShardHeap) {
    let target = room(PackedCell.byteCount(of: element), at: end, limits: limits, heap: heap)
    PackedCell.write(element, to: target)
    pointee.header.count &+= 1
  }

  /// Adds an item, which lies elsewhere, at the tail.
  func append(_ item: UnsafePointer<UInt8>, byteCount: Int, limits: ListLimits, heap: ShardHeap) {
    let target = room(
      PackedCell.byteCount(ofItem: byteCount), at: .tail, limits: limits, heap: heap)
    copyBytes(from: item, to: target, byteCount)
    PackedCell.writeLength(byteCount, to: target + byteCount)
    pointee.header.count &+= 1
  }

  /// A new cell of `byteCount` bytes at an end, for the caller to fill and count.
  @inline(__always)
  private func room(_ byteCount: Int, at end: ListEnd, limits: ListLimits, heap: ShardHeap)
    -> UnsafeMutablePointer<UInt8>
  {
    if pointee.blockCount > 0 {
      let block = block(end == .head ? 0 : blockCount - 1)
      if block.hasRoom(byteCount, limits) {
        switch end {
        case .head:
          if Int(block.pointee.start) >= byteCount { return block.takeFront(byteCount) }
        case .tail:
          if block.pointee.capacity - Int(block.pointee.end) >= byteCount {
            return block.takeBack(byteCount)
          }
        }
      }
    }
    return makeRoom(byteCount, at: end, limits: limits, heap: heap)
  }

  /// The same, where the block at the end has no free bytes on its outer side.
  @inline(never)
  private func makeRoom(_ byteCount: Int, at end: ListEnd, limits: ListLimits, heap: ShardHeap)
    -> UnsafeMutablePointer<UInt8>
  {
    if blockCount > 0 {
      let block = block(end == .head ? 0 : blockCount - 1)
      if block.hasRoom(byteCount, limits) {
        let used = block.pointee.usedBytes
        let capacity = block.pointee.capacity
        let free = capacity - used
        // Free bytes on the other side are worth the move only if they are many, so that each byte pushed moves a
        // few at the most.
        if free >= byteCount, free * 4 >= capacity {
          block.slide(awayFrom: end, capacity: capacity)
          return block.take(byteCount, at: end)
        }
        if capacity < limits.byteCount {
          let grown = Swift.max(used + byteCount, Swift.min(capacity * 2, limits.byteCount))
          resize(block, to: grown, awayFrom: end, heap: heap)
          return block.take(byteCount, at: end)
        }
      }
      trim(block, heap: heap)
    }
    let capacity =
      byteCount >= limits.byteCount
      ? byteCount : Swift.min(Swift.max(byteCount, startBytes(limits)), limits.byteCount)
    let memory = allocate(capacity, heap: heap)
    let edge = end == .head ? ShardHeap.usableSize(memory) : 0
    let index = end == .head ? 0 : blockCount
    insertBlock(ListBlock(memory, start: edge, end: edge, count: 0), at: index, heap: heap)
    return block(index).take(byteCount, at: end)
  }

  /// Bytes that a block at an end begins with: an eighth of what the list has, so that little is free in a small list,
  /// and a large one doesn't grow its blocks step by step.
  private func startBytes(_ limits: ListLimits) -> Int {
    let fewest = 128
    if limits.count < CollectionForm.compactCountMaximum { return fewest }
    return Swift.max(fewest, pointee.header.allocatedBytes / 8)
  }

  // MARK: Popping

  /// Removes `count` elements, fewer than there are, from an end.
  @inline(__always)
  func remove(_ count: Int, at end: ListEnd, heap: ShardHeap) {
    let block = block(end == .head ? 0 : blockCount - 1)
    if count == 1, block.pointee.count > 1 {
      block.dropOne(at: end)
      pointee.header.count &-= 1
    } else {
      removeMany(count, at: end, heap: heap)
    }
  }

  @inline(never)
  private func removeMany(_ count: Int, at end: ListEnd, heap: ShardHeap) {
    assert(count < pointee.header.count, "an empty list does not exist")
    let whole = wholeBlocks(of: count, at: end)
    if whole.count > 0 {
      let range = end == .head ? 0..<whole.count : (blockCount - whole.count)..<blockCount
      for number in range { free(block(number).pointee.memory, heap: heap) }
      removePlaces(range, heap: heap)
    }
    let last = block(end == .head ? 0 : blockCount - 1)
    if count > whole.elements { last.drop(count - whole.elements, at: end) }
    pointee.header.count -= count
    if count > 1, last.pointee.usedBytes * 2 <= last.pointee.capacity { trim(last, heap: heap) }
  }

  /// The blocks at an end all of whose elements are among the first `count`, and how many elements these are.
  func wholeBlocks(of count: Int, at end: ListEnd) -> (count: Int, elements: Int) {
    var blocks = 0
    var elements = 0
    while blocks < blockCount {
      let next = block(end == .head ? blocks : blockCount - 1 - blocks).pointee.count
      if elements + next > count { break }
      elements += next
      blocks += 1
    }
    return (blocks, elements)
  }

  // MARK: Blocks

  /// Gives a block another size, its free bytes on the side of `end`.
  func resize(
    _ block: UnsafeMutablePointer<ListBlock>, to byteCount: Int, awayFrom end: ListEnd, heap: ShardHeap
  ) {
    let run = block.pointee.run
    let memory = allocate(byteCount, heap: heap)
    let start = end == .head ? ShardHeap.usableSize(memory) - run.byteCount : 0
    copyBytes(from: run.start, to: memory.assumingMemoryBound(to: UInt8.self) + start, run.byteCount)
    free(block.pointee.memory, heap: heap)
    block.pointee = ListBlock(memory, start: start, end: start + run.byteCount, count: run.count)
  }

  /// Gives the free bytes of a block back, if its cells fit a smaller size class.
  func trim(_ block: UnsafeMutablePointer<ListBlock>, heap: ShardHeap) {
    let used = block.pointee.usedBytes
    if Block.sizeClass(used) < block.pointee.capacity {
      resize(block, to: used, awayFrom: .tail, heap: heap)
    }
  }
}

extension UnsafeMutablePointer<ListBlock> {
  /// Whether the limits allow one more cell. (An element that is larger than a block stays alone.)
  @inline(__always)
  func hasRoom(_ byteCount: Int, _ limits: ListLimits) -> Bool {
    pointee.count < limits.count && pointee.usedBytes + byteCount <= limits.byteCount
  }

  /// A new cell in front. There is room.
  @inline(__always)
  fileprivate func takeFront(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    pointee.start &-= UInt32(truncatingIfNeeded: byteCount)
    pointee.count &+= 1
    return pointee.bytes + Int(pointee.start)
  }

  /// A new cell behind. There is room.
  @inline(__always)
  fileprivate func takeBack(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    let start = Int(pointee.end)
    pointee.end &+= UInt32(truncatingIfNeeded: byteCount)
    pointee.count &+= 1
    return pointee.bytes + start
  }

  fileprivate func take(_ byteCount: Int, at end: ListEnd) -> UnsafeMutablePointer<UInt8> {
    end == .head ? takeFront(byteCount) : takeBack(byteCount)
  }

  /// Moves the cells to the side that is not `end`.
  func slide(awayFrom end: ListEnd, capacity: Int) {
    let run = pointee.run
    let start = end == .head ? capacity - run.byteCount : 0
    moveBytes(from: run.start, to: pointee.bytes + start, run.byteCount)
    pointee.start = UInt32(start)
    pointee.end = UInt32(start + run.byteCount)
  }

  /// Removes the first or the last cell, which is not the only one.
  @inline(__always)
  fileprivate func dropOne(at end: ListEnd) {
    switch end {
    case .head:
      let bytes = PackedCell.byteCount(at: pointee.bytes + Int(pointee.start))
      pointee.start &+= UInt32(truncatingIfNeeded: bytes)
    case .tail:
      let bytes = PackedCell.byteCount(before: pointee.bytes + Int(pointee.end))
      pointee.end &-= UInt32(truncatingIfNeeded: bytes)
    }
    pointee.count &-= 1
  }

  /// Removes cells, fewer than there are, from an end.
  fileprivate func drop(_ count: Int, at end: ListEnd) {
    switch end {
    case .head: pointee.start += UInt32(pointee.run.offset(of: count))
    case .tail: pointee.end = pointee.start + UInt32(pointee.run.offset(of: pointee.count - count))
    }
    pointee.count -= count
  }
}

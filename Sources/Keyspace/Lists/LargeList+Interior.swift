import Bytes
import Heap

/// Changing elements between the ends.
extension UnsafeMutablePointer<LargeList> {
  /// Puts an element where the one at `index` is.
  func replace(at index: Int, by element: Element, limits: ListLimits, heap: ShardHeap) {
    let (number, inner) = find(index)
    let run = block(number).pointee.run
    let offset = run.offset(of: inner)
    let oldBytes = PackedCell.byteCount(at: run.start + offset)
    if oldBytes == PackedCell.byteCount(of: element) {
      return PackedCell.write(element, to: run.start + offset)
    }
    block(number).closeGap(at: offset, byteCount: oldBytes)
    pointee.header.count -= 1
    insert(element, in: number, at: offset, limits: limits, heap: heap)
    settle(Swift.max(number - 1, 0)..<Swift.min(number + 3, blockCount), limits: limits, heap: heap)
  }

  /// Puts an element in front of the one at `index`; at the end if there is none.
  func insert(_ element: Element, at index: Int, limits: ListLimits, heap: ShardHeap) {
    if index == pointee.header.count { return push(element, at: .tail, limits: limits, heap: heap) }
    if index == 0 { return push(element, at: .head, limits: limits, heap: heap) }
    let (number, inner) = find(index)
    let offset = block(number).pointee.run.offset(of: inner)
    insert(element, in: number, at: offset, limits: limits, heap: heap)
  }

  /// Puts an element `offset` bytes behind the first cell of a block, which may be empty. A block that has no room is
  /// split in two, and an element that fits nowhere gets a block to itself.
  private func insert(
    _ element: Element, in number: Int, at offset: Int, limits: ListLimits, heap: ShardHeap
  ) {
    let byteCount = PackedCell.byteCount(of: element)
    let block = block(number)
    let used = block.pointee.usedBytes
    let capacity = block.pointee.capacity
    if used == 0 || block.hasRoom(byteCount, limits) {
      if used + byteCount > capacity {
        resize(block, to: used + byteCount, awayFrom: .tail, heap: heap)
      }
      PackedCell.write(element, to: block.openGap(at: offset, byteCount: byteCount))
      pointee.header.count += 1
      return
    }
    if block.pointee.count > 1, limits.count > 1, byteCount <= limits.byteCount / 2 {
      let middle = block.pointee.run.boundaryNearMiddle
      split(number, at: middle, heap: heap)
      // A half is never as full as the whole, so this ends.
      if offset <= middle.offset {
        insert(element, in: number, at: offset, limits: limits, heap: heap)
      } else {
        insert(element, in: number + 1, at: offset - middle.offset, limits: limits, heap: heap)
      }
      return
    }
    insertAlone(element, byteCount, in: number, at: offset, heap: heap)
  }

  /// Puts an element in a block of its own, between the cells in front of and behind `offset`.
  private func insertAlone(
    _ element: Element, _ byteCount: Int, in number: Int, at offset: Int, heap: ShardHeap
  ) {
    var place = number
    let run = block(number).pointee.run
    if offset == run.byteCount {
      place += 1
    } else if offset > 0 {
      split(number, at: run.boundary(at: offset), heap: heap)
      place += 1
    }
    let memory = allocate(byteCount, heap: heap)
    PackedCell.write(element, to: memory.assumingMemoryBound(to: UInt8.self))
    insertBlock(ListBlock(memory, start: 0, end: byteCount, count: 1), at: place, heap: heap)
    pointee.header.count += 1
  }

  /// Makes two blocks of one. Both are as large as their cells.
  private func split(_ number: Int, at boundary: PackedRun.Boundary, heap: ShardHeap) {
    let run = block(number).pointee.run
    let behind = run.byteCount - boundary.offset
    let memory = allocate(behind, heap: heap)
    copyBytes(from: run.start + boundary.offset, to: memory.assumingMemoryBound(to: UInt8.self), behind)
    insertBlock(
      ListBlock(memory, start: 0, end: behind, count: run.count - boundary.index), at: number + 1, heap: heap)
    let first = block(number)
    first.pointee.end = first.pointee.start + UInt32(boundary.offset)
    first.pointee.count = boundary.index
    trim(first, heap: heap)
  }

  // MARK: Removing

  /// Removes up to `maximum` of the elements that are `element`, beginning from an end. Returns how many went; the list
  /// may be empty afterwards.
  func remove(
    _ maximum: Int, equalTo element: Element, from end: ListEnd, limits: ListLimits, heap: ShardHeap
  )
    -> Int
  {
    var rest = maximum
    var first = blockCount
    var last = -1
    for step in 0..<blockCount where rest > 0 {
      let number = end == .head ? step : blockCount - 1 - step
      let block = block(number)
      let removed: (count: Int, byteCount: Int)
      switch end {
      case .head:
        removed = block.pointee.run.removeFirst(rest, equalTo: element)
        block.pointee.end -= UInt32(removed.byteCount)
      case .tail:
        removed = block.pointee.run.removeLast(rest, equalTo: element)
        block.pointee.start += UInt32(removed.byteCount)
      }
      if removed.count == 0 { continue }
      block.pointee.count -= removed.count
      rest -= removed.count
      first = Swift.min(first, number)
      last = Swift.max(last, number)
    }
    pointee.header.count -= maximum - rest
    if last >= 0 {
      settle(Swift.max(first - 1, 0)..<Swift.min(last + 2, blockCount), limits: limits, heap: heap)
    }
    return maximum - rest
  }

  /// Puts blocks in order whose cells have become fewer: empty ones go, small neighbours become one, and free bytes
  /// are given back.
  private func settle(_ range: Range<Int>, limits: ListLimits, heap: ShardHeap) {
    var kept = range.lowerBound
    for number in range {
      let block = block(number).pointee
      if block.count == 0 {
        free(block.memory, heap: heap)
        continue
      }
      if kept > range.lowerBound, canJoin(self.block(kept - 1).pointee, block, limits) {
        join(block, to: self.block(kept - 1), heap: heap)
        continue
      }
      self.block(kept).pointee = block
      // The blocks at the ends keep room for elements to come.
      let isEnd = number == 0 || number == blockCount - 1
      if !isEnd || block.capacity > limits.byteCount { trim(self.block(kept), heap: heap) }
      kept += 1
    }
    removePlaces(kept..<range.upperBound, heap: heap)
  }

  private func canJoin(_ first: ListBlock, _ second: ListBlock, _ limits: ListLimits) -> Bool {
    first.usedBytes + second.usedBytes <= limits.byteCount / 2 && first.count + second.count <= limits.count
  }

  /// Hangs the cells of a block on those of the one in front of it, and frees it.
  private func join(_ block: ListBlock, to target: UnsafeMutablePointer<ListBlock>, heap: ShardHeap) {
    let used = target.pointee.usedBytes
    let run = block.run
    resize(target, to: used + run.byteCount, awayFrom: .tail, heap: heap)
    copyBytes(from: run.start, to: target.pointee.bytes + used, run.byteCount)
    target.pointee.end += UInt32(run.byteCount)
    target.pointee.count += run.count
    free(block.memory, heap: heap)
  }
}

extension UnsafeMutablePointer<ListBlock> {
  /// Makes room for a cell of `byteCount` bytes `offset` bytes behind the first cell. The block is large enough; cells
  /// are moved on the shorter side if there is room for that, else on the other, else all.
  fileprivate func openGap(at offset: Int, byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    let capacity = pointee.capacity
    let behind = pointee.usedBytes - offset
    let hasFront = Int(pointee.start) >= byteCount
    let hasBack = capacity - Int(pointee.end) >= byteCount
    if !hasFront, !hasBack { slide(awayFrom: .tail, capacity: capacity) }
    let run = pointee.run
    pointee.count += 1
    if hasFront, !hasBack || offset < behind {
      moveBytes(from: run.start, to: run.start - byteCount, offset)
      pointee.start -= UInt32(byteCount)
      return run.start - byteCount + offset
    }
    moveBytes(from: run.start + offset, to: run.start + offset + byteCount, behind)
    pointee.end += UInt32(byteCount)
    return run.start + offset
  }

  /// Takes out a cell of `byteCount` bytes `offset` bytes behind the first cell, moving those on the shorter side.
  fileprivate func closeGap(at offset: Int, byteCount: Int) {
    let run = pointee.run
    let behind = run.byteCount - offset - byteCount
    if offset < behind {
      moveBytes(from: run.start, to: run.start + byteCount, offset)
      pointee.start += UInt32(byteCount)
    } else {
      moveBytes(from: run.start + offset + byteCount, to: run.start + offset, behind)
      pointee.end -= UInt32(byteCount)
    }
    pointee.count -= 1
  }
}

extension PackedRun {
  /// A place between two cells: how many bytes and how many cells are in front of it.
  struct Boundary {
    var offset = 0
    var index = 0
  }

  /// The boundary, with cells on both sides, at which about half of the bytes are in front. There are at least two
  /// cells.
  fileprivate var boundaryNearMiddle: Boundary {
    var boundary = Boundary()
    repeat {
      boundary.offset += PackedCell.byteCount(at: start + boundary.offset)
      boundary.index += 1
    } while boundary.offset * 2 < byteCount && boundary.index < count - 1
    return boundary
  }

  /// The boundary with `offset` bytes in front.
  fileprivate func boundary(at offset: Int) -> Boundary {
    var boundary = Boundary()
    while boundary.offset < offset {
      boundary.offset += PackedCell.byteCount(at: start + boundary.offset)
      boundary.index += 1
    }
    return boundary
  }
}

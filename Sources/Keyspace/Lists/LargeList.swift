import Bytes
import Heap

/// A list that has outgrown its key's block: packed blocks in a ring of their descriptors.
///
///     root -> ring [… | address, count, start, end | …] -> blocks [free … cells … free]
///
/// Both ends are reached at once and an element by its index with a look at the descriptors from the nearer end: 1 M
/// elements of 16 bytes have 2,200 descriptors, which lie side by side. Blocks are filled up to
/// `list-max-listpack-size`; the ones between the ends are as large as what they hold, rounded to a size class. An
/// element that is larger than a block has one to itself. The cost is 2 bytes per element and a descriptor per block.
struct LargeList: LargeValue {
  static let form = LargeForm.list
  var header = LargeList.newHeader
  fileprivate var ring: UnsafeMutablePointer<ListBlock>
  /// Places of the ring: a power of two.
  fileprivate var ringCapacity: UInt32
  /// The place of the first block.
  fileprivate var first: UInt32 = 0
  fileprivate(set) var blockCount: UInt32 = 0

  fileprivate static let ringCapacityMinimum = 4

  /// A list without elements.
  static func make(heap: ShardHeap) -> UnsafeMutablePointer<LargeList> {
    // The ring comes later, since it is counted in the root.
    let unset = UnsafeMutablePointer<ListBlock>(bitPattern: MemoryLayout<ListBlock>.alignment)
    let list = makeRoot(LargeList(ring: unset.unsafelyUnwrapped, ringCapacity: 0), heap: heap)
    list.makeRing(capacity: ringCapacityMinimum, heap: heap)
    return list
  }

  static func releaseParts(
    of root: UnsafeMutablePointer<LargeList>, heap: ShardHeap, blockBudget: inout Int
  ) -> Bool {
    while root.blockCount > 0 {
      if blockBudget <= 0 { return false }
      root.pointee.blockCount -= 1
      root.free(root.block(root.blockCount).pointee.memory, heap: heap)
      blockBudget -= 1
    }
    root.free(UnsafeMutableRawPointer(root.pointee.ring), heap: heap)
    return true
  }
}

/// The ring.
extension UnsafeMutablePointer<LargeList> {
  @inline(__always)
  var blockCount: Int { Int(pointee.blockCount) }

  /// The descriptor of the block at `index`. A place in the ring: valid until blocks come or go.
  @inline(__always)
  func block(_ index: Int) -> UnsafeMutablePointer<ListBlock> {
    assert(index >= 0 && index < blockCount || index == blockCount, "block index out of range")
    let mask = pointee.ringCapacity &- 1
    return pointee.ring + Int((pointee.first &+ UInt32(truncatingIfNeeded: index)) & mask)
  }

  /// The block that the element at `index` is in, and the element's index there; looked for from the nearer end.
  func find(_ index: Int) -> (block: Int, index: Int) {
    let count = pointee.header.count
    assert(index >= 0 && index < count, "list index out of range")
    if index * 2 < count {
      var number = 0
      var rest = index
      while rest >= block(number).pointee.count {
        rest -= block(number).pointee.count
        number += 1
      }
      return (number, rest)
    }
    var number = blockCount - 1
    var rest = count - index
    while rest > block(number).pointee.count {
      rest -= block(number).pointee.count
      number -= 1
    }
    return (number, block(number).pointee.count - rest)
  }

  /// Makes a place for a block at `index`, moving those on the shorter side.
  func insertBlock(_ new: ListBlock, at index: Int, heap: ShardHeap) {
    if pointee.blockCount == pointee.ringCapacity { makeRing(capacity: blockCount * 2, heap: heap) }
    let count = blockCount
    pointee.blockCount += 1
    if index * 2 < count {
      pointee.first = (pointee.first &- 1) & (pointee.ringCapacity &- 1)
      for number in 0..<index { block(number).pointee = block(number + 1).pointee }
    } else {
      var number = count
      while number > index {
        block(number).pointee = block(number - 1).pointee
        number -= 1
      }
    }
    block(index).pointee = new
  }

  /// Closes the places of blocks that are gone, moving those on the shorter side.
  func removePlaces(_ range: Range<Int>, heap: ShardHeap) {
    if range.isEmpty { return }
    let behind = blockCount - range.upperBound
    if range.lowerBound < behind {
      var number = range.lowerBound
      while number > 0 {
        number -= 1
        block(number + range.count).pointee = block(number).pointee
      }
      pointee.first = (pointee.first &+ UInt32(range.count)) & (pointee.ringCapacity &- 1)
    } else {
      for number in 0..<behind {
        block(range.lowerBound + number).pointee = block(range.upperBound + number).pointee
      }
    }
    pointee.blockCount -= UInt32(range.count)
    shrinkRing(heap: heap)
  }

  private func shrinkRing(heap: ShardHeap) {
    var capacity = Int(pointee.ringCapacity)
    guard blockCount * 4 <= capacity, capacity > LargeList.ringCapacityMinimum else { return }
    while blockCount * 4 <= capacity, capacity > LargeList.ringCapacityMinimum { capacity /= 2 }
    makeRing(capacity: capacity, heap: heap)
  }

  /// Gives the ring another capacity.
  fileprivate func makeRing(capacity: Int, heap: ShardHeap) {
    let ring = allocate(capacity * MemoryLayout<ListBlock>.stride, heap: heap)
      .bindMemory(to: ListBlock.self, capacity: capacity)
    if pointee.ringCapacity > 0 {
      for number in 0..<blockCount { (ring + number).initialize(to: block(number).pointee) }
      free(UnsafeMutableRawPointer(pointee.ring), heap: heap)
    }
    pointee.ring = ring
    pointee.ringCapacity = UInt32(capacity)
    pointee.first = 0
  }

  func moveRing(_ mover: inout BlockMover) {
    guard let moved = mover.move(pointee.ring, for: .dataset) else { return }
    pointee.ring = moved.bindMemory(to: ListBlock.self, capacity: Int(pointee.ringCapacity))
  }

  /// Takes the first `count` blocks, or the last, out of the list, as a list of their own that is to be released.
  func splitOff(_ count: Int, at end: ListEnd, heap: ShardHeap) -> UnsafeMutablePointer<LargeList> {
    let other = LargeList.make(heap: heap)
    let range = end == .head ? 0..<count : (blockCount - count)..<blockCount
    var bytes = 0
    var elements = 0
    for number in range {
      let block = block(number).pointee
      bytes += block.capacity
      elements += block.count
      other.insertBlock(block, at: other.blockCount, heap: heap)
    }
    pointee.header.allocatedBytes -= bytes
    pointee.header.count -= elements
    other.pointee.header.allocatedBytes += bytes
    other.pointee.header.count = elements
    removePlaces(range, heap: heap)
    return other
  }

  /// Takes over copies of the cells of a compact list. The list is empty before.
  func adopt(_ run: PackedRun, heap: ShardHeap) {
    let memory = allocate(run.byteCount, heap: heap)
    copyBytes(from: run.start, to: memory.assumingMemoryBound(to: UInt8.self), run.byteCount)
    insertBlock(ListBlock(memory, start: 0, end: run.byteCount, count: run.count), at: 0, heap: heap)
    pointee.header.count = run.count
  }

  /// Takes the blocks, two at the most, out of a list, which is left to be released; they are the caller's to free.
  func detachBlocks() -> (ListBlock, ListBlock?) {
    assert(blockCount == 1 || blockCount == 2, "only a short list can be left without its blocks")
    let first = block(0).pointee
    let second = blockCount == 2 ? block(1).pointee : nil
    pointee.header.allocatedBytes -= first.capacity + (second?.capacity ?? 0)
    pointee.blockCount = 0
    return (first, second)
  }
}

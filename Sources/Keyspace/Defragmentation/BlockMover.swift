import CIntrinsics
import Heap

/// Moves blocks out of sparse areas of the heap.
///
/// The allocator gives no hint where a new block will lie, but it fills the holes of one area before it turns to the next.
/// So a block is moved by allocating another one, and the area where that comes to lie is no longer to be emptied: it is the
/// one that is being filled. When all blocks have been visited, those areas are full, and the other sparse ones empty.
/// (Of areas that are all filled to a share u, a share u remains, after moves of no more blocks than there are.)
struct BlockMover {
  let heap: ShardHeap
  /// What is to be emptied; nil for everything.
  private var areas: SparseAreas?
  /// Blocks that were moved, and those that were looked at and could stay.
  private(set) var movedCount = 0
  private(set) var keptCount = 0
  /// When to stop, in the ticks of `pantala_ticks`.
  var deadline = UInt64.max

  /// To be asked after each step, so that there is always some progress.
  var isOutOfTime: Bool { pantala_ticks() >= deadline }

  /// - Parameter pieceCount: pieces of all areas that `isSparse` is true for.
  init(heap: ShardHeap, pieceCount: Int, areaMaximum: Int, isSparse: (HeapArea) -> Bool) {
    self.heap = heap
    var areas = SparseAreas(pieceCount: pieceCount, heap: heap)
    var areasLeft = areaMaximum
    heap.visitAreas { area in
      if isSparse(area) { areas.insert(area) }
      areasLeft -= 1
      return areasLeft > 0
    }
    self.areas = areas
  }

  /// A mover of every block, wherever it lies: for tests.
  init(ofEverythingIn heap: ShardHeap) { self.heap = heap }

  func release() { areas?.release(heap: heap) }

  /// Whether there is nothing to be emptied any more.
  var isDone: Bool { areas?.count == 0 }

  /// Whether the block is to be moved.
  @inline(__always)
  func wantsToMove(_ block: UnsafeRawPointer) -> Bool { areas?.contains(block) ?? true }

  /// The block's new place, if it was moved: whoever keeps its address has to keep this one instead.
  @inline(__always)
  mutating func move(_ block: UnsafeMutableRawPointer, for purpose: Purpose) -> UnsafeMutableRawPointer? {
    guard wantsToMove(block) else {
      keptCount &+= 1
      return nil
    }
    return moveOut(block, purpose)
  }

  @inline(never)
  private mutating func moveOut(_ block: UnsafeMutableRawPointer, _ purpose: Purpose)
    -> UnsafeMutableRawPointer?
  {
    let byteCount = ShardHeap.usableSize(block)
    let target = heap.allocate(byteCount, for: purpose)
    if areas?.remove(areaOf: target) == true, !wantsToMove(block) {
      // The block lies in the very area that is being filled.
      heap.free(target, for: purpose)
      keptCount &+= 1
      return nil
    }
    target.copyMemory(from: block, byteCount: byteCount)
    heap.free(block, for: purpose)
    movedCount &+= 1
    return target
  }
}

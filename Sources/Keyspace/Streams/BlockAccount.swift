import Heap

/// Where the blocks of a value come from, and the counters that hold their bytes.
struct BlockAccount {
  let heap: ShardHeap
  /// The count in the value's header.
  private let total: UnsafeMutablePointer<LargeValueHeader>
  /// The count of the part of the value that the blocks belong to: a consumer group keeps one of its own.
  private let part: UnsafeMutablePointer<Int>?

  init(heap: ShardHeap, total: UnsafeMutablePointer<LargeValueHeader>, part: UnsafeMutablePointer<Int>? = nil)
  {
    self.heap = heap
    self.total = total
    self.part = part
  }

  /// The account of a part of the value: what it counts, the whole counts as well.
  func ofPart(_ count: UnsafeMutablePointer<Int>) -> BlockAccount {
    BlockAccount(heap: heap, total: total, part: count)
  }

  @inline(__always)
  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let block = heap.allocate(byteCount, for: .dataset)
    add(ShardHeap.usableSize(block))
    return block
  }

  @inline(__always)
  func free(_ block: UnsafeMutableRawPointer) {
    add(-ShardHeap.usableSize(block))
    heap.free(block, for: .dataset)
  }

  /// A block of another size with the first `keptBytes` bytes of this one, which is gone.
  func replace(_ block: UnsafeMutableRawPointer, keptBytes: Int, byteCount: Int) -> UnsafeMutableRawPointer {
    let new = allocate(byteCount)
    new.copyMemory(from: block, byteCount: keptBytes)
    free(block)
    return new
  }

  /// Counts bytes that were not allocated here, or are freed elsewhere.
  @inline(__always)
  func add(_ byteCount: Int) {
    total.pointee.allocatedBytes &+= byteCount
    if let part { part.pointee &+= byteCount }
  }
}

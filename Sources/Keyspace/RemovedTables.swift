import DequeModule
import Heap

/// The segments of a table, and the directory through which they are found, without the table.
struct DetachedSegments {
  let directory: UnsafeMutablePointer<UnsafeMutableRawPointer>
  let depth: Int
  let allocatedBytes: Int
}

/// Tables whose keys were removed all at once, by FLUSHALL or FLUSHDB. The blocks are freed in slices, so that giving back ten
/// million keys stalls nobody.
struct RemovedTables {
  /// What a table consisted of, and where freeing it stands.
  private struct Remainder {
    let segments: DetachedSegments
    var position = 0
    var bucket = 0
  }

  /// Tables of so many segments (some 10,000 keys) are emptied at once.
  static let immediateSegments = 16

  /// The first is the one that is being freed.
  private var remainders: Deque<Remainder> = []
  /// Keys of all of them that are still there.
  private(set) var keyCount = 0
  /// Tables that were added, and those of them that are freed.
  private(set) var addedCount = 0
  private(set) var freedCount = 0
  /// Bytes of the segments and directories that are still there, as the allocator counts them.
  private(set) var tableBytes = 0

  @inline(__always)
  var isEmpty: Bool { tableBytes == 0 }

  /// Takes over the segments of a table of so many keys, with all that hangs on them.
  mutating func add(_ segments: DetachedSegments, keyCount: Int) {
    remainders.append(Remainder(segments: segments))
    self.keyCount += keyCount
    addedCount += 1
    tableBytes += segments.allocatedBytes
  }

  /// Frees blocks until `blockBudget` is used up or none is left. Calls `body` with every key before its block goes.
  mutating func advance(heap: ShardHeap, blockBudget: inout Int, _ body: (Handle) -> Void) {
    while blockBudget > 0, var remainder = remainders.popFirst() {
      let segment = Segment(base: remainder.segments.directory[remainder.position])
      while blockBudget > 0, remainder.bucket < Segment.bucketCount {
        // Freeing writes into the blocks, which lie anywhere: those of the next bucket come near meanwhile.
        if remainder.bucket + 1 < Segment.bucketCount { segment.prefetchBlocks(of: remainder.bucket + 1) }
        blockBudget -= free(segment, bucket: remainder.bucket, heap: heap, body)
        remainder.bucket += 1
      }
      if remainder.bucket == Segment.bucketCount {
        remainder.position += 1 << (remainder.segments.depth - segment.depth)
        remainder.bucket = 0
        free(segment.base, heap: heap)
      }
      if remainder.position == 1 << remainder.segments.depth {
        free(remainder.segments.directory, heap: heap)
        freedCount += 1
      } else {
        remainders.prepend(remainder)
      }
    }
  }

  /// Frees the blocks of a bucket. Returns what that cost.
  private mutating func free(
    _ segment: Segment, bucket: Int, heap: ShardHeap, _ body: (Handle) -> Void
  ) -> Int {
    var occupied = segment.occupiedSlots(in: bucket)
    // Empty buckets cost something, too.
    var cost = 1
    while occupied != 0 {
      let handle = segment.handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount))
      occupied &= occupied - 1
      // Large blocks leave whole pages, which the system takes its time to take back.
      cost += 1 + handle.countedBytes / 1_024
      body(handle)
      keyCount -= 1
      heap.free(handle.block, for: .dataset)
    }
    return cost
  }

  private mutating func free(_ block: UnsafeMutableRawPointer, heap: ShardHeap) {
    tableBytes -= ShardHeap.usableSize(block)
    heap.free(block, for: .tables)
  }
}

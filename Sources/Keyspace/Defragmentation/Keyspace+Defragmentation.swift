import CIntrinsics
import Heap

/// Where a cycle of defragmentation stands.
///
/// Positions are warped hashes (see `Table`), which mean the same however segments split and merge meanwhile.
struct DefragmentationCycle {
  var mover: BlockMover
  var database = 0
  /// The lowest warped hash of the segment to look at next.
  var position: UInt64 = 0
  /// The next of its slots.
  var place = Place(bucket: 0, slot: 0)
}

/// What defragmentation did since the start or the last `CONFIG RESETSTAT`.
public struct DefragmentationStatistics: Sendable, Equatable {
  /// Blocks that were moved, and those that were looked at and could stay.
  public var blocksMoved = 0
  public var blocksKept = 0
  /// Keys of which blocks were moved, and those that could stay as they are.
  public var keysMoved = 0
  public var keysKept = 0

  public init() {}

  public mutating func merge(_ other: DefragmentationStatistics) {
    blocksMoved += other.blocksMoved
    blocksKept += other.blocksKept
    keysMoved += other.keysMoved
    keysKept += other.keysKept
  }
}

/// How much of a shard's heap lies idle between its blocks.
public struct HeapFragmentation: Sendable, Equatable {
  /// Bytes of blocks in use.
  public var usedBytes = 0
  /// Bytes of blocks that are free, in areas that have blocks in use.
  public var freeBytes = 0
  /// The part of them in areas that are worth emptying.
  public var sparseFreeBytes = 0
  /// Pieces of 64 KiB of such areas.
  var sparsePieceCount = 0

  /// Free bytes for each 100 used.
  public var percentage: Double { usedBytes > 0 ? Double(freeBytes) * 100 / Double(usedBytes) : 0 }
}

/// Giving memory back that is lost between blocks: the blocks of areas that are hardly used move together, and the areas
/// that they leave go back to the system.
///
/// A cycle takes note of the sparse areas and then visits all keys, in slices between which the keyspace changes as it likes.
/// Only the addresses of blocks change; whoever remembers one beyond its own step must not exist. (Handles and the blocks of
/// large values are all that does, and locks, watches, waiting and tracking know keys by their hashes.)
extension Keyspace {
  /// Areas visited at the most to find the sparse ones, which come before the full ones: a millisecond's worth.
  private static let areaMaximum = 65_536
  /// Areas with fewer free bytes for each 100 used are never worth emptying.
  private static let sparsePercentageMinimum = 5

  /// Whether a cycle is under way.
  public var isDefragmenting: Bool { defragmentation != nil }

  /// Looks at the areas of the heap. `lowerPercentage` says what is sparse: free bytes for each 100 used.
  public func fragmentation(lowerPercentage: Int) -> HeapFragmentation {
    var result = HeapFragmentation()
    var areasLeft = Self.areaMaximum
    heap.visitAreas { area in
      result.usedBytes += area.usedBytes
      result.freeBytes += area.freeBytes
      if Self.isSparse(area, lowerPercentage) {
        result.sparseFreeBytes += area.freeBytes
        result.sparsePieceCount += SparseAreas.pieceCount(of: area)
      }
      areasLeft -= 1
      return areasLeft > 0
    }
    result.usedBytes = max(result.usedBytes, heap.liveBytes)
    return result
  }

  private static func isSparse(_ area: HeapArea, _ lowerPercentage: Int) -> Bool {
    area.freeBytes * 100 > area.usedBytes * max(lowerPercentage, sparsePercentageMinimum)
  }

  /// Begins a cycle that empties the areas that are sparse now.
  public mutating func beginDefragmentation(_ found: HeapFragmentation, lowerPercentage: Int) {
    endDefragmentation()
    defragmentation = DefragmentationCycle(
      mover: BlockMover(heap: heap, pieceCount: found.sparsePieceCount, areaMaximum: Self.areaMaximum) {
        Self.isSparse($0, lowerPercentage)
      })
  }

  /// Begins a cycle that moves every block: for tests.
  mutating func beginMovingEverything() {
    endDefragmentation()
    defragmentation = DefragmentationCycle(mover: BlockMover(ofEverythingIn: heap))
  }

  /// Ends the cycle, wherever it stands.
  public mutating func endDefragmentation() {
    defragmentation?.mover.release()
    defragmentation = nil
  }

  /// Goes on with the cycle until `deadline`, in the ticks of `pantala_ticks`. Returns whether it has come to its end.
  ///
  /// To be called between commands only, with the allocator giving back at once (`Allocator.givingBackAtOnce`).
  public mutating func defragment(untilTicks deadline: UInt64) -> Bool {
    guard var cycle = defragmentation else { return true }
    let movedBefore = cycle.mover.movedCount
    let keptBefore = cycle.mover.keptCount
    var isComplete = false
    while true {
      guard cycle.database < databaseCount, !cycle.mover.isDone else {
        isComplete = true
        break
      }
      let table = table(cycle.database)
      if cycle.position == 0, cycle.place == Place(bucket: 0, slot: 0) {
        table.pointee.moveDirectory(&cycle.mover)
      }
      guard let segment = table.pointee.segment(holding: cycle.position, moving: &cycle.mover) else {
        cycle.database += 1
        cycle.position = 0
        cycle.place = Place(bucket: 0, slot: 0)
        continue
      }
      guard moveBlocks(of: segment, &cycle, deadline) else { break }
      cycle.place = Place(bucket: 0, slot: 0)
      cycle.position = Table.warpedHash(after: cycle.position, depth: segment.depth)
    }
    statistics.defragmentation.blocksMoved += cycle.mover.movedCount - movedBefore
    statistics.defragmentation.blocksKept += cycle.mover.keptCount - keptBefore
    defragmentation = cycle
    if isComplete { endDefragmentation() }
    return isComplete
  }

  /// Moves the blocks of a segment's keys. Returns false if time was up before the last.
  private mutating func moveBlocks(
    of segment: Segment, _ cycle: inout DefragmentationCycle, _ deadline: UInt64
  ) -> Bool {
    while cycle.place.bucket < Segment.bucketCount {
      let bucket = cycle.place.bucket
      // The blocks of the next bucket come near while this one's are moved.
      if bucket + 1 < Segment.bucketCount { prefetchMoving(segment, bucket + 1, cycle.mover) }
      var occupied = segment.occupiedSlots(in: bucket) & ~0 << UInt32(cycle.place.slot)
      while occupied != 0 {
        cycle.place.slot = occupied.trailingZeroBitCount
        occupied &= occupied - 1
        let handle = segment.handle(at: cycle.place)
        if let block = cycle.mover.move(handle.block, for: .dataset) {
          segment.handlePointer(cycle.place).pointee = handle.moved(to: block).bits
          statistics.defragmentation.keysMoved += 1
          cycle.place.slot += 1
          if pantala_ticks() >= deadline { return false }
        } else {
          statistics.defragmentation.keysKept += 1
        }
      }
      cycle.place = Place(bucket: bucket + 1, slot: 0)
      if pantala_ticks() >= deadline { return false }
    }
    return true
  }

  private func prefetchMoving(_ segment: Segment, _ bucket: Int, _ mover: BlockMover) {
    var occupied = segment.occupiedSlots(in: bucket)
    while occupied != 0 {
      let block = segment.handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount)).block
      if mover.wantsToMove(block) { pantala_prefetch(block) }
      occupied &= occupied - 1
    }
  }
}

import CIntrinsics
import Heap

/// Where a cycle of defragmentation stands.
///
/// Positions are warped hashes (see `Table`), which mean the same however segments split and merge meanwhile.
struct DefragmentationCycle {
  var mover: BlockMover
  /// Elements up to which a large value is gone through at once.
  let scannedFields: Int
  var database = 0
  /// The lowest warped hash of the segment to look at next.
  var position: UInt64 = 0
  /// The next of its slots.
  var place = Place(bucket: 0, slot: 0)
  /// The large value that is being gone through in several slices, and where that stands.
  var part: (root: UnsafeMutablePointer<LargeValueHeader>, position: PartPosition)?
  /// Blocks that had been moved before the key at `place`.
  var movedBeforeKey = 0
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
  /// Whether all areas were visited.
  public internal(set) var isComplete = true

  public init() {}

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
  /// Areas visited at the most to find the sparse ones, which come before the full ones: half a millisecond's worth. More
  /// are the business of the next cycle.
  private static let areaMaximum = 24_576
  /// Areas with fewer free bytes for each 100 used are never worth emptying.
  private static let sparsePercentageMinimum = 5

  /// Whether a cycle is under way.
  public var isDefragmenting: Bool { defragmentation != nil }

  /// Looks at the areas of the heap, or at as many of those partly used as one step may visit. `lowerPercentage` says
  /// what is sparse: free bytes for each 100 used.
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
    result.isComplete = areasLeft > 0
    return result
  }

  private static func isSparse(_ area: HeapArea, _ lowerPercentage: Int) -> Bool {
    area.freeBytes * 100 > area.usedBytes * max(lowerPercentage, sparsePercentageMinimum)
  }

  /// Begins a cycle that empties the areas that are sparse now.
  ///
  /// - Parameter scannedFields: elements up to which a large value is gone through at once.
  public mutating func beginDefragmentation(
    _ found: HeapFragmentation, lowerPercentage: Int, scannedFields: Int = 1_000
  ) {
    endDefragmentation()
    defragmentation = DefragmentationCycle(
      mover: BlockMover(heap: heap, pieceCount: found.sparsePieceCount, areaMaximum: Self.areaMaximum) {
        Self.isSparse($0, lowerPercentage)
      }, scannedFields: scannedFields)
  }

  /// Begins a cycle that moves every block: for tests.
  mutating func beginMovingEverything() {
    endDefragmentation()
    defragmentation = DefragmentationCycle(mover: BlockMover(ofEverythingIn: heap), scannedFields: 0)
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
      if cycle.part == nil { cycle.movedBeforeKey = cycle.mover.movedCount }
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
        guard moveBlocks(of: segment.handlePointer(cycle.place), &cycle, deadline) else { return false }
        let isMoved = cycle.mover.movedCount > cycle.movedBeforeKey
        statistics.defragmentation.keysMoved += isMoved ? 1 : 0
        statistics.defragmentation.keysKept += isMoved ? 0 : 1
        guard isMoved else { continue }
        cycle.movedBeforeKey = cycle.mover.movedCount
        cycle.place.slot += 1
        if pantala_ticks() >= deadline { return false }
      }
      cycle.place = Place(bucket: bucket + 1, slot: 0)
      if pantala_ticks() >= deadline { return false }
    }
    return true
  }

  /// Moves the blocks of a key. Returns false if time was up before the last.
  private func moveBlocks(
    of place: UnsafeMutablePointer<UInt64>, _ cycle: inout DefragmentationCycle, _ deadline: UInt64
  ) -> Bool {
    var handle = Handle(bits: place.pointee)
    if let block = cycle.mover.move(handle.block, for: .dataset) {
      handle = handle.moved(to: block)
      place.pointee = handle.bits
    }
    guard var root = handle.largeRoot else { return true }
    var position = PartPosition()
    if let part = cycle.part, part.root == root { position = part.position }
    cycle.part = nil
    if let moved = cycle.mover.move(root, for: .dataset) {
      handle.setRootHeader(moved)
      root = moved.assumingMemoryBound(to: LargeValueHeader.self)
    }
    cycle.mover.deadline = root.pointee.count <= cycle.scannedFields ? .max : deadline
    if root.moveParts(from: &position, &cycle.mover) { return true }
    cycle.part = (root, position)
    return false
  }

  private func prefetchMoving(_ segment: Segment, _ bucket: Int, _ mover: BlockMover) {
    var occupied = segment.occupiedSlots(in: bucket)
    while occupied != 0 {
      let handle = segment.handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount))
      if handle.isCollection || mover.wantsToMove(handle.block) { pantala_prefetch(handle.block) }
      occupied &= occupied - 1
    }
  }
}

import CIntrinsics
import Heap

/// How long one slice of a long piece of work may hold a shard.
struct SliceBudget {
  private let start = pantala_ticks()
  private let nanosecondsPerTickFixed: UInt64
  private let nanoseconds: UInt64

  /// Less than a millisecond, so that what ends the slice is within it too.
  static let sliceNanoseconds: UInt64 = 800_000

  init(on shard: UnsafeMutablePointer<Shard>, nanoseconds: UInt64 = sliceNanoseconds) {
    nanosecondsPerTickFixed = shard.pointee.nanosecondsPerTickFixed
    self.nanoseconds = nanoseconds
  }

  var spentNanoseconds: UInt64 { ((pantala_ticks() &- start) &* nanosecondsPerTickFixed) >> 16 }
  var isSpent: Bool { spentNanoseconds >= nanoseconds }
}

extension UnsafeMutablePointer<Shard> {
  /// Visits the areas of the shard's heap, but no longer than a slice may take. Returns whether all were visited.
  func visitAreas(within budget: SliceBudget, _ body: (HeapArea) -> Void) -> Bool {
    var countdown = 64
    return pointee.heap.visitAreas { area in
      countdown -= 1
      if countdown == 0 {
        if budget.isSpent { return false }
        countdown = 64
      }
      body(area)
      return true
    }
  }

  /// Where the gaps of the shard's heap are, found in one slice.
  public func sizeClasses() -> SizeClassTable {
    var table = SizeClassTable()
    if !visitAreas(within: SliceBudget(on: self), { table.add($0) }) {
      // What is left is full areas, or nearly.
      table.unvisitedBytes = Swift.max(0, pointee.heap.liveBytes - table.sum.usedBytes)
    }
    return table
  }
}

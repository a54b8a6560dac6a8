import Heap
import TestSupport
import Testing

@Suite("The areas of a heap by the size of their blocks")
struct SizeClassTableTests {
  private func table(of heap: ShardHeap) -> SizeClassTable {
    var table = SizeClassTable()
    heap.visitAreas { area in
      table.add(area)
      return true
    }
    return table
  }

  #if !SYSTEM_ALLOCATOR
    @Test("shows the blocks in use of each size, and what is between them")
    func rows() {
      withUnadoptedHeap { heap in
        let blocks = (0..<10_000).map { _ in heap.allocate(48, for: .dataset) }
        let large = heap.allocate(3 << 20, for: .tables)
        for (index, block) in blocks.enumerated() where index % 2 == 0 { heap.free(block, for: .dataset) }
        defer {
          for (index, block) in blocks.enumerated() where index % 2 == 1 { heap.free(block, for: .dataset) }
          heap.free(large, for: .tables)
        }
        guard table(of: heap).sum.usedBytes == heap.liveBytes else { return false }
        let rows = table(of: heap).rows
        #expect(rows.map(\.blockBytes) == rows.map(\.blockBytes).sorted())
        let small = rows.first { $0.blockBytes == 48 }
        #expect(small?.usedCount == 5_000)
        #expect(small?.usedBytes == 240_000)
        #expect((small?.wastedBytes ?? 0) >= 240_000)
        #expect((small?.blockCount ?? 0) >= 10_000)
        #expect(rows.last?.usedBytes == ShardHeap.usableSize(large))
        return true
      }
    }

    @Test("agrees with the counts for blocks of any size, and adds up over heaps")
    func sums() {
      var random = SeededRandom(test: "SizeClassTableTests.sums")
      withUnadoptedHeap { heap in
        let blocks = (0..<2_000).map { _ in
          heap.allocate(1 + random.below(1 << random.below(22)), for: .dataset)
        }
        defer { for block in blocks { heap.free(block, for: .dataset) } }
        let once = table(of: heap)
        guard once.sum.usedBytes == heap.liveBytes else { return false }
        var twice = once
        twice.merge(once)
        #expect(twice.sum.usedBytes == 2 * heap.liveBytes, "\(random)")
        #expect(twice.rows.map(\.blockBytes) == once.rows.map(\.blockBytes), "\(random)")
        // Up to this size every row is one size of blocks.
        for row in once.rows where row.blockBytes <= 1 << 20 {
          #expect(row.usedBytes == row.usedCount * row.blockBytes, "\(random)")
        }
        return true
      }
    }
  #endif
}

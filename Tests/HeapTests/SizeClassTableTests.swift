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
      withHeap { heap in
        let blocks = (0..<10_000).map { _ in heap.allocate(48, for: .dataset) }
        let large = heap.allocate(3 << 20, for: .tables)
        for (index, block) in blocks.enumerated() where index % 2 == 0 { heap.free(block, for: .dataset) }
        let rows = table(of: heap).rows
        #expect(rows.map(\.blockBytes) == rows.map(\.blockBytes).sorted())
        let small = rows.first { $0.blockBytes == 48 }
        expectWalk(small?.usedBytes ?? 0, agreesWith: 240_000)
        #expect(small?.usedBytes == (small?.usedCount ?? 0) * 48)
        #expect((small?.wastedBytes ?? 0) >= 240_000)
        #expect((small?.blockCount ?? 0) >= 10_000)
        expectWalk(rows.last?.usedBytes ?? 0, agreesWith: ShardHeap.usableSize(large))
        expectWalk(table(of: heap).sum.usedBytes, agreesWith: heap.liveBytes)
        for (index, block) in blocks.enumerated() where index % 2 == 1 { heap.free(block, for: .dataset) }
        heap.free(large, for: .tables)
      }
    }

    @Test("agrees with the counts for blocks of any size, and adds up over heaps")
    func sums() {
      var random = SeededRandom(test: "SizeClassTableTests.sums")
      withHeap { heap in
        let blocks = (0..<2_000).map { _ in
          heap.allocate(1 + random.below(1 << random.below(22)), for: .dataset)
        }
        let once = table(of: heap)
        expectWalk(once.sum.usedBytes, agreesWith: heap.liveBytes, "\(random)")
        var twice = once
        twice.merge(once)
        #expect(twice.sum.usedBytes == 2 * once.sum.usedBytes, "\(random)")
        #expect(twice.rows.map(\.blockBytes) == once.rows.map(\.blockBytes), "\(random)")
        // Up to this size every row is one size of blocks.
        for row in once.rows where row.blockBytes <= 1 << 20 {
          #expect(row.usedBytes == row.usedCount * row.blockBytes, "\(random)")
        }
        for block in blocks { heap.free(block, for: .dataset) }
      }
    }
  #endif
}

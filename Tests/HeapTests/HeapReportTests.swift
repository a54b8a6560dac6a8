import Heap
import TestSupport
import Testing

@Suite("The report of a shard's heap")
struct HeapReportTests {
  @Test("lists the counts by purpose, and their sum is what the allocator's own walk finds")
  func agreesWithTheWalk() {
    withHeap(mustBeEmptied: false) { heap in
      for (number, purpose) in Purpose.allCases.enumerated() {
        for index in 0...number { _ = heap.allocate(100 * index + 1, for: purpose) }
      }
      let report = heap.report()
      for purpose in Purpose.allCases {
        #expect(report[purpose] == heap.liveBytes(purpose))
        #expect(report[purpose] > 0)
      }
      #expect(report.liveBytes == heap.liveBytes)
      expectWalk(report.areas.used, agreesWith: heap.liveBytes)
      #expect(report.areas.committed >= report.areas.used)
      #expect(report.areas.reserved >= report.areas.committed)
    }
  }

  @Test("agrees with the walk to the byte after any load", arguments: [1_000, 60_000, 5_000_000])
  func agreesAfterRandomLoad(sizeMaximum: Int) {
    var random = SeededRandom(test: "HeapReportTests.agreesAfterRandomLoad")
    withHeap(mustBeEmptied: false) { heap in
      var blocks: [(block: UnsafeMutableRawPointer, purpose: Purpose)] = []
      var expected = Array(repeating: 0, count: Purpose.allCases.count)
      for round in 0..<20 {
        // Rounds that mostly grow and rounds that mostly shrink.
        let allocatesMore = random.below(2) == 0
        for _ in 0..<1_000 {
          let size = random.size(upTo: sizeMaximum)
          let purpose = Purpose.allCases[random.below(Purpose.allCases.count)]
          switch random.below(10) {
          case 0...5 where allocatesMore || blocks.isEmpty:
            let block =
              random.below(2) == 0
              ? heap.allocate(size, for: purpose) : heap.allocateZeroed(size, for: purpose)
            blocks.append((block, purpose))
            expected[purpose.rawValue] += ShardHeap.usableSize(block)
          case 6 where !blocks.isEmpty:
            let index = random.below(blocks.count)
            let (block, old) = blocks[index]
            expected[old.rawValue] -= ShardHeap.usableSize(block)
            blocks[index].block = heap.reallocate(block, to: size, for: old)
            expected[old.rawValue] += ShardHeap.usableSize(blocks[index].block)
          case 7 where !blocks.isEmpty:
            let index = random.below(blocks.count)
            let (block, old) = blocks[index]
            heap.reassign(block, from: old, to: purpose)
            expected[old.rawValue] -= ShardHeap.usableSize(block)
            expected[purpose.rawValue] += ShardHeap.usableSize(block)
            blocks[index].purpose = purpose
          default:
            guard !blocks.isEmpty else { continue }
            let (block, old) = blocks.remove(at: random.below(blocks.count))
            expected[old.rawValue] -= ShardHeap.usableSize(block)
            heap.free(block, for: old)
          }
        }
        let report = heap.report()
        #expect(report.liveBytesByPurpose == expected, "round \(round), \(random)")
        expectWalk(report.areas.used, agreesWith: expected.reduce(0, +), "round \(round), \(random)")
        if round % 5 == 4 { heap.collect(force: round % 2 == 0) }
      }
      for (block, purpose) in blocks { heap.free(block, for: purpose) }
      #expect(heap.liveBytes == 0)
      expectWalk(heap.report().areas.used, agreesWith: 0)
    }
  }

  @Test("adds up over shards, purpose by purpose")
  func addsUp() {
    withHeap(mustBeEmptied: false) { first in
      withHeap(mustBeEmptied: false) { second in
        _ = first.allocate(100, for: .dataset)
        _ = second.allocate(1_000, for: .dataset)
        _ = second.allocate(1_000, for: .tables)
        let sum = first.report() + second.report()
        for purpose in Purpose.allCases {
          #expect(sum[purpose] == first.liveBytes(purpose) + second.liveBytes(purpose))
        }
        #expect(sum.liveBytes == first.liveBytes + second.liveBytes)
        expectWalk(sum.areas.used, agreesWith: sum.liveBytes)
        #expect(sum.areas.committed == first.report().areas.committed + second.report().areas.committed)
        #expect(sum.areas.reserved == first.report().areas.reserved + second.report().areas.reserved)
        #expect(HeapReport() + sum == sum)
      }
    }
  }

  @Test("of the thread's default heap counts what no shard's purpose does", .enabled(if: heapsAreMimalloc))
  func defaultHeap() {
    withHeap(mustBeEmptied: false) { heap in
      let before = HeapAreas.ofThisThread().used
      let other = heap.allocate(1 << 20, for: .dataset)
      let unchanged = HeapAreas.ofThisThread().used
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 16)
      let after = HeapAreas.ofThisThread().used
      memory.deallocate()
      heap.free(other, for: .dataset)
      #expect(unchanged - before < 1 << 20)
      #expect(after - unchanged >= 1 << 20)
      #expect(HeapAreas.ofThisThread().used < after)
    }
  }
}

import Heap
import TestSupport
import Testing

@Suite("A shard's heap")
struct ShardHeapTests {
  @Test("starts with nothing in use")
  func startsEmpty() {
    withHeap(mustBeEmptied: false) { heap in
      #expect(heap.liveBytes == 0)
      for purpose in Purpose.allCases { #expect(heap.liveBytes(purpose) == 0) }
      expectWalk(heap.report().areas.used, agreesWith: 0)
    }
  }

  @Test(
    "aligns every block to 16 bytes, also those of 1 to 8",
    arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17])
  func smallBlocksAreAligned(byteCount: Int) {
    withHeap(mustBeEmptied: false) { heap in
      // Several, because the first of a page could be aligned by chance.
      for _ in 0..<64 {
        #expect(UInt(bitPattern: heap.allocate(byteCount, for: .dataset)) % 16 == 0)
        #expect(UInt(bitPattern: heap.allocateZeroed(byteCount, for: .dataset)) % 16 == 0)
      }
    }
  }

  @Test("aligns blocks of all sizes to 16 bytes and gives at least what was asked for")
  func blocksAreAlignedAndLargeEnough() {
    withHeap(mustBeEmptied: false) { heap in
      var sizes = Array(0...2_048)
      for shift in 11...24 { sizes += [1 << shift - 1, 1 << shift, 1 << shift + 1] }
      for size in sizes {
        let block = heap.allocate(size, for: .tables)
        #expect(UInt(bitPattern: block) % 16 == 0, "\(size) bytes")
        #expect(ShardHeap.usableSize(block) >= max(size, 16), "\(size) bytes")
        heap.free(block, for: .tables)
      }
      #expect(heap.liveBytes == 0)
    }
  }

  @Test("fills zeroed blocks with zeros, also where there was something else before")
  func zeroedBlocksAreZero() {
    withHeap(mustBeEmptied: false) { heap in
      for size in [1, 15, 16, 17, 100, 1_000, 8_192, 100_000, 3_000_000] {
        for _ in 0..<8 {
          let dirty = heap.allocate(size, for: .dataset)
          dirty.initializeMemory(as: UInt8.self, repeating: 0xff, count: size)
          heap.free(dirty, for: .dataset)
          let block = heap.allocateZeroed(size, for: .dataset)
          let bytes = UnsafeRawBufferPointer(start: block, count: size)
          #expect(bytes.allSatisfy { $0 == 0 }, "\(size) bytes")
          block.initializeMemory(as: UInt8.self, repeating: 0xff, count: size)
          heap.free(block, for: .dataset)
        }
      }
    }
  }

  @Test("counts a block with its usable size, for its purpose alone", arguments: Purpose.allCases)
  func countsByPurpose(purpose: Purpose) {
    withHeap(mustBeEmptied: false) { heap in
      let first = heap.allocate(100, for: purpose)
      let second = heap.allocateZeroed(5_000, for: purpose)
      let sum = ShardHeap.usableSize(first) + ShardHeap.usableSize(second)
      #expect(heap.liveBytes(purpose) == sum)
      #expect(heap.liveBytes == sum)
      for other in Purpose.allCases where other != purpose { #expect(heap.liveBytes(other) == 0) }
      heap.free(first, for: purpose)
      #expect(heap.liveBytes(purpose) == ShardHeap.usableSize(second))
      heap.free(second, for: purpose)
      #expect(heap.liveBytes == 0)
    }
  }

  @Test("counts what a block becomes when it is reallocated, and keeps its bytes")
  func reallocates() {
    withHeap(mustBeEmptied: false) { heap in
      var block = heap.allocate(16, for: .clients)
      var kept = 16
      block.initializeMemory(as: UInt8.self, repeating: 0x5a, count: kept)
      for size in [24, 100, 4_096, 70_000, 2_000_000, 500, 17, 0] {
        block = heap.reallocate(block, to: size, for: .clients)
        kept = min(kept, max(size, 16))
        #expect(heap.liveBytes(.clients) == ShardHeap.usableSize(block), "\(size) bytes")
        #expect(UInt(bitPattern: block) % 16 == 0)
        let bytes = UnsafeRawBufferPointer(start: block, count: kept)
        #expect(bytes.allSatisfy { $0 == 0x5a }, "\(size) bytes")
      }
      heap.free(block, for: .clients)
      #expect(heap.liveBytes == 0)
    }
  }

  @Test("moves a block's bytes from one purpose to another without changing the sum")
  func reassigns() {
    withHeap(mustBeEmptied: false) { heap in
      let block = heap.allocate(1_000, for: .clients)
      let other = heap.allocate(1_000, for: .clients)
      let size = ShardHeap.usableSize(block)
      let sum = heap.liveBytes
      heap.reassign(block, from: .clients, to: .replicas)
      #expect(heap.liveBytes(.replicas) == size)
      #expect(heap.liveBytes(.clients) == ShardHeap.usableSize(other))
      #expect(heap.liveBytes == sum)
      heap.free(block, for: .replicas)
      heap.free(other, for: .clients)
      #expect(heap.liveBytes == 0)
    }
  }

  @Test("is the same heap in every copy, and another than the next")
  func copiesShareAndHeapsDoNot() {
    withHeap(mustBeEmptied: false) { first in
      withHeap(mustBeEmptied: false) { second in
        let copy = first
        let block = copy.allocate(64, for: .scripts)
        #expect(first.liveBytes(.scripts) == ShardHeap.usableSize(block))
        #expect(second.liveBytes == 0)
        expectWalk(second.report().areas.used, agreesWith: 0)
        first.free(block, for: .scripts)
        #expect(copy.liveBytes == 0)
      }
    }
  }

  @Test("keeps its counts when pages without blocks go back to the system")
  func collects() {
    withHeap(mustBeEmptied: false) { heap in
      let kept = heap.allocate(100, for: .dataset)
      kept.initializeMemory(as: UInt8.self, repeating: 7, count: 100)
      let blocks = (0..<10_000).map { _ in heap.allocate(1_000, for: .dataset) }
      for block in blocks { heap.free(block, for: .dataset) }
      heap.collect(force: true)
      #expect(heap.liveBytes == ShardHeap.usableSize(kept))
      expectWalk(heap.report().areas.used, agreesWith: heap.liveBytes)
      #expect(UnsafeRawBufferPointer(start: kept, count: 100).allSatisfy { $0 == 7 })
    }
  }

  @Test("has a name of its own for every purpose")
  func purposesHaveNames() {
    let names = Purpose.allCases.map { "\($0.name)" }
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { !$0.isEmpty })
    // The counts are an array indexed by the raw value.
    #expect(Purpose.allCases.map(\.rawValue) == Array(0..<Purpose.allCases.count))
  }
}

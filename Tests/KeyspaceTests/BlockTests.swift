import Bytes
import CMimalloc
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("The block of a key")
struct BlockTests {
  private static let keyCounts = [0, 1, 7, 8, 15, 16, 17, 31, 47, 61, 62, 63, 64, 200, 70_000]

  /// Sizes around every boundary: those of size classes, and of short blocks.
  private static let valueCounts: [Int] = {
    var counts = Array(0...96)
    for edge in stride(from: 96, through: 576, by: 16) {
      counts += [edge - 9, edge - 8, edge - 7, edge - 1, edge, edge + 1]
    }
    return counts + [1_000, 4_096, 70_000, 3_000_000]
  }()

  private func pattern(_ count: Int, _ salt: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ salt) }
  }

  /// Makes a block and fills in its value.
  private func make(
    _ key: [UInt8], _ value: [UInt8], kind: ValueKind = .bytes, expiry: Int64?, spare: Int = 0,
    heap: ShardHeap
  ) -> Handle {
    let handle = withView(key) {
      Handle.make(key: $0, kind: kind, valueCount: value.count, expiry: expiry, spare: spare, heap: heap)
    }
    _ = handle.value.update(fromContentsOf: value)
    return handle
  }

  private func expect(
    _ handle: Handle, key: [UInt8], value: [UInt8], expiry: Int64?,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let comment = "key of \(key.count), value of \(value.count), expiry \(expiry ?? -1)"
    expectEqual(handle.key.array, key, comment, sourceLocation: sourceLocation)
    expectEqual(Array(handle.value), value, comment, sourceLocation: sourceLocation)
    expectEqual(handle.expiry, expiry, comment, sourceLocation: sourceLocation)
    expectEqual(handle.hasExpiry, expiry != nil, comment, sourceLocation: sourceLocation)
    expectEqual(withView(key) { handle.hasKey($0) }, true, comment, sourceLocation: sourceLocation)
  }

  // MARK: Layout

  @Test("holds key, value and expiry time of every size, apart from each other", arguments: keyCounts)
  func layout(keyCount: Int) {
    withHeap { heap in
      let key = pattern(keyCount, 3)
      for valueCount in Self.valueCounts where keyCount < 1_000 || valueCount % 7 == 0 {
        for expiry in [nil, 0, 1_700_000_000_000, Int64.max] as [Int64?] {
          // What takes long in a debug build once is enough.
          if valueCount > 10_000, expiry != nil || keyCount % 31 != 0 { continue }
          let handle = make(key, pattern(valueCount, 100), expiry: expiry, heap: heap)
          expect(handle, key: key, value: pattern(valueCount, 100), expiry: expiry)
          // A value of all ones must not run into what is beside it.
          handle.value.update(repeating: 0xff)
          expect(handle, key: key, value: [UInt8](repeating: 0xff, count: valueCount), expiry: expiry)
          expectEqual(
            handle.allocatedBytes, heap.liveBytes(.dataset), "key of \(keyCount), value of \(valueCount)")
          heap.free(handle.block, for: .dataset)
        }
      }
    }
  }

  @Test("tells keys apart that differ in one byte or in length")
  func hasKey() {
    withHeap { heap in
      for keyCount in Self.keyCounts where keyCount > 0 {
        let key = pattern(keyCount, 3)
        let handle = make(key, [1, 2, 3], expiry: nil, heap: heap)
        for place in [0, keyCount / 2, keyCount - 1] {
          var other = key
          other[place] ^= 0x20
          #expect(withView(other) { !handle.hasKey($0) })
        }
        #expect(withView(Array(key.dropLast())) { !handle.hasKey($0) })
        #expect(withView(key + [1]) { !handle.hasKey($0) })
        heap.free(handle.block, for: .dataset)
      }
    }
  }

  @Test("is short when the key has at most 62 bytes and all fits 448, and long otherwise")
  func shortAndLong() {
    withHeap { heap in
      for keyCount in Self.keyCounts {
        for valueCount in Self.valueCounts where valueCount < 10_000 {
          for expiry in [nil, 5] as [Int64?] {
            let handle = make(
              [UInt8](repeating: 1, count: keyCount), [UInt8](repeating: 2, count: valueCount),
              expiry: expiry,
              heap: heap)
            let used = keyCount + valueCount + (expiry == nil ? 0 : 8)
            expectEqual(
              handle.isLong, keyCount > 62 || used > 448, "key of \(keyCount), value of \(valueCount)")
            heap.free(handle.block, for: .dataset)
          }
        }
      }
    }
  }

  // MARK: Size classes

  @Test("takes the size classes that mimalloc has")
  func sizeClasses() {
    for byteCount in 9...Block.shortBlockBytes {
      #expect(Block.sizeClass(byteCount) == mi_good_size(byteCount), "\(byteCount) bytes")
    }
    // Blocks of 8 bytes would be aligned to 8 only.
    for byteCount in 0...8 { #expect(Block.sizeClass(byteCount) == 16) }
  }

  @Test("costs what the allocator rounds its content up to, and nothing more", .enabled(if: heapsAreMimalloc))
  func allocatedBytes() {
    withHeap { heap in
      for keyCount in [0, 5, 16, 62, 63, 100] {
        for valueCount in Self.valueCounts where valueCount < 10_000 {
          for expiry in [nil, 5] as [Int64?] {
            let handle = make(pattern(keyCount, 0), pattern(valueCount, 0), expiry: expiry, heap: heap)
            let content = keyCount + valueCount + (expiry == nil ? 0 : 8)
            let header = handle.isLong ? 8 : 0
            expectEqual(
              handle.allocatedBytes, mi_good_size(max(content + header, 16)),
              "key of \(keyCount), value of \(valueCount)")
            if !handle.isLong { expectEqual(handle.blockBytes, handle.allocatedBytes, "of a short block") }
            heap.free(handle.block, for: .dataset)
          }
        }
      }
    }
  }

  @Test("of a growing string has the room ahead that was asked for")
  func spareRoom() {
    withHeap { heap in
      let handle = make(pattern(10, 0), pattern(1_000, 0), expiry: nil, spare: 5_000, heap: heap)
      #expect(handle.allocatedBytes >= 10 + 8 + 6_000)
      #expect(handle.value.count == 1_000)
      heap.free(handle.block, for: .dataset)
    }
  }

  // MARK: In-place changes

  @Test("is kept by a value of another length if the allocator would give a block of the same size")
  func resizedShort() {
    withHeap { heap in
      for keyCount in [0, 1, 16, 62] {
        let key = pattern(keyCount, 9)
        for oldCount in stride(from: 0, through: 140, by: 7) {
          for expiry in [nil, 77] as [Int64?] {
            let old = pattern(oldCount, 50)
            let overhead = keyCount + (expiry == nil ? 0 : 8)
            for newCount in 0...160 {
              let handle = make(key, old, expiry: expiry, heap: heap)
              let comment = "key of \(keyCount), value of \(oldCount) to \(newCount)"
              let fits = Block.sizeClass(overhead + oldCount) == Block.sizeClass(overhead + newCount)
              if let resized = handle.resized(toValueCount: newCount, kind: .integer) {
                expectEqual(fits, true, comment)
                expectEqual(resized.kind, .integer, comment)
                expectEqual(resized.block, handle.block, comment)
                expectEqual(resized.value.count, newCount, comment)
                let kept = min(oldCount, newCount)
                expectEqual(Array(resized.value.prefix(kept)), Array(old.prefix(kept)), comment)
                resized.value.update(repeating: 0xff)
                expectEqual(resized.value.count, newCount, comment)
                expectEqual(resized.expiry, expiry, comment)
                expectEqual(withView(key) { resized.hasKey($0) }, true, comment)
              } else {
                expectEqual(fits, false, comment)
                expect(handle, key: key, value: old, expiry: expiry)
              }
              heap.free(handle.block, for: .dataset)
            }
          }
        }
      }
    }
  }

  @Test(
    "that is long is kept while it is more than half full, and given up for a short one when that would do")
  func resizedLong() {
    withHeap { heap in
      let key = pattern(20, 1)
      let value = pattern(5_000, 2)
      for newCount in [0, 10, 428, 429, 1_000, 2_400, 2_700, 4_000, 4_999, 5_000, 5_001, 5_090, 5_200, 9_000]
      {
        let handle = make(key, value, expiry: 5, heap: heap)
        let used = 8 + 8 + 20 + newCount
        let isKept = newCount + 28 > 448 && used <= handle.allocatedBytes && used * 2 > handle.allocatedBytes
        if let resized = handle.resized(toValueCount: newCount, kind: .bytes) {
          #expect(isKept, "\(newCount)")
          #expect(resized.value.count == newCount && resized.block == handle.block)
          #expect(resized.value.prefix(5_000).elementsEqual(value.prefix(newCount)), "\(newCount)")
          #expect(resized.expiry == 5 && withView(key) { resized.hasKey($0) })
        } else {
          #expect(!isKept, "\(newCount)")
          expect(handle, key: key, value: value, expiry: 5)
        }
        heap.free(handle.block, for: .dataset)
      }
    }
  }

  @Test("keeps the key's age when its value changes in place")
  func resizingKeepsAge() throws {
    try withHeap { heap in
      for value in [pattern(10, 0), pattern(1_000, 0)] {
        var handle = make(pattern(5, 0), value, expiry: nil, heap: heap)
        handle.age = 11
        let resized = try #require(handle.resized(toValueCount: value.count - 1, kind: .bytes))
        #expect(resized.age == 11)
        heap.free(handle.block, for: .dataset)
      }
    }
  }
}

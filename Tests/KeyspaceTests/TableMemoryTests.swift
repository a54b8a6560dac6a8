import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("Memory of the tables")
struct TableMemoryTests {
  /// Bytes per key, blocks and tables, at many sizes of a growing keyspace.
  private func bytesPerKey(from first: Int, through last: Int, every step: Int) -> [Double] {
    var random = SeededRandom(test: "TableMemoryTests.bytesPerKey")
    var samples: [Double] = []
    withKeyspace(hasher: random.hasher()) { keyspace in
      var key = Array("key:............".utf8)
      var value = [UInt8](repeating: UInt8(ascii: "v"), count: 32)
      key.withUnsafeMutableBytes { keyBytes in
        value.withUnsafeMutableBytes { valueBytes in
          for count in 1...last {
            keyBytes.storeBytes(of: UInt64(count), toByteOffset: 4, as: UInt64.self)
            let key = Key(ByteView(keyBytes.baseAddress!, count: 16), hasher: keyspace.hasher)
            keyspace.setString(
              key, in: 0, to: ByteView(valueBytes.baseAddress!, count: 32), replacing: nil, expiry: nil)
            if count >= first, count % step == 0 {
              samples.append(Double(keyspace.heap.liveBytes) / Double(count))
            }
          }
        }
      }
    }
    return samples
  }

  /// A table that split all segments at about the same time would swing by a factor of nearly two between 10 and 17
  /// bytes a key; the warp of the hashes is what keeps it even.
  @Test(
    "a key of 16 bytes with a value of 32 takes at most 70 bytes, about the same at every size of the table",
    .enabled(if: heapsAreMimalloc))
  func bytesPerKey() throws {
    let samples = bytesPerKey(from: 100_000, through: 400_000, every: 2_500)
    let least = try #require(samples.min())
    let most = try #require(samples.max())
    #expect(samples.count == 121)
    #expect(most <= 70, "\(most) bytes")
    #expect(least >= 48, "\(least) bytes")
    #expect(most / least < 1.1, "from \(least) to \(most) bytes")
  }

  @Test("the tables' part of it swings by less than a quarter")
  func slotBytesPerKey() throws {
    let samples = bytesPerKey(from: 50_000, through: 120_000, every: 1_000).map { sample in
      // All blocks are alike, so what a key's block takes is a constant.
      sample
        - Double(
          withHeap { heap in
            let block = heap.allocate(48, for: .dataset)
            defer { heap.free(block, for: .dataset) }
            return ShardHeap.usableSize(block)
          })
    }
    let least = try #require(samples.min())
    let most = try #require(samples.max())
    #expect(least > 9.14 && most < 17, "from \(least) to \(most) bytes")
    #expect(most / least < 1.25, "from \(least) to \(most) bytes")
  }
}

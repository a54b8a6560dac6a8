import Foundation
import TestSupport
import Testing

@testable import Keyspace

@Suite("The warp of hashes")
struct WarpTests {
  @Test("is a logarithm to within a hundredth")
  func logarithm() {
    for step in 0...10_000 {
      let fraction = Double(step) / 10_000
      let hash = UInt64(min(fraction * 4_294_967_296, 4_294_967_295)) << 32
      let warped = Double(Table.warp(hash)) / 4_294_967_296
      #expect(abs(warped - log2(1 + fraction)) < 0.009, "\(fraction)")
    }
  }

  @Test("maps all hashes to 32 bits, the ends to the ends, and never turns the order around")
  func order() {
    #expect(Table.warp(0) == 0)
    #expect(Table.warp(.max) == 0xffff_ffff)
    var random = SeededRandom(test: "WarpTests.order")
    for turn in 0..<200_000 {
      // Near both ends, and anywhere.
      let fraction =
        turn < 50_000
        ? UInt64(turn) : turn < 100_000 ? 0xffff_ffff - UInt64(turn - 50_000) : random.next() >> 32
      let here = Table.warp(fraction << 32)
      let after = Table.warp(min(fraction + 1, 0xffff_ffff) << 32)
      expectEqual(here <= after && after <= 0xffff_ffff, true, "\(fraction), \(random)")
    }
  }

  @Test("depends on the upper half of a hash alone, which home and fingerprint do not look at")
  func independence() {
    var random = SeededRandom(test: "WarpTests.independence")
    for _ in 0..<1_000 {
      let hash = random.next()
      let other = hash & 0xffff_ffff_0000_0000 | random.next() >> 32
      #expect(Table.warp(hash) == Table.warp(other))
      let third = hash & 0xffff_ffff | random.next() << 32
      #expect(Segment.home(hash) == Segment.home(third))
      #expect(Segment.fingerprint(hash) == Segment.fingerprint(third))
    }
  }

  @Test("goes with a choice of shards that leaves each shard's keys spread over all segments")
  func shards() {
    var random = SeededRandom(test: "WarpTests.shards")
    for shardCount in [1, 2, 3, 4, 7, 16] {
      var cells = Array(repeating: Array(repeating: 0, count: 8), count: shardCount)
      let count = 20_000 * shardCount
      for _ in 0..<count {
        let hash = random.next()
        let shard = shardIndex(ofHash: hash, shardCount: shardCount)
        cells[shard][Int(hash >> 61)] += 1
      }
      for row in cells { #expect(row.allSatisfy { $0 > 2_100 && $0 < 2_900 }, "\(row), \(random)") }
    }
  }
}

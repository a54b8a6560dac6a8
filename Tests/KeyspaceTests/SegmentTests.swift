import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Segments of a table")
struct SegmentTests {
  /// Keys whose home is one of `homes`, looked for by trying.
  private func keys(_ count: Int, homes: Set<Int>, hasher: KeyHasher) -> [String] {
    var found: [String] = []
    var number = 0
    while found.count < count {
      precondition(number < 1_000_000, "homes are not spread")
      let text = "key \(number)"
      number += 1
      let hash = withView(Array(text.utf8)) { hasher.hash($0) }
      if homes.contains(Segment.home(hash)) { found.append(text) }
    }
    return found
  }

  @Test("are 8,192 bytes, with a bucket on two cache lines")
  func geometry() {
    #expect(Segment.byteCount == 8_192 && Segment.slotCount == 896 && Segment.bucketBytes == 128)
    #expect((0..<Segment.homeCount).map { Segment.neighbour(of: $0) } == Array(1..<60) + [0])
  }

  @Test("have a home among the first 60 buckets for every hash, all of them equally likely")
  func homes() {
    var random = SeededRandom(test: "SegmentTests.homes")
    var counts = Array(repeating: 0, count: Segment.homeCount)
    for _ in 0..<60_000 { counts[Segment.home(random.next())] += 1 }
    #expect(counts.allSatisfy { $0 > 800 && $0 < 1_200 }, "\(random)")
    #expect(Segment.home(0) == 0 && Segment.home(.max) == 59)
  }

  @Test("have no fingerprint 0, which marks an empty slot")
  func fingerprints() {
    for byte in 0...255 {
      let fingerprint = Segment.fingerprint(0xabcd_ef00 | UInt64(byte))
      #expect(fingerprint == (byte == 0 ? 1 : UInt8(byte)))
    }
  }

  @Test("hold keys of one home there, beside it and in the stash, and split only when all that is full")
  func oneHome() {
    var random = SeededRandom(test: "SegmentTests.oneHome")
    let hasher = random.hasher()
    for home in [0, 7, 58, 59] {
      let keys = keys(300, homes: [home], hasher: hasher)
      withKeyspace(hasher: hasher) { keyspace in
        for (number, key) in keys.enumerated() {
          keyspace.set(key, "value \(number)")
          // Home, neighbour and four stash buckets of 14 slots each.
          if number + 1 == 6 * 14 { #expect(keyspace.tableReport(in: 0).segmentCount == 1) }
          if number + 1 == 6 * 14 + 1 { #expect(keyspace.tableReport(in: 0).segmentCount > 1) }
          TableInvariants.expect(keyspace, "home \(home), key \(number), \(random)")
        }
        for (number, key) in keys.enumerated() {
          expectEqual(keyspace.get(key), "value \(number)", "\(random)")
        }
        for (number, key) in keys.enumerated() where number % 3 != 0 {
          keyspace.delete(key)
          TableInvariants.expect(keyspace, "home \(home), deleted \(number), \(random)")
        }
        for (number, key) in keys.enumerated() {
          expectEqual(keyspace.get(key), number % 3 == 0 ? "value \(number)" : nil, "\(random)")
        }
      }
    }
  }

  @Test("make room by moving keys between a bucket and its neighbours before they split")
  func crowdedNeighbours() {
    var random = SeededRandom(test: "SegmentTests.crowdedNeighbours")
    let hasher = random.hasher()
    for homes in [[3, 4, 5], [58, 59, 0], [59, 0, 1]] as [Set<Int>] {
      let keys = keys(600, homes: homes, hasher: hasher)
      withKeyspace(hasher: hasher) { keyspace in
        var alive: [String] = []
        for (number, key) in keys.enumerated() {
          keyspace.set(key, "")
          alive.append(key)
          // Now and then a key goes, so that free slots appear in all places.
          if random.below(3) == 0 { keyspace.delete(alive.remove(at: random.below(alive.count))) }
          if number % 8 == 0 { TableInvariants.expect(keyspace, "\(random)") }
        }
        #expect(alive.allSatisfy { keyspace.get($0) == "" }, "\(random)")
        #expect(keyspace.count(in: 0) == alive.count)
        for key in alive.shuffled(using: &random) {
          keyspace.delete(key)
          if random.below(8) == 0 { TableInvariants.expect(keyspace, "\(random)") }
        }
        _ = keyspace.sweepUntilDone()
        #expect(keyspace.keyBytes == 0)
      }
    }
  }

  @Test("fill to more than four fifths before they split, with keys of random homes")
  func fill() {
    var random = SeededRandom(test: "SegmentTests.fill")
    for _ in 0..<20 {
      withKeyspace(hasher: random.hasher()) { keyspace in
        var count = 0
        while keyspace.tableReport(in: 0).segmentCount < 2 {
          keyspace.set("\(count)", "")
          count += 1
        }
        #expect(count > Segment.slotCount * 8 / 10, "\(count) keys, \(random)")
        TableInvariants.expect(keyspace, "\(random)")
      }
    }
  }

  @Test("merge again when two hold less than half of one, and do not split and merge in turn")
  func merging() {
    withKeyspace { keyspace in
      var count = 0
      while keyspace.tableReport(in: 0).segmentCount < 2 {
        keyspace.set("\(count)", "")
        count += 1
      }
      #expect(keyspace.sweepUntilDone().map(\.segmentsMerged).reduce(0, +) == 0)
      while keyspace.tableReport(in: 0).segmentCount == 2 {
        count -= 1
        keyspace.delete("\(count)")
        _ = keyspace.sweepUntilDone()
        TableInvariants.expect(keyspace)
      }
      #expect(count == Table.mergeSlotCount)
      #expect((0..<count).allSatisfy { keyspace.get("\($0)") == "" })
      let allocated = keyspace.heap.liveBytes(.tables)
      #expect(allocated < 2 * Segment.byteCount)
    }
  }
}

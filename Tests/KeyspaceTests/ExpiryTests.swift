import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Expiry")
struct ExpiryTests {
  @Test("a key is gone from the very millisecond of its expiry time on")
  func exactTime() {
    withKeyspace { keyspace in
      keyspace.set("key", "value", expiry: 1_000_500)
      keyspace.now = 1_000_499
      #expect(keyspace.get("key") == "value")
      keyspace.now = 1_000_500
      #expect(keyspace.get("key") == nil)
      #expect(keyspace.count(in: 0) == 0 && keyspace.expiringCount(in: 0) == 0)
      #expect(keyspace.heap.liveBytes(.dataset) == 0)
    }
  }

  @Test("a lookup of any purpose removes an expired key and counts it once")
  func lookupExpires() {
    for purpose in [LookupPurpose.read, .write, .peek] { expectLookupExpires(purpose) }
  }

  private func expectLookupExpires(_ purpose: LookupPurpose) {
    withKeyspace { keyspace in
      keyspace.set("key", "value", expiry: 1_000_001)
      keyspace.now += 10
      let dirty = keyspace.dirty
      #expect(keyspace.get("key", for: purpose) == nil)
      #expect(keyspace.get("key", for: purpose) == nil)
      #expect(keyspace.statistics.expired == 1 && keyspace.statistics.activelyExpired == 0)
      #expect(keyspace.statistics.misses == (purpose == .read ? 2 : 0) && keyspace.statistics.hits == 0)
      #expect(keyspace.dirty == dirty + 1)
    }
  }

  @Test("an expiry time can be given, changed and taken away, and leaves key and value alone")
  func setExpiry() {
    withKeyspace { keyspace in
      for count in [0, 1, 8, 40, 41, 48, 100, 430, 440, 441, 448, 449, 5_000] {
        for keyCount in [0, 3, 16, 62, 63, 1_000] {
          let key = [UInt8](repeating: UInt8(ascii: "k"), count: keyCount)
          let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 + 1) }
          keyspace.set(key, value)
          for expiry in [2_000_000, 3_000_000, Int64.max, nil, nil, 2_000_000] as [Int64?] {
            _ = keyspace.withEntry(key, for: .write) { $0.setExpiry($1, expiry) }
            #expect(keyspace.get(key) == value)
            #expect(keyspace.withEntry(key) { $1.expiry } == expiry)
            #expect(keyspace.expiringCount(in: 0) == (expiry == nil ? 0 : 1))
          }
          _ = keyspace.withEntry(key, for: .write) { $0.remove($1) }
          #expect(keyspace.expiringCount(in: 0) == 0 && keyspace.heap.liveBytes(.dataset) == 0)
        }
      }
    }
  }

  @Test("an integer with an expiry time stays an integer")
  func integers() {
    withKeyspace { keyspace in
      keyspace.set("key", "42")
      keyspace.expire("key", at: 2_000_000)
      #expect(keyspace.withEntry("key") { $1.integer } == 42)
      keyspace.expire("key", at: nil)
      #expect(keyspace.withEntry("key") { $1.integer } == 42)
    }
  }

  @Test("keys that have expired are passed over by everything that goes through the keys")
  func iteration() {
    var random = SeededRandom(test: "ExpiryTests.iteration")
    withKeyspace(hasher: random.hasher()) { keyspace in
      for number in 0..<1_000 { keyspace.set("\(number)", "", expiry: number % 2 == 0 ? 1_000_001 : nil) }
      keyspace.now += 1
      var seen: Set<String> = []
      keyspace.forEachKey(in: 0) { key, _ in seen.insert(key.string) }
      #expect(seen == Set((0..<500).map { "\($0 * 2 + 1)" }))
      var scanned: Set<String> = []
      var cursor = ScanCursor.start
      repeat {
        cursor = keyspace.scan(from: cursor, in: 0) { key, _ in scanned.insert(key.string) }
      } while cursor != .start
      #expect(scanned == seen)
      for _ in 0..<500 {
        let key = keyspace.randomKey(in: 0, using: &random)?.string
        #expect(key.flatMap { Int($0) }.map { $0 % 2 } == 1)
      }
      // They are still there, until somebody looks for them or the sweep comes.
      #expect(keyspace.count(in: 0) == 1_000)
    }
  }

  // MARK: The sweep

  @Test("the sweep removes every expired key of every database, and no other")
  func sweep() {
    withKeyspace(databaseCount: 4) { keyspace in
      for number in 0..<12_000 {
        let expiry: Int64? = number % 3 == 0 ? 1_000_000 + Int64(number) : nil
        keyspace.set("key \(number)", "value \(number)", expiry: expiry, in: number % 4)
      }
      #expect(keyspace.sweepUntilDone().map(\.keysExpired).reduce(0, +) == 1)  // number 0
      keyspace.now += 6_000
      let results = keyspace.sweepUntilDone()
      // Expired are the multiples of 3 from 3 to 6,000.
      #expect(results.map(\.keysExpired).reduce(0, +) == 2_000)
      #expect(keyspace.statistics.expired == 2_001 && keyspace.statistics.activelyExpired == 2_001)
      #expect((0..<4).map { keyspace.count(in: $0) }.reduce(0, +) == 12_000 - 2_001)
      #expect((0..<4).map { keyspace.expiringCount(in: $0) }.reduce(0, +) == 1_999)
      for number in 0..<12_000 {
        let isGone = number % 3 == 0 && number <= 6_000
        #expect(keyspace.get("key \(number)", in: number % 4) == (isGone ? nil : "value \(number)"))
      }
      TableInvariants.expect(keyspace)
    }
  }

  @Test("the sweep goes a few segments at a time and goes on where it stopped")
  func sweepInSteps() {
    withKeyspace(databaseCount: 3) { keyspace in
      for number in 0..<20_000 {
        keyspace.set("key \(number)", "value", expiry: 1_000_001, in: number % 2 * 2)
      }
      let segments = (0..<3).map { keyspace.tableReport(in: $0).segmentCount }.reduce(0, +)
      keyspace.now += 1
      var expired = 0
      var visited = 0
      for _ in 0..<100 {
        let result = keyspace.sweep(segmentMaximum: 3, expires: true)
        #expect(result.segmentsVisited <= 3)
        expired += result.keysExpired
        visited += result.segmentsVisited
        TableInvariants.expect(keyspace)
        if result.isPassComplete { break }
      }
      #expect(visited >= segments / 2)
      expired += keyspace.sweepUntilDone().map(\.keysExpired).reduce(0, +)
      #expect(expired == 20_000)
      #expect(keyspace.keyBytes == 0)
    }
  }

  @Test("one pass of the sweep sees every segment when it merges none, and says when it is complete")
  func passes() {
    withKeyspace(databaseCount: 2) { keyspace in
      for number in 0..<20_000 { keyspace.set("key \(number)", "value", in: number % 2) }
      let segments = keyspace.tableReport(in: 0).segmentCount + keyspace.tableReport(in: 1).segmentCount
      for _ in 0..<3 {
        let result = keyspace.sweep(segmentMaximum: .max, expires: true)
        #expect(result == SweepResult(segmentsVisited: segments, isPassComplete: true))
      }
      let step = keyspace.sweep(segmentMaximum: segments, expires: true)
      #expect(step.segmentsVisited == segments && !step.isPassComplete)
      #expect(keyspace.sweep(segmentMaximum: 1, expires: true) == SweepResult(isPassComplete: true))
    }
  }

  @Test("one pass of the sweep misses no key, though segments merge and the directory halves meanwhile")
  func passWithMerges() {
    var random = SeededRandom(test: "ExpiryTests.passWithMerges")
    for _ in 0..<20 {
      let count = 2_000 + random.below(8_000)
      let stayingPercent = random.below(20)
      withKeyspace(hasher: random.hasher()) { keyspace in
        var expiring = 0
        for number in 0..<count {
          let stays = random.below(100) < stayingPercent
          expiring += stays ? 0 : 1
          keyspace.set("key \(number)", "", expiry: stays ? nil : 1_000_001)
        }
        keyspace.now += 1
        let result = keyspace.sweep(segmentMaximum: .max, expires: true)
        #expect(result.isPassComplete && result.segmentsMerged > 0)
        #expect(result.keysExpired == expiring, "\(count) keys, \(random)")
        TableInvariants.expect(keyspace, "\(random)")
      }
    }
  }

  @Test("the sweep leaves expired keys alone when it is told to")
  func sweepWithoutExpiry() {
    withKeyspace { keyspace in
      for number in 0..<1_000 { keyspace.set("key \(number)", "value", expiry: 1_000_001) }
      keyspace.now += 1
      _ = keyspace.sweepUntilDone(expires: false)
      #expect(keyspace.count(in: 0) == 1_000 && keyspace.statistics.expired == 0)
      #expect(keyspace.sweepUntilDone().map(\.keysExpired).reduce(0, +) == 1_000)
    }
  }

  @Test("the sweep gives a table's memory back as it empties, down to nothing")
  func shrinking() {
    withKeyspace { keyspace in
      for number in 0..<50_000 { keyspace.set("key \(number)", "value") }
      var bytes = keyspace.heap.liveBytes(.tables)
      for end in [10_000, 3_000, 500, 0] {
        for number in end..<50_000 { keyspace.delete("key \(number)") }
        _ = keyspace.sweepUntilDone()
        TableInvariants.expect(keyspace)
        #expect(keyspace.heap.liveBytes(.tables) < bytes, "\(end) keys")
        bytes = keyspace.heap.liveBytes(.tables)
        // Two siblings that hold less than two fifths of one are merged: at the worst about a fifth is in use.
        #expect(end == 0 || bytes <= end * Keyspace.slotBytes * 5 + 2 * Segment.byteCount, "\(bytes) bytes")
      }
      #expect(keyspace.keyBytes == 0 && keyspace.tableReport(in: 0) == TableReport())
    }
  }
}

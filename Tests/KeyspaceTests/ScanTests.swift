import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Iterating with a cursor")
struct ScanTests {
  /// The numbers of all keys that an iteration gives, with something happening after every step.
  private func scan(
    _ keyspace: inout Keyspace, stepMaximum: Int = 10_000_000,
    between: (inout Keyspace, Int) -> Void = { _, _ in }
  ) -> [Int: Int] {
    var seen: [Int: Int] = [:]
    var cursor = ScanCursor.start
    for step in 0..<stepMaximum {
      cursor = keyspace.scan(from: cursor, in: 0) { key, _ in seen[KeyPool.number(of: key), default: 0] += 1 }
      if cursor == .start { return seen }
      between(&keyspace, step)
    }
    Issue.record("the iteration does not end")
    return seen
  }

  private func set(_ keyspace: inout Keyspace, _ key: Key) {
    let entry = keyspace.lookup(key, in: 0, for: .write)
    keyspace.setInteger(key, in: 0, to: 1, replacing: entry, expiry: nil)
  }

  private func remove(_ keyspace: inout Keyspace, _ key: Key) {
    if let entry = keyspace.lookup(key, in: 0, for: .write) { keyspace.remove(entry) }
  }

  // MARK: Without changes

  @Test("gives every key of a table that does not change exactly once", arguments: [0, 1, 50, 1_000, 30_000])
  func unchanged(count: Int) {
    var random = SeededRandom(test: "ScanTests.unchanged \(count)")
    let hasher = random.hasher()
    let keys = KeyPool(count: count, hasher: hasher)
    withKeyspace(hasher: hasher) { keyspace in
      for number in 0..<count { set(&keyspace, keys[number]) }
      let seen = scan(&keyspace)
      #expect(seen.count == count && seen.values.allSatisfy { $0 == 1 }, "\(random)")
    }
  }

  @Test("takes one step for every home bucket")
  func steps() {
    withKeyspace { keyspace in
      for number in 0..<5_000 { keyspace.set("key \(number)", "") }
      var steps = 0
      var cursor = ScanCursor.start
      repeat {
        cursor = keyspace.scan(from: cursor, in: 0) { _, _ in }
        steps += 1
      } while cursor != .start
      #expect(steps == keyspace.tableReport(in: 0).segmentCount * Segment.homeCount)
    }
  }

  // MARK: The guarantee

  @Test(
    "gives every key that stays, while the table grows and shrinks by splits and merges", arguments: 0..<3)
  func guarantee(number: Int) {
    var random = SeededRandom(test: "ScanTests.guarantee \(number)")
    let hasher = random.hasher()
    let stayingCount = 1_000
    let churnCount = 25_000
    let keys = KeyPool(count: stayingCount + churnCount, hasher: hasher)
    withKeyspace(hasher: hasher) { keyspace in
      for key in 0..<stayingCount { set(&keyspace, keys[key]) }
      // Others come and go in waves; sweeps between two steps of the iteration merge what has become empty.
      var isGrowing = number % 2 == 0
      var size = isGrowing ? 0 : churnCount
      for key in 0..<size { set(&keyspace, keys[stayingCount + key]) }
      var largest = 0
      var smallestAfter = Int.max
      var splitsAndMerges = 0
      for _ in 0..<4 {
        let seen = scan(&keyspace) { keyspace, _ in
          let before = keyspace.tableReport(in: 0).segmentCount
          for _ in 0..<40 {
            if isGrowing {
              set(&keyspace, keys[stayingCount + size])
              size += 1
            } else {
              size -= 1
              remove(&keyspace, keys[stayingCount + size])
            }
            if size == churnCount { isGrowing = false }
            if size == 0 { isGrowing = true }
          }
          _ = keyspace.sweep(segmentMaximum: 4, expires: true)
          let after = keyspace.tableReport(in: 0).segmentCount
          if after != before { splitsAndMerges += 1 }
          largest = max(largest, after)
          if largest > 25 { smallestAfter = min(smallestAfter, after) }
        }
        let missing = (0..<stayingCount).filter { seen[$0] == nil }
        #expect(missing.isEmpty, "\(missing.count) keys were not given, \(random)")
      }
      TableInvariants.expect(keyspace, "\(random)")
      #expect(
        largest > 25 && smallestAfter < 8 && splitsAndMerges > 50,
        "\(largest) \(smallestAfter) \(splitsAndMerges)")
    }
  }

  /// A table of few segments is cut at every step of an iteration: there it shrinks or grows as far as it can.
  @Test(
    "gives every key that stays, wherever in the iteration a table shrinks or grows",
    arguments: [true, false])
  func oneChangeAnywhere(shrinks: Bool) {
    var random = SeededRandom(test: "ScanTests.oneChangeAnywhere \(shrinks)")
    let hasher = random.hasher()
    let stayingCount = 150
    let keys = KeyPool(count: 3_500, hasher: hasher)
    var changeStep = 0
    var changes = 0
    var isDone = false
    while !isDone {
      withKeyspace(hasher: hasher) { keyspace in
        for number in 0..<(shrinks ? keys.count : stayingCount) { set(&keyspace, keys[number]) }
        isDone = true
        let seen = scan(&keyspace) { keyspace, step in
          guard step == changeStep else { return }
          isDone = false
          changes += 1
          for number in stayingCount..<keys.count {
            if shrinks { remove(&keyspace, keys[number]) } else { set(&keyspace, keys[number]) }
          }
          if shrinks {
            _ = keyspace.sweepUntilDone()
            expectEqual(keyspace.tableReport(in: 0).segmentCount, 1, "segments, \(random)")
          }
        }
        let missing = (0..<stayingCount).filter { seen[$0] == nil }
        expectEqual(missing, [], "changed after step \(changeStep), \(random)")
      }
      changeStep += 7
    }
    #expect(changes > 8)
  }

  @Test("gives every key that stays when a segment merges and splits between two steps")
  func mergeAndSplit() {
    var random = SeededRandom(test: "ScanTests.mergeAndSplit")
    let hasher = random.hasher()
    let stayingCount = 150
    let keys = KeyPool(count: 3_000, hasher: hasher)
    withKeyspace(hasher: hasher) { keyspace in
      for number in 0..<keys.count { set(&keyspace, keys[number]) }
      let seen = scan(&keyspace, stepMaximum: 100_000) { keyspace, step in
        guard step % 5 == 0, step < 400 else { return }
        for number in stayingCount..<keys.count { remove(&keyspace, keys[number]) }
        _ = keyspace.sweepUntilDone()
        for number in stayingCount..<keys.count { set(&keyspace, keys[number]) }
      }
      let missing = (0..<stayingCount).filter { seen[$0] == nil }
      #expect(missing.isEmpty, "\(random)")
    }
  }

  // MARK: Cursors

  @Test("never fails and always ends, whatever cursor a client sends", arguments: [0, 1, 600, 12_000])
  func arbitraryCursors(count: Int) {
    var random = SeededRandom(test: "ScanTests.arbitraryCursors \(count)")
    let hasher = random.hasher()
    let keys = KeyPool(count: count, hasher: hasher)
    withKeyspace(hasher: hasher) { keyspace in
      for number in 0..<count { set(&keyspace, keys[number]) }
      let steps = (keyspace.tableReport(in: 0).segmentCount + 1) * Segment.homeCount
      for turn in 0..<4_000 {
        let bits =
          turn < 64 ? 1 << UInt64(turn) : turn == 64 ? .max : random.next() >> UInt64(random.below(64))
        var cursor = keyspace.scan(from: ScanCursor(bits: bits), in: 0) { _, _ in }
        if turn % 100 > 3 { continue }
        var taken = 0
        while cursor != .start, taken <= steps {
          cursor = keyspace.scan(from: cursor, in: 0) { _, _ in }
          taken += 1
        }
        expectEqual(cursor, .start, "from \(bits), \(random)")
      }
    }
  }

  @Test("the cursor carries the shard that it is about, and is 0 for the first shard's start only")
  func shards() {
    var random = SeededRandom(test: "ScanTests.shards")
    for shard in [0, 1, 63, ScanCursor.maximumShard] {
      #expect(ScanCursor.start.on(shard: shard).shard == shard)
      #expect((ScanCursor.start.on(shard: shard) == .start) == (shard == 0))
      for _ in 0..<1_000 {
        let cursor = ScanCursor(
          home: random.below(60), depth: random.below(29), rangeStart: random.next() & 0xffff_ffff)
        let sent = cursor.on(shard: shard)
        #expect(sent.shard == shard && sent.local == cursor.local && sent.local.shard == 0)
        #expect(
          sent.home == cursor.home && sent.depth == cursor.depth && sent.rangeStart == cursor.rangeStart)
        #expect(sent.on(shard: 5).shard == 5)
        // A client keeps it as an unsigned number, many as a signed one.
        #expect(sent.bits < 1 << 63)
      }
    }
  }
}

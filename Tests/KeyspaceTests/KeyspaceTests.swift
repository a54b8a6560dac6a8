import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("A shard's keyspace")
struct KeyspaceTests {
  // MARK: Finding

  @Test("finds what was set, and nothing else")
  func setAndGet() {
    withKeyspace { keyspace in
      #expect(keyspace.get("key") == nil)
      keyspace.set("key", "value")
      keyspace.set("", "the empty key")
      keyspace.set("empty value", "")
      #expect(keyspace.get("key") == "value")
      #expect(keyspace.get("") == "the empty key")
      #expect(keyspace.get("empty value") == "")
      #expect(keyspace.get("ke") == nil && keyspace.get("key2") == nil && keyspace.get("KEY") == nil)
      #expect(keyspace.count(in: 0) == 3)
    }
  }

  @Test("replaces values of any size by values of any other", arguments: [nil, 2_000_000] as [Int64?])
  func overwrite(expiry: Int64?) {
    let counts = [0, 1, 20, 21, 44, 45, 60, 400, 440, 441, 1_000, 5_000, 100_000]
    withKeyspace { keyspace in
      for first in counts {
        for second in counts {
          let before = [UInt8](repeating: 1, count: first)
          let after = [UInt8](repeating: 2, count: second)
          keyspace.set([1, 2, 3], before, expiry: nil)
          #expect(keyspace.get([1, 2, 3]) == before)
          keyspace.set([1, 2, 3], after, expiry: expiry)
          #expect(keyspace.get([1, 2, 3]) == after, "\(first) by \(second)")
          #expect(keyspace.withEntry([1, 2, 3]) { $1.expiry } == expiry)
          #expect(keyspace.expiringCount(in: 0) == (expiry == nil ? 0 : 1))
        }
      }
      #expect(keyspace.count(in: 0) == 1)
      TableInvariants.expect(keyspace)
    }
  }

  @Test("holds values of megabytes")
  func largeValues() {
    withKeyspace { keyspace in
      let value = [UInt8](repeating: 0x61, count: 5 << 20)
      keyspace.set(Array("large".utf8), value)
      #expect(keyspace.get(Array("large".utf8)) == value)
      keyspace.expire("large", at: 2_000_000)
      #expect(keyspace.get(Array("large".utf8)) == value)
      keyspace.delete("large")
      #expect(keyspace.heap.liveBytes(.dataset) == 0)
    }
  }

  @Test("removes a key and its memory")
  func remove() {
    withKeyspace { keyspace in
      keyspace.set("a", "1")
      let one = keyspace.heap.liveBytes(.dataset)
      keyspace.set("b", "2")
      #expect(keyspace.delete("b") == true)
      #expect(keyspace.delete("b") == false)
      #expect(keyspace.get("b") == nil && keyspace.get("a") == "1")
      #expect(keyspace.heap.liveBytes(.dataset) == one && keyspace.count(in: 0) == 1)
    }
  }

  @Test("counts reads as hits and misses; writes and looks leave no trace")
  func hitsAndMisses() {
    withKeyspace { keyspace in
      keyspace.set("key", "value")
      #expect(keyspace.statistics == KeyspaceStatistics())
      _ = keyspace.get("key", for: .read)
      _ = keyspace.get("key", for: .read)
      _ = keyspace.get("none", for: .read)
      for purpose in [LookupPurpose.write, .peek] {
        _ = keyspace.get("key", for: purpose)
        _ = keyspace.get("none", for: purpose)
      }
      #expect(keyspace.statistics.hits == 2 && keyspace.statistics.misses == 1)
    }
  }

  @Test("counts every change")
  func dirty() {
    withKeyspace(databaseCount: 2) { keyspace in
      func changes(_ body: (inout Keyspace) -> Void) -> Int {
        let before = keyspace.dirty
        body(&keyspace)
        return keyspace.dirty - before
      }
      #expect(changes { $0.set("a", "1") } == 1)
      #expect(changes { $0.set("a", "2") } == 1)
      #expect(changes { $0.expire("a", at: 2_000_000) } == 1)
      #expect(changes { $0.expire("a", at: 3_000_000) } == 1)
      #expect(changes { $0.expire("a", at: nil) } == 1)
      #expect(changes { $0.expire("a", at: nil) } == 0)
      #expect(changes { _ = $0.get("a") } == 0)
      #expect(changes { $0.delete("a") } == 1)
      #expect(changes { $0.delete("a") } == 0)
      for number in 0..<5 { keyspace.set("\(number)", "") }
      #expect(changes { $0.removeAll(in: 0) } == 5)
      #expect(changes { $0.swap(0, 1) } == 1)
      #expect(changes { $0.swap(1, 1) } == 0)
    }
  }

  // MARK: Databases

  @Test("keeps databases apart")
  func databases() {
    withKeyspace(databaseCount: 3) { keyspace in
      for database in 0..<3 { keyspace.set("key", "in \(database)", in: database) }
      keyspace.delete("key", in: 1)
      #expect(keyspace.get("key", in: 0) == "in 0" && keyspace.get("key", in: 1) == nil)
      #expect(keyspace.get("key", in: 2) == "in 2")
      #expect((0..<3).map { keyspace.count(in: $0) } == [1, 0, 1])
    }
  }

  @Test("exchanges the contents of two databases")
  func swap() {
    withKeyspace(databaseCount: 3) { keyspace in
      for number in 0..<2_000 { keyspace.set("first \(number)", "\(number)", expiry: 2_000_000, in: 0) }
      keyspace.set("second", "x", in: 2)
      keyspace.swap(0, 2)
      #expect((0..<3).map { keyspace.count(in: $0) } == [1, 0, 2_000])
      #expect((0..<3).map { keyspace.expiringCount(in: $0) } == [0, 0, 2_000])
      #expect(keyspace.get("second", in: 0) == "x" && keyspace.get("first 77", in: 2) == "77")
      keyspace.swap(0, 1)
      keyspace.swap(2, 2)
      #expect((0..<3).map { keyspace.count(in: $0) } == [0, 1, 2_000])
      TableInvariants.expect(keyspace)
    }
  }

  @Test("removes all keys of a database, and all their memory")
  func removeAll() {
    withKeyspace(databaseCount: 2) { keyspace in
      for number in 0..<5_000 {
        keyspace.set("key \(number)", "value \(number)", expiry: number % 2 == 0 ? 2_000_000 : nil)
      }
      keyspace.set("other", "x", in: 1)
      #expect(keyspace.removeAll(in: 0) == 5_000)
      #expect(keyspace.count(in: 0) == 0 && keyspace.expiringCount(in: 0) == 0)
      #expect(keyspace.tableReport(in: 0) == TableReport())
      #expect(keyspace.get("key 1") == nil && keyspace.get("other", in: 1) == "x")
      TableInvariants.expect(keyspace)
      #expect(keyspace.removeAll(in: 1) == 1)
      #expect(keyspace.heap.liveBytes(.dataset) == 0 && keyspace.heap.liveBytes(.tables) == 0)
      #expect(keyspace.removeAll(in: 1) == 0)
      keyspace.set("again", "1")
      #expect(keyspace.get("again") == "1")
    }
  }

  @Test("gives all memory back however often and at whatever size it is emptied")
  func removeAllAgainAndAgain() {
    withKeyspace { keyspace in
      for round in 1...40 {
        for number in 0..<(round * 250) { keyspace.set("key \(number)", "value \(round)") }
        #expect(keyspace.removeAll(in: 0) == round * 250)
        #expect(keyspace.keyBytes == 0)
      }
    }
  }

  @Test("costs nothing while a database is empty")
  func emptyDatabases() {
    withKeyspace(databaseCount: 1_000) { keyspace in
      #expect(keyspace.keyBytes == 0)
      #expect(keyspace.get("key", in: 999) == nil)
      #expect(keyspace.keyBytes == 0)
    }
  }

  // MARK: Accounts

  @Test("accounts for every byte: a key's block and its slot, the tables, and nothing else")
  func accounts() {
    var random = SeededRandom(test: "KeyspaceTests.accounts")
    withKeyspace(hasher: random.hasher(), databaseCount: 2) { keyspace in
      for number in 0..<20_000 {
        keyspace.set(
          Array("key \(number)".utf8), [UInt8](repeating: 1, count: random.below(600)),
          expiry: random.below(3) == 0 ? 2_000_000 : nil, in: random.below(2))
      }
      var sum = 0
      for database in 0..<2 {
        var keys: [[UInt8]] = []
        keyspace.forEachKey(in: database) { key, _ in keys.append(key.array) }
        for key in keys { sum += keyspace.withEntry(key, in: database) { $0.allocatedBytes(of: $1) } ?? 0 }
      }
      let count = keyspace.count(in: 0) + keyspace.count(in: 1)
      #expect(count == 20_000)
      #expect(sum == keyspace.heap.liveBytes(.dataset) + count * Keyspace.slotBytes)
      let tables = keyspace.tableReport(in: 0) + keyspace.tableReport(in: 1)
      #expect(tables.tableBytes == keyspace.heap.liveBytes(.tables))
      #expect(tables.keyCount == count)
      #expect(keyspace.heap.liveBytes == keyspace.keyBytes + keyspace.heap.liveBytes(.statistics))
      // A slot is its share of a bucket of 128 bytes with 14 slots.
      #expect(Keyspace.slotBytes == 10)
    }
  }

  @Test("gives all memory back when it ends, whatever is in it")
  func destruction() {
    // `withKeyspace` looks at the heap when the keyspace is gone.
    withKeyspace(databaseCount: 16) { keyspace in
      for number in 0..<3_000 { keyspace.set("key \(number)", "value", expiry: 5, in: number % 16) }
    }
  }
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("Tables that are emptied at once")
struct RemovedTablesTests {
  private static let keyCount = 40_000

  private func fill(_ keyspace: inout Keyspace) {
    for number in 0..<Self.keyCount {
      keyspace.set("key:\(number)", String(repeating: "v", count: number % 90))
    }
    for number in 0..<20 {
      withView(Array("set:\(number)".utf8)) { view in
        let key = Key(view, hasher: keyspace.hasher)
        let entry = keyspace.makeSet(key, in: 0, of: Element(-1))
        for member in 0..<(number * 400) {
          _ = keyspace.addMember(Element(Int64(member * 70_000)), to: entry)
        }
      }
    }
  }

  @Test("the keys are gone at once, and their memory in slices, every byte accounted for")
  func slices() {
    withKeyspace { keyspace in
      fill(&keyspace)
      let bytes = keyspace.heap.liveBytes(.dataset)
      let count = keyspace.removeAll(in: 0)
      #expect(count == Self.keyCount + 20)
      #expect(keyspace.count(in: 0) == 0)
      let isGone = keyspace.get("key:1") == nil
      #expect(isGone)
      #expect(keyspace.heap.liveBytes(.dataset) == bytes)
      #expect(keyspace.removedBytes == bytes)
      #expect(keyspace.heap.liveBytes(.tables) == keyspace.removedTableBytes)
      var slices = 0
      var before = bytes
      while keyspace.hasRemovedValues {
        keyspace.releaseRemoved(blockMaximum: 256)
        // New keys come meanwhile, also of the same names.
        keyspace.set("key:\(slices)", "new")
        slices += 1
        let now = keyspace.heap.liveBytes(.dataset)
        #expect(before - now < 200_000, "one slice freed much more than it should")
        before = now
        expectEqual(now, keyspace.usage.bytes + keyspace.removedBytes, "slice \(slices)")
        expectEqual(
          keyspace.heap.liveBytes(.tables),
          keyspace.removedTableBytes + keyspace.tableReport(in: 0).tableBytes, "slice \(slices)")
      }
      #expect(slices > Self.keyCount / 256)
      #expect(keyspace.count(in: 0) == slices)
      #expect(keyspace.removedBytes == 0)
      TableInvariants.expect(keyspace)
    }
  }

  @Test("who waits for what is removed does not wait for what is removed later")
  func marks() {
    withKeyspace { keyspace in
      var empty = keyspace.removalMark
      let isNothing = keyspace.isFreed(&empty)
      #expect(isNothing)
      fill(&keyspace)
      keyspace.removeAll(in: 0)
      #expect(keyspace.removedValueCount == Self.keyCount + 20)
      var mark = keyspace.removalMark
      let first = keyspace.removedBytes
      fill(&keyspace)
      keyspace.removeAll(in: 0)
      let both = keyspace.removedBytes
      var isFreed = false
      while !isFreed {
        let hasMore = keyspace.hasRemovedValues
        #expect(hasMore)
        keyspace.releaseRemoved(blockMaximum: 64)
        isFreed = keyspace.isFreed(&mark)
      }
      // A slice may go a little beyond.
      #expect(keyspace.removedBytes <= both - first)
      #expect(keyspace.removedBytes > (both - first) * 9 / 10)
      #expect(keyspace.removedValueCount < Self.keyCount + 20)
      while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 64) }
      #expect(keyspace.removedValueCount == 0)
      #expect(keyspace.statistics.freedLater == 2 * (Self.keyCount + 20))
    }
  }

  @Test("several may wait, and a keyspace that goes takes them along")
  func several() {
    withKeyspace(databaseCount: 2) { keyspace in
      fill(&keyspace)
      keyspace.swap(0, 1)
      fill(&keyspace)
      keyspace.removeAll(in: 0)
      keyspace.removeAll(in: 1)
      keyspace.releaseRemoved(blockMaximum: 1_000)
      fill(&keyspace)
      keyspace.removeAll(in: 0)
      expectEqual(
        keyspace.heap.liveBytes(.dataset), keyspace.usage.bytes + keyspace.removedBytes, "all are empty")
    }
  }
}

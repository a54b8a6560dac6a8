import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("Defragmentation")
struct DefragmentationTests {
  /// Keys and values of a keyspace of which most have gone, at random.
  private func leaveFew(
    of count: Int, in keyspace: inout Keyspace, _ random: inout SeededRandom
  ) -> [String: String] {
    var kept: [String: String] = [:]
    for number in 0..<count {
      let value = String(repeating: "v", count: random.below(60)) + "\(number)"
      keyspace.set("key:\(number)", value, expiry: number % 3 == 0 ? 5_000_000 : nil)
      if random.below(5) == 0 { kept["key:\(number)"] = value }
    }
    for number in 0..<count where kept["key:\(number)"] == nil { keyspace.delete("key:\(number)") }
    _ = keyspace.sweepUntilDone()
    return kept
  }

  /// Lets the cycle come to its end.
  private func complete(_ keyspace: inout Keyspace) {
    let isComplete = keyspace.defragment(untilTicks: .max)
    #expect(isComplete)
    expectEqual(keyspace.isDefragmenting, false, "the cycle has ended")
  }

  private func expect(_ keyspace: inout Keyspace, toHold kept: [String: String]) {
    #expect(keyspace.count(in: 0) == kept.count)
    for (key, value) in kept {
      if keyspace.get(key, for: .peek) != value { Issue.record("\(key) is not what it was") }
    }
    TableInvariants.expect(keyspace)
  }

  @Test(
    "after most keys have gone, the others move together and no more areas remain than they need",
    .enabled(if: heapsAreMimalloc))
  func movesTogether() {
    var random = SeededRandom(test: "DefragmentationTests.movesTogether")
    withKeyspace(hasher: random.hasher()) { keyspace in
      let kept = leaveFew(of: 100_000, in: &keyspace, &random)
      let before = keyspace.fragmentation(lowerPercentage: 10)
      #expect(before.percentage > 100)
      keyspace.beginDefragmentation(before, lowerPercentage: 10)
      #expect(keyspace.heap.liveBytes(.defragmentation) > 0)
      var slices = 1
      while !keyspace.defragment(untilTicks: 0) { slices += 1 }
      let after = keyspace.fragmentation(lowerPercentage: 10)
      // Each size of blocks may leave one page partly filled.
      #expect(after.percentage < 25, "\(after)")
      #expect(slices > 100, "a slice without time moves no more than one block")
      #expect(keyspace.heap.liveBytes(.defragmentation) == 0)
      let statistics = keyspace.statistics.defragmentation
      #expect(statistics.keysMoved > kept.count / 2 && statistics.keysMoved <= kept.count)
      #expect(statistics.blocksMoved >= statistics.keysMoved)
      expect(&keyspace, toHold: kept)
    }
  }

  @Test("what happens between the slices is not undone by them")
  func changesMeanwhile() {
    var random = SeededRandom(test: "DefragmentationTests.changesMeanwhile")
    withKeyspace(hasher: random.hasher()) { keyspace in
      var kept = leaveFew(of: steps(20_000), in: &keyspace, &random)
      for cycle in 0..<6 {
        if cycle % 2 == 0 {
          keyspace.beginMovingEverything()
        } else {
          keyspace.beginDefragmentation(
            keyspace.fragmentation(lowerPercentage: 0), lowerPercentage: 0)
        }
        while !keyspace.defragment(untilTicks: 0) {
          let key = "key:\(random.below(steps(20_000)))"
          if random.below(2) == 0 {
            keyspace.delete(key)
            kept[key] = nil
          } else {
            let value = String(repeating: "w", count: random.below(600))
            keyspace.set(key, value, expiry: random.below(2) == 0 ? 6_000_000 : nil)
            kept[key] = value
          }
        }
        _ = keyspace.sweep(segmentMaximum: .max, expires: true)
        expect(&keyspace, toHold: kept)
      }
    }
  }

  @Test("moving keeps ages, expiry times and kinds")
  func keepsHandles() {
    withKeyspace { keyspace in
      for number in 0..<200 {
        keyspace.set("\(number)", number % 2 == 0 ? "\(number)" : "text", expiry: 2_000_000 + Int64(number))
        _ = keyspace.withEntry("\(number)") { keyspace, entry in
          keyspace.setIdleSeconds(Int64(1 << (number % 15)), of: entry)
        }
      }
      func state(_ number: Int, _ keyspace: inout Keyspace) -> [Int]? {
        keyspace.withEntry("\(number)") { keyspace, entry in
          [Int(entry.kind.rawValue), Int(entry.expiry ?? 0), entry.age, keyspace.allocatedBytes(of: entry)]
        }
      }
      let before = (0..<200).map { state($0, &keyspace) }
      keyspace.beginMovingEverything()
      complete(&keyspace)
      #expect(keyspace.statistics.defragmentation.keysMoved == 200)
      let after = (0..<200).map { state($0, &keyspace) }
      #expect(after == before)
    }
  }

  @Test("a cycle that is given up leaves nothing behind, and an empty keyspace has none")
  func ends() {
    withKeyspace { keyspace in
      complete(&keyspace)
      keyspace.beginMovingEverything()
      expectEqual(keyspace.isDefragmenting, true, "a cycle is under way")
      complete(&keyspace)
      keyspace.set("a", "b")
      keyspace.beginDefragmentation(keyspace.fragmentation(lowerPercentage: 1), lowerPercentage: 1)
      keyspace.endDefragmentation()
      expectEqual(keyspace.isDefragmenting, false, "the cycle has ended")
      #expect(keyspace.heap.liveBytes(.defragmentation) == 0)
      // A keyspace that goes takes its cycle along.
      keyspace.beginDefragmentation(keyspace.fragmentation(lowerPercentage: 1), lowerPercentage: 1)
    }
  }
}

@Suite("Sparse areas", .enabled(if: heapsAreMimalloc))
struct SparseAreasTests {
  @Test("an area's blocks are in the set until the area is taken out, whatever its size")
  func membership() {
    withHeap { heap in
      let sizes = [16, 48, 448, 8_192, 20_000, 100_000]
      let blocks = sizes.flatMap { size in (0..<40).map { _ in heap.allocate(size, for: .dataset) } }
      var pieceCount = 0
      heap.visitAreas { area in
        pieceCount += SparseAreas.pieceCount(of: area)
        return true
      }
      var areas = SparseAreas(pieceCount: pieceCount, heap: heap)
      var listed: [HeapArea] = []
      heap.visitAreas { area in
        // The set itself lies in the heap too, in an area that came later.
        if listed.count < pieceCount { listed.append(area) }
        return true
      }
      for area in listed { areas.insert(area) }
      for block in blocks { #expect(areas.contains(block)) }
      for block in blocks {
        let wasThere = areas.contains(block)
        #expect(areas.remove(areaOf: block) == wasThere)
        #expect(!areas.contains(block))
      }
      areas.release(heap: heap)
      for block in blocks { heap.free(block, for: .dataset) }
    }
  }
}

extension Keyspace {
  /// One block moves to another place, and step by step all of them, again and again.
  mutating func moveOneBlock() {
    if !isDefragmenting { beginMovingEverything() }
    _ = defragment(untilTicks: 0)
  }
}

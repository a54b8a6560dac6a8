import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("Lists")
struct ListTests {
  /// `list-max-listpack-size` as the tests set it: bytes, few elements, many elements.
  static let packedSizes = [-2, -1, -3, 1, 2, 5, 128]

  @Test("are what an array is, whatever is done to them", arguments: packedSizes)
  func model(packedSize: Int) {
    var random = SeededRandom(test: "ListTests.model(\(packedSize))")
    withKeyspace { keyspace in
      keyspace.limits.listPackedSize = packedSize
      var lists = [ModelledList("list"), ModelledList("another list, with a longer name", expiry: 5_000_000)]
      for step in 0..<3_000 {
        let chosen = random.below(lists.count)
        lists[chosen].step(&keyspace, &random, step)
        keyspace.moveOneBlock()
        if random.below(40) == 0 { lists[chosen].copy(from: lists[1 - chosen], &keyspace) }
        keyspace.releaseRemoved(blockMaximum: .max)
        var bytes = 0
        for list in lists { bytes += list.allocatedBytes(&keyspace) }
        expectEqual(keyspace.heap.liveBytes(.dataset), bytes, "step \(step), \(random)")
        LedgerInvariants.expect(keyspace, "step \(step), \(random)")
        if step % 50 == 0 { for list in lists { list.check(&keyspace, "step \(step), \(random)") } }
      }
      // The runs go through both conversions many times. (Half of one element is none.)
      for list in lists {
        #expect(list.timesLarge > 2)
        #expect(list.timesCompact > (packedSize == 1 ? -1 : 2))
      }
      for list in lists {
        let bytes = keyspace.heap.liveBytes(.dataset)
        let own = list.allocatedBytes(&keyspace)
        keyspace.delete(list.name)
        keyspace.releaseRemoved(blockMaximum: .max)
        #expect(keyspace.heap.liveBytes(.dataset) == bytes - own)
      }
      #expect(keyspace.heap.liveBytes(.dataset) == 0)
    }
  }

  @Test("become large when they outgrow their limit, and compact again at half of it")
  func conversions() {
    withKeyspace { keyspace in
      var list = ModelledList("list")
      // 17 bytes each, and 2 of lengths.
      let text = Array("0123456789abcdefg".utf8)
      while list.push(&keyspace, [text], at: .tail), !list.isLarge(&keyspace) {}
      // A listpack of Redis has 7 bytes more, and what is to be added counts with its text.
      #expect(list.model.count == (8_192 - 7 - 17) / 19 + 2)
      while list.isLarge(&keyspace) { list.pop(&keyspace, 1, at: .head) }
      #expect(list.model.count == (4_096 - 7) / 19)
      list.check(&keyspace, "")
      keyspace.limits.listPackedSize = 10
      while list.model.count > 10 { list.pop(&keyspace, 1, at: .tail) }
      expectEqual(list.isLarge(&keyspace), false, "")
      list.push(&keyspace, [text], at: .head)
      expectEqual(list.isLarge(&keyspace), true, "")
      list.pop(&keyspace, 5, at: .tail)
      expectEqual(list.isLarge(&keyspace), true, "")
      list.pop(&keyspace, 1, at: .tail)
      expectEqual(list.isLarge(&keyspace), false, "")
      list.check(&keyspace, "")
    }
  }

  @Test("of a million elements of 16 bytes cost 18.2 bytes for each", .enabled(if: heapsAreMimalloc))
  func cost() {
    withKeyspace { keyspace in
      var list = ModelledList("list")
      let text = Array("0123456789abcdef".utf8)
      for _ in 0..<1_000 { list.push(&keyspace, Array(repeating: text, count: 100), at: .tail) }
      let perElement = Double(list.allocatedBytes(&keyspace)) / 100_000
      #expect(perElement < 18.2, "\(perElement) bytes")
      for _ in 0..<1_000 { list.push(&keyspace, Array(repeating: text, count: 100), at: .head) }
      let both = Double(list.allocatedBytes(&keyspace)) / 200_000
      #expect(both < 18.2, "\(both) bytes")
    }
  }

  @Test("give their blocks back in slices, also when only most of their elements go")
  func slices() {
    withKeyspace { keyspace in
      var list = ModelledList("list")
      for _ in 0..<100 {
        list.push(&keyspace, (0..<1_000).map { Array("element \($0)".utf8) }, at: .tail)
      }
      list.pop(&keyspace, 90_000, at: .head)
      expectEqual(keyspace.hasRemovedValues, true, "blocks wait")
      let before = keyspace.heap.liveBytes(.dataset)
      keyspace.releaseRemoved(blockMaximum: 10)
      expectEqual(keyspace.hasRemovedValues, true, "blocks wait")
      #expect(keyspace.heap.liveBytes(.dataset) <= before - 10 * 8_192)
      keyspace.releaseRemoved(blockMaximum: .max)
      expectEqual(keyspace.hasRemovedValues, false, "all are free")
      expectEqual(keyspace.heap.liveBytes(.dataset), list.allocatedBytes(&keyspace), "the rest")
      list.check(&keyspace, "")
    }
  }

  @Test("hold elements that are larger than a block beside small ones")
  func largeElements() {
    withKeyspace { keyspace in
      var list = ModelledList("list")
      let large = [UInt8](repeating: 0x61, count: 100_000)
      for number in 0..<50 {
        list.push(&keyspace, [Array("\(number)".utf8), large], at: number % 2 == 0 ? .head : .tail)
      }
      list.check(&keyspace, "")
      for number in 0..<list.model.count where list.model[number].count > 10 {
        list.set(&keyspace, number, Array("small".utf8))
      }
      list.check(&keyspace, "")
      #expect(keyspace.heap.liveBytes(.dataset) < 2_000)
    }
  }

  @Test("count what is done to them as changes")
  func dirtiness() {
    withKeyspace { keyspace in
      var list = ModelledList("list")
      func change(_ expected: Int, _ body: (inout Keyspace) -> Void) {
        let before = keyspace.dirty
        body(&keyspace)
        expectEqual(keyspace.dirty - before, expected, "\(list.model.count) elements")
      }
      for _ in 0..<3 {
        change(1_000) { list.push(&$0, (0..<1_000).map { Array("e\($0)".utf8) }, at: .tail) }
        change(1) { list.push(&$0, [[1]], at: .head) }
        change(1) { list.set(&$0, 1, [2]) }
        change(1) { list.insert(&$0, [3], before: true, pivot: [2]) }
        change(0) { list.insert(&$0, [3], before: true, pivot: [77]) }
        change(1) { list.remove(&$0, 0, [1]) }
        change(1) { list.rotate(&$0, from: .tail) }
        change(992) { list.trim(&$0, 0..<(list.model.count - 992)) }
        change(5) { list.pop(&$0, 5, at: .head) }
        change(list.model.count) { list.pop(&$0, list.model.count, at: .head) }
      }
    }
  }
}

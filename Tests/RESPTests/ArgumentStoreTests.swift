import Bytes
import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("The store of argument ranges")
struct ArgumentStoreTests {
  private func range(_ number: Int) -> ArgumentRange {
    ArgumentRange(offset: UInt32(number), count: UInt32(number % 7))
  }

  @Test("keeps ranges in order as it grows from any capacity", arguments: [1, 2, 1_000])
  func grows(capacity: Int) {
    withHeap { heap in
      var store = ArgumentStore(heap: heap, capacity: capacity)
      for number in 0..<5_000 { store.append(range(number)) }
      #expect(store.count == 5_000)
      #expect((0..<5_000).allSatisfy { store.ranges[$0] == range($0) })
    }
  }

  @Test("takes ranges from elsewhere at once, growing as far as it must")
  func appendsMany() {
    withHeap { heap in
      let source = (0..<3_000).map(range)
      var store = ArgumentStore(heap: heap, capacity: 2)
      store.append(range(7))
      source.withUnsafeBufferPointer { store.append(from: $0.baseAddress!, count: $0.count) }
      source.withUnsafeBufferPointer { store.append(from: $0.baseAddress!, count: 1) }
      #expect(store.count == 3_002)
      #expect(store.ranges[0] == range(7))
      #expect((0..<3_000).allSatisfy { store.ranges[$0 + 1] == source[$0] })
      #expect(store.ranges[3_001] == source[0])
    }
  }

  @Test("forgets ranges from a place on")
  func truncates() {
    withHeap { heap in
      var store = ArgumentStore(heap: heap)
      for number in 0..<10 { store.append(range(number)) }
      store.truncate(to: 4)
      store.append(range(99))
      #expect(store.count == 5)
      #expect(store.ranges[3] == range(3))
      #expect(store.ranges[4] == range(99))
    }
  }

  @Test("gives the memory of an unusually large command back when it is emptied")
  func shrinks() {
    withHeap { heap in
      var store = ArgumentStore(heap: heap)
      let before = heap.liveBytes(.clients)
      for number in 0..<1_000_000 { store.append(range(number)) }
      #expect(heap.liveBytes(.clients) >= 8_000_000)
      store.removeAll()
      #expect(store.count == 0)
      let kept = ArgumentStore.capacityKept * MemoryLayout<ArgumentRange>.stride
      #expect(heap.liveBytes(.clients) <= kept * 5 / 4)
      #expect(heap.liveBytes(.clients) >= before)
      for number in 0..<20_000 { store.append(range(number)) }
      #expect((0..<20_000).allSatisfy { store.ranges[$0] == range($0) })
    }
  }

  @Test("is read as views of the arguments, all or those behind the first")
  func arguments() {
    let bytes = Array("GETkeyvalue".utf8)
    let ranges = [
      ArgumentRange(offset: 0, count: 3), ArgumentRange(offset: 3, count: 3),
      ArgumentRange(offset: 6, count: 5),
      ArgumentRange(offset: 11, count: 0),
    ]
    bytes.withUnsafeBufferPointer { bytes in
      ranges.withUnsafeBufferPointer { ranges in
        let arguments = Arguments(base: bytes.baseAddress!, ranges: ranges.baseAddress!, count: 4)
        #expect((0..<4).map { arguments[$0].string } == ["GET", "key", "value", ""])
        #expect(arguments.dropFirst(2).arrays == [Array("value".utf8), []])
        #expect(arguments.dropFirst(4).count == 0)
      }
    }
  }
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// The dense table beside a dictionary.
@Suite("A dense table", .serialized)
struct DenseTableTests {
  @Test("agrees with its model as a table of members", arguments: [1, 50, 3_000, 40_000])
  func members(elementCount: Int) {
    let random = SeededRandom(test: "DenseTableTests.members")
    withHeap { heap in
      let run = DenseRun(random: random, hasValues: false, elementCount: elementCount, heap: heap)
      run.runThrough()
    }
  }

  @Test("agrees with its model as a table of fields, values and times", arguments: [1, 50, 3_000, 40_000])
  func fields(elementCount: Int) {
    let random = SeededRandom(test: "DenseTableTests.fields")
    withHeap { heap in
      let run = DenseRun(random: random, hasValues: true, elementCount: elementCount, heap: heap)
      run.runThrough()
    }
  }

  @Test("takes little more than the members", arguments: [20_000, 100_000, 131_000, 170_000])
  func memory(elementCount: Int) {
    guard heapsAreMimalloc else { return }
    withHeap { heap in
      let hasher = KeyHasher(seed: 5, 6)
      let table = DenseTable.make(hasValues: false, expectedBytes: 0, heap: heap)
      for number in 0..<elementCount {
        withView(Array("member:\(100_000_000 + number)".utf8)) { view in
          let element = Element(view)
          table.insert(element, hash: element.hash(hasher), heap: heap, hasher: hasher)
        }
      }
      let perMember = Double(table.pointee.header.allocatedBytes) / Double(elementCount)
      #expect(perMember <= 24.5, "a member of 16 bytes takes \(perMember)")
      #expect(heap.liveBytes(.dataset) == table.pointee.header.allocatedBytes)
      release(table, heap)
    }
  }

  @Test("is freed in slices")
  func slices() {
    withHeap { heap in
      let hasher = KeyHasher(seed: 5, 6)
      let table = DenseTable.make(hasValues: true, expectedBytes: 0, heap: heap)
      let long = [UInt8](repeating: 0x61, count: 5_000)
      for number in 0..<20_000 {
        withView(long) { view in
          let element = Element(Int64(number))
          table.insert(
            element, value: number % 10 == 0 ? Element(view) : element, hash: element.hash(hasher),
            heap: heap,
            hasher: hasher)
        }
      }
      var slices = 0
      var isDone = false
      while !isDone {
        let before = heap.liveBytes
        var budget = 100
        isDone = DenseTable.releaseParts(of: table, heap: heap, blockBudget: &budget)
        #expect(budget > -200)
        #expect(before - heap.liveBytes < 300 * 5_200)
        slices += 1
      }
      #expect(slices > 20)
      heap.free(table, for: .dataset)
    }
  }

  @Test("draws each entry about as often as any other")
  func drawing() {
    var random = SeededRandom(test: "DenseTableTests.drawing")
    let hasher = random.hasher()
    withHeap { heap in
      let table = DenseTable.make(hasValues: false, expectedBytes: 0, heap: heap)
      for number in 0..<1_000 {
        let element = Element(Int64(number * 100_000))
        table.insert(element, hash: element.hash(hasher), heap: heap, hasher: hasher)
      }
      var drawn = [Int](repeating: 0, count: 1_000)
      for _ in 0..<200_000 {
        drawn[Int(table.randomPlace(using: &random).entry.element.integer) / 100_000] += 1
      }
      // 200 on average with a deviation of 14: seven of them either way.
      #expect(drawn.min()! > 100 && drawn.max()! < 300, "\(drawn.min()!) \(drawn.max()!) \(random)")
      for wanted in [1, 10, 240, 500, 999, 1_000, 2_000] {
        var sample: Set<Int64> = []
        var given = 0
        table.forEachSample(wanted, using: &random) { place in
          sample.insert(place.entry.element.integer)
          given += 1
        }
        #expect(given == min(wanted, 1_000) && sample.count == given)
      }
      release(table, heap)
    }
  }

  @Test("a scan gives what was there throughout, and ends, while the table grows and shrinks")
  func scanning() {
    var random = SeededRandom(test: "DenseTableTests.scanning")
    let hasher = random.hasher()
    for round in 0..<12 {
      withHeap { heap in
        let table = DenseTable.make(hasValues: false, expectedBytes: 0, heap: heap)
        var isThere = [Bool](repeating: false, count: 20_000)
        func toggle(_ number: Int) {
          let element = Element(Int64(number))
          let hash = element.hash(hasher)
          if let place = table.find(element, hash: hash) {
            table.remove(place, heap: heap, hasher: hasher)
          } else {
            table.insert(element, hash: hash, heap: heap, hasher: hasher)
          }
          isThere[number].toggle()
        }
        for number in 0..<(round % 2 == 0 ? 2_000 : 18_000) { toggle(number) }
        let kept = (0..<1_000).filter { isThere[$0] }
        var seen: Set<Int64> = []
        var cursor: UInt64 = 0
        var calls = 0
        repeat {
          cursor = table.scan(from: cursor, entryMaximum: 10) { seen.insert($0.entry.element.integer) }
          calls += 1
          for _ in 0..<100 {
            let number = 1_000 + random.below(19_000)
            if isThere[number] == (round % 2 == 1) { toggle(number) }
          }
        } while cursor != 0 && calls < 10_000
        #expect(cursor == 0)
        #expect(kept.allSatisfy { seen.contains(Int64($0)) }, "\(random)")
        release(table, heap)
      }
    }
  }

  @Test("grows its pages where the hash does not spread")
  func sameHash() {
    withHeap { heap in
      let hasher = KeyHasher(seed: 1, 2)
      let table = DenseTable.make(hasValues: false, expectedBytes: 0, heap: heap)
      // Elements whose hashes share eight of the bits that choose the page.
      let alike = (0..<500_000).map { Element(Int64($0)) }.filter { $0.hash(hasher) >> 8 & 0xff == 5 }
      for element in alike { table.insert(element, hash: element.hash(hasher), heap: heap, hasher: hasher) }
      #expect((0..<table.pageCount).contains { table.page($0).capacity >= 8_192 })
      for element in alike { #expect(table.find(element, hash: element.hash(hasher)) != nil) }
      for element in alike.dropFirst(10) {
        let place = table.find(element, hash: element.hash(hasher))
        table.remove(place!, heap: heap, hasher: hasher)
      }
      #expect(table.count == 10 && table.pointee.header.allocatedBytes < 1_024)
      release(table, heap)
    }
  }
}

private func release(_ table: UnsafeMutablePointer<DenseTable>, _ heap: ShardHeap) {
  var budget = Int.max
  #expect(DenseTable.releaseParts(of: table, heap: heap, blockBudget: &budget))
  #expect(table.pointee.header.allocatedBytes == ShardHeap.usableSize(table))
  heap.free(table, for: .dataset)
}

/// Random operations on a table and on a dictionary.
private final class DenseRun {
  private struct Fact: Equatable {
    var value: [UInt8]
    var time: Int64
  }

  private var random: SeededRandom
  private let hasher: KeyHasher
  private let heap: ShardHeap
  private let hasValues: Bool
  private let elements: [[UInt8]]
  private var model: [[UInt8]: Fact] = [:]
  private let table: UnsafeMutablePointer<DenseTable>

  init(random: SeededRandom, hasValues: Bool, elementCount: Int, heap: ShardHeap) {
    var random = random
    hasher = random.hasher()
    self.hasValues = hasValues
    self.heap = heap
    var drawn: Set<[UInt8]> = []
    while drawn.count < elementCount { drawn.insert(Self.text(&random)) }
    elements = Array(drawn).sorted { $0.lexicographicallyPrecedes($1) }
    self.random = random
    table = DenseTable.make(hasValues: hasValues, expectedBytes: 0, heap: heap)
  }

  /// Mostly short texts and integers, now and then a long one.
  private static func text(_ random: inout SeededRandom) -> [UInt8] {
    switch random.below(40) {
    case 0: return [UInt8](repeating: UInt8(random.below(256)), count: random.below(700))
    case 1...12: return Array(String(Int64(bitPattern: random.next() >> UInt64(random.below(64)))).utf8)
    default: return (0..<random.below(30)).map { _ in UInt8(random.next() & 0xff) }
    }
  }

  func runThrough() {
    for (turns, insertPercent) in [
      (elements.count * 3, 90), (elements.count * 2, 50), (elements.count * 4, 10), (elements.count * 2, 80),
    ] {
      for turn in 0..<max(steps(turns), 200) {
        step(insertPercent: insertPercent)
        if turn % 10_000 == 0 { checkBytes() }
      }
      check()
    }
    for text in model.keys { withView(text) { remove($0) } }
    expectEqual(table.count, 0, "\(random)")
    expectEqual(table.pointee.outsideCount, 0, "\(random)")
    expectEqual(table.pointee.liveBytes, 0, "\(random)")
    release(table, heap)
  }

  private func step(insertPercent: Int) {
    let text = elements[random.below(elements.count)]
    withView(text) { view in
      if random.below(100) < insertPercent { put(view) } else { remove(view) }
    }
  }

  private func put(_ view: ByteView) {
    let element = Element(view)
    let hash = element.hash(hasher)
    let value = hasValues ? Self.text(&random) : []
    let found = table.find(element, hash: hash)
    expectEqual(found != nil, model[view.array] != nil, "\(random)")
    let time = random.below(5) == 0 ? Int64(1 + random.below(1_000)) : 0
    withView(value) { valueView in
      if let found {
        if hasValues {
          if random.below(2) == 0 {
            table.setTime(found, time, heap: heap)
            model[view.array]?.time = time
          } else {
            table.replaceValue(found, by: Element(valueView), heap: heap)
            model[view.array]?.value = value
          }
        }
      } else {
        let place = table.insert(
          element, value: hasValues ? Element(valueView) : nil, time: time, hash: hash, heap: heap,
          hasher: hasher)
        expectEqual(place.entry.element.array, view.array, "\(random)")
        model[view.array] = Fact(value: value, time: time)
      }
    }
  }

  private func remove(_ view: ByteView) {
    let element = Element(view)
    let place = table.find(element, hash: element.hash(hasher))
    expectEqual(place != nil, model[view.array] != nil, "\(random)")
    guard let place else { return }
    table.remove(place, heap: heap, hasher: hasher)
    model[view.array] = nil
  }

  private func checkBytes() {
    expectEqual(table.count, model.count, "\(random)")
    expectEqual(heap.liveBytes(.dataset), table.pointee.header.allocatedBytes, "\(random)")
  }

  /// Compares everything.
  private func check() {
    checkBytes()
    var found: [[UInt8]: Fact] = [:]
    var live = 0
    table.forEach { place in
      let entry = place.entry
      found[entry.element.array] = Fact(value: hasValues ? entry.value.array : [], time: entry.time)
      live += entry.byteCount(hasValue: hasValues) + DensePage.slotBytes
    }
    expectEqual(found.count, table.count, "\(random)")
    #expect(found == model, "\(random)")
    expectEqual(live, table.pointee.liveBytes, "\(random)")
    let times = model.values.filter { $0.time != 0 }
    expectEqual(times.count, table.pointee.timedCount, "\(random)")
    #expect(table.pointee.earliestTime <= times.map(\.time).min() ?? .max)
    expectEqual((0..<table.pageCount).reduce(0) { $0 + table.page($1).count }, table.count, "\(random)")
    for index in 0..<table.pageCount {
      let page = table.page(index)
      #expect(page.liveBytes <= page.capacity && page.count <= table.pointee.slotMaximum)
    }
    var iterated = 0
    var iterator = DenseIterator(table)
    while iterator.next() != nil { iterated += 1 }
    expectEqual(iterated, table.count, "\(random)")
  }
}

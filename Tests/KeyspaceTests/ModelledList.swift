import Bytes
import TestSupport
import Testing

@testable import Keyspace

/// A list of the keyspace and the array that it has to be like.
struct ModelledList {
  let name: String
  var model: [[UInt8]] = []
  private let expiry: Int64?
  private(set) var timesLarge = 0
  private(set) var timesCompact = 0
  private var wasLarge = false

  init(_ name: String, expiry: Int64? = nil) {
    self.name = name
    self.expiry = expiry
  }

  // MARK: Changes

  @discardableResult
  mutating func push(_ keyspace: inout Keyspace, _ elements: [[UInt8]], at end: ListEnd) -> Bool {
    let count = withKey(&keyspace) { keyspace, key, existing in
      if elements.count == 1 {
        return withView(elements[0]) { keyspace.pushToList(key, in: 0, existing: existing, at: end, $0) }
      }
      // The views must stay while all are read.
      let bytes = Array(elements.joined()) + [0]
      return bytes.withUnsafeBufferPointer { buffer in
        var starts: [Int] = [0]
        for element in elements { starts.append(starts.last! + element.count) }
        return keyspace.pushToList(key, in: 0, existing: existing, at: end, count: elements.count) {
          ByteView(start: buffer.baseAddress! + starts[$0], count: elements[$0].count)
        }
      }
    }
    if model.isEmpty, let expiry { keyspace.expire(name, at: expiry) }
    if end == .head { model.insert(contentsOf: elements.reversed(), at: 0) } else { model += elements }
    expectEqual(count, model.count, "the length after a push")
    return true
  }

  mutating func pop(_ keyspace: inout Keyspace, _ count: Int, at end: ListEnd) {
    withEntry(&keyspace) { $0.popFromList($1, at: end, count: count) }
    if end == .head { model.removeFirst(count) } else { model.removeLast(count) }
  }

  mutating func set(_ keyspace: inout Keyspace, _ index: Int, _ element: [UInt8]) {
    let isDone = withEntry(&keyspace) { keyspace, entry in
      withView(element) { keyspace.setListElement(entry, at: index, to: $0) }
    }
    let position = index < 0 ? index + model.count : index
    let isThere = model.indices.contains(position)
    expectEqual(isDone ?? false, isThere, "whether there was an element to set")
    if isThere { model[position] = element }
  }

  mutating func insert(_ keyspace: inout Keyspace, _ element: [UInt8], before: Bool, pivot: [UInt8]) {
    let count = withEntry(&keyspace) { keyspace, entry in
      withView(element) { element in
        withView(pivot) { keyspace.insertIntoList(entry, element, before: before, pivot: $0) }
      }
    }
    guard let place = model.firstIndex(of: pivot) else {
      return expectEqual(count ?? nil, nil, "the length without a pivot")
    }
    model.insert(element, at: before ? place : place + 1)
    expectEqual(count ?? nil, model.count, "the length after an insertion")
  }

  mutating func remove(_ keyspace: inout Keyspace, _ count: Int, _ element: [UInt8]) {
    let removed = withEntry(&keyspace) { keyspace, entry in
      withView(element) {
        keyspace.removeFromList(
          entry, count == 0 ? .max : abs(count), equalTo: $0, from: count < 0 ? .tail : .head)
      }
    }
    var expected = 0
    for _ in 0..<(count == 0 ? model.count : abs(count)) {
      guard let place = count < 0 ? model.lastIndex(of: element) : model.firstIndex(of: element) else {
        break
      }
      model.remove(at: place)
      expected += 1
    }
    expectEqual(removed ?? 0, expected, "how many were removed")
  }

  mutating func trim(_ keyspace: inout Keyspace, _ range: Range<Int>) {
    withEntry(&keyspace) { $0.trimList($1, to: range) }
    model = Array(model[range])
  }

  mutating func rotate(_ keyspace: inout Keyspace, from end: ListEnd) {
    withEntry(&keyspace) { $0.rotateList($1, from: end) }
    if end == .head { model.append(model.removeFirst()) } else { model.insert(model.removeLast(), at: 0) }
  }

  /// COPY with REPLACE, as between shards.
  mutating func copy(from other: ModelledList, _ keyspace: inout Keyspace) {
    if other.model.isEmpty { return }
    guard var transfer = other.withEntry(&keyspace, { $0.transfer(of: $1) }) else { return }
    transfer.expiry = expiry
    withKey(&keyspace) { $0.place(transfer, at: $1, in: 0, replacing: $2) }
    model = other.model
  }

  // MARK: Random changes

  /// Does one thing or another.
  mutating func step(_ keyspace: inout Keyspace, _ random: inout SeededRandom, _ step: Int) {
    let end = random.below(2) == 0 ? ListEnd.head : .tail
    // Seasons of growing and shrinking.
    let isGrowing = step / 300 % 2 == 0
    switch random.below(isGrowing ? 12 : 16) {
    case 0...3:
      let several = random.below(4) == 0 ? random.below(isGrowing ? 200 : 20) : 0
      push(&keyspace, (0...several).map { _ in Self.element(&random) }, at: end)
    case 4: set(&keyspace, random.below(2 * model.count + 3) - model.count - 1, Self.element(&random))
    case 5...7:
      let pivot = model.randomElement(using: &random) ?? [0]
      let element = Self.element(&random)
      for _ in 0...random.below(5) {
        insert(&keyspace, element, before: random.below(2) == 0, pivot: pivot)
      }
    case 8: remove(&keyspace, random.below(7) - 3, model.randomElement(using: &random) ?? [0])
    case 9 where !model.isEmpty: rotate(&keyspace, from: end)
    case 10 where random.below(4) == 0 && !model.isEmpty:
      let first = random.below(model.count)
      trim(&keyspace, first..<(first + random.below(model.count - first + 1)))
    case 11...13 where !model.isEmpty: pop(&keyspace, 1 + random.below(min(model.count, 300)), at: end)
    case 14... where !model.isEmpty: pop(&keyspace, 1, at: end)
    default: break
    }
    let isLarge = isLarge(&keyspace)
    if isLarge, !wasLarge { timesLarge += 1 }
    if !isLarge, wasLarge, !model.isEmpty { timesCompact += 1 }
    wasLarge = isLarge
  }

  /// Texts of all lengths, integers of all sizes, and a few of which there are many.
  private static func element(_ random: inout SeededRandom) -> [UInt8] {
    switch random.below(100) {
    case 0: return [UInt8](repeating: 0x78, count: random.below(20_000))
    case 1...4: return [UInt8](repeating: 0x79, count: random.below(500))
    case 5...20: return Array("\(Int64(truncatingIfNeeded: random.next()) >> Int64(random.below(64)))".utf8)
    case 21...50: return Array("text\(random.below(10))".utf8)
    default: return (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
  }

  // MARK: Checks

  func isLarge(_ keyspace: inout Keyspace) -> Bool {
    withEntry(&keyspace) { "\($1.encodingName)" == "quicklist" } ?? false
  }

  func allocatedBytes(_ keyspace: inout Keyspace) -> Int {
    withEntry(&keyspace) { $0.allocatedBytes(of: $1) - Keyspace.slotBytes } ?? 0
  }

  /// Expects the list to be what the model is, read in every way.
  func check(
    _ keyspace: inout Keyspace, _ comment: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let isThere = withEntry(&keyspace) { _, entry in
      expectEqual(entry.expiry, expiry, comment, sourceLocation: sourceLocation)
      expectEqual(entry.listCount, model.count, comment, sourceLocation: sourceLocation)
      expectEqual(read(entry, backwards: false), model, comment, sourceLocation: sourceLocation)
      expectEqual(read(entry, backwards: true), model.reversed(), comment, sourceLocation: sourceLocation)
      for step in 0..<min(model.count, 50) {
        let index = step * model.count / 50
        expectEqual(entry.listItem(at: index)?.array, model[index], comment, sourceLocation: sourceLocation)
        let backwards = entry.listItem(at: -1 - index)?.array
        expectEqual(
          backwards, model[model.count - 1 - index], comment, sourceLocation: sourceLocation)
      }
      expectEqual(entry.listItem(at: model.count)?.array, nil, comment, sourceLocation: sourceLocation)
      expectEqual(entry.listItem(at: -model.count - 1)?.array, nil, comment, sourceLocation: sourceLocation)
      checkSearch(entry, comment, sourceLocation)
      return true
    }
    expectEqual(isThere ?? false, !model.isEmpty, comment, sourceLocation: sourceLocation)
  }

  private func read(_ entry: Entry, backwards: Bool) -> [[UInt8]] {
    var elements: [[UInt8]] = []
    var reader = entry.listReader(
      from: backwards ? model.count - 1 : 0, count: model.count, backwards: backwards)
    while let item = reader.next() { elements.append(item.array) }
    return elements
  }

  private func checkSearch(_ entry: Entry, _ comment: String, _ sourceLocation: SourceLocation) {
    guard let wanted = model.first else { return }
    for backwards in [false, true] {
      withView(wanted) { view in
        var search = entry.listSearch(for: view, maximum: model.count, backwards: backwards)
        var positions: [Int] = []
        while let position = search.next() { positions.append(position) }
        let expected = model.indices.filter { model[$0] == wanted }
        expectEqual(
          positions, backwards ? expected.reversed() : expected, comment, sourceLocation: sourceLocation)
      }
    }
  }

  // MARK: Access

  private func withKey<Result>(
    _ keyspace: inout Keyspace, _ body: (inout Keyspace, Key, Entry?) -> Result
  ) -> Result {
    withView(Array(name.utf8)) { view in
      let key = Key(view, hasher: keyspace.hasher)
      return body(&keyspace, key, keyspace.lookup(key, in: 0, for: .write))
    }
  }

  @discardableResult
  func withEntry<Result>(_ keyspace: inout Keyspace, _ body: (inout Keyspace, Entry) -> Result) -> Result? {
    keyspace.withEntry(name, for: .write, body)
  }
}

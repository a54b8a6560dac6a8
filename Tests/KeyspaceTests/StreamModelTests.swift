import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// Streams and their groups beside plain Swift values, with every byte accounted for after each step.
@Suite("Streams agree with their model", .serialized)
struct StreamModelTests {
  @Test("with the usual limits")
  func usualLimits() { run("usualLimits", CollectionLimits(), stepCount: 2_000) }

  @Test("with blocks of few entries")
  func fewEntries() {
    var limits = CollectionLimits()
    limits.streamNodeEntries = 3
    run("fewEntries", limits, stepCount: 1_500)
  }

  @Test("with blocks of few bytes")
  func fewBytes() {
    var limits = CollectionLimits()
    limits.streamNodeBytes = 200
    limits.streamNodeEntries = 0
    run("fewBytes", limits, stepCount: 1_500)
  }

  @Test("without limits")
  func noLimits() {
    var limits = CollectionLimits()
    limits.streamNodeBytes = 0
    limits.streamNodeEntries = 0
    run("noLimits", limits, stepCount: 1_500)
  }

  private func run(_ name: String, _ limits: CollectionLimits, stepCount: Int) {
    let random = SeededRandom(test: "StreamModelTests.\(name)")
    withKeyspace { keyspace in
      keyspace.limits = limits
      var run = StreamRun(random: random)
      for step in 0..<steps(stepCount) {
        run.step(&keyspace)
        keyspace.moveOneBlock()
        run.check(&keyspace, "step \(step), \(random)")
      }
      run.end(&keyspace)
    }
  }
}

private struct StreamRun {
  var random: SeededRandom
  private var model: [String: ModelledStream] = [:]
  private let names = (0..<3).map { "stream:\($0)" }
  private let groups = ["g", "group", "", "7"].map { Array($0.utf8) }
  private let consumers = ["a", "b", "consumer", "12", ""].map { Array($0.utf8) }

  init(random: SeededRandom) { self.random = random }

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[random.below(choices.count)]
  }

  private mutating func chance(_ one: Int) -> Bool { random.below(one) == 0 }

  private mutating func text() -> [UInt8] {
    switch random.below(12) {
    case 0..<5: Array(String(random.below(300) - 150).utf8)
    case 5: Array(String(Int64(bitPattern: random.next())).utf8)
    case 6: Array(repeating: 0x78, count: pick([63, 64, 200, 4_095, 4_096, 9_000]))
    case 7: []
    default: Array("text:\(random.below(1_000))".utf8)
    }
  }

  private mutating func items() -> [[UInt8]] {
    if chance(2) { return [Array("field".utf8), text(), Array("8".utf8), text()] }
    return (0..<(1 + random.below(5)) * 2).map { _ in text() }
  }

  /// An ID that is in the stream, mostly.
  private mutating func id(in stream: ModelledStream) -> StreamID {
    if stream.entries.isEmpty || chance(4) {
      return StreamID(UInt64(random.below(400)), UInt64(random.below(5)))
    }
    return pick(stream.entries).id
  }

  // MARK: Steps

  mutating func step(_ keyspace: inout Keyspace) {
    let name = pick(names)
    switch random.below(100) {
    case 0..<40: for _ in 0..<pick([1, 1, 1, 5, 30]) { add(to: name, &keyspace) }
    case 40..<52: for _ in 0..<pick([1, 1, 4, 20]) { delete(from: name, &keyspace) }
    case 52..<58: trim(name, &keyspace)
    case 58..<62: makeGroup(in: name, &keyspace)
    case 62..<75: deliver(in: name, &keyspace)
    case 75..<87: for _ in 0..<pick([1, 1, 5, 20]) { acknowledge(in: name, &keyspace) }
    case 87..<91: removeConsumer(in: name, &keyspace)
    case 91..<93: removeGroup(in: name, &keyspace)
    case 93..<97: copy(name, to: pick(names), &keyspace)
    case 97: setState(of: name, &keyspace)
    default:
      if chance(3) { expectEqual(keyspace.delete(name), model.removeValue(forKey: name) != nil, "DEL") }
    }
  }

  private mutating func add(to name: String, _ keyspace: inout Keyspace) {
    var stream = model[name] ?? ModelledStream()
    var id = stream.state.lastID
    if chance(3) {
      id = id.successor!
    } else {
      id = StreamID(id.milliseconds + UInt64(pick([0, 1, 2, 200, 100_000])), id.sequence)
      id = id > stream.state.lastID ? StreamID(id.milliseconds, UInt64(random.below(3))) : id.successor!
    }
    let items = items()
    keyspace.withStream(name) { keyspace, stream in stream.append(id, items, limits: keyspace.limits) }
    stream.entries.append(.init(id: id, items: items))
    stream.state.lastID = id
    stream.state.entriesAdded += 1
    model[name] = stream
  }

  private mutating func delete(from name: String, _ keyspace: inout Keyspace) {
    guard var stream = model[name] else { return }
    let id = id(in: stream)
    let wasThere = keyspace.withStream(name) { _, stream in stream.delete(id) }
    let place = stream.entries.firstIndex { $0.id == id }
    expectEqual(wasThere, place != nil, "deleting \(id)")
    guard let place else { return }
    stream.entries.remove(at: place)
    stream.state.greatestDeletedID = max(stream.state.greatestDeletedID, id)
    model[name] = stream
  }

  private mutating func trim(_ name: String, _ keyspace: inout Keyspace) {
    guard var stream = model[name] else { return }
    let threshold: StreamTrimming.Threshold
    let surplus: Int
    if chance(2) {
      let kept = chance(20) ? 0 : random.below(stream.entries.count + 5)
      threshold = .count(kept)
      surplus = max(0, stream.entries.count - kept)
    } else {
      let id = id(in: stream)
      threshold = .id(id)
      surplus = stream.entries.count { $0.id < id }
    }
    let isApproximate = chance(3)
    let limit = isApproximate && chance(2) ? random.below(40) : nil
    let removed = keyspace.withStream(name) { _, stream in
      stream.trim(StreamTrimming(threshold, isApproximate: isApproximate, limit: limit))
    }
    if isApproximate {
      expectEqual(removed <= min(surplus, limit ?? .max), true, "trimming removed \(removed) of \(surplus)")
    } else {
      expectEqual(removed, surplus, "trimming to \(threshold)")
    }
    stream.entries.removeFirst(removed)
    model[name] = stream
  }

  private mutating func setState(of name: String, _ keyspace: inout Keyspace) {
    guard var stream = model[name] else { return }
    stream.state.lastID.milliseconds += UInt64(random.below(10))
    stream.state.entriesAdded += UInt64(random.below(10))
    let state = stream.state
    keyspace.withStream(name) { _, stream in stream.set(state) }
    model[name] = stream
  }

  // MARK: Groups

  private mutating func makeGroup(in name: String, _ keyspace: inout Keyspace) {
    let group = pick(groups)
    let lastID = id(in: model[name] ?? ModelledStream())
    let read = Int64(random.below(5)) - 1
    let isNew = keyspace.withStream(name) { _, stream in
      withView(group) { stream.makeGroup($0, lastID: lastID, entriesRead: read) } != nil
    }
    if model[name] == nil { model[name] = ModelledStream() }
    expectEqual(isNew, model[name]?.groups[group] == nil, "making a group")
    if isNew { model[name]?.groups[group] = .init(lastID: lastID, entriesRead: read) }
  }

  /// The group of a stream and its model, for `change`.
  private mutating func withGroup(
    in name: String, _ keyspace: inout Keyspace,
    _ change: (inout SeededRandom, ConsumerGroup, inout ModelledStream.Group) -> Void
  ) {
    guard let group = model[name]?.groups.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }),
      !group.isEmpty
    else { return }
    let key = pick(group)
    keyspace.withStream(name) { _, stream in
      withView(key) { change(&random, stream.group(named: $0)!, &model[name]!.groups[key]!) }
    }
  }

  private mutating func deliver(in name: String, _ keyspace: inout Keyspace) {
    let consumer = pick(consumers)
    let ids = (0..<pick([1, 3, 20])).map { _ in id(in: model[name] ?? ModelledStream()) }
    withGroup(in: name, &keyspace) { random, group, model in
      withView(consumer) { view in
        let receiver = group.consumer(named: view) ?? group.makeConsumer(view, seenTime: 77)
        if model.consumers[consumer] == nil { model.consumers[consumer] = 77 }
        for id in ids {
          let time = Int64(random.below(1 << 40))
          let small = UInt64(random.below(9))
          let count = [small, UInt64(UInt32.max) - 1, UInt64(UInt32.max), .max][random.below(40) % 9 % 4]
          group.setPending(id, of: receiver, deliveryTime: time, deliveryCount: count)
          model.pending[id] = .init(consumer: consumer, time: time, count: count)
        }
        group.lastID = max(group.lastID, ids[0])
        model.lastID = group.lastID
      }
    }
  }

  private mutating func acknowledge(in name: String, _ keyspace: inout Keyspace) {
    let stray = id(in: model[name] ?? ModelledStream())
    withGroup(in: name, &keyspace) { random, group, model in
      let pending = model.pending.keys.sorted()
      let id = pending.isEmpty || random.below(8) == 0 ? stray : pending[random.below(pending.count)]
      expectEqual(
        group.removePending(id), model.pending.removeValue(forKey: id) != nil, "acknowledging \(id)")
    }
  }

  private mutating func removeConsumer(in name: String, _ keyspace: inout Keyspace) {
    let consumer = pick(consumers)
    withGroup(in: name, &keyspace) { _, group, model in
      withView(consumer) { view in
        guard let found = group.consumer(named: view) else {
          return expectEqual(model.consumers[consumer], nil, "a consumer")
        }
        let count = model.pending.count { $0.value.consumer == consumer }
        expectEqual(group.removeConsumer(found), count, "removing a consumer")
      }
      model.consumers[consumer] = nil
      model.pending = model.pending.filter { $0.value.consumer != consumer }
    }
  }

  private mutating func removeGroup(in name: String, _ keyspace: inout Keyspace) {
    let key = pick(groups)
    guard model[name]?.groups.removeValue(forKey: key) != nil else { return }
    keyspace.withStream(name) { keyspace, stream in
      withView(key) { keyspace.removeGroup(stream.group(named: $0)!) }
    }
  }

  private mutating func copy(_ source: String, to target: String, _ keyspace: inout Keyspace) {
    guard source != target, let stream = model[source] else { return }
    let transfer = keyspace.withEntry(source) { keyspace, entry in keyspace.transfer(of: entry) }
    withView(Array(target.utf8)) { view in
      let key = Key(view, hasher: keyspace.hasher)
      let existing = keyspace.lookup(key, in: 0, for: .write)
      keyspace.place(transfer!, at: key, in: 0, replacing: existing)
    }
    model[target] = stream
  }

  // MARK: Checks

  mutating func check(_ keyspace: inout Keyspace, _ comment: String) {
    keyspace.releaseRemoved(blockMaximum: .max)
    var bytes = 0
    for name in names {
      let count = keyspace.withEntry(name) { keyspace, entry in
        bytes += keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
        return entry.elementCount
      }
      expectEqual(count, model[name]?.entries.count, "entries of \(name), \(comment)")
    }
    expectEqual(keyspace.heap.liveBytes(.dataset), bytes, "bytes, \(comment)")
    LedgerInvariants.expect(keyspace, comment)
    let name = pick(names)
    guard let expected = model[name] else { return }
    let first = id(in: expected)
    let last = id(in: expected)
    let limit = pick([1, 2, 10, .max])
    let checksAll = chance(20)
    keyspace.withStream(name) { _, stream in
      if checksAll { expectEqual(ModelledStream(stream) == expected, true, "\(name), \(comment)") }
      let range = expected.range(first, last, limit)
      expectEqual(stream.entries(from: first, through: last, limit: limit), range, "a range, \(comment)")
      let whole = expected.range(first, last, .max)
      expectEqual(
        stream.entries(from: first, through: last, limit: limit, reversed: true),
        Array(whole.reversed().prefix(limit)), "a range from its end, \(comment)")
      expectEqual(stream.count(from: first, through: last), whole.count, "the count of a range, \(comment)")
      expectEqual(stream.firstID, expected.entries.first?.id, "the first ID, \(comment)")
      expectEqual(stream.lastPresentID, expected.entries.last?.id, "the last ID, \(comment)")
      expectEqual(
        stream.contains(first), expected.entries.contains { $0.id == first }, "\(first), \(comment)")
      stream.forEachGroup { check($0, expected.groups[$0.name.array], comment) }
    }
  }

  private func check(_ group: ConsumerGroup, _ expected: ModelledStream.Group?, _ comment: String) {
    guard let expected else { return expectEqual(true, false, "a group too many, \(comment)") }
    expectEqual(group.pendingCount, expected.pending.count, "pending entries, \(comment)")
    expectEqual(group.consumerCount, expected.consumers.count, "consumers, \(comment)")
    var names: [[UInt8]] = []
    group.forEachConsumer { consumer in
      names.append(consumer.name.array)
      let count = expected.pending.count { $0.value.consumer == consumer.name.array }
      expectEqual(consumer.pendingCount, count, "pending of a consumer, \(comment)")
    }
    expectEqual(
      names, names.sorted { $0.lexicographicallyPrecedes($1) }, "the order of consumers, \(comment)")
  }

  /// Removes all keys; each gives back exactly the bytes that it was said to hold.
  mutating func end(_ keyspace: inout Keyspace) {
    for name in names {
      let before = keyspace.heap.liveBytes(.dataset)
      let bytes = keyspace.withEntry(name) { keyspace, entry in
        defer { keyspace.remove(entry) }
        return keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
      }
      while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 3) }
      expectEqual(before - keyspace.heap.liveBytes(.dataset), bytes ?? 0, "removing \(name)")
    }
    expectEqual(keyspace.heap.liveBytes(.dataset), 0, "the end")
  }
}

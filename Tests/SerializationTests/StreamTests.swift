import Bytes
import Keyspace
import TestSupport
import Testing

@testable import Serialization

@Suite struct StreamTests {
  /// A stream with two entries, and a group with two consumers, each of whom has one of them pending; `change` may make
  /// it wrong.
  private struct Parts {
    var ids = [StreamID(1, 1), StreamID(2, 0)]
    var state = StreamTransfer.State(lastID: StreamID(2, 0), greatestDeletedID: .zero, entriesAdded: 2)
    var groups = ["g", "h"]
    var entriesRead: Int64 = 2
    var consumers = ["a", "b"]
    var pending = [StreamID(1, 1), StreamID(2, 0)]
    var owners = [0, 1]

    var value: FlatValue {
      var writer = StreamTransfer.Writer()
      for id in ids {
        writer.beginEntry(id, fieldCount: 1)
        withView(Array("field".utf8)) { writer.append($0) }
        writer.append(17)
      }
      writer.endEntries(state)
      for group in groups {
        withView(Array(group.utf8)) {
          writer.beginGroup($0, lastID: StreamID(2, 0), entriesRead: entriesRead)
        }
        for consumer in consumers {
          withView(Array(consumer.utf8)) { writer.appendConsumer($0, seenTime: 5, activeTime: 5) }
        }
        writer.endConsumers()
        for (id, owner) in zip(pending, owners) {
          writer.appendPending(.init(id: id, deliveryTime: 7, deliveryCount: 1, consumer: owner))
        }
        writer.endGroup()
      }
      return writer.finish()
    }
  }

  private func outcome(_ change: (inout Parts) -> Void) -> SerializationError? {
    var parts = Parts()
    change(&parts)
    return readPayload(DumpPayload.make(ValueTransfer(parts.value), limits: CollectionLimits())).error
  }

  @Test func whatContradictsItselfIsRefused() {
    #expect(outcome { _ in } == nil)
    #expect(outcome { $0.ids.reverse() } == .invalidStream)
    #expect(outcome { $0.ids[1] = $0.ids[0] } == .invalidStream)
    #expect(outcome { $0.ids[0] = .zero } == .invalidStream)
    #expect(outcome { $0.state.lastID = StreamID(1, 9) } == .invalidStream)
    #expect(outcome { $0.groups[1] = "g" } == .duplicate)
    #expect(outcome { $0.consumers[1] = "a" } == .duplicate)
    #expect(outcome { $0.pending.reverse() } == .invalidStream)
    #expect(outcome { $0.pending[1] = $0.pending[0] } == .invalidStream)
    #expect(outcome { $0.entriesRead = -2 } == .invalidStream)
    #expect(outcome { $0.entriesRead = -1 } == nil)
    // Pending entries may be gone from the stream, and groups may be ahead of it.
    #expect(outcome { $0.ids.removeFirst() } == nil)
    #expect(outcome { $0.ids = [] } == nil)
    #expect(outcome { $0.state.lastID = .maximum } == nil)
  }

  @Test func nodesFollowTheLimits() throws {
    var parts = Parts()
    parts.ids = (1...1_000).map { StreamID(UInt64($0 / 3 + 1), UInt64($0)) }
    parts.state.lastID = .maximum
    for (bytes, entries, nodes) in [(4_096, 100, 10), (0, 0, 1), (64, 0, 112), (0, 1, 1_000)] {
      var limits = CollectionLimits()
      limits.streamNodeBytes = bytes
      limits.streamNodeEntries = entries
      let value = ValueTransfer(parts.value)
      var writer = SerialWriter()
      writer.write(SerialValue(value, limits: limits))
      let nodeCount = withView(writer.bytes) { view in
        var reader = SerialReader(view)
        return try? reader.readLength()
      }
      #expect(nodeCount == UInt64(nodes))
      let read = try readPayload(DumpPayload.make(value, limits: limits)).get()
      #expect(read.collection?.texts == parts.value.texts)
    }
  }

  /// The listpack of a node with so many entries that have its only field.
  private func node(
    fieldBytes: Int, entryCount: Int, listed: Int? = nil, deleted: Int64 = 0, terminator: Int64 = 0
  )
    -> [UInt8]
  {
    var items = ItemArray()
    items.append(Int64(listed ?? entryCount))
    items.append(deleted)
    items.append(1)
    withView([UInt8](repeating: 0x66, count: fieldBytes)) { items.append($0) }
    items.append(terminator)
    for number in 0..<entryCount {
      items.append(2)
      items.append(Int64(number))
      items.append(0)
      items.append(1)
      items.append(4)
    }
    var builder = ListpackBuilder()
    builder.append(items)
    return builder.finish()
  }

  private func stream(_ listpack: [UInt8], count: Int, key: [UInt8]? = nil) -> Outcome {
    var writer = SerialWriter()
    writer.write(count: 1)
    writer.write(blob: key ?? [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    writer.write(blob: listpack)
    writer.write(count: count)
    writer.write(lengthsOf: .maximum)
    writer.write(count: 0)
    return readPayload(payload(.streamListpacks, writer.bytes))
  }

  @Test func nodesThatAreNone() {
    #expect(stream(node(fieldBytes: 5, entryCount: 3), count: 3).error == nil)
    #expect(stream(node(fieldBytes: 5, entryCount: 3), count: 5).error == nil)
    #expect(stream(node(fieldBytes: 5, entryCount: 3, listed: 2), count: 3).error == .invalidStream)
    #expect(stream(node(fieldBytes: 5, entryCount: 3, deleted: 1), count: 3).error == .invalidStream)
    #expect(stream(node(fieldBytes: 5, entryCount: 3, terminator: 1), count: 3).error == .invalidStream)
    #expect(stream(node(fieldBytes: 5, entryCount: 0), count: 0).error == .invalidStream)
    #expect(stream(node(fieldBytes: 5, entryCount: 3), count: 3, key: [1, 2, 3]).error == .invalidStream)
    var empty = ListpackBuilder()
    #expect(stream(empty.finish(), count: 0).error == .invalidStream)
    var writer = SerialWriter()
    for length in [0, 2, 1, 0, 0] as [UInt64] { writer.write(length: length) }
    #expect(readPayload(payload(.streamListpacks, writer.bytes)).error == .invalidStream)
  }

  /// A long field that many entries have without saying so must not make much of little.
  @Test func repeatedFieldsHaveALimit() {
    #expect(stream(node(fieldBytes: 4_000, entryCount: 100), count: 100).error == nil)
    #expect(stream(node(fieldBytes: 64_000, entryCount: 3_000), count: 3_000).error == .tooLong)
  }

  @Test func anyStreamComesBack() throws {
    var random = SeededRandom(test: "Stream.anything")
    for _ in 0..<150 {
      let value = random.stream()
      let outcome = readPayload(DumpPayload.make(ValueTransfer(value), limits: CollectionLimits()))
      guard case .success(let read) = outcome else {
        Issue.record("\(random): \(outcome)")
        continue
      }
      if read.collection?.texts != value.texts { Issue.record("\(random): a stream differs") }
    }
  }
}

extension SeededRandom {
  /// A stream with entries whose fields are often the same, groups, consumers and pending entries.
  mutating func stream() -> FlatValue {
    var writer = StreamTransfer.Writer()
    let fieldSets = (0..<3).map { _ in (0...below(4)).map { _ in element() } }
    var ids: [StreamID] = []
    var id = StreamID(next() >> UInt64(1 + below(60)), UInt64(below(3)))
    for _ in 0..<below([3, 40, 400][below(3)]) {
      id =
        below(3) == 0
        ? StreamID(id.milliseconds, id.sequence + 1) : StreamID(id.milliseconds + 1, next() >> 1)
      ids.append(id)
      let fields = fieldSets[below(8) == 0 ? below(3) : 0]
      writer.beginEntry(id, fieldCount: fields.count)
      for field in fields {
        withView(field) { writer.append($0) }
        withView(element()) { writer.append($0) }
      }
    }
    writer.endEntries(
      .init(
        lastID: id, greatestDeletedID: StreamID(next(), next()), entriesAdded: next() >> UInt64(below(64))))
    for group in 0..<below(4) {
      withView(Array("group \(group)".utf8)) {
        writer.beginGroup($0, lastID: StreamID(next(), next()), entriesRead: Int64(below(100)) - 1)
      }
      let consumerCount = below(4)
      for consumer in 0..<consumerCount {
        let time = Int64(below(1 << 40))
        withView(Array("\(consumer)".utf8)) { writer.appendConsumer($0, seenTime: time, activeTime: time) }
      }
      writer.endConsumers()
      for id in ids where consumerCount > 0 && below(3) == 0 {
        writer.appendPending(
          .init(
            id: id, deliveryTime: Int64(below(1 << 42)), deliveryCount: next() >> UInt64(below(64)),
            consumer: below(consumerCount)))
      }
      writer.endGroup()
    }
    return writer.finish()
  }
}

extension FlatValue {
  /// What a stream says, a line for each fact, with groups and consumers by their names: their order means nothing.
  var streamLines: [[[UInt8]]] {
    var lines: [[[UInt8]]] = []
    func line(_ parts: Any...) -> [[UInt8]] {
      parts.map { ($0 as? Item)?.array ?? ($0 as? [UInt8]) ?? Array("\($0)".utf8) }
    }
    items.withReader { items in
      var stream = StreamTransfer.Reader(items)
      while let entry = stream.nextEntry() {
        lines.append(line(entry.id) + (0..<2 * entry.fieldCount).map { _ in stream.nextItem().array })
      }
      lines.append(line(stream.state()))
      var groups: [[[UInt8]]] = []
      while let group = stream.nextGroup() {
        groups.append(line("group", group.name, group.lastID, group.entriesRead))
        var names: [[UInt8]] = []
        while let consumer = stream.nextConsumer() {
          names.append(consumer.name.array)
          groups.append(line("consumer", group.name, consumer.name, consumer.seenTime, consumer.activeTime))
        }
        while let pending = stream.nextPending() {
          let owner = names[pending.consumer]
          // Of times of delivery a key keeps 48 bits.
          let time = min(max(pending.deliveryTime, 0), 1 << 48 - 1)
          groups.append(line("pending", group.name, pending.id, time, pending.deliveryCount, owner))
        }
      }
      lines += groups.sorted { $0.joined().lexicographicallyPrecedes($1.joined()) }
    }
    return lines
  }

  /// The value as Redis 7.0 has it: of a stream, consumers were active when they were last seen.
  var withoutActiveTimes: FlatValue {
    guard kind == .stream else { return self }
    var writer = StreamTransfer.Writer()
    items.withReader { items in
      var stream = StreamTransfer.Reader(items)
      while let entry = stream.nextEntry() {
        writer.beginEntry(entry.id, fieldCount: entry.fieldCount)
        for _ in 0..<2 * entry.fieldCount { writer.append(stream.nextItem()) }
      }
      writer.endEntries(stream.state())
      while let group = stream.nextGroup() {
        withView(group.name.array) {
          writer.beginGroup($0, lastID: group.lastID, entriesRead: group.entriesRead)
        }
        while let consumer = stream.nextConsumer() {
          withView(consumer.name.array) {
            writer.appendConsumer($0, seenTime: consumer.seenTime, activeTime: consumer.seenTime)
          }
        }
        writer.endConsumers()
        while let pending = stream.nextPending() { writer.appendPending(pending) }
        writer.endGroup()
      }
    }
    return writer.finish()
  }
}

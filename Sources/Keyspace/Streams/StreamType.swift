import Bytes
import Heap

/// What the keyspace asks of streams.
enum StreamType: CollectionType {
  static func elementCount(of entry: Entry) -> Int { entry.root(as: StreamRoot.self).pointee.header.count }

  static func encodingName(of entry: Entry) -> StaticString { "stream" }

  static func flatten(_ entry: Entry, now: Int64) -> FlatValue {
    let root = entry.root(as: StreamRoot.self)
    var writer = StreamTransfer.Writer()
    writer.reserveCapacity(root.pointee.header.allocatedBytes)
    let stream = StreamValue(root: root, heap: nil)
    stream.forEachEntry(from: .zero, through: .maximum) { entry in
      writer.beginEntry(entry.id, fieldCount: entry.fieldCount)
      entry.forEachItem { writer.append($0) }
    }
    writer.endEntries(stream.state)
    stream.forEachGroup { flatten($0, &writer) }
    return writer.finish()
  }

  private static func flatten(_ group: ConsumerGroup, _ writer: inout StreamTransfer.Writer) {
    writer.beginGroup(group.name, lastID: group.lastID, entriesRead: group.entriesRead)
    var places: [UnsafeMutablePointer<ConsumerRecord>: Int] = [:]
    group.forEachConsumer { consumer in
      places[consumer.record] = places.count
      writer.appendConsumer(consumer.name, seenTime: consumer.seenTime, activeTime: consumer.activeTime)
    }
    writer.endConsumers()
    group.forEachPending { pending in
      writer.appendPending(
        StreamTransfer.Pending(
          id: pending.id, deliveryTime: pending.deliveryTime, deliveryCount: pending.deliveryCount,
          consumer: places[pending.consumer.record] ?? 0))
      return true
    }
    writer.endGroup()
  }

  static func place(
    _ value: FlatValue, at key: Key, in database: Int, replacing existing: Entry?, expiry: Int64?,
    keyspace: inout Keyspace
  ) {
    let stream = keyspace.makeStream(key, in: database, replacing: existing, expiry: expiry)
    let limits = keyspace.limits
    value.items.withReader { items in
      var reader = StreamTransfer.Reader(items)
      var elements: [Element] = []
      while let entry = reader.nextEntry() {
        elements.removeAll(keepingCapacity: true)
        for _ in 0..<entry.fieldCount * 2 { elements.append(Element(reader.nextItem())) }
        if entry.id > stream.lastID {
          elements.withUnsafeBufferPointer { stream.append(entry.id, $0, limits: limits) }
        }
      }
      stream.set(reader.state())
      placeGroups(&reader, stream)
    }
  }

  private static func placeGroups(_ reader: inout StreamTransfer.Reader, _ stream: StreamValue) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
      let scratch = scratch.baseAddress.unsafelyUnwrapped
      while let head = reader.nextGroup() {
        let group = stream.makeGroup(
          head.name.view(scratch: scratch), lastID: head.lastID, entriesRead: head.entriesRead)
        var consumers: [Consumer?] = []
        while let consumer = reader.nextConsumer() {
          let name = consumer.name.view(scratch: scratch)
          let made = group?.consumer(named: name) ?? group?.makeConsumer(name, seenTime: consumer.seenTime)
          made?.activeTime = consumer.activeTime
          consumers.append(made)
        }
        while let pending = reader.nextPending() {
          guard let group, let consumer = consumers[pending.consumer] else { continue }
          group.setPending(
            pending.id, of: consumer, deliveryTime: pending.deliveryTime, deliveryCount: pending.deliveryCount
          )
        }
      }
    }
  }
}

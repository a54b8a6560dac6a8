import Bytes
import Keyspace

/// Writing streams, in the form of Redis 7.0: see `SerialReader.readStream`.
extension SerialWriter {
  mutating func writeStream(_ items: ItemArray, _ limits: CollectionLimits) {
    items.withReader { reader in
      let plan = StreamPlan(reader, limits)
      write(count: plan.nodeCount)
      var stream = StreamTransfer.Reader(reader)
      writeNodes(&stream, limits)
      let state = stream.state()
      write(count: plan.entryCount)
      write(lengthsOf: state.lastID)
      write(lengthsOf: plan.firstID)
      write(lengthsOf: state.greatestDeletedID)
      write(length: state.entriesAdded)
      write(count: plan.groupCount)
      while let group = stream.nextGroup() {
        write(group.name)
        write(lengthsOf: group.lastID)
        write(length: UInt64(bitPattern: group.entriesRead))
        writeMembers(&stream)
      }
    }
  }

  private mutating func writeNodes(_ stream: inout StreamTransfer.Reader, _ limits: CollectionLimits) {
    var limit = StreamNodeLimit(limits)
    var node: StreamNodeBuilder?
    var fields = ItemArray()
    var values = ItemArray()
    while let entry = stream.nextEntry() {
      fields = ItemArray()
      values = ItemArray()
      for _ in 0..<entry.fieldCount {
        fields.append(SerialElement(stream.nextItem()))
        values.append(SerialElement(stream.nextItem()))
      }
      if limit.beginsNode(fields.bytes.count + values.bytes.count) {
        if let node { write(node) }
        node = StreamNodeBuilder(entry.id, fields)
      }
      node?.append(entry.id, fields, values)
    }
    if let node { write(node) }
  }

  private mutating func write(_ node: StreamNodeBuilder) {
    write(count: StreamNode.idBytes)
    write(node.id)
    write(blob: node.listpack())
  }

  /// The consumers and pending entries of a group. The latter come first, and again with each consumer.
  private mutating func writeMembers(_ stream: inout StreamTransfer.Reader) {
    var consumers: [(name: Item, seenTime: Int64, ids: [StreamID])] = []
    while let consumer = stream.nextConsumer() { consumers.append((consumer.name, consumer.seenTime, [])) }
    var pending: [StreamTransfer.Pending] = []
    while let entry = stream.nextPending() {
      pending.append(entry)
      consumers[entry.consumer].ids.append(entry.id)
    }
    write(count: pending.count)
    for entry in pending {
      write(entry.id)
      write(integer: entry.deliveryTime)
      write(length: entry.deliveryCount)
    }
    write(count: consumers.count)
    for consumer in consumers {
      write(consumer.name)
      write(integer: consumer.seenTime)
      write(count: consumer.ids.count)
      for id in consumer.ids { write(id) }
    }
  }
}

/// What must be known of a stream before it is written: numbers that stand in front of what they count.
private struct StreamPlan {
  var nodeCount = 0
  var entryCount = 0
  var groupCount = 0
  var firstID = StreamID.zero

  init(_ items: ItemReader, _ limits: CollectionLimits) {
    var stream = StreamTransfer.Reader(items)
    var limit = StreamNodeLimit(limits)
    while let entry = stream.nextEntry() {
      if entryCount == 0 { firstID = entry.id }
      entryCount += 1
      var byteCount = 0
      for _ in 0..<2 * entry.fieldCount { byteCount += stream.nextItem().byteCount }
      if limit.beginsNode(byteCount) { nodeCount += 1 }
    }
    _ = stream.state()
    while stream.nextGroup() != nil {
      groupCount += 1
      while stream.nextConsumer() != nil {}
      while stream.nextPending() != nil {}
    }
  }
}

/// Where one node of a stream ends and the next begins, by the directives `stream-node-max-bytes` and `-entries`.
private struct StreamNodeLimit {
  private let bytesMaximum: Int
  private let entriesMaximum: Int
  private var bytes = 0
  private var entries = 0

  /// Also without limits a listpack has a size that is good to change.
  private static let unlimitedBytesMaximum = 1 << 20

  init(_ limits: CollectionLimits) {
    bytesMaximum = limits.streamNodeBytes > 0 ? limits.streamNodeBytes : Self.unlimitedBytesMaximum
    entriesMaximum = limits.streamNodeEntries > 0 ? limits.streamNodeEntries : .max
  }

  /// Whether the next entry, whose fields and values take so many bytes, begins a node.
  mutating func beginsNode(_ entryBytes: Int) -> Bool {
    let begins = entries == 0 || entries >= entriesMaximum || bytes + entryBytes > bytesMaximum
    if begins {
      bytes = 0
      entries = 0
    }
    bytes += entryBytes
    entries += 1
    return begins
  }
}

/// One node in the making.
private struct StreamNodeBuilder {
  let id: StreamID
  private let fields: ItemArray
  private var count = 0
  private var entries = ItemArray()

  init(_ id: StreamID, _ fields: ItemArray) {
    self.id = id
    self.fields = fields
  }

  mutating func append(_ entryID: StreamID, _ entryFields: ItemArray, _ values: ItemArray) {
    // An element has one encoding only.
    let hasNodeFields = entryFields.bytes == fields.bytes
    count += 1
    entries.append(hasNodeFields ? StreamNode.sameFields : 0)
    entries.append(Int64(bitPattern: entryID.milliseconds &- id.milliseconds))
    entries.append(Int64(bitPattern: entryID.sequence &- id.sequence))
    if hasNodeFields {
      entries.appendAll(values)
      entries.append(Int64(StreamNode.headElements + values.count))
      return
    }
    entries.append(Int64(values.count))
    entryFields.withReader { fields in
      values.withReader { values in
        while let field = fields.read(), let value = values.read() {
          entries.append(SerialElement(field))
          entries.append(SerialElement(value))
        }
      }
    }
    entries.append(Int64(StreamNode.headElements + 1 + 2 * values.count))
  }

  func listpack() -> [UInt8] {
    var head = ItemArray()
    head.append(Int64(count))
    head.append(0)
    head.append(Int64(fields.count))
    head.appendAll(fields)
    head.append(0)
    var builder = ListpackBuilder()
    builder.append(head)
    builder.append(entries)
    return builder.finish()
  }
}

extension ItemArray {
  fileprivate mutating func appendAll(_ items: ItemArray) {
    items.bytes.withUnsafeBufferPointer { append(encoded: $0, count: items.count) }
  }
}

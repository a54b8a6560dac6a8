import Bytes
import Keyspace

/// Reading streams:
///
///     nodes, for each: ID 16, listpack
///     entries, last ID                                      (an ID is two lengths where nothing else is said)
///     first ID, greatest deleted ID, entries added          (since type 19)
///     groups, for each:
///       name, last ID, entries read                         (the latter since type 19)
///       pending entries, for each: ID 16, time 8, deliveries
///       consumers, for each:
///         name, time last seen 8, time last active 8        (the latter since type 21)
///         pending entries of the group that are this consumer's, for each: ID 16
extension SerialReader {
  mutating func readStream(_ type: SerialType) throws(SerializationError) -> FlatValue {
    var stream = StreamEntries()
    for _ in 0..<(try readCount()) {
      let key = try readBlob()
      guard key.count == StreamNode.idBytes else { throw .invalidStream }
      try stream.appendNode(StreamID(key), ListpackReader(try readBlob()))
    }
    // Early versions of Redis miscounted when they trimmed. What is there is what counts.
    let statedCount = try readLength()
    if statedCount > 0, stream.count == 0 { throw .invalidStream }
    var state = StreamTransfer.State(lastID: try readID(), entriesAdded: stream.count)
    guard state.lastID >= stream.lastID else { throw .invalidStream }
    if type != .streamListpacks {
      // The first ID follows from the entries.
      _ = try readID()
      state.greatestDeletedID = try readID()
      state.entriesAdded = try readLength()
    }
    stream.writer.endEntries(state)
    var names = ItemArray()
    for _ in 0..<(try readCount()) { try readGroup(type, &stream, state, &names) }
    if names.hasDuplicates() { throw .duplicate }
    return stream.writer.finish()
  }

  private mutating func readID() throws(SerializationError) -> StreamID {
    let milliseconds = try readLength()
    return StreamID(milliseconds, try readLength())
  }

  // MARK: Groups

  private mutating func readGroup(
    _ type: SerialType, _ stream: inout StreamEntries, _ state: StreamTransfer.State, _ names: inout ItemArray
  ) throws(SerializationError) {
    let name = try readString().array
    names.append(bytes: name)
    let lastID = try readID()
    var entriesRead: Int64
    if type == .streamListpacks {
      entriesRead = stream.entriesRead(upTo: lastID, of: state)
    } else {
      entriesRead = Int64(bitPattern: try readLength())
      if entriesRead < -1 { throw .invalidStream }
    }
    var pending = try readPending()
    name.withView { stream.writer.beginGroup($0, lastID: lastID, entriesRead: entriesRead) }
    try readConsumers(type, &stream, &pending)
    stream.writer.endConsumers()
    for entry in pending {
      if entry.consumer < 0 { throw .invalidStream }
      stream.writer.appendPending(entry)
    }
    stream.writer.endGroup()
  }

  /// The pending entries of a group in the order of their IDs, as yet without their consumers.
  private mutating func readPending() throws(SerializationError) -> [StreamTransfer.Pending] {
    var pending: [StreamTransfer.Pending] = []
    for _ in 0..<(try readCount()) {
      let id = StreamID(try readBytes(StreamNode.idBytes))
      let time = try readInteger(Int64.self)
      let count = try readLength()
      if let last = pending.last, last.id >= id { throw .invalidStream }
      pending.append(StreamTransfer.Pending(id: id, deliveryTime: time, deliveryCount: count, consumer: -1))
    }
    return pending
  }

  /// The consumers of a group. Notes with each pending entry whose it is.
  private mutating func readConsumers(
    _ type: SerialType, _ stream: inout StreamEntries, _ pending: inout [StreamTransfer.Pending]
  ) throws(SerializationError) {
    var names = ItemArray()
    for number in 0..<(try readCount()) {
      let name = try readString().array
      names.append(bytes: name)
      let seenTime = try readInteger(Int64.self)
      // Of old nothing is known but when the consumer was seen.
      let activeTime = type == .streamListpacks3 ? try readInteger(Int64.self) : seenTime
      name.withView { stream.writer.appendConsumer($0, seenTime: seenTime, activeTime: activeTime) }
      for _ in 0..<(try readCount()) {
        let id = StreamID(try readBytes(StreamNode.idBytes))
        guard let place = pending.place(of: id), pending[place].consumer < 0 else { throw .invalidStream }
        pending[place].consumer = number
      }
    }
    if names.hasDuplicates() { throw .duplicate }
  }
}

/// The entries of a stream on their way from listpacks to items.
private struct StreamEntries {
  var writer = StreamTransfer.Writer()
  private(set) var count: UInt64 = 0
  private(set) var lastID = StreamID.zero
  private var firstID: StreamID?
  /// The fields that a node's entries have if they don't say otherwise.
  private var fields = ItemArray()
  /// Bytes of listpacks, and bytes of fields that entries have without saying so.
  private var listpackBytes = 0
  private var repeatedBytes = 0

  /// How many repeated bytes are too many: a little listpack could else become as large as one likes.
  private var repeatedBytesMaximum: Int { 64 << 20 + 128 * listpackBytes }

  mutating func appendNode(_ nodeID: StreamID, _ listpack: ListpackReader) throws(SerializationError) {
    var elements = listpack
    listpackBytes += listpack.byteCount
    let entryCount = try elements.nextCount()
    let deletedCount = try elements.nextCount()
    let fieldCount = try elements.nextCount()
    fields = ItemArray()
    for _ in 0..<fieldCount { fields.append(try elements.nextOfPair()) }
    guard try elements.nextInteger() == 0 else { throw .invalidStream }
    var kept = 0
    var dropped = 0
    while let flags = try elements.next() {
      guard case .integer(let flags) = flags else { throw .invalidStream }
      let milliseconds = try elements.nextInteger()
      let id = nodeID.advanced(milliseconds, try elements.nextInteger())
      try appendEntry(id, flags: flags, nodeFieldCount: fieldCount, &elements)
      if flags & StreamNode.deleted == 0 { kept += 1 } else { dropped += 1 }
    }
    guard kept == entryCount, dropped == deletedCount, kept + dropped > 0 else { throw .invalidStream }
  }

  /// Takes what follows the head of an entry, and keeps it unless it is deleted.
  private mutating func appendEntry(
    _ id: StreamID, flags: Int64, nodeFieldCount: Int, _ elements: inout ListpackReader
  ) throws(SerializationError) {
    let isKept = flags & StreamNode.deleted == 0
    let hasNodeFields = flags & StreamNode.sameFields != 0
    let fieldCount = hasNodeFields ? nodeFieldCount : try elements.nextCount()
    guard fieldCount > 0 else { throw .invalidStream }
    if isKept {
      guard id > lastID else { throw .invalidStream }
      lastID = id
      firstID = firstID ?? id
      count += 1
      writer.beginEntry(id, fieldCount: fieldCount)
    }
    var elementCount = StreamNode.headElements
    if hasNodeFields {
      if isKept { repeatedBytes += fields.bytes.count }
      if repeatedBytes > repeatedBytesMaximum { throw .tooLong }
      try appendValues(of: isKept, &elements)
      elementCount += fieldCount
    } else {
      for _ in 0..<fieldCount {
        let field = try elements.nextOfPair()
        if isKept { writer.append(field) }
        let value = try elements.nextOfPair()
        if isKept { writer.append(value) }
      }
      // Twice as many, and the number of fields itself. There are not more than the listpack has bytes.
      elementCount += 2 * fieldCount + 1
    }
    guard try elements.nextInteger() == elementCount else { throw .invalidStream }
  }

  /// Takes the values of an entry that has the fields of its node.
  private mutating func appendValues(
    of isKept: Bool, _ elements: inout ListpackReader
  ) throws(SerializationError) {
    var failure: SerializationError?
    fields.withReader { fields in
      while failure == nil, let field = fields.read() {
        do throws(SerializationError) {
          let value = try elements.nextOfPair()
          if !isKept { continue }
          writer.append(field)
          writer.append(value)
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// How many entries a group has read, where only the ID of the last is known: -1 unless that one is first or last.
  func entriesRead(upTo id: StreamID, of state: StreamTransfer.State) -> Int64 {
    guard let firstID else { return 0 }
    if id == state.lastID { return Int64(clamping: count) }
    if id > state.lastID || id > firstID { return -1 }
    return id == firstID ? 1 : 0
  }
}

extension ListpackReader {
  fileprivate mutating func nextInteger() throws(SerializationError) -> Int64 {
    guard case .integer(let integer) = try next() else { throw .invalidStream }
    return integer
  }

  fileprivate mutating func nextCount() throws(SerializationError) -> Int {
    let count = try nextInteger()
    if count < 0 || count > Int64(Int32.max) { throw .invalidStream }
    return Int(count)
  }
}

extension StreamTransfer.Writer {
  fileprivate mutating func append(_ element: SerialElement) {
    switch element {
    case .text(let text): append(text)
    case .integer(let integer): append(integer)
    }
  }
}

extension [StreamTransfer.Pending] {
  /// Where the entry with this ID stands.
  fileprivate func place(of id: StreamID) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low].id == id ? low : nil
  }
}

extension SerialElement {
  /// A copy of the text.
  var array: [UInt8] {
    switch self {
    case .text(let text): text.array
    case .integer(let integer): Array(String(integer).utf8)
    }
  }
}

extension [UInt8] {
  /// Calls `body` with a view of the bytes.
  func withView<Result>(_ body: (ByteView) -> Result) -> Result {
    withUnsafeBufferPointer { buffer in
      if let start = buffer.baseAddress {
        body(ByteView(start: start, count: count))
      } else {
        body(ByteView(""))
      }
    }
  }
}

extension ItemArray {
  fileprivate mutating func append(bytes: [UInt8]) { bytes.withView { append($0) } }
}

import Bytes
import Heap

/// A block of a stream: entries whose IDs follow each other, packed one after the other.
///
///     header
///     fields:  number of fields, then their names: those of the entry that the block was made for
///     entry:   length and flags, ID, values …
///     entry:   length and flags, ID, number of fields, field and value by turns …
///
/// Names and values are items. Every number is written in groups of seven bits, the lowest first, and all but the last
/// with the top bit set:
///
/// - length and flags: the bytes of the entry that follow this number, times four; 1 more if the entry is deleted,
///   2 more if its fields are those of the block, so that only values follow its ID.
/// - ID: the milliseconds since those of the block's ID; then the sequence, less that of the block's ID if the
///   milliseconds are the same.
///
/// Deleted entries stay where they are until they make up half of the block.
struct StreamBlock: BitwiseCopyable {
  struct Header: BitwiseCopyable {
    /// The ID of the entry that the block was made for. All others are after it.
    var id: StreamID
    /// Bytes in use, this header included.
    var usedBytes: UInt32
    /// Bytes that there are.
    var capacity: UInt32
    var liveCount: UInt32
    /// Entries that were in the block and are deleted, those whose bytes are gone included.
    var deletedCount: UInt32
    /// Bytes of the deleted entries that are still in the block.
    var deletedBytes: UInt32
  }

  static let headerBytes = MemoryLayout<Header>.size
  /// The limit of a block's bytes where the configuration sets none.
  static let bytesMaximum = 1 << 30

  static let deletedFlag: UInt64 = 1
  static let sameFieldsFlag: UInt64 = 2
  private static let flagBits: UInt64 = 2

  let start: UnsafeMutableRawPointer

  @inline(__always)
  init(_ start: UnsafeMutableRawPointer) { self.start = start }

  var header: UnsafeMutablePointer<Header> {
    @inline(__always) get { start.assumingMemoryBound(to: Header.self) }
  }

  var bytes: UnsafeMutablePointer<UInt8> {
    @inline(__always) get { start.assumingMemoryBound(to: UInt8.self) }
  }

  // MARK: Writing

  /// Whether the entry of these fields and values by turns has the block's fields.
  @inline(__always)
  func hasFields(_ elements: UnsafeBufferPointer<Element>) -> Bool {
    var next = UnsafePointer(bytes) + Self.headerBytes
    guard Int(Varint.read(&next)) * 2 == elements.count else { return false }
    var index = 0
    while index < elements.count {
      guard elements[index].isStored(at: next) else { return false }
      next += ItemCode.byteCount(at: next)
      index += 2
    }
    return true
  }

  /// Bytes of an entry behind the number that says how many they are.
  @inline(__always)
  static func bodyBytes(
    _ id: StreamID, after blockID: StreamID, _ elements: UnsafeBufferPointer<Element>, sameFields: Bool
  ) -> Int {
    let (milliseconds, sequence) = difference(id, blockID)
    var sum = Varint.byteCount(milliseconds) + Varint.byteCount(sequence)
    if !sameFields { sum += Varint.byteCount(UInt64(elements.count / 2)) }
    var index = sameFields ? 1 : 0
    while index < elements.count {
      sum += elements[index].byteCount
      index += sameFields ? 2 : 1
    }
    return sum
  }

  /// Bytes of an entry whose body has `bodyBytes`.
  @inline(__always)
  static func entryBytes(bodyBytes: Int) -> Int {
    Varint.byteCount(UInt64(bodyBytes) << flagBits) + bodyBytes
  }

  /// Bytes of the names of the fields.
  static func fieldBytes(_ elements: UnsafeBufferPointer<Element>) -> Int {
    var sum = Varint.byteCount(UInt64(elements.count / 2))
    for index in stride(from: 0, to: elements.count, by: 2) { sum += elements[index].byteCount }
    return sum
  }

  /// Makes this an empty block for entries with these fields.
  func initialize(_ id: StreamID, _ elements: UnsafeBufferPointer<Element>) {
    var next = bytes + Self.headerBytes
    Varint.write(UInt64(elements.count / 2), &next)
    for index in stride(from: 0, to: elements.count, by: 2) {
      elements[index].write(to: next)
      next += elements[index].byteCount
    }
    header.initialize(
      to: Header(
        id: id, usedBytes: UInt32(next - bytes), capacity: UInt32(clamping: ShardHeap.usableSize(start)),
        liveCount: 0,
        deletedCount: 0, deletedBytes: 0))
  }

  /// Writes an entry behind the last. There is room for it.
  @inline(__always)
  func append(
    _ id: StreamID, _ elements: UnsafeBufferPointer<Element>, sameFields: Bool, bodyBytes: Int
  ) {
    var next = bytes + Int(header.pointee.usedBytes)
    Varint.write(UInt64(bodyBytes) << Self.flagBits | (sameFields ? Self.sameFieldsFlag : 0), &next)
    let (milliseconds, sequence) = Self.difference(id, header.pointee.id)
    Varint.write(milliseconds, &next)
    Varint.write(sequence, &next)
    if !sameFields { Varint.write(UInt64(elements.count / 2), &next) }
    var index = sameFields ? 1 : 0
    while index < elements.count {
      elements[index].write(to: next)
      next += elements[index].byteCount
      index += sameFields ? 2 : 1
    }
    header.pointee.usedBytes = UInt32(next - bytes)
    header.pointee.liveCount &+= 1
  }

  @inline(__always)
  private static func difference(_ id: StreamID, _ blockID: StreamID) -> (UInt64, UInt64) {
    let milliseconds = id.milliseconds &- blockID.milliseconds
    return (milliseconds, milliseconds == 0 ? id.sequence &- blockID.sequence : id.sequence)
  }

  // MARK: Deleting

  /// Marks an entry as deleted.
  func delete(_ entry: StoredEntry) {
    bytes[entry.offset] |= UInt8(Self.deletedFlag)
    header.pointee.liveCount -= 1
    header.pointee.deletedCount += 1
    header.pointee.deletedBytes += UInt32(entry.byteCount)
  }

  /// Whether deleted entries make up so much of the block that it pays to close the gaps.
  var isHollow: Bool { header.pointee.deletedBytes > header.pointee.usedBytes / 2 }

  /// Moves the entries that are not deleted together.
  func closeGaps() {
    var cursor = StreamBlockCursor(self)
    var target = cursor.offset
    while let entry = cursor.next() {
      if entry.isDeleted { continue }
      if target != entry.offset { moveBytes(from: bytes + entry.offset, to: bytes + target, entry.byteCount) }
      target += entry.byteCount
    }
    header.pointee.usedBytes = UInt32(target)
    header.pointee.deletedBytes = 0
  }
}

/// An entry where a block holds it.
struct StoredEntry {
  let id: StreamID
  let isDeleted: Bool
  /// Where it begins in the block, and how long it is.
  let offset: Int
  let byteCount: Int
  fileprivate let hasBlockFields: Bool
  /// What follows the ID.
  fileprivate let content: UnsafePointer<UInt8>
}

/// Goes through the entries of a block.
struct StreamBlockCursor {
  private let block: StreamBlock
  private let id: StreamID
  private let end: Int
  private let fieldCount: Int
  private let fields: UnsafePointer<UInt8>
  /// Where the next entry begins.
  private(set) var offset: Int

  @inline(__always)
  init(_ block: StreamBlock) {
    self.block = block
    id = block.header.pointee.id
    end = Int(block.header.pointee.usedBytes)
    var next = UnsafePointer(block.bytes) + StreamBlock.headerBytes
    fieldCount = Int(Varint.read(&next))
    fields = next
    for _ in 0..<fieldCount { next += ItemCode.byteCount(at: next) }
    offset = next - UnsafePointer(block.bytes)
  }

  /// The next entry, deleted ones included; nil after the last.
  @inline(__always)
  mutating func next() -> StoredEntry? {
    guard offset < end else { return nil }
    let entry = entry(at: offset)
    offset += entry.byteCount
    return entry
  }

  /// The entry that begins at an offset.
  @inline(__always)
  func entry(at offset: Int) -> StoredEntry {
    let start = UnsafePointer(block.bytes) + offset
    var next = start
    let lead = Varint.read(&next)
    let end = next + Int(lead >> 2)
    let milliseconds = Varint.read(&next)
    let sequence = Varint.read(&next)
    return StoredEntry(
      id: StreamID(id.milliseconds &+ milliseconds, milliseconds == 0 ? id.sequence &+ sequence : sequence),
      isDeleted: lead & StreamBlock.deletedFlag != 0, offset: offset, byteCount: end - start,
      hasBlockFields: lead & StreamBlock.sameFieldsFlag != 0, content: next)
  }

  /// The content of an entry.
  @inline(__always)
  func read(_ entry: StoredEntry) -> StreamEntry {
    if entry.hasBlockFields {
      return StreamEntry(id: entry.id, fieldCount: fieldCount, fields: fields, values: entry.content)
    }
    var next = entry.content
    let count = Int(Varint.read(&next))
    return StreamEntry(id: entry.id, fieldCount: count, fields: next, values: nil)
  }
}

/// An entry of a stream, valid until the stream is next changed.
public struct StreamEntry {
  public let id: StreamID
  public let fieldCount: Int
  /// The names of the fields; or, where there are no values apart, field and value by turns.
  fileprivate let fields: UnsafePointer<UInt8>
  fileprivate let values: UnsafePointer<UInt8>?

  /// Calls `body` with field and value by turns.
  @inline(__always)
  public func forEachItem(_ body: (Item) -> Void) {
    var field = fields
    guard var value = values else {
      for _ in 0..<fieldCount * 2 {
        let item = Item(at: field)
        body(item)
        field += item.byteCount
      }
      return
    }
    for _ in 0..<fieldCount {
      let name = Item(at: field)
      body(name)
      field += name.byteCount
      let item = Item(at: value)
      body(item)
      value += item.byteCount
    }
  }
}

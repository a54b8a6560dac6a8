import Bytes
import Keyspace

/// How entries of a stream lie in listpacks.
///
///     node:   entries, deleted ones, number of fields, field…, 0, then the entries
///     entry:  flags, milliseconds, sequence, value…, elements of the entry so far
///             flags, milliseconds, sequence, number of fields, (field, value)…, elements of the entry so far
///
/// IDs count from that of the node, which is its first entry's. An entry that has the very fields of the node, in
/// their order, gives only its values.
enum StreamNode {
  static let deleted: Int64 = 1
  static let sameFields: Int64 = 2
  /// Bytes of an ID as the key of a node and in lists of pending entries: the high byte first.
  static let idBytes = 16
  /// Flags, milliseconds and sequence.
  static let headElements = 3
}

extension StreamID {
  /// Reads the 16 bytes of an ID.
  init(_ bytes: ByteView) {
    let words = UnsafeRawPointer(bytes.start)
    self.init(
      UInt64(bigEndian: words.loadUnaligned(as: UInt64.self)),
      UInt64(bigEndian: words.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  /// The ID whose numbers are so much greater than this one's.
  func advanced(_ milliseconds: Int64, _ sequence: Int64) -> StreamID {
    StreamID(
      self.milliseconds &+ UInt64(bitPattern: milliseconds), self.sequence &+ UInt64(bitPattern: sequence))
  }
}

extension SerialWriter {
  mutating func write(_ id: StreamID) {
    write(integer: id.milliseconds.byteSwapped)
    write(integer: id.sequence.byteSwapped)
  }

  mutating func write(lengthsOf id: StreamID) {
    write(length: id.milliseconds)
    write(length: id.sequence)
  }
}

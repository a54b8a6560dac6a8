/// Why bytes are not a value in Redis's file format.
public enum SerializationError: Error, Equatable, Sendable {
  /// The bytes end in the middle of something.
  case truncated
  /// The source of the bytes failed, with this `errno`.
  case unreadable(Int32)
  /// No value type has this number, or none that is known here.
  case unknownType(UInt8)
  /// A length in no known encoding, or a number where a length must stand.
  case invalidLength
  /// A string in no known encoding.
  case invalidString
  /// Longer than a string or an element may be.
  case tooLong
  /// Compressed bytes that are not what they are said to become.
  case invalidCompression
  /// A listpack, ziplist or zipmap whose parts contradict each other.
  case invalidPackedRun
  /// A sorted array of integers that is not one.
  case invalidIntegers
  /// A node of a list in no known form.
  case invalidNode
  /// A collection without elements, which can't exist. The value has been read to its end.
  case emptyCollection
  /// A member or a field that occurs twice.
  case duplicate
  /// The score of a sorted set's member is not a number.
  case invalidScore
  /// The expiry time of a hash's field is none.
  case invalidTime
  /// A stream whose parts contradict each other.
  case invalidStream
  /// The value ends before the bytes do.
  case trailingBytes
  /// Written by a newer version than the readers know.
  case unsupportedVersion(UInt16)
  /// The checksum is not that of the bytes.
  case wrongChecksum
}

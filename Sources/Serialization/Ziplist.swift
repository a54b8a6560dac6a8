import Bytes

/// Reads a ziplist, which listpacks replaced in Redis 7.0.
///
///     [bytes in all 4] [offset of the last entry 4] [entries 2] ([bytes of the entry before] [encoding] [text])… [ff]
///
/// The bytes of the entry before take one byte, or `fe` and four. Then comes
///
/// | byte        | what follows           | entry |
/// |-------------|------------------------|-------|
/// | `00nnnnnn`  | the text               | text of up to 63 bytes |
/// | `01nnnnnn`  | 1 byte, then the text  | text of up to 16,383 bytes |
/// | `10------`  | 4 bytes, then the text | longer text; here the high byte comes first, as in the line above |
/// | `c0 d0 e0 f0 fe` | 2, 4, 8, 3, 1 bytes | integer |
/// | `f1`-`fd`   |                        | integer 0-12 |
struct ZiplistReader: PackedReader {
  private static let headerBytes = 10
  private static let end: UInt8 = 0xff
  private static let longMark: UInt8 = 0xfe
  private static let uncounted = Int(UInt16.max)

  private let bytes: ByteView
  private var offset = Self.headerBytes
  private var bytesBefore = 0
  private var seenCount = 0
  private let count: Int
  private let lastOffset: Int

  init(_ bytes: ByteView) throws(SerializationError) {
    guard bytes.count > Self.headerBytes else { throw .invalidPackedRun }
    let words = UnsafeRawPointer(bytes.start)
    guard Int(UInt32(littleEndian: words.loadUnaligned(as: UInt32.self))) == bytes.count,
      bytes[bytes.count - 1] == Self.end
    else { throw .invalidPackedRun }
    self.bytes = bytes
    lastOffset = Int(UInt32(littleEndian: words.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    count = Int(UInt16(littleEndian: words.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
  }

  mutating func next() throws(SerializationError) -> SerialElement? {
    guard offset < bytes.count - 1 else {
      guard count == Self.uncounted || count == seenCount, lastOffset == offset - bytesBefore else {
        throw .invalidPackedRun
      }
      return nil
    }
    let start = offset
    guard try readBytesBefore() == bytesBefore else { throw .invalidPackedRun }
    let element = try readEntry()
    bytesBefore = offset - start
    seenCount += 1
    return element
  }

  private mutating func readBytesBefore() throws(SerializationError) -> Int {
    let first = try take(1)[0]
    if first < Self.longMark { return Int(first) }
    guard first == Self.longMark else { throw .invalidPackedRun }
    return Int(UInt32(littleEndian: try readInteger(UInt32.self)))
  }

  private mutating func readEntry() throws(SerializationError) -> SerialElement {
    let first = try take(1)[0]
    switch first {
    case 0..<0x40: return try readText(Int(first))
    case 0x40..<0x80:
      let low = try take(1)[0]
      return try readText(Int(first & 0x3f) << 8 | Int(low))
    case 0x80..<0xc0: return try readText(Int(UInt32(bigEndian: try readInteger(UInt32.self))))
    case 0xc0: return .integer(Int64(Int16(littleEndian: try readInteger(Int16.self))))
    case 0xd0: return .integer(Int64(Int32(littleEndian: try readInteger(Int32.self))))
    case 0xe0: return .integer(Int64(littleEndian: try readInteger(Int64.self)))
    case 0xf0:
      let low = try take(3)
      return .integer(Int64(low[0]) | Int64(low[1]) << 8 | Int64(Int8(bitPattern: low[2])) << 16)
    case 0xfe: return .integer(Int64(Int8(bitPattern: try take(1)[0])))
    case 0xf1...0xfd: return .integer(Int64(first & 0x0f) - 1)
    default: throw .invalidPackedRun
    }
  }

  private mutating func readText(_ count: Int) throws(SerializationError) -> SerialElement {
    .text(ByteView(start: try take(count), count: count))
  }

  private mutating func readInteger<Integer: BitwiseCopyable>(
    _ type: Integer.Type
  ) throws(SerializationError) -> Integer {
    let start = try take(MemoryLayout<Integer>.size)
    return UnsafeRawPointer(start).loadUnaligned(as: type)
  }

  /// The next `count` bytes, all before the end mark.
  private mutating func take(_ count: Int) throws(SerializationError) -> UnsafePointer<UInt8> {
    guard count <= bytes.count - 1 - offset else { throw .invalidPackedRun }
    let start = bytes.start + offset
    offset += count
    return start
  }
}

import Bytes

/// Reads a zipmap, the packed form of hashes before Redis 2.6.
///
///     [pairs 1] ([length] [field] [length] [unused 1] [value] [unused bytes])… [ff]
///
/// A length takes one byte, or `fe` and four; 254 pairs and more are not counted.
struct ZipmapReader: PackedReader {
  private static let end: UInt8 = 0xff
  private static let longMark: UInt8 = 0xfe
  private static let uncounted = 254

  private let bytes: ByteView
  private var offset = 1
  private var seenCount = 0
  private var isValue = false

  init(_ bytes: ByteView) throws(SerializationError) {
    guard bytes.count >= 2, bytes[bytes.count - 1] == Self.end else { throw .invalidPackedRun }
    self.bytes = bytes
  }

  mutating func next() throws(SerializationError) -> SerialElement? {
    if !isValue, offset == bytes.count - 1 {
      let count = Int(bytes[0])
      guard count >= Self.uncounted || count == seenCount else { throw .invalidPackedRun }
      return nil
    }
    let length = try readLength()
    var unused = 0
    if isValue {
      unused = Int(try take(1)[0])
      seenCount += 1
    }
    let text = ByteView(start: try take(length), count: length)
    _ = try take(unused)
    isValue.toggle()
    return .text(text)
  }

  private mutating func readLength() throws(SerializationError) -> Int {
    let first = try take(1)[0]
    if first < Self.longMark { return Int(first) }
    guard first == Self.longMark else { throw .invalidPackedRun }
    let start = try take(4)
    return Int(UInt32(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)))
  }

  /// The next `count` bytes, all before the end mark.
  private mutating func take(_ count: Int) throws(SerializationError) -> UnsafePointer<UInt8> {
    guard count <= bytes.count - 1 - offset else { throw .invalidPackedRun }
    let start = bytes.start + offset
    offset += count
    return start
  }
}

import Bytes

/// Redis's intset: integers of 2, 4 or 8 bytes in ascending order, the low byte first.
///
///     [bytes of each 4] [integers 4] [integer]…
struct IntegerRunReader: PackedReader {
  static let headerBytes = 8

  private let bytes: ByteView
  private let width: Int
  private var offset = Self.headerBytes
  private var before: Int64?

  init(_ bytes: ByteView) throws(SerializationError) {
    guard bytes.count >= Self.headerBytes else { throw .invalidIntegers }
    let words = UnsafeRawPointer(bytes.start)
    let width = Int(UInt32(littleEndian: words.loadUnaligned(as: UInt32.self)))
    let count = Int(UInt32(littleEndian: words.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    guard width == 2 || width == 4 || width == 8, bytes.count - Self.headerBytes == count * width else {
      throw .invalidIntegers
    }
    self.bytes = bytes
    self.width = width
  }

  mutating func next() throws(SerializationError) -> SerialElement? {
    guard offset < bytes.count else { return nil }
    let words = UnsafeRawPointer(bytes.start)
    let integer =
      switch width {
      case 2: Int64(Int16(littleEndian: words.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
      case 4: Int64(Int32(littleEndian: words.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
      default: Int64(littleEndian: words.loadUnaligned(fromByteOffset: offset, as: Int64.self))
      }
    if let before, integer <= before { throw .invalidIntegers }
    before = integer
    offset += width
    return .integer(integer)
  }
}

/// The same, made of integers in ascending order.
func integerRun(of sorted: [Int64]) -> [UInt8] {
  let least = sorted.first ?? 0
  let greatest = sorted.last ?? 0
  let width =
    if Int16(exactly: least) != nil, Int16(exactly: greatest) != nil {
      2
    } else if Int32(exactly: least) != nil, Int32(exactly: greatest) != nil {
      4
    } else {
      8
    }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(IntegerRunReader.headerBytes + sorted.count * width)
  withUnsafeBytes(of: UInt32(width).littleEndian) { bytes.append(contentsOf: $0) }
  withUnsafeBytes(of: UInt32(sorted.count).littleEndian) { bytes.append(contentsOf: $0) }
  for integer in sorted {
    withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0.prefix(width)) }
  }
  return bytes
}

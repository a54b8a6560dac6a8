import Bytes

/// Reads what Redis's file format is made of, from bytes in memory or from a source that brings them piece by piece.
///
///     var reader = SerialReader(payload)
///     let type = try reader.readType()
///     let value = try reader.readValue(of: type)
///
/// Nothing that is read is believed: every length is held against what is left, and memory is only asked for when
/// the bytes for it are there. What is wrong is a `SerializationError`; the reader is of no use after one.
///
/// Views that reading functions return are valid until the next call.
public struct SerialReader: ~Copyable {
  private var next: UnsafePointer<UInt8>
  private var end: UnsafePointer<UInt8>
  private var source: (any SerialSource)?
  /// The bytes that came from the source and have not been read.
  private var buffer = ScratchMemory()
  /// The string that was decompressed last.
  private var scratch = ScratchMemory()
  /// Where the bytes begin that were read but are not yet part of the checksum.
  private var checksumStart: UnsafePointer<UInt8>
  private var runningChecksum = CRC64()
  private let keepsChecksum: Bool
  /// Fields of hashes whose time has come by then, in milliseconds since 1970, are left out.
  public var now = Int64.min

  /// Bytes that are asked of a source at once.
  private static let pieceBytes = 1 << 16

  /// A reader of `bytes`, which stay where they are while it is used.
  public init(_ bytes: ByteView) {
    next = bytes.start
    end = bytes.start + bytes.count
    checksumStart = next
    keepsChecksum = false
  }

  /// A reader of what `source` brings, which adds up the checksum of it on the way.
  public init(source: any SerialSource) {
    buffer.reserve(Self.pieceBytes, keeping: 0)
    next = UnsafePointer(buffer.start)
    end = next
    checksumStart = next
    self.source = source
    keepsChecksum = true
  }

  /// The checksum of all that has been read from the source.
  public var checksum: UInt64 {
    mutating get {
      addToChecksum()
      return runningChecksum.value
    }
  }

  /// Whether there is nothing more to read.
  public var isAtEnd: Bool {
    mutating get throws(SerializationError) {
      if next < end { return false }
      return try !refill(atLeast: 1)
    }
  }

  // MARK: Bytes

  public mutating func readByte() throws(SerializationError) -> UInt8 {
    let start = try take(1)
    return start[0]
  }

  /// The next `count` bytes.
  public mutating func readBytes(_ count: Int) throws(SerializationError) -> ByteView {
    ByteView(start: try take(count), count: count)
  }

  /// An integer of fixed width, low byte first.
  public mutating func readInteger<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type
  ) throws(SerializationError) -> Integer {
    let start = try take(MemoryLayout<Integer>.size)
    return Integer(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: Integer.self))
  }

  private mutating func take(_ count: Int) throws(SerializationError) -> UnsafePointer<UInt8> {
    if end - next < count {
      guard try refill(atLeast: count) else { throw .truncated }
    }
    let start = next
    next += count
    return start
  }

  /// Brings more bytes from the source until `count` lie ready; false if there are not as many.
  private mutating func refill(atLeast count: Int) throws(SerializationError) -> Bool {
    guard source != nil else { return false }
    addToChecksum()
    var held = end - next
    buffer.moveToFront(from: next, count: held)
    while held < count {
      // A hostile count asks for much: the buffer grows with what is really there.
      if buffer.capacity - held < Self.pieceBytes {
        buffer.reserve(max(buffer.capacity * 2, held + Self.pieceBytes), keeping: held)
      }
      let free = UnsafeMutableRawBufferPointer(start: buffer.start + held, count: buffer.capacity - held)
      let added = try source?.read(into: free) ?? 0
      if added == 0 { break }
      held += added
    }
    next = UnsafePointer(buffer.start)
    end = next + held
    checksumStart = next
    return held >= count
  }

  private mutating func addToChecksum() {
    if keepsChecksum {
      runningChecksum.update(UnsafeBufferPointer(start: checksumStart, count: next - checksumStart))
    }
    checksumStart = next
  }

  // MARK: Lengths

  /// A length, or the code of a special form of string.
  enum Length {
    case count(UInt64)
    case special(UInt8)
  }

  mutating func readLengthOrCode() throws(SerializationError) -> Length {
    let first = try readByte()
    switch first >> 6 {
    case 0: return .count(UInt64(first))
    case 1: return .count(UInt64(first & 0x3f) << 8 | UInt64(try readByte()))
    case 3: return .special(first & 0x3f)
    default:
      switch first {
      case LengthCode.bits32: return .count(UInt64(try readInteger(UInt32.self).byteSwapped))
      case LengthCode.bits64: return .count(try readInteger(UInt64.self).byteSwapped)
      default: throw .invalidLength
      }
    }
  }

  /// A length, as a number of 64 bits.
  public mutating func readLength() throws(SerializationError) -> UInt64 {
    guard case .count(let count) = try readLengthOrCode() else { throw .invalidLength }
    return count
  }

  /// A number of things that follow, each of at least one byte.
  mutating func readCount() throws(SerializationError) -> Int {
    guard let count = Int(exactly: try readLength()) else { throw .invalidLength }
    if source == nil, count > end - next { throw .truncated }
    return count
  }

  /// The same for the elements of a collection, of which there must be one.
  mutating func readElementCount() throws(SerializationError) -> Int {
    let count = try readCount()
    if count == 0 { throw .emptyCollection }
    return count
  }

  // MARK: Strings

  /// A string, or the integer that stands for it.
  public mutating func readString() throws(SerializationError) -> SerialElement {
    switch try readLengthOrCode() {
    case .count(let count):
      guard let count = Int(exactly: count) else { throw .invalidLength }
      if count > SerialElement.textBytesMaximum { throw .tooLong }
      return .text(try readBytes(count))
    case .special(StringCode.integer8): return .integer(Int64(try readInteger(Int8.self)))
    case .special(StringCode.integer16): return .integer(Int64(try readInteger(Int16.self)))
    case .special(StringCode.integer32): return .integer(Int64(try readInteger(Int32.self)))
    case .special(StringCode.compressed): return .text(try readCompressed())
    case .special: throw .invalidString
    }
  }

  /// The bytes that a packed form is kept in: a string, but not an integer.
  mutating func readBlob() throws(SerializationError) -> ByteView {
    guard case .text(let bytes) = try readString() else { throw .invalidString }
    return bytes
  }

  private mutating func readCompressed() throws(SerializationError) -> ByteView {
    let compressedCount = try readCount()
    guard let count = Int(exactly: try readLength()) else { throw .invalidLength }
    if count > SerialElement.textBytesMaximum { throw .tooLong }
    let compressed = try readBytes(compressedCount)
    guard LZF.decompressedCount(compressed) == count else { throw .invalidCompression }
    scratch.reserve(count, keeping: 0)
    LZF.decompress(compressed, to: scratch.start)
    return ByteView(start: UnsafePointer(scratch.start), count: count)
  }
}

/// A string as the file format gives it: bytes, or an integer that stands for its decimal text.
public enum SerialElement {
  case text(ByteView)
  case integer(Int64)

  /// The longest string that a key or an element can hold.
  static let textBytesMaximum = Int(UInt32.max)
}

/// The first bytes of lengths that need more than 14 bits.
enum LengthCode {
  static let bits32: UInt8 = 0x80
  static let bits64: UInt8 = 0x81
}

/// What stands in the place of a string's length when the string is not given as it is.
enum StringCode {
  static let integer8: UInt8 = 0
  static let integer16: UInt8 = 1
  static let integer32: UInt8 = 2
  static let compressed: UInt8 = 3
}

/// Memory that one owner uses again and again.
struct ScratchMemory: ~Copyable {
  private(set) var start = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
  private(set) var capacity = 1

  deinit { start.deallocate() }

  /// Makes room for `count` bytes; the first `kept` stay.
  mutating func reserve(_ count: Int, keeping kept: Int) {
    if count <= capacity { return }
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    larger.update(from: start, count: kept)
    start.deallocate()
    start = larger
    capacity = count
  }

  /// Moves bytes of this memory to its beginning.
  func moveToFront(from source: UnsafePointer<UInt8>, count: Int) {
    start.update(from: source, count: count)
  }
}

import Bytes
import Keyspace

/// Writes what Redis's file format is made of, into memory or, piece by piece, to a sink.
///
///     var writer = SerialWriter()
///     let value = SerialValue(keyspace.transfer(of: entry), limits: keyspace.limits)
///     writer.write(byte: value.type.rawValue)
///     writer.write(value)
///     writer.bytes
///
/// Writing itself can't fail. If a sink does, nothing more goes to it, and `flush()` throws its error.
public struct SerialWriter: ~Copyable {
  /// What was written and has not gone to the sink.
  public private(set) var bytes: [UInt8] = []
  /// Whether strings are compressed where that saves bytes.
  public let compresses: Bool
  private var sink: (any SerialSink)?
  /// Bytes that have gone to the sink, and their checksum.
  private var flushedCount = 0
  private var flushedChecksum = CRC64()
  private var failure: SerializationError?

  /// Bytes that are kept before they go to the sink.
  private static let pieceBytes = 1 << 16
  /// Strings up to this length are not worth compressing.
  private static let uncompressedBytesMaximum = 20
  /// Bytes that compressing must save.
  private static let savedBytesMinimum = 4

  /// A writer that keeps all bytes, or hands them to `sink`.
  public init(compresses: Bool = true, sink: (any SerialSink)? = nil) {
    self.compresses = compresses
    self.sink = sink
  }

  /// Bytes written so far.
  public var byteCount: Int { flushedCount + bytes.count }

  /// The checksum of all bytes written so far.
  public var checksum: UInt64 {
    var sum = flushedChecksum
    sum.update(bytes)
    return sum.value
  }

  /// Hands what is still kept to the sink, if there is one.
  public mutating func flush() throws(SerializationError) {
    handOver()
    if let failure { throw failure }
  }

  private mutating func handOver() {
    guard sink != nil else { return }
    flushedChecksum.update(bytes)
    flushedCount += bytes.count
    bytes.withUnsafeBytes { piece in
      do throws(SerializationError) {
        if failure == nil { try sink?.write(piece) }
      } catch {
        failure = error
      }
    }
    bytes.removeAll(keepingCapacity: true)
  }

  private mutating func handOverIfLarge() {
    if bytes.count >= Self.pieceBytes { handOver() }
  }

  // MARK: Bytes

  public mutating func write(byte: UInt8) { bytes.append(byte) }

  public mutating func write(_ text: ByteView) {
    bytes.append(contentsOf: text.buffer)
    handOverIfLarge()
  }

  /// An integer of fixed width, low byte first.
  public mutating func write<Integer: FixedWidthInteger>(integer: Integer) {
    withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) }
  }

  // MARK: Lengths

  /// A length, in as few bytes as it needs.
  public mutating func write(length: UInt64) {
    if length < 1 << 6 {
      bytes.append(UInt8(length))
    } else if length < 1 << 14 {
      bytes.append(0x40 | UInt8(length >> 8))
      bytes.append(UInt8(length & 0xff))
    } else if length <= UInt64(UInt32.max) {
      bytes.append(LengthCode.bits32)
      write(integer: UInt32(length).byteSwapped)
    } else {
      bytes.append(LengthCode.bits64)
      write(integer: length.byteSwapped)
    }
  }

  mutating func write(count: Int) { write(length: UInt64(count)) }

  // MARK: Strings

  /// A string. A short one that spells an integer of 32 bits becomes that integer.
  public mutating func write(string: ByteView) {
    if let integer = parseInt64(string), Int32(exactly: integer) != nil {
      write(decimal: integer)
    } else {
      write(text: string)
    }
  }

  /// An integer in the place of the string that spells it.
  public mutating func write(decimal integer: Int64) {
    let special: UInt8 = 0xc0
    if let narrow = Int8(exactly: integer) {
      bytes.append(special | StringCode.integer8)
      write(integer: narrow)
    } else if let narrow = Int16(exactly: integer) {
      bytes.append(special | StringCode.integer16)
      write(integer: narrow)
    } else if let narrow = Int32(exactly: integer) {
      bytes.append(special | StringCode.integer32)
      write(integer: narrow)
    } else {
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: decimalBytesMax) { digits in
        guard let start = digits.baseAddress else { return }
        let count = writeDecimal(integer, to: start)
        write(count: count)
        bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
      }
    }
    handOverIfLarge()
  }

  /// A string whose text is written, compressed if that helps.
  mutating func write(text: ByteView) {
    if compresses, text.count > Self.uncompressedBytesMaximum, writeCompressed(text) {
      return handOverIfLarge()
    }
    write(count: text.count)
    write(text)
  }

  mutating func write(blob: [UInt8]) {
    blob.withView { write(text: $0) }
  }

  /// An element of a collection.
  mutating func write(_ item: Item) {
    if let text = item.text { write(text: text) } else { write(decimal: item.integer) }
  }

  /// Writes `text` in its compressed form; false, and nothing is written, if that would be hardly shorter.
  private mutating func writeCompressed(_ text: ByteView) -> Bool {
    let limit = text.count - Self.savedBytesMinimum
    let compressed = [UInt8](unsafeUninitializedCapacity: limit) { target, count in
      count = target.baseAddress.flatMap { LZF.compress(text, to: $0, limit: limit) } ?? 0
    }
    if compressed.isEmpty { return false }
    bytes.append(0xc0 | StringCode.compressed)
    write(count: compressed.count)
    write(count: text.count)
    bytes.append(contentsOf: compressed)
    return true
  }
}

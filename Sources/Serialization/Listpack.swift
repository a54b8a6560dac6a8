import Bytes
import Keyspace

/// Redis's listpack: elements one after the other, each followed by its length, to be read from behind.
///
///     [bytes in all 4] [elements 2] ([element] [length of the element 1-5])… [ff]
///
/// The element encoding is that of the keyspace's items. 65,535 elements stands for "not counted".
/// (https://github.com/antirez/listpack/blob/master/listpack.md)
enum Listpack {
  static let headerBytes = 6
  static let end: UInt8 = 0xff
  /// The count that says nothing.
  static let uncounted = Int(UInt16.max)
  /// Up to this size Redis takes a listpack for one.
  static let bytesMaximum = 1 << 30

  /// Bytes that the length of an element takes behind it: seven bits each. (That some powers of two take a byte more
  /// than they need is as Redis writes it.)
  @inline(__always)
  static func lengthBytes(_ elementBytes: Int) -> Int {
    if elementBytes <= 127 { return 1 }
    if elementBytes < 16_383 { return 2 }
    if elementBytes < 2_097_151 { return 3 }
    return elementBytes < 268_435_455 ? 4 : 5
  }

  /// Appends the length of an element, the highest seven bits first; all bytes but the first are marked.
  static func appendLength(_ elementBytes: Int, to bytes: inout [UInt8]) {
    let count = lengthBytes(elementBytes)
    for index in 0..<count {
      let bits = UInt8(truncatingIfNeeded: elementBytes >> (7 * (count - 1 - index))) & 0x7f
      bytes.append(index == 0 ? bits : bits | 0x80)
    }
  }
}

/// Makes a listpack of items.
struct ListpackBuilder {
  private var bytes: [UInt8]
  private var count = 0

  init() {
    bytes = [UInt8](repeating: 0, count: Listpack.headerBytes)
  }

  var isEmpty: Bool { count == 0 }

  /// Bytes of the listpack if it were finished now.
  var byteCount: Int { bytes.count + 1 }

  /// Appends an element as a collection's items encode it.
  @inline(__always)
  mutating func append(encoded: UnsafeBufferPointer<UInt8>) {
    bytes.append(contentsOf: encoded)
    Listpack.appendLength(encoded.count, to: &bytes)
    count += 1
  }

  mutating func append(_ items: ItemArray) {
    items.forEachEncoded { append(encoded: $0) }
  }

  /// The listpack. The builder is empty again afterwards.
  mutating func finish() -> [UInt8] {
    bytes.append(Listpack.end)
    let total = UInt32(truncatingIfNeeded: bytes.count)
    let counted = UInt16(min(count, Listpack.uncounted))
    bytes.withUnsafeMutableBytes { target in
      target.storeBytes(of: total.littleEndian, as: UInt32.self)
      target.storeBytes(of: counted.littleEndian, toByteOffset: 4, as: UInt16.self)
    }
    let finished = bytes
    self = ListpackBuilder()
    return finished
  }
}

/// Reads a listpack and believes nothing it says.
struct ListpackReader: PackedReader {
  private let bytes: ByteView
  private var offset = Listpack.headerBytes
  private var seenCount = 0
  private let count: Int

  /// Bytes of the listpack.
  var byteCount: Int { bytes.count }

  init(_ bytes: ByteView) throws(SerializationError) {
    guard bytes.count > Listpack.headerBytes else { throw .invalidPackedRun }
    let words = UnsafeRawPointer(bytes.start)
    guard Int(UInt32(littleEndian: words.loadUnaligned(as: UInt32.self))) == bytes.count,
      bytes[bytes.count - 1] == Listpack.end
    else { throw .invalidPackedRun }
    self.bytes = bytes
    count = Int(UInt16(littleEndian: words.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
  }

  mutating func next() throws(SerializationError) -> SerialElement? {
    let last = bytes.count - 1
    guard offset < last else {
      guard count == Listpack.uncounted || count == seenCount else { throw .invalidPackedRun }
      return nil
    }
    let left = last - offset
    let start = bytes.start + offset
    // How many bytes say how long the element is must be known to be there before they are looked at.
    guard let headBytes = Self.headBytes(start[0]), headBytes <= left else { throw .invalidPackedRun }
    let elementBytes = Item.byteCount(at: start)
    let lengthBytes = Listpack.lengthBytes(elementBytes)
    guard elementBytes + lengthBytes <= left,
      Self.length(at: start + elementBytes, lengthBytes) == elementBytes
    else { throw .invalidPackedRun }
    offset += elementBytes + lengthBytes
    seenCount += 1
    return SerialElement(Item(at: start))
  }

  /// Bytes of an element that must be seen to know its length; nil if it can't begin so.
  private static func headBytes(_ first: UInt8) -> Int? {
    switch first {
    case 0..<0xe0, 0xf1...0xf4: 1
    case 0xe0..<0xf0: 2
    case 0xf0: 5
    default: nil
    }
  }

  /// The length of an element that stands behind it in `count` bytes; nil if they are not marked as they should be.
  private static func length(at start: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    var length = 0
    for index in 0..<count {
      guard (start[index] & 0x80 != 0) == (index > 0) else { return nil }
      length = length << 7 | Int(start[index] & 0x7f)
    }
    return length
  }
}

extension SerialElement {
  init(_ item: Item) {
    if let text = item.text { self = .text(text) } else { self = .integer(item.integer) }
  }
}

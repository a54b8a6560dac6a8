import Bytes

/// How elements of collections are encoded in packed runs and tables: the element encoding of Redis's listpack,
/// without the back length (https://github.com/antirez/listpack).
///
/// | first byte | what follows | element |
/// |------------|--------------|---------|
/// | `0xxxxxxx` |              | integer 0-127 |
/// | `10xxxxxx` | that many bytes | text of up to 63 bytes |
/// | `110xxxxx` | 1 byte       | integer of 13 bits |
/// | `1110xxxx` | 1 byte, then the text | text of up to 4,095 bytes |
/// | `f0`       | 4 bytes, then the text | longer text |
/// | `f1`-`f4`  | 2, 3, 4, 8 bytes | integer |
///
/// A text that spells an integer is always kept as that integer, in the shortest form: an element has one encoding
/// only, and two elements are the same exactly if their encodings are.
enum ItemCode {
  static let text6: UInt8 = 0x80
  static let integer13: UInt8 = 0xc0
  static let text12: UInt8 = 0xe0
  static let text32: UInt8 = 0xf0
  static let integer16: UInt8 = 0xf1
  static let integer24: UInt8 = 0xf2
  static let integer32: UInt8 = 0xf3
  static let integer64: UInt8 = 0xf4

  /// Bytes that an encoded integer takes at the most.
  static let integerBytesMaximum = 9
  /// Bytes that come on top of a text at the most.
  static let textOverheadMaximum = 5

  /// Bytes of the item that begins at `start`.
  @inline(__always)
  static func byteCount(at start: UnsafePointer<UInt8>) -> Int {
    let first = start[0]
    if first < text6 { return 1 }
    if first < integer13 { return 1 + Int(first & 0x3f) }
    if first < text12 { return 2 }
    if first < text32 { return 2 + (Int(first & 0x0f) << 8 | Int(start[1])) }
    return longByteCount(at: start)
  }

  @inline(never)
  private static func longByteCount(at start: UnsafePointer<UInt8>) -> Int {
    switch start[0] {
    case text32: 5 + Int(UnsafeRawPointer(start + 1).loadUnaligned(as: UInt32.self))
    case integer16: 3
    case integer24: 4
    case integer32: 5
    case integer64: 9
    default: preconditionFailure("not an item")
    }
  }
}

/// An element as it was found in a collection: a text, which stays where it is, or an integer.
public struct Item {
  /// The text; nil if the element is an integer.
  public let text: ByteView?
  /// The integer; 0 if the element is a text.
  public let integer: Int64
  /// Bytes that the element takes as it is encoded.
  public let byteCount: Int

  @inline(__always)
  init(text: ByteView, byteCount: Int) {
    self.text = text
    self.integer = 0
    self.byteCount = byteCount
  }

  @inline(__always)
  init(integer: Int64, byteCount: Int) {
    self.text = nil
    self.integer = integer
    self.byteCount = byteCount
  }

  /// Reads the item that begins at `start`.
  @inline(__always)
  public init(at start: UnsafePointer<UInt8>) {
    let first = start[0]
    if first < ItemCode.text6 {
      self.init(integer: Int64(first), byteCount: 1)
    } else if first < ItemCode.integer13 {
      let count = Int(first & 0x3f)
      self.init(text: ByteView(start: start + 1, count: count), byteCount: 1 + count)
    } else {
      self.init(longAt: start)
    }
  }

  @inline(never)
  private init(longAt start: UnsafePointer<UInt8>) {
    let first = start[0]
    let payload = UnsafeRawPointer(start + 1)
    if first < ItemCode.text12 {
      let bits = Int64(first & 0x1f) << 8 | Int64(start[1])
      self.init(integer: bits >= 1 << 12 ? bits - 1 << 13 : bits, byteCount: 2)
    } else if first < ItemCode.text32 {
      let count = Int(first & 0x0f) << 8 | Int(start[1])
      self.init(text: ByteView(start: start + 2, count: count), byteCount: 2 + count)
    } else {
      switch first {
      case ItemCode.text32:
        let count = Int(payload.loadUnaligned(as: UInt32.self))
        self.init(text: ByteView(start: start + 5, count: count), byteCount: 5 + count)
      case ItemCode.integer16:
        self.init(integer: Int64(payload.loadUnaligned(as: Int16.self)), byteCount: 3)
      case ItemCode.integer24:
        let low = Int64(payload.loadUnaligned(as: UInt16.self))
        self.init(integer: low | Int64(Int8(bitPattern: start[3])) << 16, byteCount: 4)
      case ItemCode.integer32:
        self.init(integer: Int64(payload.loadUnaligned(as: Int32.self)), byteCount: 5)
      case ItemCode.integer64:
        self.init(integer: payload.loadUnaligned(as: Int64.self), byteCount: 9)
      default: preconditionFailure("not an item")
      }
    }
  }

  /// Bytes of the item that begins at `start`, of which only those that say so are looked at.
  public static func byteCount(at start: UnsafePointer<UInt8>) -> Int { ItemCode.byteCount(at: start) }

  /// The element as text. An integer is written out to `scratch`, which has room for `Keyspace.integerTextBytes`.
  @inline(__always)
  public func view(scratch: UnsafeMutablePointer<UInt8>) -> ByteView {
    if let text { return text }
    return ByteView(start: UnsafePointer(scratch), count: writeDecimal(integer, to: scratch))
  }

  /// Bytes of the element as text.
  public var textCount: Int {
    if let text { return text.count }
    return decimalDigitCount(integer.magnitude) + (integer < 0 ? 1 : 0)
  }

  /// The number that a sorted set's score stands for.
  @inline(__always)
  public var score: Double {
    guard let text else { return Double(integer) }
    return Double(bitPattern: UnsafeRawPointer(text.start).loadUnaligned(as: UInt64.self))
  }

  /// A hash of the element: the same for an item and for an `Element` of the same text.
  @inline(__always)
  func hash(_ hasher: KeyHasher) -> UInt64 {
    if let text { return hasher.hash(text) }
    return withUnsafeBytes(of: integer) { hasher.hash(ByteView($0.baseAddress.unsafelyUnwrapped, count: 8)) }
  }

  /// A copy of the text. For slow paths only.
  public var array: [UInt8] { text?.array ?? Array(String(integer).utf8) }
}

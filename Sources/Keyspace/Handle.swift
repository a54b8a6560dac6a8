/// What a key's value is. The raw values stand in the handles of the table.
public enum ValueKind: UInt8, Sendable, CaseIterable {
  /// A string kept as its bytes.
  case bytes = 0
  /// A string that is a decimal integer, kept as 64 bits.
  case integer = 1
  case list = 2
  case hash = 3
  case set = 4
  case sortedSet = 5
  case stream = 6

  /// The name that TYPE gives.
  public var typeName: StaticString {
    switch self {
    case .bytes, .integer: "string"
    case .list: "list"
    case .hash: "hash"
    case .set: "set"
    case .sortedSet: "zset"
    case .stream: "stream"
    }
  }
}

/// The eight bytes that a table keeps for a key: where its block is and how to read it.
///
/// | bits  | content |
/// |-------|---------|
/// | 0-2   | kind of the value |
/// | 3     | whether the block begins with an expiry time |
/// | 4-47  | address of the block; blocks are aligned to 16, so its low four bits are free |
/// | 48-53 | bytes of the key, up to 62; 63 says that the block has a long header |
/// | 54-58 | size of the block in units of 16 bytes, when the header is short |
/// | 59    | whether the last byte of the block counts the unused bytes at its end |
/// | 60-63 | age class: 0 was touched most recently |
///
/// With the lengths here a short key's block holds nothing but the key, the value and the expiry time if there is
/// one. All zeros is an empty slot.
struct Handle: Equatable {
  var bits: UInt64

  static let empty = Handle(bits: 0)
  /// The field value of a key length that stands in the block instead.
  static let longKeyField: UInt64 = 63
  static let maximumAge: UInt8 = 15

  private static let pointerMask: UInt64 = 0x0000_ffff_ffff_fff0
  private static let expiryBit: UInt64 = 1 << 3
  private static let slackBit: UInt64 = 1 << 59
  private static let ageShift: UInt64 = 60

  init(bits: UInt64) { self.bits = bits }

  init(
    block: UnsafeMutableRawPointer, kind: ValueKind, hasExpiry: Bool, keyField: UInt64, units: Int,
    hasSlack: Bool
  ) {
    let address = UInt64(UInt(bitPattern: block))
    assert(address & ~Self.pointerMask == 0, "a block must be aligned to 16 and lie below 2^48")
    bits =
      address | UInt64(kind.rawValue) | (hasExpiry ? Self.expiryBit : 0) | keyField << 48
      | UInt64(units) << 54 | (hasSlack ? Self.slackBit : 0)
  }

  @inline(__always) var isEmpty: Bool { bits == 0 }

  @inline(__always) var block: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: UInt(bits & Self.pointerMask)).unsafelyUnwrapped
  }

  @inline(__always) var kind: ValueKind {
    // Only handles made from a ValueKind exist, so the three bits always name one.
    ValueKind(rawValue: UInt8(truncatingIfNeeded: bits & 7)).unsafelyUnwrapped
  }

  /// Whether the value is a collection: anything but a string.
  @inline(__always) var isCollection: Bool { bits & 7 >= UInt64(ValueKind.list.rawValue) }

  @inline(__always) var hasExpiry: Bool { bits & Self.expiryBit != 0 }
  @inline(__always) var isLong: Bool { (bits >> 48) & 63 == Self.longKeyField }
  @inline(__always) var keyField: Int { Int((bits >> 48) & 63) }
  /// Bytes of the block, when its header is short.
  @inline(__always) var blockBytes: Int { Int((bits >> 54) & 31) * 16 }
  @inline(__always) var hasSlack: Bool { bits & Self.slackBit != 0 }

  /// The same key in a block that is a copy of its own.
  @inline(__always)
  func moved(to block: UnsafeMutableRawPointer) -> Handle {
    Handle(bits: bits & ~Self.pointerMask | UInt64(UInt(bitPattern: block)))
  }

  @inline(__always) var age: UInt8 {
    get { UInt8(truncatingIfNeeded: bits >> Self.ageShift) }
    set { bits = bits & ~(15 << Self.ageShift) | UInt64(newValue) << Self.ageShift }
  }
}

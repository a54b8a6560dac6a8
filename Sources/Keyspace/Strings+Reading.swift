import Bytes

extension ValueKind {
  /// Whether the value is a string, however it is kept: the one place that says so.
  @inline(__always)
  public var isString: Bool { self == .bytes || self == .integer }
}

/// Reading strings. All of this belongs to the entry, not to the keyspace: reading through a keyspace that lives
/// behind a pointer makes the compiler copy the whole of it first.
extension Entry {
  /// Whether the key holds a string.
  public var isString: Bool { kind.isString }

  /// The value's text; nil if the key holds another type. An integer is written out to `scratch`, which has room
  /// for `Keyspace.integerTextBytes`.
  @inline(__always)
  public func text(scratch: UnsafeMutablePointer<UInt8>) -> ByteView? {
    let handle = slot.handle
    switch handle.kind {
    case .integer:
      return ByteView(start: scratch, count: writeDecimal(Self.integer(of: handle), to: scratch))
    case .bytes:
      let value = handle.value
      return ByteView(start: UnsafePointer(value.baseAddress.unsafelyUnwrapped), count: value.count)
    default:
      return nil
    }
  }

  /// Bytes of the value's text; nil if the key holds another type.
  public var textCount: Int? {
    let handle = slot.handle
    switch handle.kind {
    case .integer:
      let integer = Self.integer(of: handle)
      return decimalDigitCount(integer.magnitude) + (integer < 0 ? 1 : 0)
    case .bytes:
      return handle.value.count
    default:
      return nil
    }
  }

  /// The value if it is kept as an integer, nil for any other.
  public var integer: Int64? {
    let handle = slot.handle
    return handle.kind == .integer ? Self.integer(of: handle) : nil
  }

  @inline(__always)
  private static func integer(of handle: Handle) -> Int64 {
    UnsafeRawPointer(handle.value.baseAddress.unsafelyUnwrapped).loadUnaligned(as: Int64.self)
  }
}

import Bytes

/// How a collection is kept: the first byte of its value.
///
///     compact:  [form 1] [count 2] [items …]
///     large:    [form 1] [address of the root 8]
enum CollectionForm: UInt8 {
  /// Items in the key's own block. What they are is the type's affair: elements of a list, members of a set,
  /// field and value by turns, member and score by turns.
  case packed = 0
  /// A set of integers, sorted, 2, 4 or 8 bytes each.
  case integers = 1
  /// A hash with expiry times: the earliest of them (8 bytes), then field, value and expiry time (an integer, 0 for
  /// none) by turns.
  case packedWithTimes = 2
  /// Outside the key's block, behind a `LargeValue`.
  case large = 3

  static let compactHeaderBytes = 3
  static let largeBytes = 9
  /// What the count of a compact form can say.
  static let compactCountMaximum = Int(UInt16.max)
}

/// Up to which size collections stay compact. The defaults are Redis's.
public struct CollectionLimits: Sendable, Equatable {
  public var hashPackedEntries = 512
  public var hashPackedValueBytes = 64
  public var setIntegerEntries = 512
  public var setPackedEntries = 128
  public var setPackedValueBytes = 64
  public var sortedSetPackedEntries = 128
  public var sortedSetPackedValueBytes = 64
  /// Positive: elements of a packed block of a list; -1 to -5: its bytes, 4 KB to 64 KB.
  public var listPackedSize = -2
  public var streamNodeBytes = 4_096
  public var streamNodeEntries = 100

  public init() {}
}

/// The value of a collection in its key's block. A view: valid until the keyspace is next changed.
extension Entry {
  /// The value's first byte, for collections.
  @inline(__always)
  var form: CollectionForm {
    assert(slot.handle.isCollection, "strings have no form")
    // The byte is only ever written from a CollectionForm.
    return CollectionForm(rawValue: slot.handle.value[0]).unsafelyUnwrapped
  }

  /// Whether the value lies outside the key's block.
  @inline(__always)
  var isLarge: Bool { form == .large }

  /// Elements of a compact value; what counts as one is the type's affair.
  @inline(__always)
  var compactCount: Int {
    let value = UnsafeRawPointer(slot.handle.value.baseAddress.unsafelyUnwrapped)
    return Int(value.loadUnaligned(fromByteOffset: 1, as: UInt16.self))
  }

  func setCompactCount(_ count: Int) {
    let value = UnsafeMutableRawPointer(slot.handle.value.baseAddress.unsafelyUnwrapped)
    value.storeBytes(of: UInt16(count), toByteOffset: 1, as: UInt16.self)
  }

  func setCompactForm(_ form: CollectionForm) { slot.handle.value[0] = form.rawValue }

  /// The bytes behind the header of a compact value.
  @inline(__always)
  var compactBytes: UnsafeMutableBufferPointer<UInt8> {
    let value = slot.handle.value
    return UnsafeMutableBufferPointer(
      start: value.baseAddress.unsafelyUnwrapped + CollectionForm.compactHeaderBytes,
      count: value.count - CollectionForm.compactHeaderBytes)
  }

  /// The root of a large value.
  @inline(__always)
  func root<Root: LargeValue>(as type: Root.Type) -> UnsafeMutablePointer<Root> {
    assert(isLarge, "a compact value has no root")
    return UnsafeMutableRawPointer(slot.handle.rootHeader).assumingMemoryBound(to: type)
  }
}

extension Handle {
  /// The root of a value that lies outside the block.
  @inline(__always)
  var rootHeader: UnsafeMutablePointer<LargeValueHeader> {
    let value = UnsafeRawPointer(value.baseAddress.unsafelyUnwrapped)
    let address = value.loadUnaligned(fromByteOffset: 1, as: UInt.self)
    return UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
  }

  /// The same, nil for values that lie in the block.
  @inline(__always)
  var largeRoot: UnsafeMutablePointer<LargeValueHeader>? {
    isCollection && value[0] == CollectionForm.large.rawValue ? rootHeader : nil
  }
}

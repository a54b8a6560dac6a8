import Bytes

/// Looking under a key, for DEBUG.
extension Keyspace {
  /// Where the key's block lies.
  public func address(of entry: Entry) -> UInt { UInt(bitPattern: entry.slot.handle.block) }

  /// Bytes that the value takes in Redis's file format, uncompressed: what serializing it would make of it.
  public func serializedBytes(of entry: Entry) -> Int {
    switch entry.kind {
    case .integer:
      return Self.serializedBytes(ofInteger: entry.integer ?? 0, textCount: (entry.textCount ?? 0))
    case .bytes: return Self.serializedBytes(ofText: (entry.textCount ?? 0))
    default: return entry.kind.collectionType.flatten(entry, now: now).items.bytes.count
    }
  }

  /// Integers of up to 32 bits have a form of their own: a byte that says so, and 1, 2 or 4 bytes.
  private static func serializedBytes(ofInteger value: Int64, textCount: Int) -> Int {
    if Int8(exactly: value) != nil { return 2 }
    if Int16(exactly: value) != nil { return 3 }
    if Int32(exactly: value) != nil { return 5 }
    return serializedBytes(ofText: textCount)
  }

  /// A length of 6, 14, 32 or 64 bits, then the bytes.
  private static func serializedBytes(ofText count: Int) -> Int {
    if count < 1 << 6 { return 1 + count }
    if count < 1 << 14 { return 2 + count }
    return (count <= Int(UInt32.max) ? 5 : 9) + count
  }
}

extension Entry {
  /// The name that OBJECT ENCODING gives to the form of the value.
  public var encodingName: StaticString {
    switch kind {
    case .integer: "int"
    case .bytes: slot.handle.value.count <= Self.embeddedBytesMaximum ? "embstr" : "raw"
    default: kind.collectionType.encodingName(of: self)
    }
  }

  /// Up to this length Redis keeps a string in one block with its header. Here every string is in one block with its key;
  /// the name follows the length.
  private static var embeddedBytesMaximum: Int { 44 }
}

import Bytes

/// Looking under a key, for DEBUG.
extension Keyspace {
  /// Where the key's block lies.
  public func address(of entry: Entry) -> UInt { UInt(bitPattern: entry.slot.handle.block) }
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

import Bytes

/// What the keyspace asks of each type of collection.
protocol CollectionType {
  /// Elements of the value: of a hash its fields, of a stream its entries.
  static func elementCount(of entry: Entry) -> Int

  /// The name that OBJECT ENCODING gives to the form of the value.
  static func encodingName(of entry: Entry) -> StaticString

  /// The value as plain items. What has expired by `now` is left out.
  static func flatten(_ entry: Entry, now: Int64) -> FlatValue

  /// Gives a key the collection that the items spell, in the form that its size asks for. There is at least one
  /// element. What the key had before is gone.
  static func place(
    _ value: FlatValue, at key: Key, in database: Int, replacing existing: Entry?, expiry: Int64?,
    keyspace: inout Keyspace)
}

extension ValueKind {
  /// The type that is in charge of values of this kind.
  var collectionType: any CollectionType.Type {
    switch self {
    case .list: ListType.self
    case .hash: HashType.self
    case .set: SetType.self
    case .sortedSet: SortedSetType.self
    case .stream: StreamType.self
    case .bytes, .integer:
      preconditionFailure("strings are no collections")
    }
  }
}

extension Entry {
  /// Whether the key holds a collection: anything but a string.
  public var isCollection: Bool { slot.handle.isCollection }

  /// Elements of a collection.
  public var elementCount: Int { kind.collectionType.elementCount(of: self) }
}

/// The types of values as users know them: what reports are divided by. Strings are one, however they are kept.
public enum ValueType: UInt8, Sendable, CaseIterable {
  case string = 0
  case list = 1
  case hash = 2
  case set = 3
  case sortedSet = 4
  case stream = 5

  /// The name that TYPE gives.
  public var name: StaticString {
    switch self {
    case .string: "string"
    case .list: "list"
    case .hash: "hash"
    case .set: "set"
    case .sortedSet: "zset"
    case .stream: "stream"
    }
  }
}

extension ValueKind {
  public var type: ValueType {
    // The kinds follow the types, one late: there are two kinds of strings.
    ValueType(rawValue: max(rawValue, 1) - 1).unsafelyUnwrapped
  }
}

extension Handle {
  /// The place of the value's type among those of a database.
  @inline(__always)
  var typeIndex: Int { max(Int(bits & 7), 1) &- 1 }
}

/// What keys hold, added up.
public struct TypeUsage: Sendable, Equatable {
  public var keys = 0
  /// Bytes of all their blocks, as the allocator sizes them, without the slots in the table.
  public var bytes = 0
  /// Elements; a string is one.
  public var elements = 0

  public init(keys: Int = 0, bytes: Int = 0, elements: Int = 0) {
    self.keys = keys
    self.bytes = bytes
    self.elements = elements
  }

  public static func + (left: TypeUsage, right: TypeUsage) -> TypeUsage {
    TypeUsage(
      keys: left.keys &+ right.keys, bytes: left.bytes &+ right.bytes,
      elements: left.elements &+ right.elements)
  }

  public static func += (left: inout TypeUsage, right: TypeUsage) { left = left + right }

  /// What MEMORY USAGE of all the keys adds up to: the blocks, and the slots.
  public var usageBytes: Int { bytes &+ keys &* Keyspace.slotBytes }
}

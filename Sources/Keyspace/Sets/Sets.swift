import Bytes

/// Sets: the forms that a set takes, and what is read from any of them.
///
/// | form       | `OBJECT ENCODING` | what | as long as |
/// |------------|-------------------|------|------------|
/// | `integers` | `intset`    | sorted integers of one width | all members are integers, up to `set-max-intset-entries` |
/// | `packed`   | `listpack`  | items, in the order in which they came | up to `set-max-listpack-entries`, none longer than `set-max-listpack-value` |
/// | `large`    | `hashtable` | a `DenseTable` with a member in each entry | |
///
/// A set changes its form only by growing. One that shrinks keeps what it has, as in Redis.
enum SetType: CollectionType {
  static func elementCount(of entry: Entry) -> Int { entry.memberCount }

  static func encodingName(of entry: Entry) -> StaticString {
    switch entry.form {
    case .integers: "intset"
    case .packed, .packedWithTimes: "listpack"
    case .large: "hashtable"
    }
  }

  static func flatten(_ entry: Entry, now: Int64) -> FlatValue {
    var value = FlatValue(kind: .set)
    if entry.form == .packed {
      value.items.append(encoded: UnsafeBufferPointer(entry.compactBytes), count: entry.compactCount)
      return value
    }
    value.items.reserveCapacity(entry.isLarge ? entry.root(as: DenseTable.self).pointee.liveBytes : 0)
    var reader = SetReader(entry)
    while let member = reader.next() { value.items.append(Element(member)) }
    return value
  }

  static func place(
    _ value: FlatValue, at key: Key, in database: Int, replacing existing: Entry?, expiry: Int64?,
    keyspace: inout Keyspace
  ) {
    let tableBytes = value.items.bytes.count + value.items.count * DensePage.slotBytes
    var builder = keyspace.setBuilder(mayRepeat: true, expectedTableBytes: tableBytes)
    value.items.withReader { reader in
      while let member = reader.read() { builder.add(member) }
    }
    keyspace.place(&builder, at: key, in: database, replacing: existing, expiry: expiry)
  }
}

/// A member of a set where it was found. Valid until the set is next changed.
public struct SetMember {
  public let item: Item
  let place: SetPlace
}

/// Where a member of a set is.
enum SetPlace {
  /// Its number, for integers.
  case integer(Int)
  /// Bytes in front of it, in a packed set.
  case packed(offset: Int)
  case large(DensePlace)

  /// Where that is in memory.
  func address(in entry: Entry) -> UnsafePointer<UInt8> {
    switch self {
    case .integer(let index):
      let integers = entry.sortedIntegers
      return UnsafePointer(
        (integers.start + index * integers.width).assumingMemoryBound(to: UInt8.self))
    case .packed(let offset): return UnsafePointer(entry.compactBytes.baseAddress.unsafelyUnwrapped + offset)
    case .large(let place): return UnsafePointer(place.entry.start)
    }
  }
}

extension Entry {
  /// Members of a set.
  @inline(__always)
  public var memberCount: Int { isLarge ? Int(root(as: DenseTable.self).count) : compactCount }

  /// Whether the set has this member.
  @inline(__always)
  public func hasMember(_ element: Element, hasher: KeyHasher) -> Bool {
    switch form {
    case .integers: element.isInteger && sortedIntegers.place(of: element.integer).isPresent
    case .packed, .packedWithTimes: packedMember(element) != nil
    case .large: root(as: DenseTable.self).find(element, hash: element.hash(hasher)) != nil
    }
  }

  /// Where the set has this member. The hash is needed for large sets only.
  @inline(__always)
  func place(of element: Element, hash: @autoclosure () -> UInt64) -> SetPlace? {
    switch form {
    case .integers:
      guard element.isInteger else { return nil }
      let (index, isPresent) = sortedIntegers.place(of: element.integer)
      return isPresent ? .integer(index) : nil
    case .packed, .packedWithTimes:
      return packedMember(element).map { .packed(offset: $0) }
    case .large:
      return root(as: DenseTable.self).find(element, hash: hash()).map { .large($0) }
    }
  }

  /// The bytes in front of a member of a packed set; nil if the set does not have it.
  @inline(__always)
  func packedMember(_ element: Element) -> Int? {
    let bytes = compactBytes
    let start = UnsafePointer(bytes.baseAddress.unsafelyUnwrapped)
    let end = start + bytes.count
    var next = start
    while next != end {
      if element.isStored(at: next) { return next - start }
      next += ItemCode.byteCount(at: next)
    }
    return nil
  }

  /// Visits members of a set, about `count` of them, and returns the cursor at which to go on; 0 begins and ends. A
  /// compact set is visited as a whole.
  public func scanMembers(from cursor: UInt64, count: Int, _ body: (Item) -> Void) -> UInt64 {
    if isLarge {
      return root(as: DenseTable.self).scan(from: cursor, entryMaximum: count) { body($0.entry.element) }
    }
    var reader = SetReader(self)
    while let member = reader.next() { body(member) }
    return 0
  }
}

/// Goes through the members of a set, which must not change meanwhile.
public struct SetReader {
  /// Compact forms: what is next, the end, and the width of integers; 0 for items.
  private var start: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>
  private let width: Int
  /// The large form.
  private var entries: DenseIterator?

  public init(_ entry: Entry) {
    let bytes = entry.compactBytes
    start = UnsafePointer(bytes.baseAddress.unsafelyUnwrapped)
    end = start + bytes.count
    switch entry.form {
    case .integers: width = entry.sortedIntegers.width
    case .packed, .packedWithTimes: width = 0
    case .large:
      width = 0
      entries = DenseIterator(entry.root(as: DenseTable.self))
    }
  }

  /// The next member; nil after the last.
  @inline(__always)
  public mutating func next() -> Item? { nextMember()?.item }

  /// The same with its place.
  @inline(__always)
  mutating func nextMember() -> (item: Item, address: UnsafePointer<UInt8>)? {
    if entries != nil {
      guard let entry = entries?.next()?.entry else { return nil }
      return (entry.element, UnsafePointer(entry.start))
    }
    if start == end { return nil }
    let address = start
    let item =
      width > 0
      ? Item(integer: SortedIntegers.load(UnsafeRawPointer(address), width: width), byteCount: width)
      : Item(at: address)
    start += item.byteCount
    return (item, address)
  }
}

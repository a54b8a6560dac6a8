import Bytes

/// Hashes: the forms that a hash takes, and what goes in and out of it as a whole.
///
/// | form              | `OBJECT ENCODING` | what | as long as |
/// |-------------------|--------------|------|------------|
/// | `packed`          | `listpack`   | field and value by turns, in the order in which the fields came | up to `hash-max-listpack-entries` fields, no field and no value longer than `hash-max-listpack-value` |
/// | `packedWithTimes` | `listpackex` | the earliest expiry time (8 bytes), then field, value and expiry time (0 for none) by turns | the same |
/// | `large`           | `hashtable`  | a `DenseTable` with a field and its value in each entry, and its expiry time where it has one | |
///
/// A hash that has outgrown a form keeps the larger one, as in Redis.
enum HashType: CollectionType {
  static func elementCount(of entry: Entry) -> Int { entry.fieldCount }

  static func encodingName(of entry: Entry) -> StaticString {
    switch entry.form {
    case .packed, .integers: "listpack"
    case .packedWithTimes: "listpackex"
    case .large: "hashtable"
    }
  }

  static func flatten(_ entry: Entry, now: Int64) -> FlatValue {
    var value = FlatValue(kind: .hash)
    if entry.form == .packed {
      value.items.append(encoded: UnsafeBufferPointer(entry.compactBytes), count: entry.compactCount * 2)
      return value
    }
    value.hasTimes = entry.hasFieldTimes
    value.items.reserveCapacity(entry.isLarge ? entry.root(as: DenseTable.self).pointee.liveBytes : 0)
    entry.forEachField(now: now) { field in
      value.items.append(Element(field.name))
      value.items.append(Element(field.value))
      if value.hasTimes { value.items.append(field.time) }
    }
    return value
  }

  static func place(
    _ value: FlatValue, at key: Key, in database: Int, replacing existing: Entry?, expiry: Int64?,
    keyspace: inout Keyspace
  ) {
    let facts = FlatHashFacts(value)
    if facts.count == 0 {
      if let existing { keyspace.remove(existing) }
      return
    }
    if value.hasTimes { keyspace.noteFieldTimes() }
    guard keyspace.fitsPacked(fieldCount: facts.count), facts.longest <= keyspace.limits.hashPackedValueBytes
    else {
      let root = keyspace.makeTable(of: value, facts)
      _ = keyspace.makeLarge(
        key, in: database, replacing: existing, kind: .hash, root: root, expiry: expiry)
      return
    }
    let bytes = value.items.bytes
    let headerBytes = value.hasTimes ? PackedHash.timesHeaderBytes : 0
    let entry = keyspace.makeCompact(
      key, in: database, replacing: existing, kind: .hash, form: value.hasTimes ? .packedWithTimes : .packed,
      count: facts.count, byteCount: headerBytes + bytes.count, expiry: expiry)
    let packed = PackedHash(entry)
    if value.hasTimes { packed.earliestTime = facts.earliestTime }
    bytes.withUnsafeBufferPointer { source in
      if let from = source.baseAddress { copyBytes(from: from, to: packed.start + headerBytes, source.count) }
    }
  }
}

/// What decides about the form of a hash that comes as plain items.
private struct FlatHashFacts {
  private(set) var count = 0
  /// Bytes of the longest field or value as text.
  private(set) var longest = 0
  private(set) var earliestTime = Int64.max

  init(_ value: FlatValue) {
    value.items.withReader { reader in
      while let field = reader.read(), let content = reader.read() {
        count += 1
        longest = max(longest, field.textCount, content.textCount)
        if value.hasTimes, let time = reader.read()?.integer, time != 0 {
          earliestTime = min(earliestTime, time)
        }
      }
    }
  }
}

extension Keyspace {
  fileprivate func makeTable(of value: FlatValue, _ facts: FlatHashFacts) -> UnsafeMutablePointer<DenseTable>
  {
    let root = DenseTable.make(
      hasValues: true, expectedBytes: value.items.bytes.count + facts.count * DensePage.slotBytes, heap: heap)
    value.items.withReader { reader in
      while let field = reader.read(), let content = reader.read() {
        let name = Element(field)
        root.insert(
          name, value: Element(content), time: value.hasTimes ? reader.read()?.integer ?? 0 : 0,
          hash: name.hash(hasher), heap: heap, hasher: hasher)
      }
    }
    return root
  }

  /// Whether a hash of so many fields may be packed.
  @inline(__always)
  func fitsPacked(fieldCount: Int) -> Bool {
    fieldCount <= limits.hashPackedEntries && fieldCount <= CollectionForm.compactCountMaximum
  }

  /// Whether a field or a value may lie in a packed hash.
  @inline(__always)
  func fitsPacked(_ element: Element) -> Bool { element.textCount <= limits.hashPackedValueBytes }
}

/// A field of a hash where it was found. Valid until the hash is next changed.
public struct HashField {
  public let name: Item
  public let value: Item
  /// When the field expires, in milliseconds since 1970; 0 if it does not.
  public let time: Int64
}

extension Entry {
  /// Fields of a hash. Of a large one, fields may be among them whose time has come without anybody noticing.
  @inline(__always)
  public var fieldCount: Int { isLarge ? Int(root(as: DenseTable.self).count) : compactCount }

  /// Whether fields may have expiry times.
  var hasFieldTimes: Bool {
    isLarge ? root(as: DenseTable.self).pointee.timedCount > 0 : form == .packedWithTimes
  }

  /// Calls `body` for every field that has not expired by `now`. The hash must not change meanwhile.
  @inline(__always)
  public func forEachField(now: Int64, _ body: (HashField) -> Void) {
    if isLarge {
      return root(as: DenseTable.self).forEach { place in
        let entry = place.entry
        let time = entry.time
        if time == 0 || time > now { body(HashField(name: entry.element, value: entry.value, time: time)) }
      }
    }
    var reader = PackedHashReader(PackedHash(self))
    while let field = reader.next() {
      if field.time == 0 || field.time > now { body(field) }
    }
  }

  /// Visits fields of a hash, about `count` of them, and returns the cursor at which to go on; 0 begins and ends. A
  /// packed hash is visited as a whole.
  public func scanFields(from cursor: UInt64, count: Int, now: Int64, _ body: (HashField) -> Void) -> UInt64 {
    guard isLarge else {
      forEachField(now: now, body)
      return 0
    }
    return root(as: DenseTable.self).scan(from: cursor, entryMaximum: count) { place in
      let entry = place.entry
      let time = entry.time
      if time == 0 || time > now { body(HashField(name: entry.element, value: entry.value, time: time)) }
    }
  }
}

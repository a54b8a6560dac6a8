import Bytes

/// What becomes of a field's expiry time when its value is set.
public enum FieldLifetime: Equatable {
  case endless
  /// As it was before.
  case kept
  /// In milliseconds since 1970.
  case until(Int64)

  @inline(__always)
  fileprivate var time: Int64 { if case .until(let time) = self { time } else { 0 } }
}

/// What removing a field came to.
public enum FieldRemoval {
  case missing
  case removed
  /// It was the hash's last, and the key is gone. (Its entry is no longer valid.)
  case removedLast
}

/// Reading and changing single fields.
extension Keyspace {
  /// The value of a field; nil if the hash does not have it. Valid until the hash is next changed.
  @inline(__always)
  public mutating func fieldValue(_ field: Element, of entry: Entry) -> Item? {
    if entry.isLarge {
      let root = entry.root(as: DenseTable.self)
      guard let place = root.find(field, hash: field.hash(hasher)), isAlive(place.entry) else { return nil }
      return place.entry.value
    }
    guard let found = PackedHash(entry).find(field) else { return nil }
    return Item(at: found.value)
  }

  /// Whether an entry of a large hash has not expired.
  @inline(__always)
  func isAlive(_ entry: DenseEntry) -> Bool { !entry.isTimed || entry.time > now }

  // MARK: Setting

  /// Gives a key that is not there a hash of one field.
  @inline(__always)
  public mutating func makeHash(_ key: Key, in database: Int, of field: Element, _ value: Element) -> Entry {
    guard fitsPacked(field), fitsPacked(value), fitsPacked(fieldCount: 1) else {
      return makeLargeHash(key, in: database, of: field, value)
    }
    let entry = makeCompact(
      key, in: database, replacing: nil, kind: .hash, form: .packed, count: 1,
      byteCount: field.byteCount &+ value.byteCount)
    let start = entry.compactBytes.baseAddress.unsafelyUnwrapped
    field.write(to: start)
    value.write(to: start + field.byteCount)
    return entry
  }

  @inline(never)
  private mutating func makeLargeHash(_ key: Key, in database: Int, of field: Element, _ value: Element)
    -> Entry
  {
    let root = DenseTable.make(hasValues: true, expectedBytes: 0, heap: heap)
    root.insert(field, value: value, hash: field.hash(hasher), heap: heap, hasher: hasher)
    return makeLarge(key, in: database, replacing: nil, kind: .hash, root: root)
  }

  /// Sets a field. Returns whether it is new.
  @inline(__always)
  @discardableResult
  public mutating func setField(
    _ field: Element, of entry: Entry, to value: Element, lifetime: FieldLifetime = .endless
  ) -> Bool {
    if entry.isLarge { return setLargeField(field, of: entry, to: value, lifetime: lifetime) }
    if lifetime.time != 0 { addTimes(to: entry) }
    guard fitsPacked(field), fitsPacked(value) else {
      makeLarge(entry)
      return setLargeField(field, of: entry, to: value, lifetime: lifetime)
    }
    let packed = PackedHash(entry)
    if let found = packed.find(field) {
      replacePackedValue(found, of: entry, by: value)
      if packed.hasTimes, lifetime != .kept { setPackedTime(field, of: entry, lifetime.time) }
      return false
    }
    guard fitsPacked(fieldCount: entry.compactCount &+ 1) else {
      makeLarge(entry)
      return setLargeField(field, of: entry, to: value, lifetime: lifetime)
    }
    appendPacked(field, value, to: entry, packed)
    if lifetime.time != 0 { setPackedTime(field, of: entry, lifetime.time) }
    return true
  }

  @inline(__always)
  private mutating func replacePackedValue(_ found: PackedField, of entry: Entry, by value: Element) {
    let target = splice(
      entry, at: found.valueOffset, removing: found.valueBytes, inserting: value.byteCount)
    value.write(to: target)
  }

  @inline(__always)
  private mutating func appendPacked(
    _ field: Element, _ value: Element, to entry: Entry, _ packed: PackedHash
  ) {
    let itemBytes = field.byteCount &+ value.byteCount
    let hasTimes = packed.hasTimes
    let target = splice(
      entry, at: packed.byteCount, removing: 0, inserting: itemBytes &+ (hasTimes ? 1 : 0))
    field.write(to: target)
    value.write(to: target + field.byteCount)
    // The item of the integer 0 is a zero byte.
    if hasTimes { target[itemBytes] = 0 }
    setCompactCount(of: entry, to: entry.compactCount &+ 1)
  }

  @inline(__always)
  private mutating func setLargeField(
    _ field: Element, of entry: Entry, to value: Element, lifetime: FieldLifetime
  ) -> Bool {
    dirty &+= 1
    let root = entry.root(as: DenseTable.self)
    let hash = field.hash(hasher)
    guard let place = root.find(field, hash: hash) else {
      if lifetime.time != 0 { noteFieldTimes() }
      root.insert(field, value: value, time: lifetime.time, hash: hash, heap: heap, hasher: hasher)
      return true
    }
    if !place.entry.isTimed, lifetime.time == 0 {
      root.replaceValue(place, by: value, heap: heap)
      return false
    }
    return setTimedField(place, of: root, to: value, lifetime: lifetime)
  }

  /// The same for a field that has a time or gets one.
  @inline(never)
  private mutating func setTimedField(
    _ place: DensePlace, of root: UnsafeMutablePointer<DenseTable>, to value: Element, lifetime: FieldLifetime
  ) -> Bool {
    let wasAlive = isAlive(place.entry)
    var place = place
    if lifetime != .kept || !wasAlive {
      if lifetime.time != 0 { noteFieldTimes() }
      place = root.setTime(place, lifetime.time, heap: heap)
    }
    root.replaceValue(place, by: value, heap: heap)
    return !wasAlive
  }

  // MARK: Removing

  /// Removes a field, and the key with its last.
  @inline(__always)
  public mutating func removeField(_ field: Element, of entry: Entry) -> FieldRemoval {
    if entry.isLarge {
      let root = entry.root(as: DenseTable.self)
      guard let place = root.find(field, hash: field.hash(hasher)) else { return .missing }
      let wasAlive = isAlive(place.entry)
      if root.count == 1 {
        remove(entry)
        return .removedLast
      }
      root.remove(place, heap: heap, hasher: hasher)
      dirty &+= 1
      return wasAlive ? .removed : .missing
    }
    let packed = PackedHash(entry)
    guard let found = packed.find(field) else { return .missing }
    let count = entry.compactCount
    if count == 1 {
      remove(entry)
      return .removedLast
    }
    _ = splice(
      entry, at: found.offset, removing: found.byteCount(hasTimes: packed.hasTimes), inserting: 0)
    setCompactCount(of: entry, to: count &- 1)
    return .removed
  }

  // MARK: Forms

  /// Makes a packed hash a large one.
  @inline(never)
  mutating func makeLarge(_ entry: Entry) {
    let packed = PackedHash(entry)
    let root = DenseTable.make(
      hasValues: true, expectedBytes: packed.byteCount + entry.compactCount * DensePage.slotBytes, heap: heap)
    var reader = PackedHashReader(packed)
    while let field = reader.next() {
      let name = Element(field.name)
      root.insert(
        name, value: Element(field.value), time: field.time, hash: name.hash(hasher), heap: heap,
        hasher: hasher)
    }
    replaceByLarge(entry, root: root)
    // Another form is no change of the hash.
    dirty -= 1
  }
}

/// Writes the fields of a new packed hash, one after the other.
public struct HashBuilder {
  public let entry: Entry
  private var used = 0
  private var count = 0

  fileprivate init(_ entry: Entry) { self.entry = entry }

  /// Adds a field. Returns false, with nothing done, if it is there already.
  @inline(__always)
  public mutating func add(_ field: Element, _ value: Element) -> Bool {
    let start = entry.compactBytes.baseAddress.unsafelyUnwrapped
    var next = UnsafePointer(start)
    for _ in 0..<count {
      if field.isStored(at: next) { return false }
      next += ItemCode.byteCount(at: next)
      next += ItemCode.byteCount(at: next)
    }
    field.write(to: start + used)
    used &+= field.byteCount
    value.write(to: start + used)
    used &+= value.byteCount
    count &+= 1
    return true
  }

  /// Takes the room back that was not needed.
  fileprivate func finish(_ keyspace: inout Keyspace) {
    keyspace.setCompactCount(of: entry, to: count)
    let rest = entry.compactBytes.count - used
    if rest > 0 { _ = keyspace.splice(entry, at: used, removing: rest, inserting: 0) }
  }
}

extension Keyspace {
  /// Begins a packed hash of a key that is not there, of `fieldCount` fields and `byteCount` bytes at the most; nil if a
  /// packed hash can't have so many.
  @inline(__always)
  public mutating func beginHash(_ key: Key, in database: Int, fieldCount: Int, byteCount: Int)
    -> HashBuilder?
  {
    guard fitsPacked(fieldCount: fieldCount) else { return nil }
    // Each field is a change.
    dirty &+= fieldCount &- 1
    return HashBuilder(
      makeCompact(
        key, in: database, replacing: nil, kind: .hash, form: .packed, count: fieldCount, byteCount: byteCount
      ))
  }

  /// Ends it, when not all fields could be added.
  public mutating func finish(_ builder: HashBuilder) { builder.finish(&self) }

  /// Bytes that a field and its value take in a packed hash; nil if they are too long for one.
  @inline(__always)
  public func packedBytes(_ field: Element, _ value: Element) -> Int? {
    fitsPacked(field) && fitsPacked(value) ? field.byteCount &+ value.byteCount : nil
  }
}

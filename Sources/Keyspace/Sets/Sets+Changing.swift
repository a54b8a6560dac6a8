import Bytes

/// Adding members to sets and removing them.
extension Keyspace {
  /// Gives a key that is not there a set of one member.
  @inline(__always)
  public mutating func makeSet(_ key: Key, in database: Int, of element: Element) -> Entry {
    if element.isInteger, limits.setIntegerEntries >= 1 {
      let width = SortedIntegers.width(of: element.integer)
      let entry = makeCompact(
        key, in: database, replacing: nil, kind: .set, form: .integers, count: 1, byteCount: width)
      SortedIntegers.store(
        element.integer, to: UnsafeMutableRawPointer(entry.compactBytes.baseAddress.unsafelyUnwrapped),
        width: width)
      return entry
    }
    if limits.setPackedEntries >= 1, element.textCount <= limits.setPackedValueBytes {
      let entry = makeCompact(
        key, in: database, replacing: nil, kind: .set, form: .packed, count: 1, byteCount: element.byteCount)
      element.write(to: entry.compactBytes.baseAddress.unsafelyUnwrapped)
      return entry
    }
    return makeLargeSet(key, in: database, of: element)
  }

  @inline(never)
  private mutating func makeLargeSet(_ key: Key, in database: Int, of element: Element) -> Entry {
    let root = DenseTable.make(hasValues: false, expectedBytes: 0, heap: heap)
    root.insert(element, hash: element.hash(hasher), heap: heap, hasher: hasher)
    return makeLarge(key, in: database, replacing: nil, kind: .set, root: root)
  }

  /// Adds a member to a set. Returns false if the set has it already.
  @inline(__always)
  public mutating func addMember(_ element: Element, to entry: Entry) -> Bool {
    switch entry.form {
    case .large:
      let root = entry.root(as: DenseTable.self)
      let hash = element.hash(hasher)
      guard root.find(element, hash: hash) == nil else { return false }
      root.insert(element, hash: hash, heap: heap, hasher: hasher)
      dirty &+= 1
      return true
    case .integers:
      if element.isInteger { return addInteger(element.integer, to: entry) }
      addText(element, toIntegers: entry)
      return true
    case .packed, .packedWithTimes:
      return addPacked(element, to: entry)
    }
  }

  @inline(__always)
  private mutating func addPacked(_ element: Element, to entry: Entry) -> Bool {
    guard entry.packedMember(element) == nil else { return false }
    let count = entry.compactCount
    guard count < packedMemberMaximum, element.textCount <= limits.setPackedValueBytes else {
      makeLarge(entry, adding: element)
      return true
    }
    let end = entry.compactBytes.count
    element.write(to: splice(entry, at: end, removing: 0, inserting: element.byteCount))
    setCompactCount(of: entry, to: count &+ 1)
    return true
  }

  /// Members that a packed set may have.
  @inline(__always)
  var packedMemberMaximum: Int { min(limits.setPackedEntries, CollectionForm.compactCountMaximum) }

  // MARK: Conversions

  /// Adds a member that is no integer to a set of integers, which takes another form for it.
  @inline(never)
  private mutating func addText(_ element: Element, toIntegers entry: Entry) {
    let integers = entry.sortedIntegers
    let longest = max(Element(integers[0]).textCount, Element(integers[integers.count - 1]).textCount)
    guard integers.count < packedMemberMaximum,
      max(element.textCount, longest) <= limits.setPackedValueBytes
    else { return makeLarge(entry, adding: element) }
    let count = integers.count
    let width = integers.width
    withUnsafeTemporaryAllocation(byteCount: count * width, alignment: 1) { old in
      old.copyMemory(from: UnsafeRawBufferPointer(start: integers.start, count: count * width))
      let copy = SortedIntegers(start: old.baseAddress.unsafelyUnwrapped, count: count, width: width)
      var byteCount = element.byteCount
      for index in 0..<count { byteCount += Element(copy[index]).byteCount }
      var target = replaceCompact(entry, form: .packed, count: count + 1, byteCount: byteCount)
      for index in 0..<count {
        let member = Element(copy[index])
        member.write(to: target)
        target += member.byteCount
      }
      element.write(to: target)
    }
  }

  /// Makes a compact set a large one, with one more member.
  @inline(never)
  mutating func makeLarge(_ entry: Entry, adding element: Element) {
    let expectedBytes = entry.compactBytes.count * 2 + element.byteCount
    let root = DenseTable.make(hasValues: false, expectedBytes: expectedBytes, heap: heap)
    var reader = SetReader(entry)
    while let member = reader.next() {
      root.insert(Element(member), hash: member.hash(hasher), heap: heap, hasher: hasher)
    }
    root.insert(element, hash: element.hash(hasher), heap: heap, hasher: hasher)
    replaceByLarge(entry, root: root)
  }

  // MARK: Removing

  /// Removes a member from a set. Returns false if the set does not have it. A set without members does not exist: the
  /// caller removes its key.
  @inline(__always)
  public mutating func removeMember(_ element: Element, from entry: Entry) -> Bool {
    guard let place = entry.place(of: element, hash: element.hash(hasher)) else { return false }
    removeMember(at: place, from: entry)
    return true
  }

  /// Removes the key of a set whose last member was removed, which has been counted as a change.
  public mutating func removeEmptySet(_ entry: Entry) {
    remove(entry)
    dirty -= 1
  }

  /// Removes a member that was found.
  @inline(__always)
  public mutating func removeMember(_ member: SetMember, from entry: Entry) {
    removeMember(at: member.place, from: entry)
  }

  @inline(__always)
  private mutating func removeMember(at place: SetPlace, from entry: Entry) {
    switch place {
    case .integer(let index):
      let width = entry.sortedIntegers.width
      cut(entry, at: index &* width, byteCount: width)
    case .packed(let offset):
      let start = entry.compactBytes.baseAddress.unsafelyUnwrapped + offset
      cut(entry, at: offset, byteCount: ItemCode.byteCount(at: start))
    case .large(let place):
      entry.root(as: DenseTable.self).remove(place, heap: heap, hasher: hasher)
      dirty &+= 1
    }
  }

  /// Takes one member's bytes out of a compact set.
  @inline(__always)
  private mutating func cut(_ entry: Entry, at offset: Int, byteCount: Int) {
    let count = entry.compactCount
    _ = splice(entry, at: offset, removing: byteCount, inserting: 0)
    setCompactCount(of: entry, to: count &- 1)
  }
}

import Bytes

/// Intersection, union and difference of copies of sets, for sets that lie on several shards.
public enum FlatSetAlgebra {
  /// The members that all sets have; there is at least one set.
  public static func intersection(of sets: [FlatValue], hasher: KeyHasher) -> FlatValue {
    let ordered = sets.sorted { $0.items.count < $1.items.count }
    guard let smallest = ordered.first else { return FlatValue(kind: .set) }
    // Each member counts the sets that had it. A set can't raise it twice: its members are all different.
    var index = FlatSetIndex(smallest, hasher: hasher)
    for (number, set) in ordered.enumerated().dropFirst() {
      set.items.withReader { reader in
        while let member = reader.read() { index.mark(member, from: number - 1, to: number) }
      }
    }
    return index.members(marked: ordered.count - 1)
  }

  /// The members that any of the sets has.
  public static func union(of sets: [FlatValue], hasher: KeyHasher) -> FlatValue {
    let ordered = sets.sorted { $0.items.count > $1.items.count }
    guard let largest = ordered.first else { return FlatValue(kind: .set) }
    var index = FlatSetIndex(largest, hasher: hasher)
    for set in ordered.dropFirst() {
      set.items.withReader { reader in
        while let member = reader.read() { index.insert(member) }
      }
    }
    return index.set
  }

  /// The members of the first set that no other has.
  public static func difference(of first: FlatValue, without others: [FlatValue], hasher: KeyHasher)
    -> FlatValue
  {
    var index = FlatSetIndex(first, hasher: hasher)
    for other in others {
      other.items.withReader { reader in
        while let member = reader.read() { index.mark(member, from: 0, to: 1) }
      }
    }
    return index.members(marked: 0)
  }
}

/// A flat set with an index of its members, and a mark for each.
private struct FlatSetIndex {
  private(set) var set: FlatValue
  private let hasher: KeyHasher
  /// Where each member begins, and its mark.
  private var members: [(offset: Int, mark: Int)] = []
  /// An open hash table of the members' numbers; -1 where there is none.
  private var slots: [Int]

  init(_ set: FlatValue, hasher: KeyHasher) {
    self.set = set
    self.hasher = hasher
    slots = []
    members.reserveCapacity(set.items.count)
    var offset = 0
    set.items.withReader { reader in
      while let member = reader.read() {
        members.append((offset, 0))
        offset += member.byteCount
      }
    }
    rebuildSlots()
  }

  private mutating func rebuildSlots() {
    var capacity = 16
    while capacity < members.count * 2 { capacity *= 2 }
    slots = [Int](repeating: -1, count: capacity)
    set.items.bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      for number in members.indices {
        let hash = Item(at: start + members[number].offset).hash(hasher)
        var slot = Int(truncatingIfNeeded: hash) & (capacity - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (capacity - 1) }
        slots[slot] = number
      }
    }
  }

  /// The number of a member, or where it would be noted.
  private func find(_ element: Element, hash: UInt64) -> (number: Int?, slot: Int) {
    set.items.bytes.withUnsafeBufferPointer { bytes in
      let mask = slots.count - 1
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] >= 0 {
        if let start = bytes.baseAddress, element.isStored(at: start + members[slots[slot]].offset) {
          return (slots[slot], slot)
        }
        slot = (slot + 1) & mask
      }
      return (nil, slot)
    }
  }

  /// Changes the mark of a member from one to another, if it is there and has that mark.
  mutating func mark(_ member: Item, from old: Int, to new: Int) {
    guard let number = find(Element(member), hash: member.hash(hasher)).number else { return }
    if members[number].mark == old { members[number].mark = new }
  }

  /// Adds a member, if it is not there.
  mutating func insert(_ member: Item) {
    let element = Element(member)
    let (number, slot) = find(element, hash: member.hash(hasher))
    guard number == nil else { return }
    slots[slot] = members.count
    members.append((set.items.bytes.count, 0))
    set.items.append(element)
    if members.count * 2 > slots.count { rebuildSlots() }
  }

  /// The members that have this mark.
  func members(marked wanted: Int) -> FlatValue {
    var result = FlatValue(kind: .set)
    set.items.withReader { reader in
      for (_, mark) in members {
        guard let member = reader.read() else { return }
        if mark == wanted { result.items.append(Element(member)) }
      }
    }
    return result
  }
}

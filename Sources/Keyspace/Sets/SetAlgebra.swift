import Bytes

/// Intersection, union and difference of sets on one shard, read where they lie: members are handed out one by one, each
/// once, and nothing is copied.
public enum SetAlgebra {
  // MARK: Intersection

  /// Calls `body` with the members that all sets have, until it returns false.
  ///
  /// The smallest set is gone through, and the others are asked.
  public static func forEachInIntersection(
    of sets: [Entry], hasher: KeyHasher, _ body: (Item) -> Bool
  ) {
    let ordered = sets.sorted { $0.memberCount < $1.memberCount }
    guard let smallest = ordered.first else { return }
    let others = ordered.dropFirst()
    if ordered.allSatisfy({ $0.form == .integers }) {
      return forEachInIntersection(of: ordered.map(\.sortedIntegers), body)
    }
    forEachMember(of: smallest, toAsk: others, hasher) { member, element, hash in
      others.contains { $0.place(of: element, hash: hash) == nil } || body(member)
    }
  }

  /// The same for sorted integers, the fewest first: all are gone through once, side by side.
  private static func forEachInIntersection(of runs: [SortedIntegers], _ body: (Item) -> Bool) {
    var cursors = [Int](repeating: 0, count: runs.count)
    for index in 0..<runs[0].count {
      let value = runs[0][index]
      var isShared = true
      for number in 1..<runs.count {
        let run = runs[number]
        cursors[number] = run.firstIndex(notBelow: value, from: cursors[number])
        if cursors[number] == run.count { return }
        if run[cursors[number]] != value {
          isShared = false
          break
        }
      }
      if isShared, !body(Item(integer: value, byteCount: runs[0].width)) { return }
    }
  }

  // MARK: Union

  /// Up to this many sets, it is cheaper to ask whether an earlier set had a member than to note all members.
  private static let askedMaximum = 8

  /// Calls `body` with the members that any of the sets has.
  public static func forEachInUnion(of sets: [Entry], keyspace: inout Keyspace, _ body: (Item) -> Void) {
    if sets.count > askedMaximum {
      var builder = union(of: sets, keyspace: &keyspace)
      builder.forEach(body)
      return keyspace.discard(&builder)
    }
    if sets.allSatisfy({ $0.form == .integers }) {
      return forEachInUnion(of: sets.map(\.sortedIntegers), body)
    }
    // The largest comes first: its members are asked for nowhere.
    let ordered = sets.sorted { $0.memberCount > $1.memberCount }
    for (number, set) in ordered.enumerated() {
      forEachMember(of: set, notIn: ordered[..<number], keyspace.hasher, body)
    }
  }

  /// The same for sorted integers: the least of what is next in each comes next.
  private static func forEachInUnion(of runs: [SortedIntegers], _ body: (Item) -> Void) {
    var cursors = [Int](repeating: 0, count: runs.count)
    while true {
      var least: Int64?
      for (run, cursor) in zip(runs, cursors) where cursor < run.count {
        least = min(least ?? .max, run[cursor])
      }
      guard let least else { return }
      body(Item(integer: least, byteCount: 8))
      for (number, run) in runs.enumerated() where cursors[number] < run.count {
        if run[cursors[number]] == least { cursors[number] += 1 }
      }
    }
  }

  /// The union of sets as a set of its own, not yet at a key.
  public static func union(of sets: [Entry], keyspace: inout Keyspace) -> SetBuilder {
    // A table that has room for the largest set at once does not have to grow that far.
    let tables = sets.filter(\.isLarge).map { $0.root(as: DenseTable.self).pointee.liveBytes }
    var builder = keyspace.setBuilder(mayRepeat: true, expectedTableBytes: tables.max() ?? 0)
    for set in sets {
      var reader = SetReader(set)
      while let member = reader.next() { builder.add(member) }
    }
    return builder
  }

  // MARK: Difference

  /// Calls `body` with the members of the first set that no other has.
  ///
  /// There are two ways, and the one is taken that Redis would take. Either each member of the first set is asked for
  /// in the others, the largest first, which finds most; or all members of the others are looked for in the first set,
  /// and those found are passed over. The first does as many lookups as the first set has members for each set, half of
  /// that because often a set asked early has the member; the second one for each member of any set.
  public static func forEachInDifference(
    of first: Entry, without others: [Entry], hasher: KeyHasher, _ body: (Item) -> Void
  ) {
    if others.contains(where: { $0.key.bytes == first.key.bytes }) { return }
    let askingCost = first.memberCount * (others.count + 1) / 2
    let markingCost = others.reduce(first.memberCount) { $0 + $1.memberCount }
    if askingCost <= markingCost {
      let ordered = others.sorted { $0.memberCount > $1.memberCount }
      return forEachMember(of: first, notIn: ordered[...], hasher, body)
    }
    var marked = Set<UnsafePointer<UInt8>>()
    for other in others {
      var reader = SetReader(other)
      while let member = reader.next(), marked.count < first.memberCount {
        if let place = first.place(of: Element(member), hash: member.hash(hasher)) {
          marked.insert(place.address(in: first))
        }
      }
    }
    var reader = SetReader(first)
    while let (member, address) = reader.nextMember() {
      if !marked.contains(address) { body(member) }
    }
  }

  // MARK: Asking

  /// Calls `body` with the members of a set that none of the others has.
  private static func forEachMember(
    of set: Entry, notIn others: ArraySlice<Entry>, _ hasher: KeyHasher, _ body: (Item) -> Void
  ) {
    forEachMember(of: set, toAsk: others, hasher) { member, element, hash in
      if others.allSatisfy({ $0.place(of: element, hash: hash) == nil }) { body(member) }
      return true
    }
  }

  /// Calls `body`, until it returns false, with the members of a set, as items and as elements, and with their hashes, if
  /// one of the sets that will be asked for them is large.
  ///
  /// (To ask for the memory of many members ahead gains next to nothing here: the processor looks for the next members
  /// while it waits for this one.)
  private static func forEachMember(
    of set: Entry, toAsk others: ArraySlice<Entry>, _ hasher: KeyHasher,
    _ body: (Item, Element, UInt64) -> Bool
  ) {
    let needsHash = others.contains { $0.isLarge }
    var reader = SetReader(set)
    while let member = reader.next(), body(member, Element(member), needsHash ? member.hash(hasher) : 0) {}
  }
}

extension SortedIntegers {
  /// The first integer from `start` on that is not below `value`: looked for in steps that double, then between the
  /// last two.
  fileprivate func firstIndex(notBelow value: Int64, from start: Int) -> Int {
    var (low, step) = (start, 1)
    while low + step <= count, self[low + step - 1] < value {
      low += step
      step *= 2
    }
    var high = min(low + step - 1, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

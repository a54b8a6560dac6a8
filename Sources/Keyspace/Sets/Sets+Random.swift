import Bytes

/// Drawing members at random.
extension Entry {
  /// A member, each as likely as the others.
  @inline(__always)
  public func randomMember(using random: inout FastRandom) -> SetMember {
    switch form {
    case .integers:
      let integers = sortedIntegers
      let index = random.below(integers.count)
      return SetMember(
        item: Item(integer: integers[index], byteCount: integers.width), place: .integer(index))
    case .packed, .packedWithTimes:
      let start = UnsafePointer(compactBytes.baseAddress.unsafelyUnwrapped)
      var next = start
      for _ in 0..<random.below(compactCount) { next += ItemCode.byteCount(at: next) }
      return SetMember(item: Item(at: next), place: .packed(offset: next - start))
    case .large:
      let place = root(as: DenseTable.self).randomPlace(using: &random)
      return SetMember(item: place.entry.element, place: .large(place))
    }
  }

  /// Calls `body` with `wanted` different members, each selection as likely as the others. There are at least as many.
  public func forEachSample(_ wanted: Int, using random: inout FastRandom, _ body: (Item) -> Void) {
    if isLarge {
      return root(as: DenseTable.self).forEachSample(wanted, using: &random) { body($0.entry.element) }
    }
    var selection = Selection(wanted, of: compactCount)
    var reader = SetReader(self)
    while selection.wanted > 0, let member = reader.next() {
      if selection.takesNext(using: &random) { body(member) }
    }
  }
}

/// Chooses `wanted` of a row of things in one pass: each is taken with the probability that leaves the right number
/// for the rest.
struct Selection {
  private(set) var wanted: Int
  private var left: Int

  init(_ wanted: Int, of count: Int) {
    self.wanted = wanted
    left = count
  }

  mutating func takesNext(using random: inout FastRandom) -> Bool {
    let takes = random.below(left) < wanted
    left -= 1
    if takes { wanted -= 1 }
    return takes
  }
}

extension Keyspace {
  /// Removes `count` members drawn at random, fewer than there are, and calls `body` with each.
  public mutating func popMembers(_ count: Int, from entry: Entry, _ body: (Item) -> Void) {
    let dirtyBefore = dirty
    defer { dirty = dirtyBefore + count }
    if !entry.isLarge { return popCompact(count, from: entry, body) }
    let kept = entry.memberCount - count
    if kept * Self.keepingFactor <= count { return keepMembers(kept, of: entry, body) }
    let root = entry.root(as: DenseTable.self)
    for _ in 0..<count {
      let place = root.randomPlace(using: &random)
      body(place.entry.element)
      root.remove(place, heap: heap, hasher: hasher)
    }
  }

  /// When so many times fewer members stay than go, those that stay are drawn, and make a new set.
  private static let keepingFactor = 5

  private mutating func keepMembers(_ kept: Int, of entry: Entry, _ body: (Item) -> Void) {
    var builder = setBuilder(mayRepeat: false)
    var selection = Selection(kept, of: entry.memberCount)
    var reader = SetReader(entry)
    while let member = reader.next() {
      if selection.takesNext(using: &random) { builder.add(member) } else { body(member) }
    }
    place(&builder, at: entry.key, in: entry.database, replacing: entry, expiry: entry.expiry)
  }

  /// One pass over a compact set: what is not drawn moves up.
  private mutating func popCompact(_ count: Int, from entry: Entry, _ body: (Item) -> Void) {
    if count == 0 { return }
    let bytes = entry.compactBytes
    let start = bytes.baseAddress.unsafelyUnwrapped
    let kept = entry.compactCount - count
    var selection = Selection(count, of: entry.compactCount)
    var reader = SetReader(entry)
    var target = start
    while let (item, address) = reader.nextMember() {
      if selection.takesNext(using: &random) {
        body(item)
      } else {
        moveBytes(from: address, to: target, item.byteCount)
        target += item.byteCount
      }
    }
    let keptBytes = target - start
    _ = splice(entry, at: keptBytes, removing: bytes.count - keptBytes, inserting: 0)
    setCompactCount(of: entry, to: kept)
  }
}

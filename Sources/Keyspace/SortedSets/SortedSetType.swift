import Bytes

/// Sorted sets, compact or large.
///
/// A compact one is a run of items in the key's block, member and score by turns, in the order of the set (scores lose
/// the sign of zero there). What a large one is, `LargeSortedSet` says.
enum SortedSetType: CollectionType {
  static func elementCount(of entry: Entry) -> Int { entry.sortedSetCount }

  static func encodingName(of entry: Entry) -> StaticString { entry.isLarge ? "skiplist" : "listpack" }

  static func flatten(_ entry: Entry, now: Int64) -> FlatValue {
    if entry.isLarge { return entry.flatScored(inRanks: 0..<entry.sortedSetCount) }
    var value = FlatValue(kind: .sortedSet)
    value.items.append(encoded: UnsafeBufferPointer(entry.compactBytes), count: entry.compactCount * 2)
    return value
  }

  static func place(
    _ value: FlatValue, at key: Key, in database: Int, replacing existing: Entry?, expiry: Int64?,
    keyspace: inout Keyspace
  ) {
    let count = value.items.count / 2
    if let longest = longestOfOrdered(value), keyspace.limits.keepPacked(count: count, longest: longest) {
      let entry = keyspace.makeCompact(
        key, in: database, replacing: existing, kind: .sortedSet, form: .packed, count: count,
        byteCount: value.items.bytes.count, expiry: expiry)
      _ = entry.compactBytes.update(from: value.items.bytes)
      return
    }
    var builder = SortedSetBuilder(hasher: keyspace.hasher, heap: keyspace.heap)
    value.items.withReader { reader in
      while let member = reader.read(), let score = reader.read() {
        builder.setScore(score.score, of: Element(member))
      }
    }
    keyspace.place(builder, at: key, in: database, replacing: existing, expiry: expiry)
  }

  /// The length of the longest member if the items can be taken over as they are: in ascending order and without a
  /// negative zero.
  private static func longestOfOrdered(_ value: FlatValue) -> Int? {
    value.items.withReader { reader in
      var longest = 0
      var previous: (member: Item, score: Double)?
      while let member = reader.read(), let score = reader.read() {
        let score = score.score
        if score == 0, score.sign == .minus { return nil }
        if let previous {
          if previous.score > score { return nil }
          if previous.score == score,
            Element(previous.member).withText({ orderOfText($0, member) }) >= 0
          {
            return nil
          }
        }
        longest = max(longest, member.textCount)
        previous = (member, score)
      }
      return longest
    }
  }
}

extension Entry {
  /// A copy of the members of some ranks, which must exist, as plain items.
  public func flatScored(inRanks ranks: Range<Int>) -> FlatValue {
    var value = FlatValue(kind: .sortedSet)
    forEachScored(inRanks: ranks) { value.appendScored($0, $1) }
    return value
  }
}

extension FlatValue {
  /// Appends a member and its score.
  public mutating func appendScored(_ member: Item, _ score: Double) {
    items.append(member)
    items.append(exactly: score)
  }
}

extension ItemArray {
  /// Appends a score; a negative zero keeps its sign.
  fileprivate mutating func append(exactly score: Double) {
    guard score == 0, score.sign == .minus else { return append(score: score) }
    withUnsafeBytes(of: score.bitPattern) { bytes in
      guard let start = bytes.baseAddress else { return }
      append(Element(plainText: ByteView(start, count: 8)))
    }
  }
}

extension CollectionLimits {
  /// Whether a sorted set of this size is kept compact.
  func keepPacked(count: Int, longest: Int) -> Bool {
    count <= sortedSetPackedEntries && count <= CollectionForm.compactCountMaximum
      && longest <= sortedSetPackedValueBytes
  }
}

import Bytes

/// Drawing fields at random.
extension Keyspace {
  /// Draws from a large hash before the fields that have expired are removed, because hardly any others are found.
  private static let fieldDraws = 64

  /// A field, each as likely as the others; nil if all have expired: then the key is gone.
  public mutating func randomField(of entry: Entry) -> HashField? {
    guard entry.isLarge else {
      var reader = PackedHashReader(PackedHash(entry))
      for _ in 0..<random.below(entry.compactCount) { _ = reader.next() }
      return reader.next()
    }
    let root = entry.root(as: DenseTable.self)
    for _ in 0..<Self.fieldDraws {
      let drawn = root.randomPlace(using: &random).entry
      if isAlive(drawn) { return HashField(name: drawn.element, value: drawn.value, time: drawn.time) }
    }
    guard keepsFieldsAfterRemovingExpired(entry) else { return nil }
    let drawn = root.randomPlace(using: &random).entry
    return HashField(name: drawn.element, value: drawn.value, time: drawn.time)
  }

  /// Calls `body` with `wanted` different fields, each selection as likely as the others, or with all if there are no more.
  /// None of them may have expired: see `keepsFieldsAfterRemovingExpired`.
  public mutating func forEachSample(_ wanted: Int, of entry: Entry, _ body: (HashField) -> Void) {
    if entry.isLarge {
      return entry.root(as: DenseTable.self).forEachSample(wanted, using: &random) { place in
        let drawn = place.entry
        body(HashField(name: drawn.element, value: drawn.value, time: drawn.time))
      }
    }
    var selection = Selection(min(wanted, entry.compactCount), of: entry.compactCount)
    var reader = PackedHashReader(PackedHash(entry))
    while selection.wanted > 0, let field = reader.next() {
      if selection.takesNext(using: &random) { body(field) }
    }
  }
}

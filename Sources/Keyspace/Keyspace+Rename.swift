import Bytes

/// Giving a key's value to another key of the same shard.
extension Keyspace {
  /// Gives the key `newKey` the value and the expiry time of `entry`, whatever it had before.
  public mutating func copy(_ entry: Entry, to newKey: Key, in database: Int) {
    let source = entry.slot.handle
    let existing = table(database).pointee.find(newKey).map {
      Entry(slot: $0, database: database, key: newKey)
    }
    // The source's slot may move when a segment splits; its block stays where it is.
    let target = store(
      newKey, in: database, replacing: existing, kind: source.kind, valueCount: source.value.count,
      expiry: source.expiry)
    if let from = source.value.baseAddress, let to = target.baseAddress {
      copyBytes(from: from, to: to, target.count)
    }
  }

  /// Renames a key within its database, replacing what bears the name. The two names must differ.
  public mutating func rename(_ entry: Entry, to newKey: Key) {
    copy(entry, to: newKey, in: entry.database)
    let table = table(entry.database)
    if let slot = table.pointee.find(entry.key) { remove(slot, entry.key.hash, from: table) }
  }

  /// Moves a key to another database, which must not have it.
  public mutating func move(_ entry: Entry, to database: Int) {
    let handle = entry.slot.handle
    table(entry.database).pointee.remove(entry.slot, hash: entry.key.hash)
    _ = table(database).pointee.insert(handle, hash: entry.key.hash)
    dirty += 1
  }
}

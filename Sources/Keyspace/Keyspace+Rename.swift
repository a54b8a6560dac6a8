import Bytes

/// Giving a key's value to another key of the same shard.
extension Keyspace {
  /// Gives the key `newKey` a copy of the value and the expiry time of `entry`, whatever it had before.
  public mutating func copy(_ entry: Entry, to newKey: Key, in database: Int) {
    let transfer = entry.slot.handle.isCollection ? transfer(of: entry) : nil
    let existing = existing(newKey, in: database)
    if let transfer {
      place(transfer, at: newKey, in: database, replacing: existing)
    } else {
      copyBlock(of: entry, to: newKey, in: database, replacing: existing)
    }
  }

  /// Renames a key within its database, replacing what bears the name. The two names must differ.
  public mutating func rename(_ entry: Entry, to newKey: Key) {
    // What lies outside the block goes over with the block's bytes.
    let age = entry.slot.handle.age
    copyBlock(of: entry, to: newKey, in: entry.database, replacing: existing(newKey, in: entry.database))
    let table = table(entry.database)
    let target = table.pointee.find(newKey)
    target?.handle.age = age
    guard let slot = table.pointee.find(entry.key) else { return }
    if slot.handle.isCollection, let target {
      table.pointee.accounts.detachValue(of: slot.handle, hash: entry.key.hash)
      table.pointee.accounts.attachValue(of: target.handle, hash: newKey.hash)
    }
    removeBlock(slot, entry.key.hash, from: table)
  }

  private func existing(_ key: Key, in database: Int) -> Entry? {
    table(database).pointee.find(key).map { Entry(slot: $0, database: database, key: key) }
  }

  private mutating func copyBlock(
    of entry: Entry, to newKey: Key, in database: Int, replacing existing: Entry?
  ) {
    // The source's slot may move when a segment splits; its block stays where it is.
    let source = entry.slot.handle
    let target = store(
      newKey, in: database, replacing: existing, kind: source.kind, valueCount: source.value.count,
      expiry: source.expiry)
    if let from = source.value.baseAddress, let to = target.baseAddress {
      copyBytes(from: from, to: to, target.count)
    }
  }

  /// Moves a key to another database, which must not have it.
  public mutating func move(_ entry: Entry, to database: Int) {
    let handle = entry.slot.handle
    noteCreation(entry.key, in: database)
    let (source, target) = (table(entry.database), table(database))
    source.pointee.accounts.detachValue(of: handle, hash: entry.key.hash)
    source.pointee.accounts.removeKey(handle, hash: entry.key.hash)
    source.pointee.remove(entry.slot, hash: entry.key.hash)
    _ = target.pointee.insert(handle, hash: entry.key.hash)
    target.pointee.accounts.addKey(handle, hash: entry.key.hash)
    target.pointee.accounts.attachValue(of: handle, hash: entry.key.hash)
    dirty += 1
  }
}

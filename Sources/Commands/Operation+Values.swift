import Bytes
import Engine
import Keyspace

/// What a coordinated command found at one of its keys.
enum FetchedValue: Sendable {
  case missing
  /// The key holds a type that the command can't take: WRONGTYPE is the answer.
  case otherType
  case value(ValueTransfer)
}

/// Whole values for commands whose keys lie on several shards: fetched from all their shards at once, and stored.
///
/// A command that computes a result from several keys (SINTERSTORE, ZUNIONSTORE, BITOP, PFMERGE, SORT ...) fetches, computes
/// on the client's loop, and stores. All such commands pass through here, and nowhere else do they read or write
/// values, so that this is the one place to make what lies between fetching and storing one step in the eyes of others.
extension Operation {
  /// Copies of the values at `keys`, in their order. Each shard is asked once, for all its keys; lookups count as
  /// `purpose` says.
  func fetch(_ keys: [ByteView], allowing kinds: [ValueKind], for purpose: LookupPurpose = .read) async
    -> [FetchedValue]
  {
    var placesOfShard: [Int: [Int]] = [:]
    for (place, key) in keys.enumerated() { placesOfShard[shard(of: key), default: []].append(place) }
    let shards = placesOfShard.keys.sorted()
    let database = database
    let found = await onShards(shards) { [placesOfShard] shard in
      (placesOfShard[shard.pointee.index] ?? []).map {
        shard.fetch(keys[$0], in: database, allowing: kinds, for: purpose)
      }
    }
    var values = [FetchedValue](repeating: .missing, count: keys.count)
    for (shard, part) in zip(shards, found) {
      for (place, value) in zip(placesOfShard[shard] ?? [], part) { values[place] = value }
    }
    return values
  }

  /// The same where any other type is an error; nil for keys that are missing.
  func values(of keys: [ByteView], allowing kinds: [ValueKind], for purpose: LookupPurpose = .read)
    async
    throws(CommandError) -> [ValueTransfer?]
  {
    var values: [ValueTransfer?] = []
    for value in await fetch(keys, allowing: kinds, for: purpose) {
      switch value {
      case .missing: values.append(nil)
      case .otherType: throw CommandError(ErrorText.wrongType)
      case .value(let value): values.append(value)
      }
    }
    return values
  }

  /// Gives a key a value, whatever it was before; nil and a collection without elements, which does not exist, remove
  /// it. Reports what it did: the event given, or `del`. Returns whether the key was there before.
  @discardableResult
  func store(
    _ value: ValueTransfer?, at key: ByteView, _ eventClass: KeyEventClasses, _ event: StaticString
  ) async -> Bool {
    let database = database
    return await onShard(shard(of: key)) { shard in
      let key = Key(key, hasher: shard.pointee.keyspace.hasher)
      let existing = shard.pointee.keyspace.lookup(key, in: database, for: .write)
      let isThere: Bool
      if let value, value.collection?.items.count != 0 {
        shard.pointee.keyspace.place(value, at: key, in: database, replacing: existing)
        isThere = true
      } else {
        if let existing { shard.pointee.keyspace.remove(existing) }
        isThere = false
      }
      shard.replaced(
        key, in: database, eventClass, event, wasThere: existing != nil, isThere: isThere)
      return existing != nil
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  fileprivate func fetch(
    _ key: ByteView, in database: Int, allowing kinds: [ValueKind], for purpose: LookupPurpose
  ) -> FetchedValue {
    let key = Key(key, hasher: pointee.keyspace.hasher)
    guard let entry = pointee.keyspace.lookup(key, in: database, for: purpose) else { return .missing }
    return kinds.contains(entry.kind) ? .value(pointee.keyspace.transfer(of: entry)) : .otherType
  }
}

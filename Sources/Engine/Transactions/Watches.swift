import Bytes
import Keyspace

/// A key that a client watches.
struct WatchedKey: Sendable {
  let shard: Int
  let fingerprint: UInt64
  let database: Int
  let key: [UInt8]
  /// The shard's count of changes to watched keys when the client began to watch.
  let version: UInt64
  /// Whether the key was there.
  let existed: Bool
}

/// The keys that a client watches. It is not changed while a transaction of the client's is under way.
final class WatchList: @unchecked Sendable {
  // Sendable is sound because other loops only read it, and only between the messages of a transaction, while the client's
  // own loop does not touch it.
  var keys: [WatchedKey] = []
}

/// Which keys of a shard are watched, and when each was last changed.
///
/// Changes are counted, not clients told: a client's transaction compares the counts when it has its locks, on the shard
/// itself, so nothing can come between the look and the work.
struct WatchTable {
  private struct Entry {
    var database: Int
    var key: [UInt8]
    var lastChange: UInt64
    var watcherCount: Int
  }

  private var entries: [UInt64: Entry] = [:]
  private var changeCount: UInt64 = 0

  var isEmpty: Bool { entries.isEmpty }
  /// Keys watched.
  var count: Int { entries.count }

  /// Keys of the same name in several databases are different keys; two that share a place spoil each other's transactions,
  /// which their clients try again.
  private static func place(_ fingerprint: UInt64, _ database: Int) -> UInt64 {
    fingerprint ^ UInt64(truncatingIfNeeded: database) &* 0x9e37_79b9_7f4a_7c15
  }

  /// Begins to watch a key, and returns the count of changes so far.
  mutating func add(_ key: Key, in database: Int) -> UInt64 {
    entries[
      Self.place(key.hash, database),
      default: Entry(database: database, key: key.bytes.array, lastChange: 0, watcherCount: 0)
    ].watcherCount += 1
    return changeCount
  }

  mutating func remove(_ watched: WatchedKey) {
    let place = Self.place(watched.fingerprint, watched.database)
    guard var entry = entries[place] else { return }
    entry.watcherCount -= 1
    entries[place] = entry.watcherCount > 0 ? entry : nil
  }

  /// Notes a change.
  mutating func noteChange(_ fingerprint: UInt64, in database: Int) {
    let place = Self.place(fingerprint, database)
    guard entries[place] != nil else { return }
    changeCount += 1
    entries[place]?.lastChange = changeCount
  }

  /// All watched keys with their databases.
  var keys: [(key: [UInt8], database: Int)] { entries.values.map { ($0.key, $0.database) } }

  /// Whether a key was changed since a client began to watch it.
  func isChanged(_ watched: WatchedKey) -> Bool {
    guard let entry = entries[Self.place(watched.fingerprint, watched.database)] else { return true }
    return entry.lastChange > watched.version
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Looks whether keys of this shard were changed that a transaction's client watches. A key that expired since then counts as
  /// changed.
  func checkWatches(of transaction: UnsafeMutablePointer<Transaction>) {
    guard let watches = transaction.pointee.watches?.takeUnretainedValue() else { return }
    transaction.part(pointee.index).pointee.isDirty = isAnyChanged(watches)
  }

  /// Whether one of the keys of this shard that a client watches was changed.
  func isAnyChanged(_ watches: WatchList) -> Bool {
    watches.keys.contains { $0.shard == pointee.index && isChanged($0) }
  }

  private func isChanged(_ watched: WatchedKey) -> Bool {
    if pointee.watches.isChanged(watched) { return true }
    return watched.existed && !exists(watched.key, in: watched.database)
  }

  func exists(_ key: [UInt8], in database: Int) -> Bool {
    key.withUnsafeBufferPointer { buffer in
      let view = buffer.baseAddress.map { ByteView(start: $0, count: buffer.count) } ?? ByteView("")
      let key = Key(view, hasher: pointee.keyspace.hasher)
      return pointee.keyspace.lookup(key, in: database, for: .peek) != nil
    }
  }

  /// Watched keys that are there are about to vanish; the others are what they were.
  func noteFlushOfWatchedKeys(database: Int?) {
    let watched = pointee.watches.keys.filter { database == nil || $0.database == database }
    for (key, database) in watched where exists(key, in: database) {
      noteChange(ofWatched: key, in: database)
    }
  }

  /// Watched keys that are in either of two databases have changed places.
  func noteSwapOfWatchedKeys(_ first: Int, _ second: Int) {
    let watched = pointee.watches.keys.filter { $0.database == first || $0.database == second }
    for (key, database) in watched where exists(key, in: first) || exists(key, in: second) {
      noteChange(ofWatched: key, in: database)
    }
  }

  private func noteChange(ofWatched key: [UInt8], in database: Int) {
    key.withUnsafeBufferPointer { buffer in
      let view = buffer.baseAddress.map { ByteView(start: $0, count: buffer.count) } ?? ByteView("")
      pointee.watches.noteChange(pointee.keyspace.hasher.hash(view), in: database)
    }
  }

  /// Begins to watch a key of this shard for a client.
  func watch(_ name: ByteView, in database: Int) -> WatchedKey {
    let key = Key(name, hasher: pointee.keyspace.hasher)
    // A key whose time has come is gone before its watching begins.
    let existed = pointee.keyspace.lookup(key, in: database, for: .peek) != nil
    let version = pointee.watches.add(key, in: database)
    pointee.observers.insert(.watches)
    return WatchedKey(
      shard: pointee.index, fingerprint: key.hash, database: database, key: name.array, version: version,
      existed: existed)
  }

  func unwatch(_ keys: [WatchedKey]) {
    for key in keys where key.shard == pointee.index { pointee.watches.remove(key) }
    if pointee.watches.isEmpty { pointee.observers.remove(.watches) }
  }
}

extension Operation {
  /// Has the client watch the call's keys, from the first argument on, until its next EXEC, DISCARD or UNWATCH.
  public func watchKeys() async {
    var namesOfShard: [Int: [ByteView]] = [:]
    let known = client.pointee.watches?.keys ?? []
    let database = database
    for index in 1..<arguments.count {
      let name = arguments[index]
      // A key that is watched already keeps the moment from which it is.
      if known.contains(where: { $0.database == database && $0.key == name.array }) { continue }
      namesOfShard[shard(of: name), default: []].append(name)
    }
    let watched = await onShards(namesOfShard.keys.sorted()) { [namesOfShard] shard in
      (namesOfShard[shard.pointee.index] ?? []).map { shard.watch($0, in: database) }
    }
    coordinator.addWatches(watched.flatMap { $0 }, to: client)
  }
}

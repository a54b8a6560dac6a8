import Bytes
import Engine
import Keyspace

/// Bringing a key's value and expiry time to another name or database: what RENAME, RENAMENX and COPY are.
struct KeyMovement: Sendable {
  struct Place: Sendable {
    let key: ByteView
    let database: Int
  }

  enum Outcome: Sendable {
    case done
    case sourceMissing
    case targetExists
  }

  let source: Place
  let target: Place
  let keepsSource: Bool
  let replacesTarget: Bool

  /// Does it where both keys live on the one shard.
  func run(on shard: UnsafeMutablePointer<Shard>) -> Outcome {
    let sourceKey = shard.key(source)
    let targetKey = shard.key(target)
    // The target comes first: looking it up may remove it, and then no entry found before is valid.
    let targetExists = shard.pointee.keyspace.lookup(targetKey, in: target.database, for: .write) != nil
    let purpose: LookupPurpose = keepsSource ? .read : .write
    guard let entry = shard.pointee.keyspace.lookup(sourceKey, in: source.database, for: purpose) else {
      return .sourceMissing
    }
    if targetExists, !replacesTarget { return .targetExists }
    if !keepsSource, sourceKey.bytes == targetKey.bytes { return .done }
    if targetExists { shard.noticed(targetKey, in: target.database, .new, "new") }
    if keepsSource {
      shard.pointee.keyspace.copy(entry, to: targetKey, in: target.database)
      shard.changed(targetKey, in: target.database, .generic, "copy_to")
    } else {
      shard.pointee.keyspace.rename(entry, to: targetKey)
      shard.changed(sourceKey, in: source.database, .generic, "rename_from")
      shard.changed(targetKey, in: target.database, .generic, "rename_to")
    }
    return .done
  }

  /// Does it over two shards, whose keys the operation has locked: what is found stays so until the end.
  func run(_ operation: Operation) async -> Outcome {
    let sourceShard = operation.shard(of: source.key)
    let targetShard = operation.shard(of: target.key)
    if !replacesTarget {
      let exist = await operation.onShards([sourceShard, targetShard]) { [self] shard in
        shard.pointee.index == sourceShard ? hasSource(shard) : shard.has(target)
      }
      if !exist[0] { return .sourceMissing }
      if exist[1] { return .targetExists }
    }
    guard let value = await operation.onShard(sourceShard, { [self] in take(from: $0) }) else {
      return .sourceMissing
    }
    _ = await operation.onShard(targetShard) { [self] in
      $0.put(value, at: target, event: keepsSource ? "copy_to" : "rename_to")
    }
    return .done
  }

  /// Whether the source is there. If not, the look at it was a read as far as others see.
  private func hasSource(_ shard: UnsafeMutablePointer<Shard>) -> Bool {
    if shard.has(source) { return true }
    if keepsSource { shard.pointee.keyspace.countMiss(shard.key(source), in: source.database) }
    return false
  }

  private func take(from shard: UnsafeMutablePointer<Shard>) -> ValueTransfer? {
    let purpose: LookupPurpose = keepsSource ? .read : .write
    let key = shard.key(source)
    guard let entry = shard.pointee.keyspace.lookup(key, in: source.database, for: purpose) else {
      return nil
    }
    var value = shard.pointee.keyspace.transfer(of: entry)
    if !keepsSource {
      value.age = entry.age
      shard.pointee.keyspace.remove(entry)
      shard.changed(key, in: source.database, .generic, "rename_from")
    }
    return value
  }
}

extension UnsafeMutablePointer<Shard> {
  fileprivate func key(_ place: KeyMovement.Place) -> Key {
    Key(place.key, hasher: pointee.keyspace.hasher)
  }

  fileprivate func has(_ place: KeyMovement.Place) -> Bool {
    pointee.keyspace.lookup(key(place), in: place.database, for: .write) != nil
  }

  /// Gives a key a value, whatever it was before.
  fileprivate func put(_ value: ValueTransfer, at place: KeyMovement.Place, event: StaticString) {
    let key = key(place)
    let existing = pointee.keyspace.lookup(key, in: place.database, for: .write)
    // For others the old key is gone, and this is another one.
    if existing != nil { noticed(key, in: place.database, .new, "new") }
    pointee.keyspace.place(value, at: key, in: place.database, replacing: existing)
    changed(key, in: place.database, .generic, event)
  }
}

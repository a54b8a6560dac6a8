import Bytes

/// A key and what it holds, as a value of its own.
public struct KeySize: Sendable {
  public let key: [UInt8]
  public let database: Int
  public let type: ValueType
  /// What MEMORY USAGE says.
  public let usageBytes: Int
  public let elements: Int

  init(_ key: WalkedKey) {
    self.key = key.key.array
    database = key.database
    type = key.kind.type
    usageBytes = key.usageBytes
    elements = key.elements
  }
}

/// The largest keys.
extension Keyspace {
  /// A shard with so few keys is walked through: there is no faster way, nor a more exact one.
  static let walkedKeysMaximum = 4_096

  /// The largest keys of some types and databases that `accepts` accepts, in descending order, at most
  /// `countMaximum`. Of more keys than can be walked through at once, these are the largest among the candidates
  /// (`Candidates.keptCount` of each type).
  public func largestKeys(
    _ countMaximum: Int, of types: [ValueType], in databases: Range<Int>, accepts: (ByteView) -> Bool
  ) -> [KeySize] {
    var keyCount = 0
    for database in databases { keyCount += count(in: database) }
    let found =
      keyCount <= Self.walkedKeysMaximum
      ? walkedKeys(of: types, in: databases, accepts) : candidates(countMaximum, types, databases, accepts)
    return found.sorted { $0.bytes > $1.bytes }.prefix(countMaximum).map { KeySize($0) }
  }

  private func walkedKeys(
    of types: [ValueType], in databases: Range<Int>, _ accepts: (ByteView) -> Bool
  ) -> [WalkedKey] {
    var keys: [WalkedKey] = []
    var walk = KeyWalk(databases: databases)
    while !walk.isDone {
      walk.step(in: table(walk.database).pointee) { key in
        if types.contains(key.kind.type), !isExpired(key.handle), accepts(key.key) { keys.append(key) }
      }
    }
    return keys
  }

  private func candidates(
    _ countMaximum: Int, _ types: [ValueType], _ databases: Range<Int>, _ accepts: (ByteView) -> Bool
  ) -> [WalkedKey] {
    var entries: [Candidates.Entry] = []
    for type in types { entries += ledger.pointee.candidates[Int(type.rawValue)].entries }
    entries.sort { $0.byteCount > $1.byteCount }
    var keys: [WalkedKey] = []
    for entry in entries where databases.contains(entry.database) {
      if keys.count == countMaximum { break }
      guard let handle = table(entry.database).pointee.find(hash: entry.hash), !isExpired(handle) else {
        continue
      }
      let key = WalkedKey(handle: handle, database: entry.database)
      if types.contains(key.kind.type), accepts(key.key) { keys.append(key) }
    }
    return keys
  }
}

import Bytes

/// What the keys of a shard hold, by prefix.
public struct PrefixEstimate: Sendable {
  public var prefixes: [PrefixUsage] = []
  /// What all keys hold.
  public var total = PrefixSums()
  /// Keys that were looked at.
  public var visitedCount = 0
  /// Whether these were all.
  public var isExact = true
}

/// Bytes by prefix, without looking at all keys.
///
/// The largest keys of each type are known (`Candidates`), so they are counted one by one. Of the others a sample is taken:
/// tables keep keys in the order of their hashes, so those of the first segments are chosen as if by lot. What they hold
/// is scaled up to what the ledger says that all of them hold. So the sums are right in any case, and there is nothing to
/// keep up to date that the ledger does not keep anyway. Small tables are in the sample as a whole.
extension Keyspace {
  /// Keys that a sample takes, if there is time.
  private static let sampledKeyMaximum = 16_384
  /// Prefixes that an answer has at the least, if there are so many.
  private static let prefixMinimum = 512

  /// - Parameters:
  ///   - countMaximum: prefixes that are wanted. There are more in the answer, because shards differ.
  ///   - isSpent: whether this share of the time is over.
  public func estimatePrefixes(
    _ rule: PrefixRule, in databases: Range<Int>, countMaximum: Int, isSpent: (Double) -> Bool
  ) -> PrefixEstimate {
    var estimate = PrefixEstimate()
    var table = PrefixTable(hasher: hasher)
    let keyCount = max(1, databases.reduce(0) { $0 + count(in: $1) })
    // Few keys take so little time that it is not looked at: their sums are always exact.
    let isSmall = keyCount <= Self.walkedKeysMaximum
    var before = 0
    for database in databases where count(in: database) > 0 {
      before += count(in: database)
      estimate.total += totals(of: database)
      let quota = max(1, Self.sampledKeyMaximum * count(in: database) / keyCount)
      let share = Double(before) / Double(keyCount)
      sample(rule, database, quota, &table, &estimate) { !isSmall && isSpent(share) }
    }
    estimate.prefixes = table.largest(max(countMaximum, Self.prefixMinimum))
    return estimate
  }

  private func totals(of database: Int) -> PrefixSums {
    var sums = PrefixSums()
    for type in ValueType.allCases {
      let usage = usage(of: type, in: database)
      sums += PrefixSums(keys: Double(usage.keys), bytes: Double(usage.usageBytes))
    }
    return sums
  }

  private func sample(
    _ rule: PrefixRule, _ database: Int, _ quota: Int, _ whole: inout PrefixTable,
    _ estimate: inout PrefixEstimate, isSpent: () -> Bool
  ) {
    let thresholds = (0..<Ledger.typeCount).map { ledger.pointee.candidates[$0].completeThreshold }
    var others = totals(of: database)
    for type in 0..<Ledger.typeCount {
      for entry in ledger.pointee.candidates[type].entries
      where entry.database == database && entry.byteCount > thresholds[type] {
        guard let handle = table(database).pointee.find(hash: entry.hash) else { continue }
        let bytes = Double(entry.byteCount + Self.slotBytes)
        whole.add(PrefixSums(keys: 1, bytes: bytes), to: rule.prefix(of: handle.key))
        others += PrefixSums(keys: -1, bytes: -bytes)
        estimate.visitedCount += 1
      }
    }
    var sample = PrefixTable(hasher: hasher)
    var met = PrefixSums()
    var walk = KeyWalk(databases: database..<(database + 1))
    while !walk.isDone, Int(met.keys) < quota {
      walk.step(in: table(database).pointee) { key in
        let byteCount = key.bytes
        if byteCount > thresholds[key.handle.typeIndex] { return }
        let bytes = Double(byteCount + Self.slotBytes)
        met += PrefixSums(keys: 1, bytes: bytes)
        sample.add(PrefixSums(keys: 1, bytes: bytes, variance: bytes * bytes), to: rule.prefix(of: key.key))
      }
      if isSpent() { break }
    }
    estimate.visitedCount += Int(met.keys)
    guard !walk.isDone, met.keys > 0 else {
      if !walk.isDone { estimate.isExact = false }
      return whole.add(sample) { PrefixSums(keys: $0.keys, bytes: $0.bytes) }
    }
    estimate.isExact = false
    let keyFactor = others.keys / met.keys
    let byteFactor = others.bytes / met.bytes
    // Each key is in the sample or not; a key that is stands for `byteFactor` of its kind.
    let chance = max(0, 1 - met.keys / others.keys)
    whole.add(sample) {
      PrefixSums(
        keys: $0.keys * keyFactor, bytes: $0.bytes * byteFactor,
        variance: $0.variance * byteFactor * byteFactor * chance)
    }
  }
}

/// A count of all keys of a shard by prefix, in steps. It belongs to the thread of the shard until it is done.
public final class PrefixCount: @unchecked Sendable {
  // Sendable is sound because only the shard's thread touches it: others keep it for that thread.

  private let rule: PrefixRule
  private var walk: KeyWalk
  private var table: PrefixTable
  private var total = PrefixSums()

  public init(_ rule: PrefixRule, databases: Range<Int>, hasher: KeyHasher) {
    self.rule = rule
    walk = KeyWalk(databases: databases)
    table = PrefixTable(hasher: hasher)
  }

  /// Where the count stands.
  public struct Progress: Sendable {
    public let visitedCount: Int
    public let isDone: Bool
    public let total: PrefixSums
    /// What belongs to prefixes that are not told apart.
    public let rest: PrefixSums
    public let prefixCount: Int
  }

  /// Goes on as long as `mayGoOn`.
  public func advance(_ keyspace: inout Keyspace, while mayGoOn: () -> Bool) -> Progress {
    if !walk.isDone {
      keyspace.advance(&walk, while: mayGoOn) { key in
        let sums = PrefixSums(keys: 1, bytes: Double(key.usageBytes))
        total += sums
        table.add(sums, to: rule.prefix(of: key.key))
      }
    }
    return Progress(
      visitedCount: walk.keyCount, isDone: walk.isDone, total: total, rest: table.rest,
      prefixCount: table.count)
  }

  /// Some of the prefixes, by their places.
  public func usages(_ places: Range<Int>) -> [PrefixUsage] { table.usages(places) }
}

/// The channels and patterns to which clients of a loop subscribe, or those of several loops together: each counts
/// once, on however many loops it has subscribers.
public struct SubscriptionTotals: Sendable, Equatable {
  private var counts = [0, 0, 0]
  /// Hashes of the names by kind, if there are several loops.
  private var hashes: [Set<UInt64>] = [[], [], []]

  public init() {}

  init(of shard: UnsafeMutablePointer<Shard>) {
    for kind in ChannelKind.allCases {
      counts[kind.rawValue] = shard.pointee.subscriptions.channelCount(kind)
      if shard.pointee.server.shardCount == 1 { continue }
      shard.pointee.subscriptions.forEachChannel(kind) { _, hash, _ in hashes[kind.rawValue].insert(hash) }
    }
  }

  /// The number of different names of a kind.
  public func count(_ kind: ChannelKind) -> Int { counts[kind.rawValue] }

  mutating func merge(_ other: SubscriptionTotals) {
    for kind in 0..<counts.count {
      let common = hashes[kind].intersection(other.hashes[kind]).count
      counts[kind] += other.counts[kind] - common
      hashes[kind].formUnion(other.hashes[kind])
    }
  }
}

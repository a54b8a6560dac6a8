/// What a shard, or several of them, remember for clients that keep copies of keys.
public struct TrackingTotals: Sendable, Equatable {
  public private(set) var keyCount = 0
  /// Pairs of a key and a client.
  public private(set) var itemCount = 0
  /// Prefixes of broadcasts, which every shard knows.
  public private(set) var prefixCount = 0

  public init() {}

  init(of shard: UnsafeMutablePointer<Shard>) {
    keyCount = shard.pointee.trackedKeys.count
    itemCount = shard.pointee.trackedKeys.itemCount
    prefixCount = shard.pointee.broadcastPrefixes.count
  }

  mutating func merge(_ other: TrackingTotals) {
    keyCount += other.keyCount
    itemCount += other.itemCount
    prefixCount = max(prefixCount, other.prefixCount)
  }
}

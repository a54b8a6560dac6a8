import Bytes
import Keyspace

extension Operation {
  /// Matching must come to its end within this time on each shard, or the question is refused.
  private static let matchingNanoseconds: UInt64 = 5_000_000
  /// Bytes of a pattern times bytes of a key that are matched at the most: what matching may cost follows from that.
  private static let matchingProductMaximum = 1 << 22

  /// The largest keys of each shard whose names match, at most `countMaximum` of each; nil if matching takes too long.
  public func largestKeys(
    _ countMaximum: Int, of types: [ValueType], in databases: Range<Int>, matching text: ByteView?
  ) async -> [[KeySize]]? {
    let parts = await onEveryShard { shard -> [KeySize]? in
      guard let text, text != ByteView("*") else {
        return shard.pointee.keyspace.largestKeys(countMaximum, of: types, in: databases) { _ in true }
      }
      let pattern = GlobPattern(text)
      let budget = SliceBudget(on: shard, nanoseconds: Self.matchingNanoseconds)
      var isTooLong = false
      let keys = shard.pointee.keyspace.largestKeys(countMaximum, of: types, in: databases) { key in
        if isTooLong || budget.isSpent || text.count * key.count > Self.matchingProductMaximum {
          isTooLong = true
          return false
        }
        return pattern.matches(key)
      }
      return isTooLong ? nil : keys
    }
    let known = parts.compactMap { $0 }
    return known.count == parts.count ? known : nil
  }
}

import Bytes
import RESP

/// Steps that others see whole or not at all.
extension Operation {
  /// The shards that own keys of the call, in ascending order.
  public var keyShards: [Int] {
    var shards: Set<Int> = []
    for specification in server.table.declarations[entry.pointee.index].keys {
      specification.forEachCandidate(in: arguments) { shards.insert(shard(of: arguments[$0])) }
    }
    return shards.sorted()
  }

  /// Runs `body` on every shard that owns keys of the call, and returns its values in the order of `keyShards`. No other
  /// command sees the keys, or changes them, between the first shard's run and the last's.
  public func inOneStep<Value: Sendable>(
    _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Value
  ) async -> [Value] {
    await onShards(keyShards, body)
  }
}

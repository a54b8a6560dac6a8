import Bytes
import Engine
import Keyspace

/// Going through the keys of a call.
extension KeyCall {
  /// Keys whose cache lines are asked for together.
  private static let prefetchCount = 32

  /// Calls `body` with each `step`-th argument from `first` on, as a key, and its index.
  ///
  /// The cache lines that lookups of the next keys will need are asked for in stages, so that the memory fetches
  /// them for many keys at once.
  @inline(__always)
  func forEachKey(from first: Int = 1, step: Int = 1, _ body: (Key, Int) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.prefetchCount) { hashes in
      let hasher = keyspace.hasher
      var start = first
      while start < arguments.count {
        let count = min((arguments.count - start + step - 1) / step, Self.prefetchCount)
        for number in 0..<count {
          let hash = hasher.hash(arguments[start + number * step])
          hashes[number] = hash
          keyspace.prefetchBucket(hash: hash, in: database)
        }
        for number in 0..<count where !keyspace.prefetchBlock(hash: hashes[number], in: database) {
          keyspace.prefetchBlockElsewhere(hash: hashes[number], in: database)
        }
        for number in 0..<count {
          let index = start + number * step
          body(Key(arguments[index], hash: hashes[number]), index)
        }
        start += count * step
      }
    }
  }
}

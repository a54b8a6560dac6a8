import Bytes

/// A key as a command names it: its bytes and their hash, computed once.
///
/// Disjoint parts of the hash serve different choices: bits 0-7 are the slot's fingerprint, bits 8-23
/// choose the home bucket, bits 32-63 the segment; the shard is chosen by a multiple of the whole.
public struct Key: Sendable {
  public let bytes: ByteView
  public let hash: UInt64

  public init(_ bytes: ByteView, hash: UInt64) {
    self.bytes = bytes
    self.hash = hash
  }

  public init(_ bytes: ByteView, hasher: KeyHasher) {
    self.init(bytes, hash: hasher.hash(bytes))
  }
}

/// The shard, of `shardCount`, that owns the keys with this hash.
@inline(__always)
public func shardIndex(ofHash hash: UInt64, shardCount: Int) -> Int {
  // The golden ratio spreads all the bits of the hash over the upper half of the product; the bits that
  // choose bucket and segment stay independent of the shard.
  let mixed = (hash &* 0x9e37_79b9_7f4a_7c15) >> 32
  return Int((mixed &* UInt64(truncatingIfNeeded: shardCount)) >> 32)
}

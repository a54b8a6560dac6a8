/// The keyspace's hash: 64 bits from any bytes, different for every seed.
///
/// Its one operation is the folded multiplication: two words, each blinded by a secret one, multiplied to
/// 128 bits whose halves are combined, so that every bit of the input reaches the middle. Keys of up
/// to 16 bytes are two loads that may overlap, and two multiplications; longer ones 16 bytes a
/// multiplication, in two independent lanes from 48 bytes on. The last 16 bytes are always one load pair
/// from the end, so there is no tail loop.
///
/// All bits are good and each has its use: the low 8 are the fingerprint in a bucket, the others choose the
/// bucket, the segment and the shard.
///
/// The seed keeps clients from choosing keys that collide, as far as they can't observe the hash. It
/// isn't a cryptographic function, and hashes don't outlive the process: they differ between machines of
/// different byte order.
public struct KeyHasher: Sendable, BitwiseCopyable {
  // Four secret words that blind the operands: without them a key could make a factor zero.
  private let first: UInt64
  private let second: UInt64
  private let third: UInt64
  private let fourth: UInt64

  /// A hasher for one process or one test; two random words in production.
  public init(seed: UInt64, _ moreSeed: UInt64) {
    first = expandSeed(seed, moreSeed, 1)
    second = expandSeed(moreSeed, seed, 2)
    third = expandSeed(seed, moreSeed, 3)
    fourth = expandSeed(moreSeed, seed, 4)
  }

  /// The hash of `bytes`, which may lie at any address.
  @inline(__always)
  public func hash(_ bytes: ByteView) -> UInt64 {
    let count = bytes.count
    let start = UnsafeRawPointer(bytes.start)
    if count > 16 { return hashLong(start, count) }
    if count >= 8 {
      return finish(
        start.loadUnaligned(as: UInt64.self),
        start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self), count)
    }
    if count >= 4 {
      return finish(
        UInt64(start.loadUnaligned(as: UInt32.self)),
        UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)), count)
    }
    if count == 0 { return finish(0, 0, 0) }
    // The first, the middle and the last byte, which are all of up to three.
    let ends = UInt64(bytes.start[0]) | UInt64(bytes.start[count &- 1]) << 8
    return finish(ends, UInt64(bytes.start[count >> 1]), count)
  }

  /// Joins the last two words and the length. The length makes texts differ that load the same words, as
  /// "ab" and "abab"; the second multiplication spreads what the first left in the outer bits.
  @inline(__always)
  private func finish(_ left: UInt64, _ right: UInt64, _ count: Int) -> UInt64 {
    let product = (left ^ first).multipliedFullWidth(by: right ^ second)
    return foldedProduct(product.low ^ third, product.high ^ fourth ^ UInt64(truncatingIfNeeded: count))
  }

  /// Keys of more than 16 bytes; out of line, so that the short way stays small where it is inlined.
  @inline(never)
  private func hashLong(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
    var lane = third
    var offset = 0
    let last = count &- 16
    if count > 48 {
      // Two lanes, so that one multiplication needn't wait for the other.
      var otherLane = fourth
      while offset < last &- 32 {
        lane = absorb(start, offset, into: lane, first)
        otherLane = absorb(start, offset &+ 16, into: otherLane, second)
        offset &+= 32
      }
      lane = lane &+ (otherLane << 29 | otherLane >> 35)
    }
    while offset < last {
      lane = absorb(start, offset, into: lane, first)
      offset &+= 16
    }
    return finish(
      start.loadUnaligned(fromByteOffset: last, as: UInt64.self) ^ lane,
      start.loadUnaligned(fromByteOffset: last &+ 8, as: UInt64.self), count)
  }

  /// Takes 16 bytes at `offset` into a lane.
  @inline(__always)
  private func absorb(
    _ start: UnsafeRawPointer, _ offset: Int, into lane: UInt64, _ secret: UInt64
  ) -> UInt64 {
    foldedProduct(
      start.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ secret,
      start.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self) ^ lane)
  }
}

/// The 128-bit product of two words, its halves combined.
@inline(__always)
private func foldedProduct(_ left: UInt64, _ right: UInt64) -> UInt64 {
  let product = left.multipliedFullWidth(by: right)
  return product.low ^ product.high
}

/// The secret number `index` of a seed: any seed, also (0, 0), gives words with about half of their bits set.
private func expandSeed(_ seed: UInt64, _ moreSeed: UInt64, _ index: UInt64) -> UInt64 {
  // The constants are the fractional bits of the square roots of 2, 3, 5 and 7.
  var word = foldedProduct(seed ^ 0x6a09_e667_f3bc_c908 &* index, moreSeed ^ 0xbb67_ae85_84ca_a73b)
  word ^= seed ^ (moreSeed << 32 | moreSeed >> 32) ^ index &* 0x3c6e_f372_fe94_f82b
  word ^= word >> 31
  word = word &* 0xa54f_f53a_5f1d_36f1
  word ^= word >> 29
  word = word &* 0x3c6e_f372_fe94_f82b
  return word ^ word >> 32
}

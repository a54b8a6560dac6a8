import Bytes

/// MurmurHash64A, Austin Appleby's hash of 2008, which he gave to the public domain: the one that HyperLogLog values in
/// the format of Redis were made with.
public func murmurHash64A(_ bytes: ByteView, seed: UInt64) -> UInt64 {
  let multiplier: UInt64 = 0xc6a4_a793_5bd1_e995
  let start = UnsafeRawPointer(bytes.start)
  var hash = seed ^ (UInt64(truncatingIfNeeded: bytes.count) &* multiplier)
  var offset = 0
  while bytes.count - offset >= 8 {
    var word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    word = word &* multiplier
    word ^= word >> 47
    hash = (hash ^ (word &* multiplier)) &* multiplier
    offset += 8
  }
  if offset < bytes.count {
    var tail: UInt64 = 0
    for index in offset..<bytes.count { tail |= UInt64(bytes.start[index]) << UInt64((index - offset) * 8) }
    hash = (hash ^ tail) &* multiplier
  }
  hash = (hash ^ (hash >> 47)) &* multiplier
  return hash ^ (hash >> 47)
}

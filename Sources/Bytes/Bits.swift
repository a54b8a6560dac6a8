// Bits of byte strings as Redis numbers them: bit 0 is the highest bit of the first byte.

/// Whether the bit at `offset`, which must lie within the bytes, is set.
@inlinable
@inline(__always)
public func bit(at offset: Int, in bytes: UnsafePointer<UInt8>) -> Bool {
  bytes[offset >> 3] & (0x80 >> UInt8(truncatingIfNeeded: offset & 7)) != 0
}

/// Sets or clears the bit at `offset`, which must lie within the bytes.
@inlinable
@inline(__always)
public func setBit(at offset: Int, to isSet: Bool, in bytes: UnsafeMutablePointer<UInt8>) {
  let mask: UInt8 = 0x80 >> UInt8(truncatingIfNeeded: offset & 7)
  let byte = bytes[offset >> 3]
  bytes[offset >> 3] = isSet ? byte | mask : byte & ~mask
}

// MARK: Counting

/// How many bits of `bytes` are set.
public func countOnes(in bytes: ByteView) -> Int {
  let start = UnsafeRawPointer(bytes.start)
  var total = 0
  var offset = 0
  while bytes.count - offset >= vectorBytes {
    let end = offset + min((bytes.count - offset) / vectorBytes, vectorsPerSum) * vectorBytes
    var sums = SIMD8<UInt64>()
    while offset < end {
      sums &+= onesOfEachByte(start.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self))
      offset += vectorBytes
    }
    for lane in sums.indices { total += sumOfBytes(sums[lane]) }
  }
  while bytes.count - offset >= 8 {
    total += start.loadUnaligned(fromByteOffset: offset, as: UInt64.self).nonzeroBitCount
    offset += 8
  }
  while offset < bytes.count {
    total += bytes.start[offset].nonzeroBitCount
    offset += 1
  }
  return total
}

/// How many of the bits `range` of `bytes` are set.
public func countOnes(in bytes: ByteView, _ range: Range<Int>) -> Int {
  guard !range.isEmpty else { return 0 }
  precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count * 8, "bit range out of bounds")
  let first = range.lowerBound >> 3
  let last = (range.upperBound - 1) >> 3
  // What of the first and the last byte lies outside is taken off again.
  let before = bytes[first] & ~(0xff >> UInt8(range.lowerBound & 7))
  let after = bytes[last] & (0x7f >> UInt8((range.upperBound - 1) & 7))
  return countOnes(in: bytes[first..<(last + 1)]) - before.nonzeroBitCount - after.nonzeroBitCount
}

private let vectorBytes = 64
/// Vectors whose counts fit the bytes of a sum: 31 times 8 is below 256.
private let vectorsPerSum = 31

/// For each byte of the vector, how many of its bits are set: neighbours are added to pairs, pairs to fours, fours to
/// eights.
@inline(__always)
private func onesOfEachByte(_ bits: SIMD8<UInt64>) -> SIMD8<UInt64> {
  let ones = SIMD8<UInt64>(repeating: 0x5555_5555_5555_5555)
  let pairs = SIMD8<UInt64>(repeating: 0x3333_3333_3333_3333)
  let fours = SIMD8<UInt64>(repeating: 0x0f0f_0f0f_0f0f_0f0f)
  let byTwo = bits &- ((bits &>> 1) & ones)
  let byFour = (byTwo & pairs) &+ ((byTwo &>> 2) & pairs)
  return (byFour &+ (byFour &>> 4)) & fours
}

/// The sum of a word's eight bytes.
private func sumOfBytes(_ word: UInt64) -> Int {
  let mask: UInt64 = 0x00ff_00ff_00ff_00ff
  let pairs = (word & mask) &+ ((word >> 8) & mask)
  return Int(truncatingIfNeeded: (pairs &* 0x0001_0001_0001_0001) >> 48)
}

// MARK: Searching

/// The first of the bits `range` of `bytes` that is set, or clear if `isSet` is false; nil if there is none.
public func firstBit(_ isSet: Bool, in bytes: ByteView, _ range: Range<Int>) -> Int? {
  guard !range.isEmpty else { return nil }
  precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count * 8, "bit range out of bounds")
  // With all bits flipped, a search for zeros is one for ones.
  let flip: UInt64 = isSet ? 0 : .max
  let start = UnsafeRawPointer(bytes.start)
  let end = (range.upperBound + 7) >> 3
  var offset = range.lowerBound >> 3
  var found = (bytes[offset] ^ UInt8(truncatingIfNeeded: flip)) & (0xff >> UInt8(range.lowerBound & 7))
  if found == 0 {
    offset += 1
    while end - offset >= 32, areFourWords(equalTo: flip, start + offset) { offset += 32 }
    while end - offset >= 8, start.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == flip {
      offset += 8
    }
    while offset < end, found == 0 {
      found = bytes[offset] ^ UInt8(truncatingIfNeeded: flip)
      if found == 0 { offset += 1 }
    }
    if found == 0 { return nil }
  }
  let position = (offset << 3) + found.leadingZeroBitCount
  return position < range.upperBound ? position : nil
}

@inline(__always)
private func areFourWords(equalTo word: UInt64, _ start: UnsafeRawPointer) -> Bool {
  let first = start.loadUnaligned(as: UInt64.self) ^ word
  let second = start.loadUnaligned(fromByteOffset: 8, as: UInt64.self) ^ word
  let third = start.loadUnaligned(fromByteOffset: 16, as: UInt64.self) ^ word
  let fourth = start.loadUnaligned(fromByteOffset: 24, as: UInt64.self) ^ word
  return first | second | third | fourth == 0
}

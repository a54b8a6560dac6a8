/// Unsigned numbers in groups of seven bits, the lowest first; all but the last have the top bit set.
enum Varint {
  /// Bytes of a number.
  @inline(__always)
  static func byteCount(_ number: UInt64) -> Int {
    // A group for every seven bits, at least one. (9/64 for 1/7 is right for all of 1 to 64.)
    let bitCount = 64 &- (number | 1).leadingZeroBitCount
    return (bitCount &* 9 &+ 64) >> 6
  }

  /// Writes a number at `target`, which moves behind it.
  @inline(__always)
  static func write(_ number: UInt64, _ target: inout UnsafeMutablePointer<UInt8>) {
    var rest = number
    while rest >= 0x80 {
      target.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
      target += 1
      rest >>= 7
    }
    target.pointee = UInt8(truncatingIfNeeded: rest)
    target += 1
  }

  /// Reads the number at `source`, which moves behind it.
  @inline(__always)
  static func read(_ source: inout UnsafePointer<UInt8>) -> UInt64 {
    let first = source.pointee
    source += 1
    return first < 0x80 ? UInt64(first) : readMore(UInt64(first & 0x7f), &source)
  }

  @inline(__always)
  private static func readMore(_ low: UInt64, _ source: inout UnsafePointer<UInt8>) -> UInt64 {
    var number = low
    var shift: UInt64 = 7
    while true {
      let byte = source.pointee
      source += 1
      number |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
  }
}

// Integers as decimal text, the way Redis reads and prints them. All of this is hot: nothing here
// allocates, and a text that is no number is refused at its first byte.

/// The longest text `writeDecimal` prints: "-9223372036854775808", or 20 digits without a sign.
public var decimalBytesMax: Int { 20 }

/// The integer that `bytes` spell in the one way Redis prints it, or nil.
///
/// Strict on purpose, so that the text can be thrown away and printed again: no plus sign, no spaces, no
/// leading zeros, no "-0", nothing outside Int64. A text "looks like an integer" exactly if this
/// isn't nil.
public func parseInt64(_ bytes: ByteView) -> Int64? {
  let count = bytes.count
  guard count > 0, count <= decimalBytesMax else { return nil }
  let isNegative = bytes.start[0] == UInt8(ascii: "-")
  let digits = bytes.start + (isNegative ? 1 : 0)
  let digitCount = count - (isNegative ? 1 : 0)
  // Nineteen digits always fit UInt64; twenty without a leading zero never fit Int64.
  guard digitCount > 0, digitCount <= 19 else { return nil }
  if digits[0] == UInt8(ascii: "0") { return count == 1 ? 0 : nil }
  guard let magnitude = parseDigits(digits, digitCount) else { return nil }
  if isNegative {
    guard magnitude <= 1 << 63 else { return nil }
    return Int64(bitPattern: 0 &- magnitude)
  }
  guard magnitude < 1 << 63 else { return nil }
  return Int64(bitPattern: magnitude)
}

/// The unsigned integer that `bytes` spell, or nil: digits only, leading zeros allowed (as `SCAN 007`
/// allows them), nothing above UInt64.
public func parseUInt64(_ bytes: ByteView) -> UInt64? {
  var digits = bytes.start
  var digitCount = bytes.count
  guard digitCount > 0 else { return nil }
  while digitCount > 1, digits[0] == UInt8(ascii: "0") {
    digits += 1
    digitCount -= 1
  }
  if digitCount <= 19 { return parseDigits(digits, digitCount) }
  guard digitCount == 20, let leading = parseDigits(digits, 19) else { return nil }
  let last = digits[19] &- UInt8(ascii: "0")
  guard last < 10 else { return nil }
  let (tens, tensOverflow) = leading.multipliedReportingOverflow(by: 10)
  let (value, overflow) = tens.addingReportingOverflow(UInt64(last))
  return tensOverflow || overflow ? nil : value
}

/// The value of `count` digits, at most 19 so that it can't overflow; nil if one of them isn't a digit.
@inline(__always)
private func parseDigits(_ digits: UnsafePointer<UInt8>, _ count: Int) -> UInt64? {
  assert(count >= 1 && count <= 19, "digit count out of range")
  var value: UInt64 = 0
  var index = 0
  while count - index >= 8 {
    guard let eight = parseEightDigits(digits + index) else { return nil }
    value = value &* 100_000_000 &+ eight
    index += 8
  }
  while index < count {
    let digit = digits[index] &- UInt8(ascii: "0")
    guard digit < 10 else { return nil }
    value = value &* 10 &+ UInt64(digit)
    index += 1
  }
  return value
}

/// The value of exactly eight digits, all at once: neighbours are joined to pairs, pairs to fours, fours
/// to the whole, each step one multiplication over all lanes of the word.
private func parseEightDigits(_ digits: UnsafePointer<UInt8>) -> UInt64? {
  let word = UInt64(littleEndian: UnsafeRawPointer(digits).loadUnaligned(as: UInt64.self))
  // A digit has the high half 3, and still has it when 6 is added.
  let high: UInt64 = 0xf0f0_f0f0_f0f0_f0f0
  guard (word & high) | (((word &+ 0x0606_0606_0606_0606) & high) >> 4) == 0x3333_3333_3333_3333 else {
    return nil
  }
  let ones = word & 0x0f0f_0f0f_0f0f_0f0f
  let pairs = ((ones &* (1 + 10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff
  let fours = ((pairs &* (1 + 100 << 16)) >> 16) & 0x0000_ffff_0000_ffff
  return (fours &* (1 + 10_000 << 32)) >> 32
}

/// Prints `value` at `target`, which has room for `decimalBytesMax` bytes; returns the count.
@discardableResult
public func writeDecimal(_ value: Int64, to target: UnsafeMutablePointer<UInt8>) -> Int {
  guard value < 0 else { return writeUnsignedDecimal(UInt64(bitPattern: value), to: target) }
  target[0] = UInt8(ascii: "-")
  return 1 + writeUnsignedDecimal(value.magnitude, to: target + 1)
}

/// Prints `value` at `target`, which has room for `decimalBytesMax` bytes; returns the count.
@discardableResult
public func writeUnsignedDecimal(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
  if value < 10 {
    target[0] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value)
    return 1
  }
  let count = decimalDigitCount(value)
  let pairs = UnsafeRawPointer(digitPairs.utf8Start)
  let end = UnsafeMutableRawPointer(target + count)
  var rest = value
  var offset = 0
  while rest >= 100 {
    let pair = Int(truncatingIfNeeded: rest % 100)
    rest /= 100
    offset -= 2
    end.storeBytes(
      of: pairs.loadUnaligned(fromByteOffset: pair &* 2, as: UInt16.self), toByteOffset: offset,
      as: UInt16.self)
  }
  if rest >= 10 {
    UnsafeMutableRawPointer(target).storeBytes(
      of: pairs.loadUnaligned(fromByteOffset: Int(rest) &* 2, as: UInt16.self), as: UInt16.self)
  } else {
    target[0] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest)
  }
  return count
}

/// The number of digits `value` has in decimal; 1 for 0.
public func decimalDigitCount(_ value: UInt64) -> Int {
  // 1233/4096 is a little above log10(2): from the number of bits it gives the number of digits, or
  // one less.
  let bitCount = 64 &- (value | 1).leadingZeroBitCount
  let estimate = (bitCount &* 1233) >> 12
  return estimate &+ (value >= powersOfTen[estimate] ? 1 : 0)
}

/// 10 to the power of the index; the first is 0 so that zero has one digit.
private let powersOfTen: InlineArray<20, UInt64> = [
  0, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
  10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000,
  1_000_000_000_000_000, 10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000,
  10_000_000_000_000_000_000,
]

/// "00" to "99", so that two digits cost one division and one load.
private var digitPairs: StaticString {
  """
  00010203040506070809101112131415161718192021222324252627282930313233343536373839\
  40414243444546474849505152535455565758596061626364656667686970717273747576777879\
  8081828384858687888990919293949596979899
  """
}

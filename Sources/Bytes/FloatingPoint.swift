import CIntrinsics

// Doubles as text: scores, and whatever else Redis 7.0 reads with `strtod` and prints with "%.17g".

/// The longest text `writeDouble` prints.
public var doubleBytesMax: Int { Int(PANTALA_DOUBLE_TEXT_BYTES_MAX) }

/// The double that the whole of `bytes` spells, or nil.
///
/// What C accepts is accepted: a plus sign, ".5" and "5.", exponents, hexadecimal, "inf" and "infinity" in
/// any case. Refused are NaN, the empty text, spaces, and what overflows or vanishes to zero.
public func parseDouble(_ bytes: ByteView) -> Double? {
  if let plain = parsePlainDecimal(bytes) { return plain }
  var value = 0.0
  return pantala_double_parse(bytes.start, bytes.count, &value) ? value : nil
}

/// The double that `bytes` spell as a bound of a range of scores, or nil: what Redis leaves to `strtod`, which is more
/// generous than `parseDouble`. Spaces in front, the empty text (0) and what overflows are accepted.
public func parseScoreBound(_ bytes: ByteView) -> Double? {
  if let plain = parsePlainDecimal(bytes) { return plain }
  var value = 0.0
  return pantala_double_parse_loosely(bytes.start, bytes.count, &value) ? value : nil
}

/// Reads the common case, digits with perhaps a sign and a point, without the C library; nil says only
/// that the text isn't of that kind.
///
/// Up to 15 digits are an exact double, and so is 10 to the power of their number, so one division rounds
/// once, as `strtod` does.
private func parsePlainDecimal(_ bytes: ByteView) -> Double? {
  guard bytes.count > 0, bytes.count <= 17 else { return nil }
  let sign = bytes.start[0]
  var index = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") ? 1 : 0
  var digits: UInt64 = 0
  var digitCount = 0
  var scale: UInt64 = 0  // 0 until the point is met, then 10 for each digit behind it
  while index < bytes.count {
    let byte = bytes.start[index]
    let digit = byte &- UInt8(ascii: "0")
    if digit < 10 {
      digits = digits &* 10 &+ UInt64(digit)
      digitCount &+= 1
      scale = scale &* 10
    } else if byte == UInt8(ascii: "."), scale == 0 {
      scale = 1
    } else {
      return nil
    }
    index &+= 1
  }
  guard digitCount >= 1, digitCount <= 15 else { return nil }
  let magnitude = scale > 1 ? Double(digits) / Double(scale) : Double(digits)
  return sign == UInt8(ascii: "-") ? -magnitude : magnitude
}

/// Prints `value` at `target`, which has room for `doubleBytesMax` bytes; returns the count.
///
/// 17 significant digits as Redis 7.0 sends scores, in RESP2's bulk strings as in RESP3's `,`: 0.1 is
/// "0.10000000000000001", 3 is "3", 1e17 is "1e+17", negative zero is "-0", infinities are "inf" and
/// "-inf". (Redis keeps small sorted sets in a form that has no negative zero; that is the caller's to mind.)
@discardableResult
public func writeDouble(_ value: Double, to target: UnsafeMutablePointer<UInt8>) -> Int {
  // Whole numbers of up to 17 digits have no exponent in this format and need no C library. Negative zero
  // is a whole number, too, but Int64 would drop its sign.
  if value.magnitude < 1e17 {
    let whole = Int64(value)
    if Double(whole) == value, whole != 0 || value.sign == .plus { return writeDecimal(whole, to: target) }
    if let count = writeSeventeenDigits(value, to: target) { return count }
  }
  return pantala_double_write(value, target)
}

/// The longest text `writeFixed` prints.
public var fixedBytesMax: Int { Int(PANTALA_FIXED_TEXT_BYTES_MAX) }

/// Prints `value` with exactly `fractionDigits` digits, at most 17, behind the point at `target`, which has room for
/// `fixedBytesMax` bytes; returns the count. Infinities are "inf" and "-inf".
@discardableResult
public func writeFixed(_ value: Double, fractionDigits: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
  precondition(fractionDigits >= 0 && fractionDigits <= 17, "too many digits")
  return pantala_double_write_fixed(value, Int32(fractionDigits), target)
}

/// Prints a finite `value` as `LongDouble` does: up to 17 digits behind the point, no trailing zeros, never "-0".
@discardableResult
public func writeTrimmed(_ value: Double, to target: UnsafeMutablePointer<UInt8>) -> Int {
  precondition(value.isFinite, "a value that isn't finite has no decimal text")
  var count = writeFixed(value, fractionDigits: 17, to: target)
  while target[count - 1] == UInt8(ascii: "0") { count -= 1 }
  if target[count - 1] == UInt8(ascii: ".") { count -= 1 }
  if count == 2, target[0] == UInt8(ascii: "-"), target[1] == UInt8(ascii: "0") {
    target[0] = UInt8(ascii: "0")
    return 1
  }
  return count
}

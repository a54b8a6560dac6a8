// A double in 17 significant digits, without the C library: for scores, of which replies can have many.

/// Prints a value as "%.17g" does, if that can be done exactly in 128 bits: values that are not whole, from about 1e-11 up to
/// 2^53. `target` has room for `doubleBytesMax` bytes. Returns the count, nil for other values.
///
/// A double is an integer of 53 bits times a power of two; times 10 to the power of k, k at most 27, it is that integer
/// times 5 to the power of k, which 116 bits hold, shifted. So the digits are what stands before the point after the
/// shift, and what is shifted out says exactly how to round.
func writeSeventeenDigits(_ value: Double, to target: UnsafeMutablePointer<UInt8>) -> Int? {
  guard value.isNormal, -37...52 ~= value.exponent else { return nil }
  // The decimal exponent, or one less.
  var exponent = (Int(value.exponent) &* 1_233) >> 12
  guard var digits = scaledDigits(of: value, exponent) else { return nil }
  if digits >= 100_000_000_000_000_000 {
    exponent += 1
    guard let fewer = scaledDigits(of: value, exponent) else { return nil }
    digits = fewer
    if digits == 100_000_000_000_000_000 {
      // Rounded up to the next power of ten.
      digits = 10_000_000_000_000_000
      exponent += 1
    }
  }
  guard digits >= 10_000_000_000_000_000 else { return nil }
  var start = target
  if value.sign == .minus {
    start[0] = UInt8(ascii: "-")
    start += 1
  }
  return start - target + layOut(digits, exponent, at: start)
}

/// The value times 10 to the power of 16 - `exponent`, rounded to the nearest integer, to the even one if two are.
private func scaledDigits(of value: Double, _ exponent: Int) -> UInt64? {
  let scale = 16 - exponent
  guard 0...27 ~= scale else { return nil }
  let shift = 52 - Int(value.exponent) - scale
  guard 0..<64 ~= shift else { return nil }
  let significand = value.significandBitPattern | 1 << 52
  let product = significand.multipliedFullWidth(by: powersOfFive[scale])
  if shift == 0 { return product.high == 0 ? product.low : nil }
  guard product.high >> UInt64(shift) == 0 else { return nil }
  let digits = product.high << UInt64(64 - shift) | product.low >> UInt64(shift)
  let rest = product.low << UInt64(64 - shift)
  let half: UInt64 = 1 << 63
  return rest > half || (rest == half && digits & 1 != 0) ? digits + 1 : digits
}

/// Writes 17 digits, whose first has the decimal exponent `exponent`, as "%g" lays them out.
private func layOut(_ digits: UInt64, _ exponent: Int, at target: UnsafeMutablePointer<UInt8>) -> Int {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
    let text = buffer.baseAddress.unsafelyUnwrapped
    var count = writeUnsignedDecimal(digits, to: text)
    while count > 1, text[count - 1] == UInt8(ascii: "0") { count -= 1 }
    if exponent < -4 { return layOutWithExponent(text, count, exponent, at: target) }
    var length = 0
    if exponent < 0 {
      (target + 1).update(repeating: UInt8(ascii: "0"), count: -exponent)
      target[0] = UInt8(ascii: "0")
      target[1] = UInt8(ascii: ".")
      length = 1 - exponent
      copyBytes(from: text, to: target + length, count)
      return length + count
    }
    let whole = exponent + 1
    length = min(whole, count)
    copyBytes(from: text, to: target, length)
    if count < whole {
      (target + count).update(repeating: UInt8(ascii: "0"), count: whole - count)
      return whole
    }
    if count == whole { return whole }
    target[whole] = UInt8(ascii: ".")
    copyBytes(from: text + whole, to: target + whole + 1, count - whole)
    return count + 1
  }
}

/// `d.ddde-07`: exponents have two digits at least, and here no more.
private func layOutWithExponent(
  _ text: UnsafeMutablePointer<UInt8>, _ count: Int, _ exponent: Int, at target: UnsafeMutablePointer<UInt8>
) -> Int {
  target[0] = text[0]
  var length = 1
  if count > 1 {
    target[1] = UInt8(ascii: ".")
    copyBytes(from: text + 1, to: target + 2, count - 1)
    length = count + 1
  }
  target[length] = UInt8(ascii: "e")
  target[length + 1] = UInt8(ascii: "-")
  target[length + 2] = UInt8(ascii: "0") + UInt8(-exponent / 10)
  target[length + 3] = UInt8(ascii: "0") + UInt8(-exponent % 10)
  return length + 4
}

/// 5 to the power of the index.
private let powersOfFive: InlineArray<28, UInt64> = [
  1, 5, 25, 125, 625, 3_125, 15_625, 78_125, 390_625, 1_953_125, 9_765_625, 48_828_125,
  244_140_625, 1_220_703_125, 6_103_515_625, 30_517_578_125, 152_587_890_625, 762_939_453_125,
  3_814_697_265_625, 19_073_486_328_125, 95_367_431_640_625, 476_837_158_203_125,
  2_384_185_791_015_625, 11_920_928_955_078_125, 59_604_644_775_390_625, 298_023_223_876_953_125,
  1_490_116_119_384_765_625, 7_450_580_596_923_828_125,
]

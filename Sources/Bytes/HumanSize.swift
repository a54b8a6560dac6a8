/// Appends a number of bytes as INFO's `*_human` fields show it: "512B", "1.00K", "12.34M", "1.50G".
///
/// Below 1,024 and from 2^60 on it is the plain number; in between two digits behind the point of the
/// largest unit that fits, as C's "%.2f" rounds them.
public func appendHumanSize(bytes: UInt64, to output: inout [UInt8]) {
  let units: StaticString = "KMGTP"
  let unitIndex = (63 - (bytes | 1).leadingZeroBitCount) / 10 - 1
  guard unitIndex >= 0, unitIndex < units.utf8CodeUnitCount else {
    appendDecimal(bytes, to: &output)
    output.append(UInt8(ascii: "B"))
    return
  }
  let hundredths = hundredthsOfUnit(bytes, shift: UInt64(unitIndex + 1) * 10)
  appendDecimal(hundredths / 100, to: &output)
  output.append(UInt8(ascii: "."))
  output.append(UInt8(ascii: "0") + UInt8(hundredths / 10 % 10))
  output.append(UInt8(ascii: "0") + UInt8(hundredths % 10))
  output.append(units.utf8Start[unitIndex])
}

/// `bytes` in hundredths of 2^shift bytes, a half rounded to even.
private func hundredthsOfUnit(_ bytes: UInt64, shift: UInt64) -> UInt64 {
  // Redis divides doubles, which a count above 2^53 is rounded to; the division itself is exact.
  let scaled = UInt128(UInt64(Double(bytes))) * 100
  let whole = UInt64(scaled >> shift)
  let rest = UInt64(scaled & (1 << UInt128(shift) - 1))
  let half: UInt64 = 1 << (shift - 1)
  return whole + (rest > half || rest == half && whole & 1 == 1 ? 1 : 0)
}

private func appendDecimal(_ value: UInt64, to output: inout [UInt8]) {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: decimalBytesMax) { digits in
    let count = writeUnsignedDecimal(value, to: digits.baseAddress!)
    output.append(contentsOf: digits[..<count])
  }
}

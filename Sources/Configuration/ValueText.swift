/// The text form of numbers in directives, as Redis reads and writes them.
enum ValueText {
  /// Reads a decimal integer: no plus sign, no leading zeros, no white space.
  static func integer(_ text: String) -> Int? {
    guard let value = Int(text), String(value) == text else { return nil }
    return value
  }

  /// Reads digits in base 8.
  static func octal(_ text: String) -> Int? {
    guard let first = text.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(first) else {
      return nil
    }
    return Int(text, radix: 8)
  }

  /// Reads digits with an optional unit: `k`, `m` and `g` are powers of 1000, `kb`, `mb` and `gb` powers of
  /// 1024, `b` is a byte; upper or lower case.
  ///
  /// A unit without digits means 0, as in Redis. What is too large for a `UInt64` gives its maximum, so that
  /// the caller's range check refuses it with the range in its text.
  static func memory(_ text: String) -> UInt64? {
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let unit = unitBytes(String(text[digits.endIndex...]).asciiLowercased) else { return nil }
    if digits.isEmpty { return 0 }
    guard let count = UInt64(text[..<digits.endIndex]) else { return .max }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: unit)
    return overflow ? .max : bytes
  }

  private static func unitBytes(_ unit: String) -> UInt64? {
    switch unit {
    case "", "b": 1
    case "k": 1000
    case "kb": 1 << 10
    case "m": 1_000_000
    case "mb": 1 << 20
    case "g": 1_000_000_000
    case "gb": 1 << 30
    default: nil
    }
  }

  /// Writes a size with the largest unit that divides it.
  static func memory(_ bytes: Int) -> String {
    if bytes != 0 {
      for (unit, name) in [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] where bytes % unit == 0 {
        return "\(bytes / unit)\(name)"
      }
    }
    return "\(bytes)"
  }

  /// Writes a percentile with up to six decimals and no trailing zeros.
  static func percentile(_ value: Double) -> String {
    let millionths = Int((value * 1_000_000).rounded(.toNearestOrEven))
    let whole = millionths / 1_000_000
    var decimals = String(millionths % 1_000_000)
    if decimals == "0" { return "\(whole)" }
    decimals = String(repeating: "0", count: 6 - decimals.utf8.count) + decimals
    while decimals.utf8.last == UInt8(ascii: "0") { decimals.removeLast() }
    return "\(whole).\(decimals)"
  }
}

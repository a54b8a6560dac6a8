import Glibc

/// Numbers as the reference prints them.
enum DecimalText {
  /// `value` with a fixed number of decimals, rounded as C's `%.*f` rounds.
  static func fixed(_ value: Double, decimals: Int) -> String {
    precondition((0...17).contains(decimals), "decimals out of range")
    // The largest finite Double has 309 digits before its point.
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 352) { buffer in
      let length = withVaList([Int32(decimals), value]) { arguments in
        vsnprintf(buffer.baseAddress, buffer.count, "%.*f", arguments)
      }
      precondition(length > 0 && Int(length) < buffer.count, "a Double did not fit")
      return String(decoding: UnsafeRawBufferPointer(buffer)[..<Int(length)], as: UTF8.self)
    }
  }

  /// `value` with at most six decimals and no zeros at its end: `50`, `99.9`.
  static func shortest(_ value: Double) -> String {
    var text = fixed(value, decimals: 6)[...]
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }

  /// A thousandth of `value`, with three decimals: nanoseconds as microseconds.
  static func thousandths(_ value: UInt64) -> String {
    "\(value / 1000).\(padded(value % 1000, digits: 3))"
  }

  /// `value` with zeros before it up to `digits` digits.
  static func padded(_ value: UInt64, digits: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}

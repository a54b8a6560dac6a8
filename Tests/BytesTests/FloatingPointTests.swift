import Bytes
import Glibc
import TestSupport
import Testing

@Suite struct FloatingPointTests {
  private func parsed(_ text: String) -> Double? { withView(text) { parseDouble($0) } }

  private func printed(_ value: Double) -> String? {
    written(countMax: doubleBytesMax) { writeDouble(value, to: $0) }
  }

  // MARK: Reading

  @Test func readsWhatCReads() {
    #expect(parsed("0") == 0)
    #expect(parsed("3") == 3)
    #expect(parsed("+1") == 1)
    #expect(parsed("-2.5") == -2.5)
    #expect(parsed(".5") == 0.5)
    #expect(parsed("5.") == 5)
    #expect(parsed("-.5e1") == -5)
    #expect(parsed("1e400") == nil)
    #expect(parsed("1.7976931348623157e308") == .greatestFiniteMagnitude)
    #expect(parsed("5e-324") == .leastNonzeroMagnitude)
    #expect(parsed("0x10") == 16)
    #expect(parsed("0x1p-3") == 0.125)
    #expect(parsed("0e99999") == 0)
    #expect(parsed(String(repeating: "0", count: 6_000) + "1.5") == 1.5)
  }

  @Test func keepsTheSignOfZero() {
    for text in ["-0", "-0.0", "-0e5", "-.0"] { #expect(parsed(text)?.sign == .minus, "\(text)") }
    #expect(parsed("0.0")?.sign == .plus)
  }

  @Test(arguments: ["inf", "+inf", "Infinity", "INF", "iNfInItY"])
  func readsInfinity(text: String) {
    #expect(parsed(text) == .infinity)
    if !text.hasPrefix("+") { #expect(parsed("-" + text) == -.infinity) }
  }

  @Test(arguments: [
    "", "nan", "-NaN", "nan(1)", " 1", "\t1", "\u{b}1", "1 ", "1\n", "1\0", "\0", ".", "+", "-", "+-1", "--1",
    "1e",
    "1e+", "1.2.3", "1..", "1,5", "0x", "abc", "infin", "1e309", "-1e309", "1e-400", "1_0", "1.5x",
    "12345678901234567890x",
  ])
  func refusesEverythingElse(text: String) {
    #expect(parsed(text) == nil)
  }

  /// The point in every place of numbers of up to 18 digits, on both sides of the limit of the short way.
  @Test(arguments: [1, 2] as [UInt64])
  func readsRandomDecimalsAsTheLibrary(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let digits = (0..<1 + random.below(18)).map { _ in String(random.below(10)) }
      let point = random.below(digits.count + 1)
      let sign = ["", "-", "+"][random.below(3)]
      let text = sign + digits[..<point].joined() + "." + digits[point...].joined()
      let model = strtod(text, nil)
      expectEqual(parsed(text)?.bitPattern, model.bitPattern, "\(text), seed \(seed)")
    }
  }

  // MARK: Printing

  @Test func printsAsRedis() {
    #expect(printed(0) == "0")
    #expect(printed(-0.0) == "-0")
    #expect(printed(3) == "3")
    #expect(printed(-17) == "-17")
    #expect(printed(0.1) == "0.10000000000000001")
    #expect(printed(3.14) == "3.1400000000000001")
    #expect(printed(1.5) == "1.5")
    #expect(printed(-1e-5) == "-1.0000000000000001e-05")
    #expect(printed(9_007_199_254_740_992) == "9007199254740992")
    #expect(printed(1e16) == "10000000000000000")
    #expect(printed(99_999_999_999_999_984) == "99999999999999984")
    #expect(printed(1e17) == "1e+17")
    #expect(printed(-1e17) == "-1e+17")
    #expect(printed(1.2345678901234568e17) == "1.2345678901234568e+17")
    #expect(printed(9.3e18) == "9.3e+18")
    #expect(printed(1.5e300) == "1.5000000000000001e+300")
    #expect(printed(.leastNonzeroMagnitude) == "4.9406564584124654e-324")
    #expect(printed(-2.2250738585072014e-308) == "-2.2250738585072014e-308")
    #expect(printed(.infinity) == "inf")
    #expect(printed(-.infinity) == "-inf")
  }

  private func modelPrint(_ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.17g", $0) }
    return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  @Test(arguments: [3, 4] as [UInt64])
  func printsRandomValuesAsTheLibrary(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<20_000 {
      let value =
        switch turn % 4 {
        case 0: Double(bitPattern: random.next())
        case 1: Double(Int64(bitPattern: random.anyMagnitude()))
        case 2: Double(Int64(random.anyMagnitude() >> 1)) / 1024
        default: Double(random.below(2_000_000_000) - 1_000_000_000) / 100
        }
      guard !value.isNaN else { continue }
      expectEqual(printed(value), modelPrint(value), "seed \(seed)")
    }
  }

  /// The magnitudes that are printed without the library, and those next to them; many are ties of the 17th digit, or
  /// just above or below a power of ten.
  @Test(arguments: [7, 8] as [UInt64])
  func printsFractionsAsTheLibrary(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<40_000 {
      let power = pow(10, Double(random.below(31) - 13))
      var value =
        switch turn % 4 {
        case 0: Double(random.next() >> 11) / Double(UInt64(1) << 53) * power
        case 1:
          Double(random.next() >> UInt64(11 + random.below(50)))
            / Double(UInt64(1) << UInt64(random.below(60)))
        case 2: power
        default: (Double(random.below(1 << 30)) + 0.5) / Double(UInt64(1) << UInt64(random.below(30))) * 1e6
        }
      for _ in 0..<random.below(3) { value = turn % 3 == 0 ? value.nextDown : value.nextUp }
      if turn % 2 == 0 { value.negate() }
      expectEqual(printed(value), modelPrint(value), "seed \(seed)")
    }
  }

  @Test(arguments: [5, 6] as [UInt64])
  func printedValuesAreReadBack(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let value = Double(bitPattern: random.next())
      guard !value.isNaN, let text = printed(value) else { continue }
      expectEqual(parsed(text)?.bitPattern, value.bitPattern, "\(text), seed \(seed)")
    }
  }

  // MARK: Fixed digits

  @Test func printsFixedDigits() {
    func fixed(_ value: Double, _ digits: Int) -> String? {
      written(countMax: fixedBytesMax) { writeFixed(value, fractionDigits: digits, to: $0) }
    }
    #expect(fixed(166274.15156960033, 4) == "166274.1516")
    #expect(fixed(0, 4) == "0.0000")
    #expect(fixed(-0.00001, 4) == "-0.0000")
    #expect(fixed(200, 6) == "200.000000")
    #expect(fixed(0.5, 0) == "0")
    #expect(fixed(-.infinity, 4) == "-inf")
    #expect(fixed(-.greatestFiniteMagnitude, 17)?.count == fixedBytesMax)
  }

  @Test func printsPlainDecimalsWithoutTrailingZeros() {
    func trimmed(_ value: Double) -> String? {
      written(countMax: fixedBytesMax) { writeTrimmed(value, to: $0) }
    }
    #expect(trimmed(13.361389338970184) == "13.36138933897018433")
    #expect(trimmed(180) == "180")
    #expect(trimmed(-0.5) == "-0.5")
    #expect(trimmed(0) == "0")
    #expect(trimmed(-0.0) == "0")
    #expect(trimmed(-1e-30) == "0")
    #expect(trimmed(1e20) == "100000000000000000000")
  }
}

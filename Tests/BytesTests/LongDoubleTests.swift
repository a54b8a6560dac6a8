import Bytes
import TestSupport
import Testing

@Suite struct LongDoubleTests {
  private enum Sum: Equatable {
    case invalid
    case notFinite
    case text(String?)
  }

  /// What INCRBYFLOAT does.
  private func sum(_ left: String, _ right: String) -> Sum {
    let values = (withView(left) { LongDouble($0) }, withView(right) { LongDouble($0) })
    guard let leftValue = values.0, let rightValue = values.1 else { return .invalid }
    let total = leftValue + rightValue
    guard total.isFinite else { return .notFinite }
    return .text(written(countMax: LongDouble.bytesMax) { total.write(to: $0) })
  }

  @Test(arguments: [
    ("10.50", "0.1", "10.6"), ("5.0e3", "2.0e2", "5200"), ("0.1", "0.2", "0.3"), ("3.0", "0", "3"),
    ("0", "-0", "0"), ("0", "-1e-30", "0"), ("1e-17", "0", "0.00000000000000001"), ("-1.5", "0.5", "-1"),
    ("0x10", "0x1p-1", "16.5"), (".5", "5.", "5.5"), ("9223372036854775807", "1", "9223372036854775808"),
    ("1e17", "0", "100000000000000000"), ("1e-400", "1", "1"), ("100", "-100", "0"), ("-7", "2", "-5"),
  ])
  func addsAsRedis(left: String, right: String, expected: String) {
    #expect(sum(left, right) == .text(expected))
  }

  @Test(arguments: [
    "", " 1", "1 ", "1\0", "nan", "-nan", "nan(1)", ".", "+", "1e", "1e5000", "-1e5000", "1e-5000", "abc",
    "1,5",
  ])
  func refusesWhatIsNoNumber(text: String) {
    #expect(sum(text, "1") == .invalid)
    #expect(sum("1", text) == .invalid)
  }

  @Test func infinityIsReadButNotASum() {
    for text in ["inf", "-inf", "+Infinity"] { #expect(sum("1", text) == .notFinite) }
    #expect(sum("inf", "-inf") == .notFinite)
    #expect(sum("1e4932", "1e4932") == .notFinite)
  }

  @Test func lengthIsLimitedAsInRedis() {
    #expect(sum(String(repeating: "0", count: 5_118) + "1", "1") == .text("2"))
    #expect(sum(String(repeating: "0", count: 5_119) + "1", "1") == .invalid)
  }

  @Test func theLongestNumberFits() {
    guard case .text(let text?) = sum("-1.1e4932", "0.5") else {
      Issue.record("no sum")
      return
    }
    #expect(text.utf8.count == 4_934)
    #expect(!text.contains("."))
  }

  @Test func holdsEveryInteger() {
    for value in [Int64.min, .min + 1, -1, 0, 1, .max - 1, .max] {
      let text = written(countMax: LongDouble.bytesMax) { LongDouble(value).write(to: $0) }
      #expect(text == String(value))
    }
  }

  /// Sums of fractions that a long double of either kind holds exactly, against the sum of integers.
  @Test(arguments: [1, 2] as [UInt64])
  func randomSumsAreExact(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<5_000 {
      let left = random.below(1 << 50) - 1 << 49
      let right = random.below(1 << 50) - 1 << 49
      let actual = sum(decimal(of1024ths: left), decimal(of1024ths: right))
      expectEqual(actual, .text(decimal(of1024ths: left + right)), "\(left) + \(right), seed \(seed)")
    }
  }

  /// The decimal text of `count` / 1024, which has up to ten digits behind the point.
  private func decimal(of1024ths count: Int) -> String {
    let tenDigits = String(count.magnitude % 1_024 * 9_765_625 + 10_000_000_000).dropFirst()
    var fraction = String(tenDigits)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    let whole = (count < 0 ? "-" : "") + String(count.magnitude / 1_024)
    return fraction.isEmpty ? whole : whole + "." + fraction
  }
}

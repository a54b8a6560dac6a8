import Bytes
import TestSupport
import Testing

@Suite struct IntegersTests {
  // MARK: Reading

  @Test(arguments: [
    "0", "1", "-1", "9", "10", "-10", "99999999", "100000000", "12345678", "123456789", "-12345678",
    "1234567890123456", "999999999999999999", "9223372036854775807", "-9223372036854775808",
  ])
  func readsWhatItPrints(text: String) {
    #expect(withView(text) { parseInt64($0) } == Int64(text))
  }

  @Test(arguments: [
    "", "-", "+", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1\n", "1\0", "\0", "1.0", "1e3", "0x1", "--1",
    "1-", "a", "1a", "1234567a", "1234567:", "1234567/", "12345678a", "123456789012345a", "1_000", "١",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "9999999999999999999",
    "-9999999999999999999", "99999999999999999999", "-99999999999999999999", "100000000000000000000000",
  ])
  func refusesWhatItWouldNotPrint(text: String) {
    #expect(withView(text) { parseInt64($0) } == nil)
  }

  /// The definition: the text of an Int64, exactly as it is printed.
  private func modelParseInt64(_ text: String) -> Int64? {
    guard let value = Int64(text), String(value) == text else { return nil }
    return value
  }

  @Test(arguments: [1, 2] as [UInt64])
  func readsRandomNumbersAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let value = Int64(bitPattern: random.anyMagnitude()) &* (random.below(2) == 0 ? 1 : -1)
      expectEqual(withView(String(value)) { parseInt64($0) }, value, "\(value), seed \(seed)")
    }
  }

  @Test(arguments: [3, 4] as [UInt64])
  func readsRandomTextsAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<20_000 {
      let alphabet = Array((turn % 2 == 0 ? "0123456789" : "0123456789-+/: ").utf8)
      var bytes = random.bytes(of: alphabet, countMax: 22)
      if turn % 3 == 0 { bytes.insert(UInt8(ascii: "-"), at: 0) }
      let text = String(decoding: bytes, as: UTF8.self)
      expectEqual(withView(bytes) { parseInt64($0) }, modelParseInt64(text), "'\(text)', seed \(seed)")
    }
  }

  /// Every byte in every place of eight digits: the digits are checked all at once there.
  @Test func refusesEveryOtherByteAmongEightDigits() {
    for place in 0..<8 {
      for byte in UInt8.min...UInt8.max {
        var bytes = Array("12345678".utf8)
        bytes[place] = byte
        let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        expectEqual(withView(bytes) { parseUInt64($0) } != nil, isDigit, "byte \(byte) at \(place)")
      }
    }
  }

  @Test func readsUnsignedNumbers() {
    func parsed(_ text: String) -> UInt64? { withView(text) { parseUInt64($0) } }
    #expect(parsed("0") == 0)
    #expect(parsed("00") == 0)
    #expect(parsed("007") == 7)
    #expect(parsed("18446744073709551615") == .max)
    #expect(parsed("0000000000000000000000018446744073709551615") == .max)
    #expect(parsed("10000000000000000000") == 10_000_000_000_000_000_000)
    for text in [
      "", "-", "-1", "+1", " 1", "1 ", "x", "1x", "18446744073709551616", "18446744073709551620",
      "99999999999999999999", "100000000000000000000", "1844674407370955161x",
    ] {
      #expect(parsed(text) == nil, "'\(text)'")
    }
  }

  @Test(arguments: [5, 6] as [UInt64])
  func readsRandomUnsignedNumbersAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let digits = Array("0123456789".utf8)
    for _ in 0..<20_000 {
      let value = random.anyMagnitude()
      expectEqual(withView(String(value)) { parseUInt64($0) }, value, "\(value), seed \(seed)")
      let text = String(decoding: random.bytes(of: digits, countMax: 22), as: UTF8.self)
      expectEqual(withView(text) { parseUInt64($0) }, UInt64(text), "'\(text)', seed \(seed)")
    }
  }

  // MARK: Printing

  private func printed(_ value: Int64) -> String? {
    written(countMax: decimalBytesMax) { writeDecimal(value, to: $0) }
  }

  private func printed(unsigned value: UInt64) -> String? {
    written(countMax: decimalBytesMax) { writeUnsignedDecimal(value, to: $0) }
  }

  @Test func printsTheEndsOfItsRange() {
    #expect(printed(.min) == "-9223372036854775808")
    #expect(printed(.max) == "9223372036854775807")
    #expect(printed(unsigned: .max) == "18446744073709551615")
    #expect(printed(0) == "0")
    #expect(printed(-1) == "-1")
  }

  @Test func printsAroundThePowersOfTen() {
    var power: UInt64 = 1
    for digitCount in 1...20 {
      for value in [power - 1, power, power + 1] {
        expectEqual(printed(unsigned: value), String(value), "\(value)")
        expectEqual(decimalDigitCount(value), String(value).utf8.count, "digits of \(value)")
        guard let signed = Int64(exactly: value) else { continue }
        expectEqual(printed(-signed), String(-signed), "-\(value)")
      }
      if digitCount < 20 { power *= 10 }
    }
    #expect(decimalDigitCount(0) == 1)
    #expect(decimalDigitCount(.max) == 20)
  }

  @Test(arguments: [7, 8] as [UInt64])
  func printsRandomNumbersAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let value = random.anyMagnitude()
      expectEqual(printed(unsigned: value), String(value), "seed \(seed)")
      expectEqual(decimalDigitCount(value), String(value).utf8.count, "\(value), seed \(seed)")
      let signed = Int64(bitPattern: random.next())
      expectEqual(printed(signed), String(signed), "seed \(seed)")
    }
  }
}

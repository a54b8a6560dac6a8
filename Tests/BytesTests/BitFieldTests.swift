import Bytes
import TestSupport
import Testing

@Suite struct BitFieldTests {
  private func randomField(_ random: inout SeededRandom, byteCount: Int) -> BitField {
    let isSigned = random.below(2) == 0
    let width = 1 + random.below(min(isSigned ? 64 : 63, byteCount * 8))
    return BitField(offset: random.below(byteCount * 8 - width + 1), width: width, isSigned: isSigned)
  }

  private func bits(_ bytes: [UInt8]) -> [UInt8] {
    bytes.flatMap { byte in (0..<8).map { (byte >> (7 - $0)) & 1 } }
  }

  /// The number that bits spell, highest first.
  private func modelValue(_ bits: ArraySlice<UInt8>, isSigned: Bool) -> Int64 {
    let magnitude = bits.reduce(Int128(0)) { $0 * 2 + Int128($1) }
    let isNegative = isSigned && bits.first == 1
    return Int64(isNegative ? magnitude - (Int128(1) << Int128(bits.count)) : magnitude)
  }

  @Test func rangesAreThoseOfTheWidth() {
    #expect(BitField(offset: 0, width: 1, isSigned: false).range == 0...1)
    #expect(BitField(offset: 0, width: 1, isSigned: true).range == -1...0)
    #expect(BitField(offset: 0, width: 8, isSigned: false).range == 0...255)
    #expect(BitField(offset: 0, width: 8, isSigned: true).range == -128...127)
    #expect(BitField(offset: 0, width: 63, isSigned: false).range == 0...Int64.max)
    #expect(BitField(offset: 0, width: 64, isSigned: true).range == Int64.min...Int64.max)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func readsAndWritesAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<5_000 {
      var bytes = (0..<(1 + random.below(20))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let field = randomField(&random, byteCount: bytes.count)
      let range = field.offset..<(field.offset + field.width)
      let comment = "\(field), turn \(turn), seed \(seed)"
      expectEqual(
        withView(bytes) { field.value(in: $0) },
        modelValue(bits(bytes)[range], isSigned: field.isSigned), comment)

      let value = Int64(bitPattern: random.next())
      var expected = bits(bytes)
      for (place, bit) in range.reversed().enumerated() {
        expected[bit] = UInt8(truncatingIfNeeded: value >> Int64(place)) & 1
      }
      bytes.withUnsafeMutableBufferPointer { field.set(to: value, in: $0.baseAddress!) }
      expectEqual(bits(bytes), expected, comment)
    }
  }

  @Test func readsZerosBehindTheEnd() {
    let field = BitField(offset: 4, width: 16, isSigned: false)
    #expect(withView([0xff]) { field.value(in: $0) } == 0xf000)
    #expect(withView([0xff, 0xff]) { field.value(in: $0) } == 0xfff0)
    #expect(withView([UInt8]()) { field.value(in: $0) } == 0)
    #expect(withView([0xff]) { BitField(offset: 1 << 40, width: 64, isSigned: true).value(in: $0) } == 0)
  }

  @Test(arguments: [3, 4] as [UInt64])
  func addsAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<20_000 {
      let field = randomField(&random, byteCount: 8)
      let old = Int64.random(in: field.range, using: &random)
      let amount = Int64(bitPattern: random.anyMagnitude()) &* (random.below(2) == 0 ? 1 : -1)
      let exact = Int128(old) + Int128(amount)
      let lower = Int128(field.range.lowerBound)
      let upper = Int128(field.range.upperBound)
      let fits = exact >= lower && exact <= upper
      let modulus = Int128(1) << Int128(field.width)
      let wrapped = ((exact - lower) % modulus + modulus) % modulus + lower
      let comment = "\(old) + \(amount) in \(field), turn \(turn), seed \(seed)"
      expectEqual(field.sum(old, amount, .wrap), Int64(wrapped), comment)
      expectEqual(field.sum(old, amount, .saturate), Int64(min(max(exact, lower), upper)), comment)
      expectEqual(field.sum(old, amount, .fail), fits ? Int64(exact) : nil, comment)
    }
  }

  @Test func setsWhatFits() {
    let signed = BitField(offset: 0, width: 8, isSigned: true)
    #expect(signed.fitted(-128, .fail) == -128)
    #expect(signed.fitted(128, .fail) == nil)
    #expect(signed.fitted(128, .wrap) == -128)
    #expect(signed.fitted(128, .saturate) == 127)
    #expect(signed.fitted(-1_000, .saturate) == -128)
    // As redis-server 7.0.15 answers.
    #expect(signed.fitted(.min, .saturate) == 127)
    let unsigned = BitField(offset: 0, width: 8, isSigned: false)
    #expect(unsigned.fitted(-1, .wrap) == 255)
    #expect(unsigned.fitted(-1, .saturate) == 255)
    #expect(unsigned.fitted(-1, .fail) == nil)
  }
}

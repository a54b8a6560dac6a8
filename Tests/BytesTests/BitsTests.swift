import Bytes
import TestSupport
import Testing

@Suite struct BitsTests {
  /// The bits of `bytes`, one by one.
  private func model(_ bytes: [UInt8]) -> [Bool] {
    bytes.flatMap { byte in (0..<8).map { byte & (0x80 >> $0) != 0 } }
  }

  /// Bytes of any length across all steps of the loops; many runs of equal bytes, so that searches go far.
  private func randomBytes(_ random: inout SeededRandom) -> [UInt8] {
    let count = random.below(4) == 0 ? random.below(5_000) : random.below(140)
    let filler: UInt8 = [0x00, 0xff][random.below(2)]
    switch random.below(3) {
    case 0: return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    case 1: return [UInt8](repeating: filler, count: count)
    default:
      var bytes = [UInt8](repeating: filler, count: count)
      if count > 0 { bytes[random.below(count)] ^= 1 << UInt8(random.below(8)) }
      return bytes
    }
  }

  private func randomRange(_ random: inout SeededRandom, below count: Int) -> Range<Int> {
    let bounds = [random.below(count + 1), random.below(count + 1)].sorted()
    return bounds[0]..<bounds[1]
  }

  @Test func bitZeroIsTheHighestOfTheFirstByte() {
    withView([0x80, 0x01]) { bytes in
      #expect(
        (0..<16).map { bit(at: $0, in: bytes.start) } == [true] + Array(repeating: false, count: 14) + [true])
    }
    var bytes: [UInt8] = [0, 0xff]
    bytes.withUnsafeMutableBufferPointer { buffer in
      setBit(at: 1, to: true, in: buffer.baseAddress!)
      setBit(at: 15, to: false, in: buffer.baseAddress!)
    }
    #expect(bytes == [0x40, 0xfe])
  }

  @Test(arguments: [1, 2] as [UInt64])
  func countsAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<2_000 {
      let bytes = randomBytes(&random)
      let bits = model(bytes)
      let range = randomRange(&random, below: bits.count)
      expectEqual(
        withView(bytes) { countOnes(in: $0) }, bits.lazy.filter { $0 }.count, "turn \(turn), seed \(seed)")
      expectEqual(
        withView(bytes) { countOnes(in: $0, range) }, bits[range].lazy.filter { $0 }.count,
        "\(range) of \(bytes.count) bytes, turn \(turn), seed \(seed)")
    }
  }

  @Test(arguments: [3, 4] as [UInt64])
  func searchesAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<2_000 {
      let bytes = randomBytes(&random)
      let bits = model(bytes)
      let range = randomRange(&random, below: bits.count)
      for wanted in [true, false] {
        expectEqual(
          withView(bytes) { firstBit(wanted, in: $0, range) }, bits[range].firstIndex(of: wanted),
          "\(wanted) in \(range) of \(bytes.count) bytes, turn \(turn), seed \(seed)")
      }
    }
  }

  /// A long run, in which every byte's count is as high as it gets: sums must not overflow theirs.
  @Test func countsLongRunsOfOnes() {
    for count in [1_983, 1_984, 1_985, 3_968, 100_000] {
      #expect(withView([UInt8](repeating: 0xff, count: count)) { countOnes(in: $0) } == count * 8)
    }
  }
}

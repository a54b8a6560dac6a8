import Bytes
import TestSupport
import Testing

@testable import Serialization

@Suite struct LZFTests {
  private func compressed(_ bytes: [UInt8], limit: Int? = nil) -> [UInt8]? {
    let limit = limit ?? bytes.count * 2 + 8
    let result = [UInt8](unsafeUninitializedCapacity: limit) { target, count in
      count = withView(bytes) { LZF.compress($0, to: target.baseAddress!, limit: limit) } ?? 0
    }
    return result.isEmpty ? nil : result
  }

  private func decompressed(_ bytes: [UInt8]) -> [UInt8]? {
    withView(bytes) { view in
      guard let count = LZF.decompressedCount(view) else { return nil }
      return [UInt8](unsafeUninitializedCapacity: count + 1) { target, written in
        LZF.decompress(view, to: target.baseAddress!)
        written = count
      }
    }
  }

  @Test func whatRedisCompressedIsRead() {
    // 100 times x, and "abc" eight times, as redis-server 7.0.15 has them.
    #expect(
      decompressed([0x01, 0x78, 0x78, 0xe0, 0x57, 0x00, 0x01, 0x78, 0x78])
        == Array(repeating: 0x78, count: 100))
    #expect(
      decompressed([0x02, 0x61, 0x62, 0x63, 0xe0, 0x0c, 0x02]) == Array("abcabcabcabcabcabcabcabc".utf8))
  }

  @Test func instructionsAreWrittenAsTheyAreDocumented() {
    #expect(compressed(Array("abcabcabcabcabcabcabcabc".utf8)) == [0x02, 0x61, 0x62, 0x63, 0xe0, 0x0c, 0x02])
    #expect(compressed(Array("abcdabcd".utf8)) == [0x03, 0x61, 0x62, 0x63, 0x64, 0x40, 0x03])
    let tooShort: [UInt8] = [1, 1, 1]
    #expect(compressed(tooShort) == nil)
  }

  @Test func anythingComesBack() {
    var random = SeededRandom(test: "LZF.anything")
    for _ in 0..<2_000 {
      let words = (0...random.below(20)).map { _ in random.bytes(1 + random.below(12)) }
      var bytes: [UInt8] = []
      let count = [30, 300, 3_000, 30_000][random.below(4)]
      while bytes.count < count { bytes += words[random.below(words.count)] }
      guard let packed = compressed(bytes) else {
        Issue.record("not compressed")
        continue
      }
      if decompressed(packed) != bytes { Issue.record("\(random): \(bytes.count) bytes differ") }
    }
  }

  @Test func repeatsFromTheFarthestPlace() {
    var random = SeededRandom(test: "LZF.distance")
    let noise = random.bytes(9_000)
    for distance in [8_190, 8_191, 8_192, 8_193] {
      let bytes = Array(noise.prefix(distance)) + Array(noise.prefix(300))
      #expect(decompressed(compressed(bytes) ?? []) == bytes)
    }
  }

  @Test func theLimitIsKept() {
    let bytes = Array(String(repeating: "pantala flavescens ", count: 20).utf8)
    let needed = compressed(bytes)!.count
    #expect(compressed(bytes, limit: needed) != nil)
    for limit in 0..<needed { #expect(compressed(bytes, limit: limit) == nil) }
  }

  @Test(
    arguments: [
      [0x05, 1, 2], [0x20], [0x20, 0x00], [0x00, 1, 0x20, 0x01], [0xe0], [0xe0, 0x01],
      [0x00, 1, 0xff, 0xff, 0xff],
    ] as [[UInt8]])
  func hostileBytesAreRefused(_ bytes: [UInt8]) {
    #expect(decompressed(bytes) == nil)
  }

  @Test func everyMutationIsRefusedOrReadWithoutHarm() {
    var random = SeededRandom(test: "LZF.mutations")
    let original = compressed(
      Array(String(repeating: "the quick brown fox ", count: 30).utf8) + random.bytes(50))!
    for _ in 0..<steps(20_000) {
      var bytes = original
      for _ in 0...random.below(3) {
        bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      if random.below(4) == 0 { bytes.removeLast(random.below(bytes.count)) }
      _ = decompressed(bytes)
    }
  }
}

import TestSupport
import Testing

@testable import Serialization

@Suite struct CRC64Tests {
  private func checksum(_ bytes: [UInt8]) -> UInt64 {
    var checksum = CRC64()
    checksum.update(bytes)
    return checksum.value
  }

  @Test func knownValues() {
    #expect(checksum([]) == 0)
    #expect(checksum(Array("123456789".utf8)) == 0xe9c6_d914_c4b8_d9ca)
    // What redis-server put behind the other bytes.
    for known in capturedPayloads {
      let checksum = checksum(Array(known.bytes.dropLast(8)))
      #expect(known.bytes.suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } == checksum)
    }
  }

  @Test func bytesInPiecesGiveTheSame() {
    var random = SeededRandom(test: "CRC64.pieces")
    for _ in 0..<200 {
      let bytes = random.bytes(random.below(100))
      var inPieces = CRC64()
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + 1 + random.below(20))
        inPieces.update(Array(bytes[start..<end]))
        start = end
      }
      #expect(inPieces.value == checksum(bytes))
    }
  }
}

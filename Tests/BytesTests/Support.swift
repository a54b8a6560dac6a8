import Bytes
import TestSupport
import Testing

extension SeededRandom {
  /// Up to `countMax` bytes of `alphabet`.
  mutating func bytes(of alphabet: [UInt8], countMax: Int) -> [UInt8] {
    (0..<below(countMax + 1)).map { _ in alphabet[below(alphabet.count)] }
  }

  /// A number of any magnitude, every number of bits as likely as the others.
  mutating func anyMagnitude() -> UInt64 {
    let shift = below(65)
    return shift == 64 ? 0 : next() >> UInt64(shift)
  }
}

/// The text a function writes into a buffer of `countMax` bytes; nil if it touches a byte behind it.
func written(countMax: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) -> String? {
  let guardByte: UInt8 = 0xee
  var buffer = [UInt8](repeating: guardByte, count: countMax + 8)
  let count = buffer.withUnsafeMutableBufferPointer { write($0.baseAddress!) }
  guard buffer[countMax...].allSatisfy({ $0 == guardByte }) else { return nil }
  return String(decoding: buffer[..<count], as: UTF8.self)
}

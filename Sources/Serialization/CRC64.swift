import Bytes

/// The checksum of Redis's file format: 64 bits, the polynomial of Jones (0xad93d23594c935a9), bits reflected, starting
/// from zero, nothing added at the end. Of the text "123456789" it is 0xe9c6d914c4b8d9ca.
///
///     var checksum = CRC64()
///     checksum.update(bytes)
///     checksum.value
///
/// Eight bytes at a time (slicing by 8, Kounavis and Berry 2005), about 2 bytes a nanosecond.
public struct CRC64: Sendable, Equatable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt64 = 0

  public init() {}

  public mutating func update(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    var crc = value
    crcTables.withUnsafeBufferPointer { tables in
      let words = UnsafeRawPointer(start)
      var offset = 0
      while offset + 8 <= bytes.count {
        let word = UInt64(littleEndian: words.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ crc
        crc = tables[7 * 256 + Int(word & 0xff)] ^ tables[6 * 256 + Int(word >> 8 & 0xff)]
        crc ^= tables[5 * 256 + Int(word >> 16 & 0xff)] ^ tables[4 * 256 + Int(word >> 24 & 0xff)]
        crc ^= tables[3 * 256 + Int(word >> 32 & 0xff)] ^ tables[2 * 256 + Int(word >> 40 & 0xff)]
        crc ^= tables[256 + Int(word >> 48 & 0xff)] ^ tables[Int(word >> 56)]
        offset += 8
      }
      while offset < bytes.count {
        crc = tables[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[offset])] ^ crc >> 8
        offset += 1
      }
    }
    value = crc
  }

  public mutating func update(_ bytes: ByteView) { update(bytes.buffer) }

  public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { update($0) } }
}

/// Eight tables of 256 words: what a byte makes of the checksum when it is followed by 0 to 7 more.
private let crcTables: [UInt64] = {
  let reflectedPolynomial: UInt64 = 0x95ac_9329_ac4b_c9b5
  var tables = [UInt64](repeating: 0, count: 8 * 256)
  for byte in 0..<256 {
    var crc = UInt64(byte)
    for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ reflectedPolynomial }
    tables[byte] = crc
  }
  for index in 256..<tables.count {
    let before = tables[index - 256]
    tables[index] = tables[Int(before & 0xff)] ^ before >> 8
  }
  return tables
}()

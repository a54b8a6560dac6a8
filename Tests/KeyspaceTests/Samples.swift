import Bytes
import TestSupport

@testable import Keyspace

/// Keys by number, of lengths from 4 bytes to 200, most of them of 16. They are made once, so that tests of many
/// thousand operations spend their time in the table.
final class KeyPool {
  private let memory: UnsafeMutablePointer<UInt8>
  private let hasher: KeyHasher
  let count: Int
  private static let stride = 208

  init(count: Int, hasher: KeyHasher) {
    self.count = count
    self.hasher = hasher
    memory = .allocate(capacity: count * Self.stride)
    memory.initialize(repeating: UInt8(ascii: "k"), count: count * Self.stride)
    for number in 0..<count {
      UnsafeMutableRawPointer(memory + number * Self.stride).storeBytes(of: UInt32(number), as: UInt32.self)
    }
  }

  deinit { memory.deallocate() }

  subscript(number: Int) -> Key {
    Key(ByteView(start: memory + number * Self.stride, count: Self.byteCount(number)), hasher: hasher)
  }

  /// The number of a key of the pool.
  static func number(of key: ByteView) -> Int {
    Int(UnsafeRawPointer(key.start).loadUnaligned(as: UInt32.self))
  }

  private static func byteCount(_ number: Int) -> Int {
    switch number % 64 {
    case 0: 62
    case 1: 63
    case 2: 64
    case 3: 4 + number / 64 % 197
    case 4...15: 4 + number / 64 % 30
    default: 16
    }
  }
}

/// Values by number: bytes of 0 to 47, sometimes up to 1,000, and decimal integers.
final class ValuePool {
  private let memory: UnsafeMutablePointer<UInt8>
  private static let byteCount = 8_192

  init(_ random: inout SeededRandom) {
    // In front bytes that are no digits, behind them digits without zeros.
    memory = .allocate(capacity: Self.byteCount)
    for index in 0..<(Self.byteCount / 2) { memory[index] = UInt8(0x80 + random.below(0x80)) }
    for index in (Self.byteCount / 2)..<Self.byteCount { memory[index] = UInt8(0x31 + random.below(9)) }
  }

  deinit { memory.deallocate() }

  subscript(number: UInt32) -> ByteView {
    let place = Int(number & 0xfff) & 0x7ff
    switch (number >> 12) & 15 {
    case 0: return ByteView(start: memory + place, count: Int(number >> 16) % 1_000)
    case 1...4:
      return ByteView(start: memory + Self.byteCount / 2 + place, count: 1 + Int(number >> 16) % 18)
    default: return ByteView(start: memory + place, count: Int(number >> 16) % 48)
    }
  }
}

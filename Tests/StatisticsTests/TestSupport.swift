/// A seeded generator: a failing test fails again.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// Zeroed memory for a recorder, with guard bytes behind it that a recorder must not touch.
final class Storage {
  let address: UnsafeMutableRawPointer
  private let byteCount: Int
  private static var guardByteCount: Int { 64 }

  init(byteCount: Int) {
    self.byteCount = byteCount
    address = .allocate(byteCount: byteCount + Self.guardByteCount, alignment: 64)
    address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    (address + byteCount).initializeMemory(as: UInt8.self, repeating: 0xa5, count: Self.guardByteCount)
  }

  var isGuardIntact: Bool {
    (byteCount..<byteCount + Self.guardByteCount).allSatisfy { offset in
      address.load(fromByteOffset: offset, as: UInt8.self) == 0xa5
    }
  }

  deinit { address.deallocate() }
}

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

/// The registers of a dense HyperLogLog: six bits each, one after the other from the lowest bit of the first byte on.
public struct DenseRegisters {
  static let rankBits = 6
  static let byteCount = HyperLogLog.registerCount * rankBits / 8
  static let rankMaximum: UInt8 = 63

  private let start: UnsafeMutablePointer<UInt8>

  /// The registers at `start`, `byteCount` bytes.
  init(_ start: UnsafeMutablePointer<UInt8>) { self.start = start }

  /// The registers of a dense sketch that may be changed.
  public init(of sketch: UnsafeMutablePointer<UInt8>) { start = sketch + HyperLogLog.headerBytes }

  public subscript(register: Int) -> UInt8 {
    let shift = UInt16((register * Self.rankBits) & 7)
    return UInt8(truncatingIfNeeded: window(of: register) >> shift) & Self.rankMaximum
  }

  /// Raises a register to a rank; false if it is that high already.
  @inline(__always)
  public func raise(_ observation: Observation) -> Bool {
    let register = observation.register
    let shift = UInt16((register * Self.rankBits) & 7)
    let old = window(of: register)
    guard UInt8(truncatingIfNeeded: old >> shift) & Self.rankMaximum < observation.rank else { return false }
    let new = (old & ~(UInt16(Self.rankMaximum) << shift)) | (UInt16(observation.rank) << shift)
    let byte = (register * Self.rankBits) >> 3
    start[byte] = UInt8(truncatingIfNeeded: new)
    if byte + 1 < Self.byteCount { start[byte + 1] = UInt8(truncatingIfNeeded: new >> 8) }
    return true
  }

  /// The byte in which a register begins and the one behind it.
  @inline(__always)
  private func window(of register: Int) -> UInt16 {
    let byte = (register * Self.rankBits) >> 3
    let low = UInt16(start[byte])
    // The last register ends with the last byte.
    return byte + 1 < Self.byteCount ? low | UInt16(start[byte + 1]) << 8 : low
  }

  /// Calls `body` with each register and its rank: eight of them are six bytes.
  @inline(__always)
  func forEach(_ body: (Int, UInt8) -> Void) {
    let raw = UnsafeRawPointer(start)
    for group in 0..<(HyperLogLog.registerCount / 8) {
      let low = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: group * 6, as: UInt32.self))
      let high = UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: group * 6 + 4, as: UInt16.self))
      var word = UInt64(low) | UInt64(high) << 32
      for place in 0..<8 {
        body(group * 8 + place, UInt8(truncatingIfNeeded: word) & Self.rankMaximum)
        word >>= UInt64(Self.rankBits)
      }
    }
  }
}

import Bytes

/// A HyperLogLog: an estimate of how many different elements a set has, in at most 12,304 bytes, as a string in the
/// format of Redis.
///
///     var sketch = HyperLogLog()
///     try sketch.add(Observation(of: element), sparseBytesMaximum: 3_000)
///     let count = try sketch.view.count()
///
/// An element's hash chooses one of 16,384 registers, which keeps the highest *rank* it met: one more than the zeros at
/// the low end of what remains of the hash. The format:
///
/// | bytes | content |
/// |-------|---------|
/// | 0-3   | `HYLL` |
/// | 4     | encoding: 0 dense, 1 sparse |
/// | 5-7   | unused, zeros |
/// | 8-15  | the count when it was last computed, little-endian; the highest bit says that it is out of date |
/// | 16-   | the registers: `DenseRegisters` or `SparseRegisters` |
public struct HyperLogLog: Sendable {
  /// The whole string.
  public internal(set) var bytes: [UInt8]

  /// Bits of a hash that choose the register.
  static let indexBits: UInt64 = 14
  public static let registerCount = 1 << 14
  /// Bits of a hash that make the rank: the highest is one more.
  static let rankBits: UInt64 = 64 - indexBits
  static let headerBytes = 16
  public static let denseBytes = headerBytes + DenseRegisters.byteCount

  /// A sketch of no elements.
  public init() {
    bytes = Array("HYLL".utf8) + [Encoding.sparse.rawValue] + [UInt8](repeating: 0, count: 11)
    bytes += SparseRegisters.empty
  }

  /// A copy.
  public init(_ view: HyperLogLogView) { bytes = view.bytes.array }

  /// Runs `body` on a view of the sketch.
  public func withView<Result, Failure: Error>(
    _ body: (HyperLogLogView) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var result: Swift.Result<Result, Failure>?
    bytes.withBytes { bytes in
      let view = HyperLogLogView(unchecked: bytes)
      do throws(Failure) { result = .success(try body(view)) } catch { result = .failure(error) }
    }
    return try result.unsafelyUnwrapped.get()
  }

  /// Marks the count in the header as out of date.
  public mutating func invalidateCount() {
    bytes.withUnsafeMutableBufferPointer {
      HyperLogLogView.invalidateCount(in: $0.baseAddress.unsafelyUnwrapped)
    }
  }
}

extension HyperLogLog {
  /// How the registers are kept.
  public enum Encoding: UInt8, Sendable {
    case dense = 0
    case sparse = 1
  }

  /// The registers of a sketch are not what the format allows.
  public struct Corruption: Error {}
}

/// What an element says: a register, and the rank that it has at least.
public struct Observation: Sendable, Equatable {
  public let register: Int
  public let rank: UInt8

  public init(register: Int, rank: UInt8) {
    self.register = register
    self.rank = rank
  }

  @inline(__always)
  public init(of element: ByteView) {
    let hash = murmurHash64A(element, seed: 0xadc8_3b19)
    register = Int(truncatingIfNeeded: hash & UInt64(HyperLogLog.registerCount - 1))
    // A bit beyond the hash ends the search for those whose every bit is clear.
    let rest = (hash >> HyperLogLog.indexBits) | (1 << HyperLogLog.rankBits)
    rank = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount + 1)
  }
}

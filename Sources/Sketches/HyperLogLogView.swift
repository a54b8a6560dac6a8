import Bytes

/// A HyperLogLog in somebody else's memory, to be read.
public struct HyperLogLogView {
  public let bytes: ByteView

  static let staleOffset = 15
  static let staleBit: UInt8 = 0x80
  private static let countOffset = 8
  static let encodingOffset = 4

  /// A view of a string that has a HyperLogLog's header and, if it is dense, its length; nil for any other string.
  public init?(_ bytes: ByteView) {
    guard bytes.count >= HyperLogLog.headerBytes, bytes[0..<4] == ByteView("HYLL"),
      let encoding = HyperLogLog.Encoding(rawValue: bytes[Self.encodingOffset]),
      encoding == .sparse || bytes.count == HyperLogLog.denseBytes
    else { return nil }
    self.bytes = bytes
  }

  /// A view of what is known to be a HyperLogLog.
  init(unchecked bytes: ByteView) { self.bytes = bytes }

  public var encoding: HyperLogLog.Encoding {
    bytes[Self.encodingOffset] == HyperLogLog.Encoding.dense.rawValue ? .dense : .sparse
  }

  /// The registers of a dense sketch.
  var dense: DenseRegisters { DenseRegisters(UnsafeMutablePointer(mutating: registers.start)) }

  /// The registers of a sparse sketch.
  var sparse: SparseRegisters { SparseRegisters(registers) }

  private var registers: ByteView { bytes[HyperLogLog.headerBytes..<bytes.count] }

  // MARK: The count

  /// The count in the header; nil if it is out of date.
  public var storedCount: Int64? {
    guard bytes[Self.staleOffset] & Self.staleBit == 0 else { return nil }
    return Int64(
      littleEndian: UnsafeRawPointer(bytes.start).loadUnaligned(
        fromByteOffset: Self.countOffset, as: Int64.self))
  }

  /// Puts a count in the header of a sketch that may be changed.
  public static func store(count: Int64, in bytes: UnsafeMutablePointer<UInt8>) {
    UnsafeMutableRawPointer(bytes).storeBytes(
      of: count.littleEndian, toByteOffset: countOffset, as: Int64.self)
  }

  /// The estimate of how many different elements the sketch has seen.
  public func count() throws(HyperLogLog.Corruption) -> Int64 {
    var histogram = RankHistogram()
    switch encoding {
    case .dense:
      dense.forEach { _, rank in histogram.add(rank, 1) }
    case .sparse:
      try sparse.forEachRun { run in histogram.add(run.rank, run.count) }
    }
    return histogram.estimate
  }

  /// Marks the count in the header of a sketch that may be changed as out of date.
  public static func invalidateCount(in bytes: UnsafeMutablePointer<UInt8>) { bytes[staleOffset] |= staleBit }

  // MARK: Registers

  /// Whether an element would raise a register of a sparse sketch.
  public func isRaisedSparse(by observation: Observation) throws(HyperLogLog.Corruption) -> Bool {
    var cursor = SparseRegisters.Cursor()
    return if case .none = try sparse.step(observation, from: &cursor) { false } else { true }
  }

  /// Raises ranks to those of the sketch: the union of sets is the maximum of their registers.
  ///
  /// - Parameter ranks: `HyperLogLog.registerCount` of them.
  public func merge(into ranks: UnsafeMutablePointer<UInt8>) throws(HyperLogLog.Corruption) {
    switch encoding {
    case .dense:
      dense.forEach { register, rank in ranks[register] = max(ranks[register], rank) }
    case .sparse:
      try sparse.forEachRun { run in
        guard run.rank > 0 else { return }
        for register in run.first..<(run.first + run.count) {
          ranks[register] = max(ranks[register], run.rank)
        }
      }
    }
  }

  /// The runs of a sparse sketch as PFDEBUG DECODE shows them; nil for a dense one.
  public var decodedText: String? {
    guard encoding == .sparse else { return nil }
    var words: [String] = []
    sparse.forEachRunUnchecked { run in
      switch run.form {
      case .zeros: words.append("z:\(run.count)")
      case .manyZeros: words.append("Z:\(run.count)")
      case .ranks: words.append("v:\(run.rank),\(run.count)")
      }
    }
    return words.joined(separator: " ")
  }
}

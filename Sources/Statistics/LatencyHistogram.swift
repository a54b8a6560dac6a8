/// A histogram of durations, recorded by one thread into memory that the caller owns.
///
/// The cells are log-linear: a duration below 64 ns has a cell of its own, and every power of two above is cut
/// into 32 equal cells. A value read back is therefore at most 1/32 (3.1 %) above the value recorded, up to
/// 1 s; longer durations count as 1 s. (Redis spends 24 KB a histogram for 0.8 %.)
///
///     let histogram = LatencyHistogram(storage: zeroedMemory)
///     histogram.record(nanoseconds: 1_700)
///     histogram.snapshot().percentile(50)  // 1_727
///
/// The struct is one pointer. Recording is an index computation and an increment: no reference counting, no
/// branch that is ever taken in practice. A cell holds 32 bits; the rare wrap goes to a small table of carries, so
/// counts stay exact past 2^32, and a cell saturates only when that table is full.
public struct LatencyHistogram {
  /// Cells: 64 single nanoseconds, then 24 powers of two (2^6 to 2^29 ns) of 32 cells.
  static var cellCount: Int { 64 + 24 * 32 }

  /// Slots of the carry table: this many cells may pass 2^32 before one saturates.
  static var carryCount: Int { 128 }

  /// Durations above this count as this.
  public static var maximumNanoseconds: UInt64 { 1_000_000_000 }

  /// The size of the storage: 3,840 bytes.
  public static var byteCount: Int { (cellCount + carryCount) * MemoryLayout<UInt32>.stride }

  /// The alignment of the storage.
  public static var byteAlignment: Int { MemoryLayout<UInt32>.alignment }

  /// `cellCount` counters, then `carryCount` carries. A carry holds a cell's index in its low 10 bits and the number
  /// of wraps (never 0 in use) above them.
  let cells: UnsafeMutablePointer<UInt32>

  /// A histogram over storage of `byteCount` bytes that is all zero, or that a histogram has recorded into.
  ///
  /// Nothing is written: a histogram can be made from the address anew for every record. The storage must outlive it.
  @inline(__always)
  public init(storage: UnsafeMutableRawPointer) {
    assert(UInt(bitPattern: storage) % UInt(Self.byteAlignment) == 0, "histogram storage must be aligned")
    cells = storage.assumingMemoryBound(to: UInt32.self)
  }

  /// Forgets everything.
  public func reset() {
    cells.update(repeating: 0, count: Self.cellCount + Self.carryCount)
  }

  /// Counts one duration.
  @inline(__always)
  public func record(nanoseconds: UInt64) {
    let index = Self.cellIndex(of: nanoseconds)
    let count = cells[index] &+ 1
    cells[index] = count
    if count == 0 { carry(cell: index) }
  }

  /// Counts `count` durations of the same length: a batch that was timed as one.
  @inline(__always)
  public func record(nanoseconds: UInt64, count: UInt32) {
    let index = Self.cellIndex(of: nanoseconds)
    let (sum, overflow) = cells[index].addingReportingOverflow(count)
    cells[index] = sum
    if overflow { carry(cell: index) }
  }

  /// The cell of a duration: the top six bits from its leading one, numbered without gaps.
  @inline(__always)
  static func cellIndex(of nanoseconds: UInt64) -> Int {
    let value = nanoseconds < maximumNanoseconds ? nanoseconds : maximumNanoseconds
    let shift = 58 &- (value | 63).leadingZeroBitCount
    return (shift &<< 5) &+ Int(truncatingIfNeeded: value &>> UInt64(truncatingIfNeeded: shift))
  }

  /// The smallest duration of a cell.
  static func lowestNanoseconds(ofCell index: Int) -> UInt64 {
    if index < 64 { return UInt64(index) }
    let shift = index / 32 - 1
    return UInt64(index - shift * 32) << UInt64(shift)
  }

  /// The largest duration of a cell.
  static func highestNanoseconds(ofCell index: Int) -> UInt64 {
    lowestNanoseconds(ofCell: index + 1) - 1
  }

  /// Notes that a cell wrapped. Without a free carry the cell stays at its maximum.
  ///
  /// Usable from inlined code: otherwise `record` would be a call for other modules (2 ns instead of 0.7).
  @usableFromInline @inline(never)
  func carry(cell: Int) {
    let carries = cells + Self.cellCount
    let oneWrap: UInt32 = 1 << 10
    for slot in 0..<Self.carryCount {
      if carries[slot] == 0 {
        carries[slot] = oneWrap | UInt32(cell)
        return
      }
      if carries[slot] & (oneWrap - 1) == UInt32(cell) {
        let (sum, overflow) = carries[slot].addingReportingOverflow(oneWrap)
        if overflow { break }
        carries[slot] = sum
        return
      }
    }
    cells[cell] = .max
  }
}

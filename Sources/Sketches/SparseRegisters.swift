import Bytes

/// The registers of a sparse HyperLogLog: runs of equal ranks, from the first register to the last.
///
/// | bytes                | run |
/// |----------------------|-----|
/// | `00nnnnnn`           | up to 64 zeros: n + 1 |
/// | `01nnnnnn nnnnnnnn`  | up to 16,384 zeros: n + 1 |
/// | `1rrrrrnn`           | up to four registers, n + 1, of rank r + 1, up to 32 |
struct SparseRegisters {
  private let bytes: ByteView

  static let rankMaximum: UInt8 = 32
  private static let ranksMaximum = 4
  private static let zerosMaximum = 64

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// The bytes of a sketch without elements: one run of zeros.
  static var empty: [UInt8] { [0x40 | UInt8((HyperLogLog.registerCount - 1) >> 8), 0xff] }

  struct Run {
    enum Form {
      case zeros
      case manyZeros
      case ranks
    }

    let form: Form
    let rank: UInt8
    /// The first register, and how many there are.
    let first: Int
    let count: Int
    /// Where the run lies.
    let offset: Int

    var byteCount: Int { form == .manyZeros ? 2 : 1 }
    var last: Int { first + count - 1 }
  }

  /// The run that lies at `offset` and begins with the register `first`.
  @inline(__always)
  private func run(at offset: Int, first: Int) -> Run {
    let byte = bytes[offset]
    if byte & 0x80 != 0 {
      return Run(
        form: .ranks, rank: ((byte >> 2) & 0x1f) + 1, first: first, count: Int(byte & 3) + 1, offset: offset)
    }
    if byte & 0x40 == 0 {
      return Run(form: .zeros, rank: 0, first: first, count: Int(byte) + 1, offset: offset)
    }
    // Where the second byte is missing, a zero is read, as Redis does.
    let low = offset + 1 < bytes.count ? Int(bytes[offset + 1]) : 0
    return Run(
      form: .manyZeros, rank: 0, first: first, count: (Int(byte & 0x3f) << 8 | low) + 1, offset: offset)
  }

  /// Calls `body` with each run, whatever they add up to.
  @inline(__always)
  func forEachRunUnchecked(_ body: (Run) -> Void) {
    var offset = 0
    var first = 0
    while offset < bytes.count {
      let run = run(at: offset, first: first)
      body(run)
      offset += run.byteCount
      first += run.count
    }
  }

  /// Calls `body` with each run. They must add up to the number of registers.
  @inline(__always)
  func forEachRun(_ body: (Run) -> Void) throws(HyperLogLog.Corruption) {
    var offset = 0
    var first = 0
    while offset < bytes.count {
      let run = run(at: offset, first: first)
      first += run.count
      guard first <= HyperLogLog.registerCount else { throw HyperLogLog.Corruption() }
      body(run)
      offset += run.byteCount
    }
    guard first == HyperLogLog.registerCount else { throw HyperLogLog.Corruption() }
  }

  // MARK: Changing

  /// What is to be done to raise a register.
  enum Step {
    /// Nothing: it is that high already.
    case none
    /// The rank has no place in this encoding.
    case makeDense
    case edit(Edit)
  }

  /// A run that is to be replaced.
  struct Edit {
    /// Where the run lies, and where the one before it, if there is one.
    var offset: Int
    var previousOffset: Int?
    var removedCount: Int
    /// What takes its place: at most five bytes.
    var added = InlineArray<5, UInt8>(repeating: 0)
    var addedCount = 0

    var growth: Int { addedCount - removedCount }

    fileprivate mutating func append(zeros count: Int) {
      if count > SparseRegisters.zerosMaximum {
        append(0x40 | UInt8((count - 1) >> 8))
        append(UInt8(truncatingIfNeeded: count - 1))
      } else if count > 0 {
        append(UInt8(count - 1))
      }
    }

    fileprivate mutating func append(rank: UInt8, count: Int) {
      if count > 0 { append(SparseRegisters.byte(rank: rank, count: count)) }
    }

    private mutating func append(_ byte: UInt8) {
      added[addedCount] = byte
      addedCount += 1
    }
  }

  fileprivate static func byte(rank: UInt8, count: Int) -> UInt8 {
    0x80 | (rank - 1) << 2 | UInt8(count - 1)
  }

  /// Where a search may begin: at a run that lies before everything that the last edit can have touched, or at the
  /// run at which that edit began to join neighbours.
  struct Cursor {
    fileprivate var offset = 0
    fileprivate var first = 0
  }

  /// How to raise a register to a rank.
  ///
  /// - Parameter cursor: where the search begins. Of a step to the next it may be kept if registers only ascend.
  func step(_ observation: Observation, from cursor: inout Cursor) throws(HyperLogLog.Corruption) -> Step {
    guard observation.rank <= Self.rankMaximum else { return .makeDense }
    var offset = cursor.offset
    var first = cursor.first
    var previous: Cursor?
    while offset < bytes.count {
      let run = run(at: offset, first: first)
      if observation.register > run.last {
        if let previous { cursor = previous }
        previous = Cursor(offset: offset, first: first)
        offset += run.byteCount
        first += run.count
        continue
      }
      if previous == nil, offset > 0 {
        // The cursor's own run has been joined with this register's: the run before it is not known.
        cursor = Cursor()
        (offset, first) = (0, 0)
        continue
      }
      guard offset + run.byteCount <= bytes.count else { throw HyperLogLog.Corruption() }
      return step(observation, in: run, previous?.offset)
    }
    throw HyperLogLog.Corruption()
  }

  private func step(_ observation: Observation, in run: Run, _ previousOffset: Int?) -> Step {
    guard run.rank < observation.rank else { return .none }
    var edit = Edit(offset: run.offset, previousOffset: previousOffset, removedCount: run.byteCount)
    let before = observation.register - run.first
    let after = run.last - observation.register
    if run.form == .ranks {
      edit.append(rank: run.rank, count: before)
      edit.append(rank: observation.rank, count: 1)
      edit.append(rank: run.rank, count: after)
    } else {
      edit.append(zeros: before)
      edit.append(rank: observation.rank, count: 1)
      edit.append(zeros: after)
    }
    return .edit(edit)
  }

  /// Runs that are looked at for neighbours to join after an edit.
  private static let joinedRunsMaximum = 5

  /// Joins neighbours of one rank among the runs around an edit, as far as a run of four goes.
  ///
  /// (That it is these five runs, and that of two joined ones the later place is kept, is seen in the bytes; so it is
  /// part of the format, as far as other servers compare them.)
  static func join(in bytes: inout [UInt8], from start: Int) {
    var offset = start
    for _ in 0..<joinedRunsMaximum where offset < bytes.count {
      let byte = bytes[offset]
      guard byte & 0x80 != 0 else {
        offset += byte & 0x40 != 0 ? 2 : 1
        continue
      }
      if offset + 1 < bytes.count, bytes[offset + 1] & 0xfc == byte & 0xfc {
        let count = Int(byte & 3) + Int(bytes[offset + 1] & 3) + 2
        if count <= ranksMaximum {
          bytes[offset] = byte & 0xfc | UInt8(count - 1)
          bytes.remove(at: offset + 1)
          continue
        }
      }
      offset += 1
    }
  }
}

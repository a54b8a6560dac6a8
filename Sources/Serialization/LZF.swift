import Bytes

/// The compression of strings in Redis's file format.
///
/// Compressed bytes are a row of instructions, each begun by a control byte:
///
/// | control byte | what follows           | what it says |
/// |--------------|------------------------|--------------|
/// | `000nnnnn`   | n + 1 bytes            | these bytes |
/// | `nnnooooo`   | 1 byte                 | n + 2 bytes that stand o + 1 back |
/// | `111ooooo`   | a byte more before it  | the same; that byte is added to n |
///
/// The distance has 13 bits, those of the control byte the high ones; what is repeated may overlap what it makes.
///
/// No package of Swift's or of the system's brings this format, and a C library of 300 lines would be a foreign
/// thing to check bounds in, so it is written here.
enum LZF {
  /// How far back repeated bytes may stand.
  static let distanceMaximum = 1 << 13
  /// Bytes that one instruction repeats at the most, and at the least.
  static let repeatMaximum = 264
  static let repeatMinimum = 3
  /// Bytes that one instruction can give as they are.
  static let literalMaximum = 32

  // MARK: Decompressing

  /// How many bytes `compressed` becomes; nil if that is not to be told, because an instruction is cut short or points before the
  /// beginning. Nothing is written, so that memory is asked for only when it is known to be needed.
  static func decompressedCount(_ compressed: ByteView) -> Int? {
    var read = 0
    var count = 0
    while read < compressed.count {
      let control = Int(compressed.start[read])
      read += 1
      if control < literalMaximum {
        read += control + 1
        count += control + 1
        continue
      }
      var length = control >> 5
      if length == 7 {
        guard read < compressed.count else { return nil }
        length += Int(compressed.start[read])
        read += 1
      }
      guard read < compressed.count else { return nil }
      let distance = (control & 0x1f) << 8 + Int(compressed.start[read]) + 1
      read += 1
      guard distance <= count else { return nil }
      count += length + 2
    }
    return read == compressed.count ? count : nil
  }

  /// Writes what `compressed` becomes to `target`, which has room for `decompressedCount` bytes; that must not be nil.
  static func decompress(_ compressed: ByteView, to target: UnsafeMutablePointer<UInt8>) {
    var read = compressed.start
    let end = read + compressed.count
    var written = target
    while read < end {
      let control = Int(read[0])
      read += 1
      if control < literalMaximum {
        copyBytes(from: read, to: written, control + 1)
        read += control + 1
        written += control + 1
        continue
      }
      var length = control >> 5
      if length == 7 {
        length += Int(read[0])
        read += 1
      }
      let source = written - ((control & 0x1f) << 8 + Int(read[0]) + 1)
      read += 1
      // Byte by byte, because source and target may overlap.
      for index in 0..<length + 2 { written[index] = source[index] }
      written += length + 2
    }
  }

  // MARK: Compressing

  /// Writes `bytes` compressed to `target`; returns how many bytes that took, nil if they would be more than
  /// `limit`, for which `target` has room.
  ///
  /// A table remembers for each three bytes where such were last seen. It is as large as short texts need, and new for each
  /// text: the same bytes always give the same result.
  static func compress(_ bytes: ByteView, to target: UnsafeMutablePointer<UInt8>, limit: Int) -> Int? {
    guard bytes.count > repeatMinimum else { return nil }
    let bits = min(max(Int.bitWidth - (bytes.count - 1).leadingZeroBitCount, 8), 14)
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1 << bits) { table in
      table.initialize(repeating: 0)
      var compressor = Compressor(
        source: bytes.start, count: bytes.count, target: target, limit: limit, table: table,
        hashShift: 32 - bits)
      return compressor.run()
    }
  }
}

/// One text on its way through the compressor.
private struct Compressor {
  let source: UnsafePointer<UInt8>
  let count: Int
  let target: UnsafeMutablePointer<UInt8>
  let limit: Int
  /// Places in the source, one up, by the hash of the three bytes there; of long sources the low 32 bits.
  let table: UnsafeMutableBufferPointer<UInt32>
  let hashShift: Int
  private var written = 0
  /// Where the bytes begin that no instruction says yet.
  private var literalStart = 0

  init(
    source: UnsafePointer<UInt8>, count: Int, target: UnsafeMutablePointer<UInt8>, limit: Int,
    table: UnsafeMutableBufferPointer<UInt32>, hashShift: Int
  ) {
    self.source = source
    self.count = count
    self.target = target
    self.limit = limit
    self.table = table
    self.hashShift = hashShift
  }

  mutating func run() -> Int? {
    var position = 0
    while position + LZF.repeatMinimum <= count {
      let length = match(at: position)
      guard length >= LZF.repeatMinimum else {
        position += 1
        continue
      }
      guard writeLiterals(upTo: position), writeRepeat(length, distance: matchDistance) else { return nil }
      // Two places within what was repeated are enough to find the next occurrence.
      let next = position + length
      if position + 1 + LZF.repeatMinimum <= count { remember(position + 1) }
      if next - 1 + LZF.repeatMinimum <= count { remember(next - 1) }
      position = next
      literalStart = next
    }
    return writeLiterals(upTo: count) ? written : nil
  }

  private var matchDistance = 0

  /// How many bytes at `position` stand further back as well; `matchDistance` says where. Remembers the place.
  private mutating func match(at position: Int) -> Int {
    let earlier = remember(position)
    // Of a place only 32 bits are known: the distance is right, or the bytes differ.
    let distance = Int(UInt32(truncatingIfNeeded: position + 1) &- earlier)
    guard earlier != 0, distance >= 1, distance <= LZF.distanceMaximum, distance <= position else { return 0 }
    let before = source + position - distance
    let here = source + position
    let most = min(count - position, LZF.repeatMaximum)
    var length = 0
    while length < most, before[length] == here[length] { length += 1 }
    matchDistance = distance
    return length
  }

  /// Notes what stands at `position`, and returns what was noted for the same hash before.
  @discardableResult
  private func remember(_ position: Int) -> UInt32 {
    let here = source + position
    let three = UInt32(here[0]) | UInt32(here[1]) << 8 | UInt32(here[2]) << 16
    let place = Int((three &* 0x9e37_79b1) >> UInt32(hashShift))
    let earlier = table[place]
    table[place] = UInt32(truncatingIfNeeded: position + 1)
    return earlier
  }

  private mutating func writeLiterals(upTo end: Int) -> Bool {
    while literalStart < end {
      let run = min(end - literalStart, LZF.literalMaximum)
      guard written + 1 + run <= limit else { return false }
      target[written] = UInt8(run - 1)
      copyBytes(from: source + literalStart, to: target + written + 1, run)
      written += 1 + run
      literalStart += run
    }
    return true
  }

  private mutating func writeRepeat(_ length: Int, distance: Int) -> Bool {
    guard written + 3 <= limit else { return false }
    let high = UInt8((distance - 1) >> 8)
    if length < 9 {
      target[written] = UInt8(length - 2) << 5 | high
    } else {
      target[written] = 7 << 5 | high
      target[written + 1] = UInt8(length - 9)
      written += 1
    }
    target[written + 1] = UInt8((distance - 1) & 0xff)
    written += 2
    return true
  }
}

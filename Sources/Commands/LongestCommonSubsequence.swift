import Bytes

/// The longest common subsequence of two texts: its length, and which bytes it consists of.
///
///     let common = LongestCommonSubsequence(first, second)
///     common.length
///     common.runs(in: first, second) // matching runs, the last one first
///
/// The usual table of lengths has a number for each pair of prefixes. Neighbours in a row differ by 0 or 1,
/// so a row is kept as one bit a column, and a machine word's columns are computed at once (Hyyrö, "Bit-Parallel
/// LCS-length Computation Revisited", 2004): 1/32 of the table's memory, and about as much less time.
struct LongestCommonSubsequence {
  /// Bytes that both texts have in common, one after the other in each.
  struct Run: Equatable {
    var firstStart: Int
    var secondStart: Int
    var count: Int
  }

  let length: Int
  private let wordsPerRow: Int
  /// A row for each byte of the first text. Bit `j` is 0 where the first `j + 1` bytes of the second text have a
  /// longer subsequence in common with this prefix than the first `j` have.
  private let rows: [UInt64]

  /// - Parameter lengthOnly: keeps a single row; `runs` is not to be called then.
  init(_ first: ByteView, _ second: ByteView, lengthOnly: Bool = false) {
    let wordsPerRow = (second.count + 63) / 64
    let matches = Matches(of: second, for: first, wordsPerRow: wordsPerRow)
    var rows = [UInt64](repeating: ~0, count: wordsPerRow * (lengthOnly ? 1 : max(first.count, 1)))
    var length = 0
    rows.withUnsafeMutableBufferPointer { rows in
      guard wordsPerRow > 0, !first.isEmpty, let start = rows.baseAddress else { return }
      var previous = start
      for index in 0..<first.count {
        let row = lengthOnly ? start : start + index * wordsPerRow
        matches.withMask(of: first[index]) { mask in
          var carry: UInt64 = 0
          for word in 0..<wordsPerRow {
            let old = previous[word]
            let hits = old & mask[word]
            let (partial, firstCarry) = old.addingReportingOverflow(hits)
            let (sum, secondCarry) = partial.addingReportingOverflow(carry)
            carry = firstCarry || secondCarry ? 1 : 0
            row[word] = sum | (old & ~mask[word])
          }
        }
        previous = row
      }
      length = Self.zeroCount(previous, bitCount: second.count)
    }
    self.length = length
    self.wordsPerRow = wordsPerRow
    self.rows = rows
  }

  private static func zeroCount(_ row: UnsafePointer<UInt64>, bitCount: Int) -> Int {
    var count = 0
    for word in 0..<(bitCount / 64) { count += (~row[word]).nonzeroBitCount }
    let rest = bitCount % 64
    if rest > 0 { count += (~row[bitCount / 64] & (1 << UInt64(rest) - 1)).nonzeroBitCount }
    return count
  }

  /// The runs of bytes that make up the subsequence, from the end of the texts to their beginning.
  ///
  /// Where texts have several subsequences of the greatest length, it is the one that is found by going back in the
  /// first text only where that is necessary.
  func runs(in first: ByteView, _ second: ByteView) -> [Run] {
    var runs: [Run] = []
    var run: Run?
    var i = first.count
    var j = second.count
    rows.withUnsafeBufferPointer { rows in
      while i > 0, j > 0 {
        if first[i - 1] == second[j - 1] {
          i -= 1
          j -= 1
          run = Run(firstStart: i, secondStart: j, count: (run?.count ?? 0) + 1)
          continue
        }
        if let finished = run { runs.append(finished) }
        run = nil
        let column = j - 1
        let isLonger = rows[(i - 1) * wordsPerRow + column / 64] & (1 << UInt64(column % 64)) == 0
        if isLonger { i -= 1 } else { j -= 1 }
      }
    }
    if let finished = run { runs.append(finished) }
    return runs
  }

  /// The subsequence itself, put together from its runs.
  func text(of runs: [Run], in first: ByteView) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(length)
    for run in runs.reversed() {
      text.append(contentsOf: first[run.firstStart..<(run.firstStart + run.count)].buffer)
    }
    return text
  }

  /// For each byte that occurs in one text, where in the other it stands: a bit for each place.
  private struct Matches {
    /// Which mask is a byte's.
    private var numbers: [Int]
    private var masks: [UInt64]
    private let wordsPerRow: Int

    init(of text: ByteView, for other: ByteView, wordsPerRow: Int) {
      self.wordsPerRow = wordsPerRow
      numbers = [Int](repeating: -1, count: 256)
      var count = 0
      for byte in other.buffer where numbers[Int(byte)] < 0 {
        numbers[Int(byte)] = count
        count += 1
      }
      masks = [UInt64](repeating: 0, count: count * wordsPerRow)
      for place in 0..<text.count {
        let number = numbers[Int(text[place])]
        if number >= 0 { masks[number * wordsPerRow + place / 64] |= 1 << UInt64(place % 64) }
      }
    }

    /// Calls `body` with the mask of a byte that occurs in the other text.
    @inline(__always)
    func withMask(of byte: UInt8, _ body: (UnsafePointer<UInt64>) -> Void) {
      masks.withUnsafeBufferPointer { masks in
        guard let start = masks.baseAddress else { return }
        body(start + numbers[Int(byte)] * wordsPerRow)
      }
    }
  }
}

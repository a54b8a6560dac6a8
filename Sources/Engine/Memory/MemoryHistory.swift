import Heap

/// The last hour of the server's memory by purpose: a ring of fixed size, in which the first shard's loop writes a row every
/// ten seconds.
///
/// Its memory counts as statistics; whoever owns it must `release()` it.
public struct MemoryHistory {
  /// Milliseconds between two rows.
  public static let interval: Int64 = 10_000
  /// Rows of an hour.
  public static let rowMaximum = 360

  /// One row: the time, what was resident, and each part of the sample.
  private static let columnCount = 2 + MemorySample.names.count

  private let heap: ShardHeap
  private let cells: UnsafeMutablePointer<Int>
  /// Rows written since the start.
  private var written = 0
  private var lastTime: Int64 = 0

  public init(heap: ShardHeap) {
    self.heap = heap
    let count = Self.rowMaximum * Self.columnCount
    cells = heap.allocate(count * MemoryLayout<Int>.stride, for: .statistics)
      .bindMemory(to: Int.self, capacity: count)
  }

  public func release() { heap.free(cells, for: .statistics) }

  /// The block, as the allocator counts it.
  public var allocatedBytes: Int { ShardHeap.usableSize(cells) }

  /// Rows that are there.
  public var count: Int { min(written, Self.rowMaximum) }

  /// Whether the next row is due.
  public func isDue(at time: Int64) -> Bool {
    // A clock that was set back must not stop the writing.
    written == 0 || time - lastTime >= Self.interval || time < lastTime
  }

  /// Writes a row, over the oldest one if the ring is full.
  public mutating func append(_ row: MemoryHistoryRow) {
    let start = cells + (written % Self.rowMaximum) * Self.columnCount
    start[0] = Int(row.sample.time)
    start[1] = row.residentBytes
    for (index, value) in row.sample.values.enumerated() { start[2 + index] = value }
    lastTime = row.sample.time
    written += 1
  }

  /// The latest rows, `countMaximum` at the most, the oldest first.
  public func rows(countMaximum: Int) -> [MemoryHistoryRow] {
    let count = min(self.count, max(0, countMaximum))
    return (written - count..<written).map { row(at: $0 % Self.rowMaximum) }
  }

  private func row(at index: Int) -> MemoryHistoryRow {
    let start = cells + index * Self.columnCount
    var sample = MemorySample(time: Int64(start[0]))
    for purpose in Purpose.allCases { sample.bytesByPurpose[purpose.rawValue] = start[2 + purpose.rawValue] }
    sample.runtimeBytes = start[Self.columnCount - 1]
    return MemoryHistoryRow(sample: sample, residentBytes: start[1])
  }
}

/// The server's memory at one moment of its history.
public struct MemoryHistoryRow: Sendable, Equatable {
  public var sample: MemorySample
  /// The resident set size.
  public var residentBytes: Int

  public init(sample: MemorySample, residentBytes: Int) {
    self.sample = sample
    self.residentBytes = residentBytes
  }
}

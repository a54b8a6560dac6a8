extension LatencyHistogram {
  /// The counts at this moment.
  public func snapshot() -> Snapshot {
    var counts = [UInt64](unsafeUninitializedCapacity: Self.cellCount) { buffer, initializedCount in
      for index in 0..<Self.cellCount { buffer.initializeElement(at: index, to: UInt64(cells[index])) }
      initializedCount = Self.cellCount
    }
    let carries = cells + Self.cellCount
    for slot in 0..<Self.carryCount where carries[slot] != 0 {
      counts[Int(carries[slot] & 1023)] += UInt64(carries[slot] >> 10) << 32
    }
    return Snapshot(counts: counts)
  }

  /// The counts of a histogram, or of several merged: a value to hand from thread to thread.
  public struct Snapshot: Sendable, Equatable {
    /// One count per cell; empty when nothing was recorded.
    private var counts: [UInt64]

    /// The number of durations recorded.
    public private(set) var totalCount: UInt64

    /// A snapshot of nothing.
    public init() {
      counts = []
      totalCount = 0
    }

    init(counts: [UInt64]) {
      precondition(counts.count == LatencyHistogram.cellCount, "one count per cell")
      totalCount = counts.reduce(0, &+)
      self.counts = totalCount == 0 ? [] : counts
    }

    /// Adds what another shard counted.
    public mutating func merge(_ other: Snapshot) {
      guard other.totalCount > 0 else { return }
      guard totalCount > 0 else {
        self = other
        return
      }
      for index in counts.indices { counts[index] &+= other.counts[index] }
      totalCount &+= other.totalCount
    }

    /// The duration that `percent` of a hundred recorded durations do not exceed, as HdrHistogram has it: the upper
    /// end of the cell that holds the durations of that rank (the lower end for 0). 0 if nothing was recorded.
    public func percentile(_ percent: Double) -> UInt64 {
      guard totalCount > 0 else { return 0 }
      let clamped = Swift.min(Swift.max(percent, 0), 100)
      let exactRank = clamped / 100 * Double(totalCount) + 0.5
      let rank = exactRank >= Double(totalCount) ? totalCount : Swift.max(1, UInt64(exactRank))
      var cumulativeCount: UInt64 = 0
      for index in counts.indices {
        cumulativeCount &+= counts[index]
        guard cumulativeCount >= rank else { continue }
        if clamped == 0 { return Swift.max(1, LatencyHistogram.lowestNanoseconds(ofCell: index)) }
        return Swift.max(1, LatencyHistogram.highestNanoseconds(ofCell: index))
      }
      preconditionFailure("the counts do not add up to their total")
    }

    /// What LATENCY HISTOGRAM shows: how many durations were below 2^10, 2^11, ... 2^30 ns, wherever that number grows.
    ///
    /// The bounds bear the names Redis gives them, which come from the cells of its own histogram:
    /// 1, 2, 4, 8, 16, 33, 66, 132, ... 541065, 1073741 microseconds.
    public func cumulativePowersOfTwoMicroseconds() -> [CumulativeCount] {
      var result: [CumulativeCount] = []
      var cumulativeCount: UInt64 = 0
      var index = 0
      guard totalCount > 0 else { return result }
      for exponent in 10...30 {
        let bound = UInt64(1) << UInt64(exponent)
        let countBefore = cumulativeCount
        while index < counts.count && LatencyHistogram.lowestNanoseconds(ofCell: index) < bound {
          cumulativeCount &+= counts[index]
          index += 1
        }
        guard cumulativeCount > countBefore else { continue }
        let shown = exponent == 30 ? bound : bound + (bound >> 7) - 1
        result.append(CumulativeCount(microseconds: shown / 1000, count: cumulativeCount))
      }
      return result
    }

    /// The line of INFO latencystats: `latency_percentiles_usec_get:p50=2.015,p99=4.031,p99.9=4.031`.
    public func infoLine(commandName: String, percentiles: [Double]) -> String {
      let values = percentiles.map { percent in
        "p\(DecimalText.shortest(percent))=\(DecimalText.thousandths(percentile(percent)))"
      }
      return "latency_percentiles_usec_\(InfoText.safeName(commandName)):\(values.joined(separator: ","))\r\n"
    }
  }

  /// An entry of LATENCY HISTOGRAM: so many durations within so many microseconds.
  public struct CumulativeCount: Sendable, Equatable {
    /// The bound as Redis names it.
    public var microseconds: UInt64

    /// The number of durations up to the bound, shorter ones included.
    public var count: UInt64

    /// An entry.
    public init(microseconds: UInt64, count: UInt64) {
      self.microseconds = microseconds
      self.count = count
    }
  }
}

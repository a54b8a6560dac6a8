/// The rate of a counter over the last 16 samples: `instantaneous_ops_per_sec`, `instantaneous_input_kbps`.
///
/// A shard samples its counters ten times a second; the server's rate is the sum over its shards.
public struct InstantaneousMetric: Sendable {
  /// Samples that a rate averages over, as in Redis.
  public static var sampleCount: Int { 16 }

  private var ratesPerSecond = InlineArray<16, UInt64>(repeating: 0)
  private var nextIndex = 0
  private var lastTotal: UInt64 = 0
  private var lastMicroseconds: UInt64 = 0
  private var hasBase = false

  /// A metric without samples: its rate is 0.
  public init() {}

  /// Takes a sample.
  ///
  /// - Parameters:
  ///   - total: the counter, which grows. A counter that was set back starts a new base.
  ///   - nowMicroseconds: a monotonic clock.
  public mutating func sample(total: UInt64, nowMicroseconds: UInt64) {
    if hasBase && total >= lastTotal && nowMicroseconds > lastMicroseconds {
      let growth = (total - lastTotal).multipliedFullWidth(by: 1_000_000)
      let elapsed = nowMicroseconds - lastMicroseconds
      ratesPerSecond[nextIndex] = growth.high < elapsed ? elapsed.dividingFullWidth(growth).quotient : .max
      nextIndex = (nextIndex + 1) % Self.sampleCount
    }
    hasBase = true
    lastTotal = total
    lastMicroseconds = nowMicroseconds
  }

  /// Forgets all samples: CONFIG RESETSTAT.
  public mutating func reset() { self = InstantaneousMetric() }

  /// The mean rate. The 16 samples count from the start, so that it climbs during the first.
  public var perSecond: UInt64 {
    var mean: UInt64 = 0
    var remainder: UInt64 = 0
    let divisor = UInt64(Self.sampleCount)
    for index in ratesPerSecond.indices {
      mean += ratesPerSecond[index] / divisor
      remainder += ratesPerSecond[index] % divisor
    }
    return mean + remainder / divisor
  }

  /// A rate in bytes as INFO shows it, in kilobytes with two decimals: `0.03`.
  public static func kilobytesText(bytesPerSecond: UInt64) -> String {
    DecimalText.fixed(Double(bytesPerSecond) / 1024, decimals: 2)
  }
}

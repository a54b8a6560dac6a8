extension LatencyMonitor {
  /// What is known about one event.
  public struct Series: Sendable, Equatable {
    /// The event.
    public var event: LatencyEvent

    /// The longest delay since the start or the last reset, whether its sample is still kept or not.
    public var maximumMilliseconds: UInt32

    /// The newest slow seconds, oldest first; never empty.
    public private(set) var samples: [LatencySample]

    /// A series of at most 160 samples.
    public init(event: LatencyEvent, maximumMilliseconds: UInt32, samples: [LatencySample]) {
      precondition(!samples.isEmpty, "an event without samples has no series")
      precondition(samples.count <= LatencyMonitor.sampleCountMaximum, "too many samples")
      self.event = event
      self.maximumMilliseconds = maximumMilliseconds
      self.samples = samples
    }

    /// The newest sample.
    public var latest: LatencySample { samples[samples.count - 1] }

    /// Adds another shard's samples: a second that both know takes the longer delay, and the newest 160 stay.
    public mutating func merge(_ other: Series) {
      precondition(event == other.event, "series of different events")
      maximumMilliseconds = Swift.max(maximumMilliseconds, other.maximumMilliseconds)
      // A clock set back may have left a shard's samples out of order: sort, don't zip.
      let sorted = (samples + other.samples).sorted { $0.unixSeconds < $1.unixSeconds }
      var merged: [LatencySample] = []
      merged.reserveCapacity(sorted.count)
      for sample in sorted {
        if let last = merged.last, last.unixSeconds == sample.unixSeconds {
          merged[merged.count - 1].milliseconds = Swift.max(last.milliseconds, sample.milliseconds)
        } else {
          merged.append(sample)
        }
      }
      samples = Array(merged.suffix(LatencyMonitor.sampleCountMaximum))
    }

    /// What LATENCY DOCTOR says about the samples.
    public func summary(nowUnixSeconds: Int64) -> Summary {
      let delays = samples.map { UInt64($0.milliseconds) }
      let average = delays.reduce(0, +) / UInt64(delays.count)
      let deviations = delays.map { $0 > average ? $0 - average : average - $0 }
      let oldest = samples.reduce(UInt32.max) { Swift.min($0, $1.unixSeconds) }
      let worst = samples.reduce(samples[0]) { $1.milliseconds > $0.milliseconds ? $1 : $0 }
      let elapsedSeconds = Swift.max(1, nowUnixSeconds - Int64(oldest))
      return Summary(
        count: samples.count,
        averageMilliseconds: average,
        meanDeviationMilliseconds: deviations.reduce(0, +) / UInt64(delays.count),
        minimumMilliseconds: delays.reduce(UInt64.max, Swift.min),
        periodSeconds: Double(elapsedSeconds) / Double(samples.count),
        worst: worst)
    }
  }

  /// Figures over the samples of a series.
  public struct Summary: Sendable, Equatable {
    /// Slow seconds.
    public var count: Int
    /// Their mean delay.
    public var averageMilliseconds: UInt64
    /// The mean distance of a delay from that average.
    public var meanDeviationMilliseconds: UInt64
    /// The shortest delay.
    public var minimumMilliseconds: UInt64
    /// Seconds from one slow second to the next, on average since the oldest.
    public var periodSeconds: Double
    /// The sample with the longest delay, the oldest of several.
    public var worst: LatencySample
  }

  /// The series of all events that were slow: a value to hand from thread to thread.
  public struct Snapshot: Sendable, Equatable {
    /// At most one series per event, in the order of the events.
    public private(set) var series: [Series] = []

    /// A snapshot of nothing.
    public init() {}

    /// The series of an event, or nil if it never was slow.
    public func series(_ event: LatencyEvent) -> Series? {
      series.first { $0.event == event }
    }

    /// Adds what another shard noticed.
    public mutating func merge(_ other: Snapshot) {
      for series in other.series { add(series) }
    }

    /// Adds a series, merging it into the one of its event.
    mutating func add(_ added: Series) {
      let position = series.firstIndex { $0.event.rawValue >= added.event.rawValue } ?? series.endIndex
      if position < series.endIndex && series[position].event == added.event {
        series[position].merge(added)
      } else {
        series.insert(added, at: position)
      }
    }
  }
}

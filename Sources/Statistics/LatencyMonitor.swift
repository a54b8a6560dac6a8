/// One second in which an event was slow.
public struct LatencySample: Sendable, Equatable {
  /// The second, until the year 2106.
  public var unixSeconds: UInt32

  /// The longest delay within that second.
  public var milliseconds: UInt32

  /// A sample.
  public init(unixSeconds: UInt32, milliseconds: UInt32) {
    self.unixSeconds = unixSeconds
    self.milliseconds = milliseconds
  }
}

/// The delays that one thread noticed: for each event a ring of the newest 160 slow seconds, and the worst ever.
///
/// The recorder lives in memory that the caller owns (`byteCount`, about 23 KB). Whether a delay is long enough
/// (`latency-monitor-threshold`) is for the caller to decide.
public struct LatencyMonitor {
  /// Samples kept per event, as in Redis.
  public static var sampleCountMaximum: Int { 160 }

  /// The size of the storage.
  public static var byteCount: Int { LatencyEvent.allCases.count * seriesByteCount }

  /// The alignment of the storage.
  public static var byteAlignment: Int { MemoryLayout<Header>.alignment }

  /// What stands before the samples of an event.
  private struct Header {
    var nextIndex: UInt32
    var count: UInt32
    var maximumMilliseconds: UInt32
    var reserved: UInt32
  }

  private static var seriesByteCount: Int {
    MemoryLayout<Header>.stride + sampleCountMaximum * MemoryLayout<LatencySample>.stride
  }

  private let storage: UnsafeMutableRawPointer

  /// A monitor over storage of `byteCount` bytes that is all zero, or that a monitor has recorded into.
  public init(storage: UnsafeMutableRawPointer) {
    assert(UInt(bitPattern: storage) % UInt(Self.byteAlignment) == 0, "monitor storage must be aligned")
    self.storage = storage
  }

  private func header(_ event: LatencyEvent) -> UnsafeMutablePointer<Header> {
    (storage + Int(event.rawValue) * Self.seriesByteCount).assumingMemoryBound(to: Header.self)
  }

  private func samples(_ event: LatencyEvent) -> UnsafeMutablePointer<LatencySample> {
    UnsafeMutableRawPointer(header(event) + 1).assumingMemoryBound(to: LatencySample.self)
  }

  /// Notes a delay. Delays of the same second make one sample, the longest.
  public func record(_ event: LatencyEvent, milliseconds: UInt64, unixSeconds: Int64) {
    let header = header(event)
    let samples = samples(event)
    let sample = LatencySample(
      unixSeconds: UInt32(clamping: unixSeconds), milliseconds: UInt32(clamping: milliseconds))
    header.pointee.maximumMilliseconds = max(header.pointee.maximumMilliseconds, sample.milliseconds)
    let next = Int(header.pointee.nextIndex)
    if header.pointee.count > 0 {
      let newest = next == 0 ? Self.sampleCountMaximum - 1 : next - 1
      if samples[newest].unixSeconds == sample.unixSeconds {
        samples[newest].milliseconds = max(samples[newest].milliseconds, sample.milliseconds)
        return
      }
    }
    samples[next] = sample
    header.pointee.nextIndex = next + 1 == Self.sampleCountMaximum ? 0 : UInt32(next + 1)
    header.pointee.count = min(header.pointee.count + 1, UInt32(Self.sampleCountMaximum))
  }

  /// Forgets the given events and returns those of them that had samples.
  ///
  /// LATENCY RESET answers with the count of the union over all shards.
  public func reset(_ events: LatencyEventSet) -> LatencyEventSet {
    var resetEvents: LatencyEventSet = []
    for event in LatencyEvent.allCases where events.contains(LatencyEventSet(event)) {
      guard header(event).pointee.count > 0 else { continue }
      header(event).pointee = Header(nextIndex: 0, count: 0, maximumMilliseconds: 0, reserved: 0)
      resetEvents.insert(LatencyEventSet(event))
    }
    return resetEvents
  }

  /// What the monitor holds at this moment.
  public func snapshot() -> Snapshot {
    var result = Snapshot()
    for event in LatencyEvent.allCases {
      let count = Int(header(event).pointee.count)
      guard count > 0 else { continue }
      let samples = samples(event)
      let oldest = count < Self.sampleCountMaximum ? 0 : Int(header(event).pointee.nextIndex)
      let ordered = (0..<count).map { samples[(oldest + $0) % Self.sampleCountMaximum] }
      result.add(
        Series(
          event: event, maximumMilliseconds: header(event).pointee.maximumMilliseconds, samples: ordered))
    }
    return result
  }
}

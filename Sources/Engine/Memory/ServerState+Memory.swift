import Synchronization

/// The memory of the whole server, as every loop can see it.
extension ServerState {
  /// Live bytes of all shards, as they were last published.
  public var publishedLiveBytes: Int { liveBytes.reduce(0) { $0 + $1.load() } }

  /// What they consist of.
  public func publishedSample(time: Int64) -> MemorySample {
    var sample = MemorySample(time: time)
    for shard in publishedMemory { shard.add(to: &sample) }
    return sample
  }

  /// Looks whether the sum of what is published is the highest so far, and if so, notes what it consists of.
  public func lookForPeak(time: Int64) {
    if publishedLiveBytes > peakBytes.load(ordering: .relaxed) { recordPeak(publishedSample(time: time)) }
  }

  /// Notes a sample, if its total is the highest so far.
  public func recordPeak(_ sample: MemorySample) {
    let total = sample.totalBytes
    guard total > peakBytes.load(ordering: .relaxed) else { return }
    peakSample.withLock { peak in
      guard total > peak.totalBytes else { return }
      peak = sample
      peakBytes.store(total, ordering: .relaxed)
    }
  }

  /// What memory consisted of when most was allocated.
  public var peak: MemorySample { peakSample.withLock { $0 } }
}

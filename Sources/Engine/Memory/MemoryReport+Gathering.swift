import Statistics

extension Operation {
  /// Asks all shards at once where their memory is, and the system how much of it is resident.
  public func memoryReport() async -> (whole: MemoryReport, shards: [ShardMemory]) {
    let own = localShard.pointee.index
    // The loop that asks samples the resident bytes while the others gather their parts, so that both
    // are of the same moment: a sample taken before or after can differ by what a FLUSHALL gives back.
    let parts = await onEveryShard { shard in
      (
        memory: ShardMemory(of: shard),
        resident: shard.pointee.index == own ? ResidentMemory.detailed() : nil
      )
    }
    let resident = parts.lazy.compactMap(\.resident).first ?? .detailed()
    let shards = parts.map(\.memory)
    return (server.memoryReport(of: shards, resident: resident), shards)
  }
}

extension ServerState {
  /// Folds the parts of all shards, and notes their total if it is the highest so far.
  public func memoryReport(of shards: [ShardMemory], resident: ResidentMemory) -> MemoryReport {
    recordPeak(MemorySample(shards, time: WallClock.milliseconds))
    return MemoryReport(
      shards: shards, resident: resident, startupBytes: startupBytes.load(ordering: .relaxed),
      restingTrafficBytes: restingTrafficBytes.load(ordering: .relaxed),
      peakBytes: peakBytes.load(ordering: .relaxed))
  }
}

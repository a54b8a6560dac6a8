import CIntrinsics
import Configuration
import Heap
import Keyspace
import RESP
import Statistics

/// A shard's part in keeping the data of all shards within `maxmemory`.
///
/// There is one budget for the server. A shard shows the others what it holds at the end of each turn, and whenever it has used up what it
/// granted itself: a part of the room that it last saw, so small that all shards together stay within the budget, whatever they do at the
/// same time. A command that adds data costs one comparison while the grant lasts.
struct DataLimit {
  /// Bytes of keys (`ShardHeap.keyBytes`) up to which commands may add data without asking.
  var granted = Int.max
  /// Whether memory is over the limit and the next turn is to go on evicting.
  var isUnfinished = false
  /// Bytes for traffic that count as data, as there are always some.
  var restingTrafficBytes = 0
  /// Whether other shards are to be woken because they may make room and this one can't.
  var wantsHelp = false
  /// Since when evictions can't hold memory within the limit, in milliseconds since 1970; 0 while they can.
  var exceededSince: Int64 = 0
  /// For how long that was so before.
  var exceededMilliseconds: Int64 = 0
}

/// Numbers of eviction.
private enum EvictionTuning {
  /// A shard grants itself no more than this share of the limit at once, over the number of shards.
  static let grantShare = 256
  /// Evictions go a little below the limit, so that not every command has to ask: this share of it, up to so many bytes.
  static let marginShare = 4_096
  static let marginMaximum = 16 << 10
  /// Segments in which a key to evict is looked for at once.
  static let segmentsPerChoice = 64
  /// Keys that are chosen again because they are locked.
  static let choicesMaximum = 16
  /// Blocks of removed values that are freed between two looks at the clock.
  static let releasedBlocks = 64
  /// While others can help, commands may pass the limit by this share of it and these bytes.
  static let allowanceShare = 200
  static let allowanceBytes = 512 << 10
  /// Bytes for the traffic of a few calm clients. They count, so that `used_memory`, when somebody looks, is not beyond the limit
  /// for the looking alone.
  static let calmTrafficBytes = 2 << 10
  /// What a turn spends on evictions at its end.
  static let turnNanoseconds: UInt64 = 1_000_000
}

extension ServerState {
  /// Bytes of data on all shards, as they were last published.
  public var publishedDataBytes: Int { dataBytes.reduce(0) { $0 + $1.load() } }

  /// Whether some shard but `own` may have keys that can be evicted, or has removed some that are not freed yet.
  fileprivate func othersCanMakeRoom(_ own: Int) -> Bool {
    for shard in 0..<shardCount where shard != own && candidateFlags[shard].load() != 0 { return true }
    return false
  }
}

extension MaxMemoryPolicy {
  /// How keys are chosen; nil if none are evicted.
  var rule: EvictionRule? {
    switch self {
    case .volatileIdle: EvictionRule(order: .idle, onlyExpiring: true)
    case .volatileFrequency: EvictionRule(order: .frequency, onlyExpiring: true)
    case .volatileRandom: EvictionRule(order: .random, onlyExpiring: true)
    case .volatileTimeToLive: EvictionRule(order: .expiry, onlyExpiring: true)
    case .allKeysIdle: EvictionRule(order: .idle, onlyExpiring: false)
    case .allKeysFrequency: EvictionRule(order: .frequency, onlyExpiring: false)
    case .allKeysRandom: EvictionRule(order: .random, onlyExpiring: false)
    case .noEviction: nil
    }
  }
}

extension Shard {
  /// Has the keyspace account for the use of keys as the policy needs it.
  mutating func adoptUseSettings() {
    var use = UseSettings()
    use.rule = settings.maxMemoryPolicy.rule
    use.countsUse = settings.maxMemoryPolicy.countsUse
    use.sampledBuckets = settings.maxMemorySamples
    use.logFactor = settings.lfuLogFactor
    use.decayMinutes = settings.lfuDecayMinutes
    keyspace.adopt(use)
  }

  /// Milliseconds for which evictions have not been able to hold memory within the limit: in all, and up to now.
  var exceeded: (total: Int64, current: Int64) {
    let current = dataLimit.exceededSince == 0 ? 0 : max(0, keyspace.now - dataLimit.exceededSince)
    return (dataLimit.exceededMilliseconds + current, current)
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Whether commands may add data without anybody being asked.
  @inline(__always)
  var hasGrant: Bool { pointee.heap.keyBytes <= pointee.dataLimit.granted }

  /// Whether a command that adds data, wherever, is to be refused.
  public var refusesWrites: Bool { hasGrant ? pointee.refusesWrites : !makeRoom() }

  /// Bytes that count: all but what clients and their traffic take, beyond what a calm server needs for them.
  private var dataBytes: Int {
    let traffic = Swift.max(0, pointee.heap.trafficBytes - pointee.dataLimit.restingTrafficBytes)
    return pointee.heap.liveBytes - traffic + pointee.runtimeAreas.used
  }

  /// Notes what is allocated for traffic before there is any. To be called once, when the shard is ready to serve.
  public func noteRestingTraffic() {
    let bytes = pointee.heap.trafficBytes + EvictionTuning.calmTrafficBytes
    pointee.dataLimit.restingTrafficBytes = bytes
    pointee.server.restingTrafficBytes.add(bytes, ordering: .relaxed)
  }

  /// Shows other shards how much data this one holds.
  private func publishData() { pointee.server.dataBytes[pointee.index].store(dataBytes) }

  // MARK: Before a command that adds data

  /// Makes room for a command that adds data, or finds that there is some. Returns false if it is to be refused.
  ///
  /// Within a transaction nothing is evicted and nothing refused: it is one step, whose beginning was the moment for that.
  @inline(never)
  func makeRoom() -> Bool {
    publishData()
    lookForSystemRoom()
    if pointee.server.isSystemShort, !pointee.isInTransaction {
      refuseForSystem()
      return false
    }
    let maximum = pointee.settings.maxMemoryBytes
    let total = pointee.server.publishedDataBytes
    if maximum == 0 || total <= maximum {
      grant(total: total, maximum: maximum)
      return true
    }
    if pointee.isInTransaction { return true }
    let outcome = evict(maximum: maximum, nanoseconds: evictionNanoseconds)
    let left = pointee.server.publishedDataBytes
    note(outcome, left, maximum)
    return !pointee.refusesWrites
  }

  /// Makes room before several commands that are one step in the eyes of others.
  @inline(__always)
  func makeRoomForStep() {
    if !hasGrant { _ = makeRoom() }
  }

  /// How long evictions may hold a command up.
  private var evictionNanoseconds: UInt64 {
    let tenacity = pointee.settings.maxMemoryEvictionTenacity
    if tenacity >= 100 { return .max }
    if tenacity <= 10 { return UInt64(tenacity) * 50_000 }
    // Half a millisecond, and from there 15 percent more for each step.
    var nanoseconds = 500_000.0
    for _ in 10..<tenacity { nanoseconds *= 1.15 }
    return UInt64(nanoseconds)
  }

  // MARK: At the end of a turn

  /// Shows other shards how much data this one holds, and brings it back within the limit, or a step nearer. To be called at the end of
  /// each turn.
  public func keepWithinLimit() {
    publishData()
    lookForSystemRoom()
    let maximum = pointee.settings.maxMemoryBytes
    pointee.dataLimit.isUnfinished = false
    pointee.dataLimit.wantsHelp = false
    if maximum == 0, !pointee.server.isSystemShort {
      return grant(total: 0, maximum: 0)
    }
    let total = pointee.server.publishedDataBytes
    if maximum == 0 || total <= maximum {
      if pointee.server.isSystemShort { return refuseForSystem() }
      return grant(total: total, maximum: maximum)
    }
    let outcome = evict(maximum: maximum, nanoseconds: EvictionTuning.turnNanoseconds)
    note(outcome, pointee.server.publishedDataBytes, maximum)
    pointee.dataLimit.isUnfinished = outcome == .unfinished
    if pointee.server.isSystemShort { refuseForSystem() }
  }

  /// Whether the loop has evictions to go on with.
  public var hasUnfinishedEvictions: Bool { pointee.dataLimit.isUnfinished }

  /// The shards that are to be woken because they may have keys to evict.
  public func takeHelpers() -> [Int] {
    guard pointee.dataLimit.wantsHelp else { return [] }
    pointee.dataLimit.wantsHelp = false
    let server = pointee.server
    return (0..<server.shardCount).filter {
      $0 != pointee.index && server.candidateFlags[$0].load() != 0
    }
  }

  // MARK: Grants

  /// There is room: grants this shard a part of it.
  private func grant(total: Int, maximum: Int) {
    pointee.refusesWrites = false
    showCandidates(pointee.settings.maxMemoryPolicy.rule != nil || pointee.keyspace.hasRemovedValues)
    endExcess()
    let step = pointee.server.hasSystemLimits ? SystemRoom.stepBytes : Int.max
    guard maximum > 0 else {
      pointee.dataLimit.granted = step == .max ? .max : pointee.heap.keyBytes + step
      return
    }
    let room = maximum - total
    let shardCount = pointee.server.shardCount
    let part =
      shardCount == 1
      ? room : Swift.min(room / (2 * shardCount), maximum / (EvictionTuning.grantShare * shardCount))
    pointee.dataLimit.granted = pointee.heap.keyBytes + Swift.min(part, step)
  }

  /// The system leaves no room for more data: each command that adds some asks again, and is refused.
  private func refuseForSystem() {
    pointee.refusesWrites = true
    pointee.dataLimit.granted = pointee.heap.keyBytes - 1
  }

  private func showCandidates(_ hasSome: Bool) {
    let flag = pointee.server.candidateFlags[pointee.index]
    if (flag.load() != 0) != hasSome { flag.store(hasSome ? 1 : 0) }
  }

  /// Draws the conclusions from what evictions have come to.
  private func note(_ outcome: EvictionOutcome, _ total: Int, _ maximum: Int) {
    if total <= maximum { return grant(total: total, maximum: maximum) }
    // Each command asks again.
    pointee.dataLimit.granted = pointee.heap.keyBytes - 1
    if pointee.dataLimit.exceededSince == 0 { pointee.dataLimit.exceededSince = pointee.keyspace.now }
    switch outcome {
    case .enough, .unfinished:
      pointee.refusesWrites = false
    case .nothingLeft:
      let othersCan = pointee.server.othersCanMakeRoom(pointee.index)
      pointee.dataLimit.wantsHelp = othersCan
      let allowance = maximum / EvictionTuning.allowanceShare + EvictionTuning.allowanceBytes
      pointee.refusesWrites = !othersCan || total - maximum > allowance
    }
  }

  private func endExcess() {
    let since = pointee.dataLimit.exceededSince
    if since == 0 { return }
    pointee.dataLimit.exceededMilliseconds += Swift.max(0, pointee.keyspace.now - since)
    pointee.dataLimit.exceededSince = 0
  }

  // MARK: Evicting

  /// What a round of evictions has come to.
  private enum EvictionOutcome {
    /// Memory is within the limit, or will be when what was removed is freed.
    case enough
    /// Time was up.
    case unfinished
    /// There is no key left that may go.
    case nothingLeft
  }

  /// Evicts keys of this shard until all shards' data is within the limit, or time is up.
  private func evict(maximum: Int, nanoseconds: UInt64) -> EvictionOutcome {
    let rule = pointee.settings.maxMemoryPolicy.rule
    let margin = Swift.min(maximum / EvictionTuning.marginShare, EvictionTuning.marginMaximum)
    let target = maximum - margin / pointee.server.shardCount
    let start = pantala_ticks()
    var outcome = EvictionOutcome.enough
    repeat {
      publishData()
      let excess = pointee.server.publishedDataBytes - target
      if excess <= 0 {
        outcome = .enough
        break
      }
      // What is removed already, but not freed, need not be removed again.
      if pointee.keyspace.hasRemovedValues {
        pointee.keyspace.releaseRemoved(blockMaximum: EvictionTuning.releasedBlocks)
      } else {
        outcome = rule.map { evictSome($0, bytes: excess) } ?? .nothingLeft
        if outcome == .nothingLeft { break }
      }
      outcome = .unfinished
    } while pointee.nanoseconds(ofTicks: pantala_ticks() &- start) < nanoseconds
    publishData()
    showCandidates(outcome != .nothingLeft)
    recordCycle(pointee.nanoseconds(ofTicks: pantala_ticks() &- start))
    return outcome
  }

  /// Keys that are evicted between two looks at what the other shards hold.
  private static var keysAtOnce: Int { 8 }

  private func evictSome(_ rule: EvictionRule, bytes: Int) -> EvictionOutcome {
    let before = pointee.heap.keyBytes
    for _ in 0..<Self.keysAtOnce {
      guard let candidate = chooseUnlocked(rule) else {
        return pointee.keyspace.hasCandidates(for: rule) ? .unfinished : .nothingLeft
      }
      evict(candidate)
      if before - pointee.heap.keyBytes + pointee.keyspace.removedBytes >= bytes { break }
    }
    return .enough
  }

  /// A key that may go, and that no transaction has locked: for those an eviction is a write of somebody else.
  private func chooseUnlocked(_ rule: EvictionRule) -> EvictionCandidate? {
    for _ in 0..<EvictionTuning.choicesMaximum {
      guard
        let candidate = pointee.keyspace.chooseForEviction(
          rule, segmentMaximum: EvictionTuning.segmentsPerChoice)
      else { return nil }
      if pointee.locks.partCount == 0 || !pointee.locks.blocks(candidate.key.hash, writing: true) {
        return candidate
      }
    }
    return nil
  }

  private func evict(_ candidate: EvictionCandidate) {
    let start = pantala_ticks()
    if pointee.observers.isEmpty {
      pointee.keyspace.evict(candidate)
    } else {
      // Who is told of it is told when the key is gone.
      let key = candidate.key.bytes.array
      let hash = candidate.key.hash
      pointee.keyspace.evict(candidate)
      key.withBytes { changed(Key($0, hash: hash), in: candidate.database, .evicted, "evicted") }
    }
    recordLatency(.evictionDelete, pointee.nanoseconds(ofTicks: pantala_ticks() &- start))
  }

  private func recordCycle(_ nanoseconds: UInt64) {
    recordLatency(.evictionCycle, nanoseconds)
  }

  private func recordLatency(_ event: LatencyEvent, _ nanoseconds: UInt64) {
    let threshold = pointee.settings.latencyMonitorThresholdMilliseconds
    guard threshold > 0, nanoseconds / 1_000_000 >= UInt64(threshold) else { return }
    pointee.latencyMonitor.record(
      event, milliseconds: nanoseconds / 1_000_000, unixSeconds: pointee.keyspace.now / 1_000)
  }

  // MARK: Refusals

  /// Refuses a command that adds data: Redis's words, then what is full and where to look.
  @inline(never)
  func refuseForMemory(_ reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.error(outOfMemoryText)
  }

  /// The error's text.
  var outOfMemoryText: String {
    let settings = pointee.settings
    if pointee.server.isSystemShort {
      let limit = pointee.server.systemLimits.leastBytes ?? 0
      return
        "\(ErrorText.outOfMemory) Now the system's limit of \(limit) bytes (a control group, or ulimit -v) is near: see INFO memory."
    }
    var reason = "data takes \(pointee.server.publishedDataBytes) bytes of \(settings.maxMemoryBytes)"
    if let rule = settings.maxMemoryPolicy.rule {
      reason +=
        rule.onlyExpiring ? ", no key that may be evicted has an expiry time" : ", no key can be evicted"
    }
    return "\(ErrorText.outOfMemory) Now \(reason): see MEMORY STATS."
  }
}

import CIntrinsics
import Engine
import Glibc
import Heap
import Statistics

/// When a loop's regular work is next due.
struct BackgroundState {
  /// Nanoseconds of the monotonic clock.
  var nextTurn: UInt64 = 0
  var nextSecond: UInt64 = 0
  var lastSweepTicks: UInt64 = 0

  static func monotonic() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// How long the loop may sleep, if nothing else is due before `deadline`.
  func nanosecondsUntilNext(deadline: UInt64) -> Int64 {
    let now = Self.monotonic()
    let next = Swift.min(nextTurn, deadline)
    return next > now ? Int64(next - now) : 1
  }
}

/// What a loop does regularly, whatever clients do: expiry, samples, limits that depend on time.
extension UnsafeMutablePointer<ShardLoop> {
  func runBackgroundWork() {
    if pointee.shard.pointee.resumesPausedClients {
      pointee.shard.pointee.resumesPausedClients = false
      resumePausedClients()
    }
    let now = BackgroundState.monotonic()
    pointee.shard.defragmentIfDue(now)
    guard now >= pointee.background.nextTurn else { return }
    let settings = pointee.shard.pointee.settings
    let interval = UInt64(1_000_000_000 / Swift.max(settings.backgroundTurnsPerSecond, 1))
    let isBehind = sweep(effort: settings.activeExpireEffort)
    // When much has expired, a quarter of the time goes into removing it; otherwise a hundredth at the most.
    pointee.background.nextTurn =
      now + (isBehind ? Swift.min(interval, BackgroundTuning.urgentInterval) : interval)
    sampleMemory()
    resumePausedClients()
    if now >= pointee.background.nextSecond {
      pointee.background.nextSecond = now + 1_000_000_000
      oncePerSecond(now)
    } else {
      sampleRates(now)
    }
  }

  /// Goes over a few segments for a millisecond at the most. Returns whether much had expired.
  private func sweep(effort: Int) -> Bool {
    let shard = pointee.shard
    let expires = pointee.server.activeExpiry.load(ordering: .relaxed)
    let budget = BackgroundTuning.sweepNanoseconds * UInt64(Swift.max(effort, 1))
    let start = pantala_ticks()
    var expired = 0
    var visited = 0
    var spent: UInt64 = 0
    repeat {
      let result = shard.pointee.keyspace.sweep(
        segmentMaximum: BackgroundTuning.segmentsPerStep, expires: expires)
      shard.reportNotes()
      shard.serveWaitersIfReady()
      expired += result.keysExpired + result.fieldsExpired
      visited += result.segmentsVisited
      spent = shard.pointee.nanoseconds(ofTicks: pantala_ticks() &- start)
      if result.isPassComplete { break }
      if spent >= budget {
        shard.pointee.keyspace.statistics.expireCyclesCutShort += expires && expired > 0 ? 1 : 0
        break
      }
    } while true
    shard.pointee.keyspace.statistics.expireCycleMicroseconds += Int(spent / 1_000)
    let threshold = shard.pointee.settings.latencyMonitorThresholdMilliseconds
    if threshold > 0, spent / 1_000_000 >= UInt64(threshold) {
      shard.pointee.latencyMonitor.record(
        .expireCycle, milliseconds: spent / 1_000_000, unixSeconds: shard.pointee.keyspace.now / 1_000)
    }
    return visited > 0 && expired > visited * BackgroundTuning.busyExpiriesPerSegment
  }

  /// What concerns the memory of all shards is the first loop's business.
  private func sampleMemory() {
    guard pointee.index == 0 else { return }
    let time = pointee.shard.pointee.keyspace.now
    pointee.server.lookForPeak(time: time)
    if pointee.shard.pointee.memoryHistory?.isDue(at: time) == true {
      pointee.shard.pointee.memoryHistory?.append(
        MemoryHistoryRow(
          sample: pointee.server.publishedSample(time: time), residentBytes: ResidentMemory.now().byteCount))
    }
  }

  private func sampleRates(_ now: UInt64) {
    let shard = pointee.shard
    shard.pointee.commandsPerSecond.sample(
      total: shard.pointee.commandCount, nowMicroseconds: now / 1_000)
    shard.pointee.inputPerSecond.sample(
      total: shard.pointee.network.inputBytes, nowMicroseconds: now / 1_000)
    shard.pointee.outputPerSecond.sample(
      total: shard.pointee.network.outputBytes, nowMicroseconds: now / 1_000)
  }

  private func oncePerSecond(_ now: UInt64) {
    sampleRates(now)
    let shard = pointee.shard
    shard.pointee.runtimeAreas = HeapAreas.ofThisThread()
    shard.giveBackRetained()
    shard.reconsiderDefragmentation(now)
    let settings = shard.pointee.settings
    let time = shard.pointee.keyspace.now
    shard.forEachClient { client in
      _ = isOverOutputLimit(client)
      if settings.timeoutSeconds > 0,
        time - client.pointee.lastInteraction > Int64(settings.timeoutSeconds) * 1_000,
        client.pointee.flags.isDisjoint(with: [.waiting, .monitor, .subscriber])
      {
        pointee.logger.info("Closing idle client \(client.pointee.address)")
        shard.close(client, afterReply: false)
      }
    }
  }

  /// Lets the clients go on that a pause held up, once it is over.
  private func resumePausedClients() {
    let until = pointee.server.pausedUntil.load(ordering: .relaxed)
    let shard = pointee.shard
    if until > shard.pointee.keyspace.now { return }
    shard.forEachClient { client in
      guard client.pointee.flags.contains(.paused) else { return }
      client.pointee.flags.remove(.paused)
      pointee.coordinator.process(client)
      shard.pointee.clientsToRevisit.append(client.pointee.identifier)
    }
  }
}

/// Numbers of the regular work.
enum BackgroundTuning {
  /// A slice of sweeping, for each step of `active-expire-effort`.
  static let sweepNanoseconds: UInt64 = 1_000_000
  /// Segments between two looks at the clock.
  static let segmentsPerStep = 8
  /// Expired keys for each segment visited that make the sweep go on soon.
  static let busyExpiriesPerSegment = 32
  /// How soon.
  static let urgentInterval: UInt64 = 4_000_000
}

import Heap
import Keyspace

/// Comparing the books of the whole server with what there is, in slices between which the shards serve their clients.
extension Operation {
  /// Whether the client has gone, or is to go: who asked for something long does not want it any more.
  public var isAbandoned: Bool {
    !client.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply, .peerClosed])
  }

  /// Makes the audit. It ends early, with what it has found so far, when it is stopped or the client leaves.
  public func auditMemory() async -> MemoryAudit {
    let start = MonotonicClock.nanoseconds
    var audit = MemoryAudit()
    for checks in await onEveryShard({ $0.auditBooks() }) { audit.checks += checks }
    audit.checks += await auditClients()
    await auditKeys(&audit)
    audit.durationNanoseconds = MonotonicClock.nanoseconds - start
    return audit
  }

  // MARK: Keys

  /// How often the count begins anew because somebody has swapped databases.
  private static let censusAttempts = 10

  /// Counts all keys, and compares the sums with the ledgers'.
  private func auditKeys(_ audit: inout MemoryAudit) async {
    let keyCounts = await onEveryShard { $0.pointee.keyspace.usage.keys }
    let walk = server.longWalks.begin(
      "memory|audit", client: client.pointee.identifier, keyCount: keyCounts.reduce(0, +),
      startNanoseconds: MonotonicClock.nanoseconds)
    defer { server.longWalks.end(walk) }
    for _ in 0..<Self.censusAttempts where !isAbandoned {
      let begun = await onEveryShard { $0.pointee.keyspace.beginCensus() }
      let shards = begun.indices.filter { begun[$0] }
      guard shards.count == begun.count else {
        // Somebody else counts; what was begun here is taken back.
        _ = await onShards(shards) { $0.pointee.keyspace.endCensus().count }
        audit.checks += begun.indices.map {
          AuditCheck("keys", shard: $0, excuse: "another count is under way")
        }
        return
      }
      let isDisturbed = await count(&audit, walk)
      let checks = await onEveryShard { $0.endCensus() }
      if isAbandoned { return }
      if walk.isStopped {
        audit.checks += checks.indices.map { AuditCheck("keys", shard: $0, excuse: "it was stopped") }
        return
      }
      if !isDisturbed {
        for checks in checks { audit.checks += checks }
        return
      }
    }
    audit.checks += (0..<server.shardCount).map {
      AuditCheck("keys", shard: $0, excuse: "databases are swapped all the time")
    }
  }

  /// Goes through all keys. Returns whether databases were swapped meanwhile.
  private func count(_ audit: inout MemoryAudit, _ walk: LongWalk) async -> Bool {
    while !isAbandoned, !walk.isStopped {
      let slices = await onEveryShard { $0.advanceCensus() }
      audit.keyCount = slices.reduce(0) { $0 + $1.progress.keyCount }
      walk.note(visitedCount: audit.keyCount)
      audit.sliceCount += 1
      for slice in slices {
        audit.longestSliceNanoseconds = max(audit.longestSliceNanoseconds, slice.nanoseconds)
      }
      if slices.contains(where: \.progress.isDisturbed) { return true }
      if slices.allSatisfy(\.isLast) { return false }
      // With a single shard there was nothing to wait for, and the loop has others to serve.
      await Task.yield()
    }
    return false
  }

  // MARK: Clients

  /// How often clients are counted before a difference is believed: replies on their way between shards are in nobody's buffer.
  private static let clientAttempts = 100

  private func auditClients() async -> [AuditCheck] {
    let asking = client.pointee.identifier
    var checks: [AuditCheck] = []
    var wasBusy = false
    for _ in 0..<Self.clientAttempts {
      let parts = await onEveryShard { shard in
        (
          memory: shard.hasCountableClients ? ClientMemory(of: shard, asking: asking) : nil,
          counted: shard.pointee.heap.liveBytes(.clients)
        )
      }
      let name = "\(Purpose.clients.name)"
      guard parts.allSatisfy({ $0.memory != nil }) else {
        return parts.indices.map { AuditCheck(name, shard: $0, excuse: "too many for one slice") }
      }
      checks = parts.indices.map { index in
        AuditCheck(
          name, shard: index, counted: parts[index].counted,
          found: parts.reduce(0) { $0 + ($1.memory?.bytesByShard[index] ?? 0) })
      }
      wasBusy = parts.contains { ($0.memory?.busyCount ?? 0) > 0 }
      if isAbandoned || checks.allSatisfy({ $0.difference == 0 }) { return checks }
      await Task.yield()
    }
    if wasBusy {
      return checks.map {
        $0.difference == 0 ? $0 : AuditCheck($0.name, shard: $0.shard, excuse: "commands are under way")
      }
    }
    return checks
  }
}

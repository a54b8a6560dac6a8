import Heap
import Keyspace
import Statistics

/// The comparisons that a shard makes in one step.
extension UnsafeMutablePointer<Shard> {
  /// Above this many, things are not counted one by one within a slice.
  private static var countedMaximum: Int { 4_096 }

  /// What the shard's books say beside what there is, as far as one slice allows.
  func auditBooks() -> [AuditCheck] {
    [
      auditHeap(), auditTables(), auditDataset(), auditStatistics(),
      audit(.subscriptions, count: pointee.subscriptions.blockCount) { pointee.subscriptions.allocatedBytes },
      audit(.tracking, count: pointee.trackedKeys.count) { pointee.trackedKeys.allocatedBytes },
    ]
  }

  private func check(_ purpose: Purpose, found: Int) -> AuditCheck {
    AuditCheck(
      "\(purpose.name)", shard: pointee.index, counted: pointee.heap.liveBytes(purpose), found: found)
  }

  private func audit(_ purpose: Purpose, count: Int, _ found: () -> Int) -> AuditCheck {
    if count > Self.countedMaximum {
      return AuditCheck("\(purpose.name)", shard: pointee.index, excuse: "too many for one slice")
    }
    return check(purpose, found: found())
  }

  /// All purposes against the allocator's walk of the heap.
  private func auditHeap() -> AuditCheck {
    guard ShardHeap.hasAreas else {
      return AuditCheck("allocator", shard: pointee.index, excuse: "the system's allocator can't be walked")
    }
    var usedBytes = 0
    guard visitAreas(within: SliceBudget(on: self, nanoseconds: 500_000), { usedBytes += $0.usedBytes })
    else { return AuditCheck("allocator", shard: pointee.index, excuse: "too many areas for one slice") }
    return AuditCheck(
      "allocator", shard: pointee.index, counted: pointee.heap.liveBytes, found: usedBytes)
  }

  private func auditTables() -> AuditCheck {
    let found = (0..<pointee.keyspace.databaseCount)
      .reduce(pointee.keyspace.removedTableBytes) { $0 + pointee.keyspace.tableReport(in: $1).tableBytes }
    return check(.tables, found: found)
  }

  /// All blocks of keys against the ledger: what keys hold, and what waits to be freed.
  private func auditDataset() -> AuditCheck {
    check(.dataset, found: pointee.keyspace.usage.bytes + pointee.keyspace.removedBytes)
  }

  private func auditStatistics() -> AuditCheck { check(.statistics, found: pointee.statisticsBytes) }

  // MARK: Keys

  /// Goes on with the count of all keys for one slice.
  func advanceCensus() -> CensusSlice {
    let budget = SliceBudget(on: self)
    let progress = pointee.keyspace.advanceCensus(while: { !budget.isSpent })
    return CensusSlice(progress: progress, nanoseconds: budget.spentNanoseconds)
  }

  /// Ends the count, and compares what it found with the ledger.
  func endCensus() -> [AuditCheck] {
    let results = pointee.keyspace.endCensus()
    var ledger = TypeUsage()
    var counted = TypeUsage()
    for result in results {
      ledger += result.ledger
      counted += result.counted
    }
    return checks("keys", ledger: ledger, counted: counted)
      + results.flatMap { result in
        // Which keys a difference is about; what agrees has been said by the sum.
        result.counted == result.ledger
          ? []
          : checks(
            "db.\(result.database) \(result.type.name)", ledger: result.ledger, counted: result.counted)
      }
  }

  private func checks(_ name: String, ledger: TypeUsage, counted: TypeUsage) -> [AuditCheck] {
    [
      AuditCheck("\(name).count", shard: pointee.index, counted: ledger.keys, found: counted.keys),
      AuditCheck("\(name).bytes", shard: pointee.index, counted: ledger.bytes, found: counted.bytes),
      AuditCheck(
        "\(name).elements", shard: pointee.index, counted: ledger.elements, found: counted.elements),
    ]
  }

  // MARK: Clients

  /// Whether clients can be counted one by one within a slice.
  var hasCountableClients: Bool { pointee.clientCount <= Self.countedMaximum }
}

/// A slice of the count of all keys.
struct CensusSlice: Sendable {
  let progress: CensusProgress
  let nanoseconds: UInt64

  /// Whether there is nothing more to do.
  var isLast: Bool { progress.isDone || progress.isDisturbed }
}

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
      auditHeap(), auditTables(), auditStatistics(),
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
    var usedBytes = 0
    guard visitAreas(within: SliceBudget(on: self, nanoseconds: 500_000), { usedBytes += $0.usedBytes })
    else { return AuditCheck("allocator", shard: pointee.index, excuse: "too many areas for one slice") }
    #if SYSTEM_ALLOCATOR
      usedBytes = pointee.heap.liveBytes
    #endif
    return AuditCheck(
      "allocator", shard: pointee.index, counted: pointee.heap.liveBytes, found: usedBytes)
  }

  private func auditTables() -> AuditCheck {
    let found = (0..<pointee.keyspace.databaseCount)
      .reduce(0) { $0 + pointee.keyspace.tableReport(in: $1).tableBytes }
    return check(.tables, found: found)
  }

  private func auditStatistics() -> AuditCheck { check(.statistics, found: pointee.statisticsBytes) }

  // MARK: Clients

  /// Whether clients can be counted one by one within a slice.
  var hasCountableClients: Bool { pointee.clientCount <= Self.countedMaximum }
}

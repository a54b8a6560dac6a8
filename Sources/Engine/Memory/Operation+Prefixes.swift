import Bytes
import Heap
import Keyspace

/// What the keys of all shards hold, by prefix.
public struct PrefixReport: Sendable {
  /// Those that hold the most, in descending order.
  public var prefixes: [PrefixUsage] = []
  public var total = PrefixSums()
  public var visitedCount = 0
  /// Whether all keys were looked at, and all prefixes told apart.
  public var isExact = true
}

extension Operation {
  /// The slice in which a sample is taken: the whole answer is to take less than 2 ms.
  private static let sampleNanoseconds = 500_000.0
  /// A slice of an exact count. Commands are served between slices: short ones delay them little.
  private static let sliceNanoseconds: UInt64 = 300_000
  /// Prefixes that are merged in one step.
  private static let mergedCount = 512

  /// Estimates in one slice on each shard.
  public func estimatePrefixes(_ rule: PrefixRule, in databases: Range<Int>, countMaximum: Int) async
    -> PrefixReport
  {
    let parts = await onEveryShard { shard in
      let budget = SliceBudget(on: shard)
      return shard.pointee.keyspace.estimatePrefixes(rule, in: databases, countMaximum: countMaximum) {
        share in
        Double(budget.spentNanoseconds) >= share * Self.sampleNanoseconds
      }
    }
    var table = PrefixTable(hasher: localShard.pointee.keyspace.hasher)
    var report = PrefixReport()
    for part in parts {
      for usage in part.prefixes { table.add(usage) }
      report.total += part.total
      report.visitedCount += part.visitedCount
      report.isExact = report.isExact && part.isExact
    }
    report.prefixes = table.largest(countMaximum)
    return report
  }

  /// Counts all keys, in slices. It ends early, with what it has counted so far, when it is stopped or the client leaves.
  public func countPrefixes(_ rule: PrefixRule, in databases: Range<Int>, countMaximum: Int) async
    -> PrefixReport
  {
    let hasher = localShard.pointee.keyspace.hasher
    let counts = (0..<server.shardCount).map { _ in
      PrefixCount(rule, databases: databases, hasher: hasher)
    }
    let keyCounts = await onEveryShard { shard in
      databases.reduce(0) { $0 + shard.pointee.keyspace.count(in: $1) }
    }
    let walk = server.longWalks.begin(
      "memory|prefix", client: client.pointee.identifier, keyCount: keyCounts.reduce(0, +),
      startNanoseconds: MonotonicClock.nanoseconds)
    defer { server.longWalks.end(walk) }
    var progress: [PrefixCount.Progress]
    repeat {
      progress = await onEveryShard { shard in
        let budget = SliceBudget(on: shard, nanoseconds: Self.sliceNanoseconds)
        return counts[shard.pointee.index].advance(&shard.pointee.keyspace) { !budget.isSpent }
      }
      walk.note(visitedCount: progress.reduce(0) { $0 + $1.visitedCount })
      await Task.yield()
    } while !progress.allSatisfy(\.isDone) && !walk.isStopped && !isAbandoned

    var report = PrefixReport()
    for part in progress {
      report.total += part.total
      report.visitedCount += part.visitedCount
      report.isExact = report.isExact && part.isDone && part.rest.keys == 0
    }
    await merge(counts, progress, &report, countMaximum)
    return report
  }

  private func merge(
    _ counts: [PrefixCount], _ progress: [PrefixCount.Progress], _ report: inout PrefixReport,
    _ countMaximum: Int
  ) async {
    var table = PrefixTable(hasher: localShard.pointee.keyspace.hasher)
    let longest = progress.map(\.prefixCount).max() ?? 0
    for start in stride(from: 0, to: longest, by: Self.mergedCount) {
      let places = start..<(start + Self.mergedCount)
      for part in await onEveryShard({ counts[$0.pointee.index].usages(places) }) {
        for usage in part { table.add(usage) }
      }
      await Task.yield()
    }
    if table.rest.keys > 0 { report.isExact = false }
    // The largest of them are found in steps, too.
    var best: [PrefixUsage] = []
    for start in stride(from: 0, to: table.count, by: Self.mergedCount) {
      best += table.usages(start..<(start + Self.mergedCount))
      best.sort { $0.sums.bytes > $1.sums.bytes }
      if best.count > countMaximum { best.removeSubrange(countMaximum...) }
      await Task.yield()
    }
    report.prefixes = best
  }
}

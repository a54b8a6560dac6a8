import Heap
import Keyspace
import Statistics
import Testing

@testable import Engine

@Suite("Reports of shards")
struct ShardReportTests {
  /// A report whose every part is there.
  private func report(keys: Int, calls: UInt64, largestInput: Int) -> ShardReport {
    var report = ShardReport()
    report.heap.liveBytesByPurpose[Purpose.dataset.rawValue] = keys * 64
    report.runtimeAreas = HeapAreas(used: 10, committed: 20, reserved: 30)
    report.tables = [TableReport(keyCount: keys, tableBytes: 8_192), TableReport()]
    report.keyspace.hits = keys
    report.network.inputBytes = calls
    report.counters = [CommandCounters(), CommandCounters()]
    report.counters[1].recordCalls(calls, totalNanoseconds: calls * 100)
    report.clients.count = 1
    report.clients.largestInputBytes = largestInput
    return report
  }

  @Test("counts add up, and of the largest the largest stays")
  func sum() {
    let whole = ShardReport.sum([
      report(keys: 3, calls: 5, largestInput: 100), report(keys: 4, calls: 6, largestInput: 90),
    ])
    #expect(whole.heap[.dataset] == 7 * 64)
    #expect(whole.usedBytes == 7 * 64 + 20)
    #expect(whole.tables.map(\.keyCount) == [7, 0])
    #expect(whole.keyspace.hits == 7)
    #expect(whole.network.inputBytes == 11)
    #expect(whole.counters[1].calls == 11)
    #expect(whole.counters[0].isEmpty)
    #expect(whole.clients.count == 2)
    #expect(whole.clients.largestInputBytes == 100)
  }

  @Test("the sum of one report is that report, and of none an empty one")
  func trivial() {
    let one = report(keys: 3, calls: 5, largestInput: 100)
    let sum = ShardReport.sum([one])
    #expect(sum.heap == one.heap)
    #expect(sum.tables == one.tables)
    #expect(sum.counters == one.counters)
    #expect(ShardReport.sum([]).tables.isEmpty)
  }

  @Test("a part that was not gathered stays empty, and takes nothing from one that was")
  func missingParts() {
    let sum = report(keys: 3, calls: 5, largestInput: 0) + ShardReport()
    #expect(sum.tables.map(\.keyCount) == [3, 0])
    #expect((ShardReport() + ShardReport()).counters.isEmpty)
  }

  @Test("times to live are averaged over all keys of the sample, not over shards")
  func timesToLive() {
    var few = TimeToLiveSample()
    few.keyCount = 1
    few.milliseconds = 1_000
    var many = TimeToLiveSample()
    many.keyCount = 3
    many.milliseconds = 300
    #expect((few + many).averageMilliseconds == 325)
    #expect(TimeToLiveSample().averageMilliseconds == 0)
  }
}

import Engine
import Heap
import Keyspace
import Statistics
import TestSupport
import Testing

@Suite("The report behind MEMORY STATS")
struct MemoryReportTests {
  /// Names as the reference lists them, and behind them our own; `db.N` stands for a map per database that has keys.
  private static let names = """
    peak.allocated total.allocated startup.allocated replication.backlog clients.slaves clients.normal \
    cluster.links aof.buffer lua.caches functions.caches db.N overhead.db.hashtable.lut \
    overhead.db.hashtable.rehashing overhead.total db.dict.rehashing.count keys.count keys.bytes-per-key \
    dataset.bytes dataset.percentage peak.percentage allocator.allocated allocator.active \
    allocator.resident allocator.muzzy allocator-fragmentation.ratio allocator-fragmentation.bytes \
    allocator-rss.ratio allocator-rss.bytes rss-overhead.ratio rss-overhead.bytes fragmentation \
    fragmentation.bytes keys.bytes keys.slots keys.removed tables.unused tables.removed subscriptions tracking receive.buffers \
    shard.messages statistics defragmentation runtime remainder allocator.difference maxmemory.counted rss rss.live rss.fragmentation \
    rss.retained rss.untouched rss.stacks rss.variables rss.files
    """.split(separator: " ").map(String.init)
  private static let signedNames: Set = [
    "allocator-rss.bytes", "rss-overhead.bytes", "fragmentation.bytes", "tables.unused", "remainder",
    "allocator.difference", "rss.fragmentation", "rss.untouched",
  ]

  // MARK: Order and names

  @Test("lists all fields in the order of the reference, and the databases that have keys in their midst")
  func order() {
    var shard = ShardMemory()
    shard.databases = Array(repeating: TableReport(), count: 16)
    shard.databases[0].keyCount = 1
    shard.databases[7].tableBytes = 8_192  // Emptied, and not yet shrunk.
    shard.databases[15].keyCount = 2
    let report = MemoryReport(shards: [shard, shard], resident: .none, startupBytes: 0, peakBytes: 0)
    let place = Self.names.firstIndex(of: "db.N") ?? 0
    let expected = Self.names[..<place] + ["db.0", "db.15"] + Self.names[(place + 1)...]
    #expect(report.fields.map(\.name) == Array(expected))
    guard case .database(let inner) = report.fields[place].value else {
      Issue.record("db.0 is no map")
      return
    }
    #expect(inner.map(\.name) == ["overhead.hashtable.main", "overhead.hashtable.expires"])
  }

  @Test("has every field even when there is nothing to report")
  func empty() {
    for shards in [[], [ShardMemory()], [ShardMemory(), ShardMemory()]] {
      let report = MemoryReport(shards: shards, resident: .none, startupBytes: 0, peakBytes: 0)
      #expect(report.fields.map(\.name) == Self.names.filter { $0 != "db.N" })
      for field in report.fields { #expect(field.value == .integer(0) || field.value == .double(0)) }
    }
  }

  // MARK: Arithmetic

  @Test("adds the shards up first, and derives every other value from the sums, once")
  func example() {
    var first = ShardMemory(
      heap: .with([.dataset: 1_000, .tables: 300, .clients: 50, .messages: 10], committed: 2_000),
      runtime: HeapAreas(used: 200, committed: 400, reserved: 800))
    first.databases = [TableReport(keyCount: 10, expiringCount: 4, tableBytes: 300, segmentCount: 1)]
    var second = ShardMemory(
      heap: .with([.dataset: 2_000, .tables: 600, .clients: 70], committed: 3_000),
      runtime: HeapAreas(used: 100, committed: 100, reserved: 100))
    second.databases = [TableReport(keyCount: 21, expiringCount: 1, tableBytes: 500, segmentCount: 1)]

    let report = MemoryReport(
      shards: [first, second], resident: ResidentMemory(byteCount: 9_000, anonymousByteCount: 6_600),
      startupBytes: 330, peakBytes: 8_660)
    #expect(report.totalAllocated == 4_330)
    #expect(report.peakAllocated == 8_660)
    #expect(report.peakPercentage == 50)
    #expect(report.heap[.clients] == 120)
    #expect(report.tableBytes == 800)
    #expect(report.rehashingBytes == 100, "table bytes that no table holds")
    #expect(report.rehashingCount == 1)
    #expect(report.overheadTotal == 330 + 120 + 800 + 5 * 8)
    #expect(report.datasetBytes == 4_330 - 1_290)
    #expect(report.keyCount == 31)
    #expect(report.bytesPerKey == 3_040 / 31)
    #expect(report.datasetPercentage == 3_040 * 100 / 4_000)
    #expect(report.allocatorAllocated == 4_330)
    #expect(report.allocatorActive == 5_500)
    #expect(report.allocatorMuzzy == 1_100)
    #expect(report.fragmentationBytes == 1_170)
    #expect(report.allocatorResidentRatio == 1.2)
    #expect(report.residentOverheadBytes == 2_400)
    #expect(report.totalFragmentationBytes == 4_670)
  }

  @Test("leaves out of start-up what has a name of its own, so that no byte is overhead twice")
  func startupIsNotCountedTwice() {
    let shard = ShardMemory(
      heap: .with([.receiveBuffers: 4_000, .statistics: 30, .clients: 80, .tables: 8], committed: 5_000),
      runtime: HeapAreas(used: 500, committed: 600, reserved: 700))
    #expect(shard.allocatedBytes == 4_618)
    #expect(shard.startupBytes == 4_530)
    let report = MemoryReport(
      shards: [shard], resident: .none, startupBytes: shard.startupBytes, peakBytes: 0)
    #expect(report.overheadTotal == 4_610)
    #expect(report.datasetBytes == 8, "the empty table of a database that is not listed")
  }

  @Test("does not report more start-up memory than there is any memory")
  func startupFreed() {
    let shard = ShardMemory(heap: .with([.dataset: 10], committed: 10))
    let report = MemoryReport(shards: [shard], resident: .none, startupBytes: 1_000, peakBytes: 2_000)
    #expect(report.startupAllocated == 10)
    #expect(report.datasetBytes == 0)
    #expect(report.datasetPercentage == 0)
  }

  // MARK: Invariants

  @Test("is never negative where it can't be, and never wraps, whatever the shards say")
  func extremes() {
    let values = [0, 1, -1, 4_096, .max, .min, .max / 2, .max - 1]
    for value in values {
      for other in values {
        var shard = ShardMemory(
          heap: HeapReport(
            liveBytesByPurpose: Array(repeating: value, count: Purpose.allCases.count),
            areas: HeapAreas(used: other, committed: value, reserved: other)),
          runtime: HeapAreas(used: value, committed: other, reserved: value))
        shard.databases = [
          TableReport(keyCount: value, expiringCount: other, tableBytes: value, segmentCount: other)
        ]
        check(
          MemoryReport(
            shards: [shard, shard, shard],
            resident: ResidentMemory(byteCount: max(0, value), anonymousByteCount: max(0, other)),
            startupBytes: other, peakBytes: value))
      }
    }
  }

  @Test("holds its identities for any shards, and does not depend on their order or on how keys are spread")
  func identities() {
    var random = SeededRandom(test: "MemoryReportTests.identities")
    for _ in 0..<2_000 {
      let shards = (0...random.below(8)).map { _ in randomShard(&random) }
      let resident = random.below(1 << 34)
      let process = ResidentMemory(byteCount: resident, anonymousByteCount: random.below(resident + 1))
      let report = MemoryReport(
        shards: shards, resident: process, startupBytes: random.below(1 << 24),
        peakBytes: random.below(1 << 36))
      check(report)
      #expect(
        report.overheadTotal
          == report.startupAllocated
          + MemoryReport.overheadPurposes.reduce(0) { $0 + report.heap[$1] }
          + report.databases.reduce(0) { $0 + $1.tableBytes + $1.expiryBytes }, "\(random)")
      #expect(report.totalAllocated == shards.reduce(0) { $0 + $1.allocatedBytes }, "\(random)")
      #expect(report.keyCount == shards.flatMap(\.databases).reduce(0) { $0 + $1.keyCount }, "\(random)")
      #expect(report.tableBytes == shards.flatMap(\.databases).reduce(0) { $0 + $1.tableBytes }, "\(random)")
      let shuffled = MemoryReport(
        shards: shards.shuffled(using: &random), resident: process, startupBytes: report.startupAllocated,
        peakBytes: report.peakAllocated)
      #expect(shuffled == report, "\(random)")
      let merged = MemoryReport(
        shards: [merge(shards)], resident: process, startupBytes: report.startupAllocated,
        peakBytes: report.peakAllocated)
      #expect(
        merged.fields.filter { !$0.name.contains("rehashing") }
          == report.fields.filter { !$0.name.contains("rehashing") }, "\(random)")
    }
  }

  /// What must be true of any report.
  private func check(_ report: MemoryReport, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(report.peakAllocated >= report.totalAllocated, sourceLocation: sourceLocation)
    #expect(report.startupAllocated <= report.totalAllocated, sourceLocation: sourceLocation)
    #expect(report.allocatorActive >= report.allocatorAllocated, sourceLocation: sourceLocation)
    #expect(report.allocatorResident <= report.resident.byteCount, sourceLocation: sourceLocation)
    #expect((0...100).contains(report.peakPercentage), sourceLocation: sourceLocation)
    #expect((0...100).contains(report.datasetPercentage), sourceLocation: sourceLocation)
    #expect(
      report.datasetBytes == max(0, report.totalAllocated - report.overheadTotal),
      sourceLocation: sourceLocation)
    if report.totalAllocated < 1 << 60, report.allocatorActive < 1 << 60 {
      #expect(
        report.allocatedParts.reduce(0) { $0 + $1.bytes } == report.totalAllocated,
        sourceLocation: sourceLocation)
      #expect(
        report.residentParts.reduce(0) { $0 + $1.bytes } == report.resident.byteCount,
        sourceLocation: sourceLocation)
    }
    for field in report.fields {
      switch field.value {
      case .integer(let value):
        #expect(
          value >= 0 || Self.signedNames.contains(field.name), "\(field.name)", sourceLocation: sourceLocation
        )
      case .double(let value):
        #expect(value >= 0 && value.isFinite, "\(field.name)", sourceLocation: sourceLocation)
      case .database(let inner):
        for field in inner {
          guard case .integer(let value) = field.value else {
            Issue.record("\(field.name) is no integer", sourceLocation: sourceLocation)
            continue
          }
          #expect(value >= 0, "\(field.name)", sourceLocation: sourceLocation)
        }
      }
    }
  }

  // MARK: Making shards

  private func randomShard(_ random: inout SeededRandom) -> ShardMemory {
    var shard = ShardMemory()
    for purpose in Purpose.allCases where random.below(3) > 0 {
      shard.heap.liveBytesByPurpose[purpose.rawValue] = random.size(upTo: 1 << 32)
    }
    let live = shard.heap.liveBytes
    let committed = live + random.size(upTo: 1 << 30)
    shard.heap.areas = HeapAreas(
      used: live, committed: committed, reserved: committed + random.size(upTo: 1 << 30))
    let used = random.size(upTo: 1 << 24)
    shard.runtime = HeapAreas(used: used, committed: used * 2, reserved: used * 4)
    shard.databases = (0..<16).map { _ in
      if random.below(2) == 0 { return TableReport() }
      let keys = random.size(upTo: 1 << 28)
      return TableReport(
        keyCount: keys, expiringCount: random.below(keys + 1), tableBytes: random.size(upTo: 1 << 30),
        segmentCount: 1)
    }
    return shard
  }

  /// All keys on one shard.
  private func merge(_ shards: [ShardMemory]) -> ShardMemory {
    shards.dropFirst().reduce(shards[0]) { sum, shard in
      ShardMemory(
        heap: sum.heap + shard.heap, runtime: sum.runtime + shard.runtime,
        databases: zip(sum.databases, shard.databases).map(+))
    }
  }
}

extension ResidentMemory {
  fileprivate static let none = ResidentMemory(byteCount: 0, anonymousByteCount: 0)
}

extension HeapReport {
  /// A heap with these live bytes, as the allocator's walk confirms them.
  fileprivate static func with(_ bytes: [Purpose: Int], committed: Int) -> HeapReport {
    var report = HeapReport()
    for (purpose, count) in bytes { report.liveBytesByPurpose[purpose.rawValue] = count }
    report.areas = HeapAreas(used: report.liveBytes, committed: committed, reserved: committed)
    return report
  }
}

extension SeededRandom {
  /// A number up to `bound`, small ones and large ones alike.
  fileprivate mutating func size(upTo bound: Int) -> Int { below(bound) >> below(30) }
}

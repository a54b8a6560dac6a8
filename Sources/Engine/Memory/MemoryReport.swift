import Heap
import Keyspace
import Statistics

/// One shard's part of a memory report: what its heap, its thread and its tables hold at one moment.
public struct ShardMemory: Sendable, Equatable {
  /// Live bytes by purpose, and the allocator's view of the same heap.
  public var heap: HeapReport
  /// The default heap of the shard's thread: what the Swift runtime and the C library allocated there.
  public var runtime: HeapAreas
  /// One for each database.
  public var databases: [TableReport]
  /// What is in physical memory of the stack of the shard's thread.
  public var stackBytes: Int
  /// Bytes of all keys' blocks, by the ledger.
  public var keyBytes: Int
  /// Bytes of values that were removed and are being freed, slice by slice.
  public var removedBytes: Int
  /// Bytes of tables that were removed with all their keys, and of which the same is true.
  public var removedTableBytes: Int

  public init(
    heap: HeapReport = HeapReport(), runtime: HeapAreas = HeapAreas(), databases: [TableReport] = [],
    stackBytes: Int = 0, keyBytes: Int = 0, removedBytes: Int = 0, removedTableBytes: Int = 0
  ) {
    self.heap = heap
    self.runtime = runtime
    self.databases = databases
    self.stackBytes = stackBytes
    self.keyBytes = keyBytes
    self.removedBytes = removedBytes
    self.removedTableBytes = removedTableBytes
  }

  /// Gathers a shard's part, on its own thread. The cost has a limit, however many keys there are.
  public init(of shard: UnsafeMutablePointer<Shard>) {
    let runtime = HeapAreas.ofThisThread()
    shard.pointee.runtimeAreas = runtime
    self.init(
      heap: shard.pointee.heap.survey(), runtime: runtime,
      databases: (0..<shard.pointee.keyspace.databaseCount).map {
        shard.pointee.keyspace.tableReport(in: $0)
      }, stackBytes: shard.pointee.stack.residentBytes, keyBytes: shard.pointee.keyspace.usage.bytes,
      removedBytes: shard.pointee.keyspace.removedBytes,
      removedTableBytes: shard.pointee.keyspace.removedTableBytes)
  }

  /// The part of a wider report that is about memory.
  public init(_ report: ShardReport) {
    self.init(
      heap: report.heap, runtime: report.runtimeAreas, databases: report.tables,
      stackBytes: report.stackBytes,
      keyBytes: report.keyBytes, removedBytes: report.removedBytes,
      removedTableBytes: report.removedTableBytes
    )
  }

  /// Keys of all databases.
  public var keyCount: Int { databases.reduce(0) { $0.addingClamped($1.keyCount) } }

  /// Bytes allocated: the heap's live ones, and those of the thread's default heap.
  public var allocatedBytes: Int { heap.liveBytes.addingClamped(runtime.used) }

  /// The bytes that count as allocated by start-up: all but those that the report shows under a name of their own, so
  /// that no byte is overhead twice.
  public var startupBytes: Int {
    let shown = MemoryReport.overheadPurposes.reduce(heap[.tables]) { $0.addingClamped(heap[$1]) }
    return max(0, allocatedBytes - shown)
  }

  /// Bytes of the tables' purpose that no table holds as segment or directory.
  fileprivate var rehashingBytes: Int {
    max(0, heap[.tables] - databases.reduce(removedTableBytes) { $0.addingClamped($1.tableBytes) })
  }
}

/// Where the memory of the whole server is: the arithmetic of MEMORY STATS, INFO memory and MEMORY DOCTOR.
///
/// It folds the parts of all shards into sums, and derives every other value from those sums, once. Nothing is
/// averaged, nothing is counted twice, and nothing wraps: sums stop at the largest integer, differences that
/// can't be negative stop at zero.
///
///     total = startup + what clients, replicas, backlog, ... hold + tables and expiry times + dataset
public struct MemoryReport: Sendable, Equatable {
  /// What one database costs beside its keys and values.
  public struct Database: Sendable, Equatable {
    public var index: Int
    public var keyCount: Int
    /// Keys that have an expiry time.
    public var expiringCount: Int
    /// Segments and directories: `overhead.hashtable.main`.
    public var tableBytes: Int
    /// Expiry times, which stand in the keys' blocks: `overhead.hashtable.expires`.
    public var expiryBytes: Int
  }

  /// The purposes that the report shows under names of their own, in the order of the reference.
  public static let overheadPurposes: [Purpose] = [
    .replicationBacklog, .replicas, .clients, .clusterLinks, .appendOnlyFile, .scripts, .functions,
  ]

  // MARK: Sums

  /// All shards' accounts, added up.
  public let heap: HeapReport
  /// All threads' default heaps, added up.
  public let runtime: HeapAreas
  public let totalAllocated: Int
  public let peakAllocated: Int
  /// What start-up allocated, as far as that much still is.
  public let startupAllocated: Int
  /// Bytes for traffic that count as data.
  public let restingTrafficBytes: Int
  /// The databases that have keys.
  public let databases: [Database]
  public let keyCount: Int
  /// Bytes of all tables, those of databases that have become empty included.
  public let tableBytes: Int
  /// Bytes held only because a table is growing or shrinking.
  ///
  /// A table splits and merges one segment at a time and is done with it before the next command, so what is
  /// measured here between two commands is 0: the bytes counted for tables are those that tables hold.
  public let rehashingBytes: Int
  /// Tables that are growing or shrinking: a shard changes one at a time, so it is the shards that hold such bytes.
  public let rehashingCount: Int
  public let resident: ResidentMemory
  /// What is resident of the loops' stacks.
  public let stackBytes: Int
  /// Bytes of all keys' blocks, by the ledgers, and of what was removed and is being freed.
  public let keyBytes: Int
  public let removedBytes: Int
  public let removedTableBytes: Int

  // MARK: Derived

  public let overheadTotal: Int
  public let datasetBytes: Int
  public let bytesPerKey: Int
  /// The dataset's share of what was allocated since start-up, in hundredths.
  public let datasetPercentage: Double
  /// The total's share of the peak, in hundredths.
  public let peakPercentage: Double

  // MARK: The allocator

  /// Bytes of live blocks, by the allocator's walk of its heaps.
  public let allocatorAllocated: Int
  /// Bytes of the areas that those blocks live in, free blocks between them included.
  public let allocatorActive: Int
  /// Bytes of the process in physical memory that are no file's.
  ///
  /// mimalloc does not tell what it holds: it counts what it committed, which need not be touched, and that
  /// count drifts as huge blocks come and go. The system's count of anonymous pages is exact. It has, beside the
  /// allocator's, the loops' stacks and the libraries' data, which are some hundred kilobytes.
  public let allocatorResident: Int
  /// Resident bytes in which no block lives: the allocator keeps free pages for a while and gives them back lazily.
  public let allocatorMuzzy: Int

  /// Folds the shards' parts.
  ///
  /// - Parameters:
  ///   - resident: sampled at the same moment as the parts.
  ///   - startupBytes: the sum of `ShardMemory.startupBytes` at the end of start-up.
  ///   - restingTrafficBytes: bytes for traffic that count as data.
  ///   - peakBytes: the highest total seen so far; the total of this report may be higher.
  public init(
    shards: [ShardMemory], resident: ResidentMemory, startupBytes: Int, restingTrafficBytes: Int = 0,
    peakBytes: Int
  ) {
    let heap = Self.sum(shards.map(\.heap))
    let runtime = Self.sum(shards.map(\.runtime))
    let total = heap.liveBytesByPurpose.reduce(runtime.used) { $0.addingClamped($1) }
    let databases = Self.sum(shards.map(\.databases))
    let startup = startupBytes.clamped(to: total)
    self.heap = heap
    self.runtime = runtime
    self.resident = resident
    stackBytes = shards.reduce(0) { $0.addingClamped($1.stackBytes) }
    keyBytes = shards.reduce(0) { $0.addingClamped($1.keyBytes) }
    removedBytes = shards.reduce(0) { $0.addingClamped($1.removedBytes) }
    removedTableBytes = shards.reduce(0) { $0.addingClamped($1.removedTableBytes) }
    self.databases = databases.filter { $0.keyCount > 0 }
    totalAllocated = total
    peakAllocated = max(peakBytes, total)
    startupAllocated = startup
    self.restingTrafficBytes = restingTrafficBytes
    keyCount = databases.reduce(0) { $0.addingClamped($1.keyCount) }
    tableBytes = databases.reduce(0) { $0.addingClamped($1.tableBytes) }
    let rehashing = shards.map(\.rehashingBytes)
    rehashingBytes = rehashing.reduce(0) { $0.addingClamped($1) }
    rehashingCount = rehashing.count { $0 > 0 }

    let named = Self.overheadPurposes.reduce(startup) { $0.addingClamped(heap[$1]) }
    overheadTotal = self.databases.reduce(named) {
      $0.addingClamped($1.tableBytes).addingClamped($1.expiryBytes)
    }
    datasetBytes = max(0, total - overheadTotal)
    bytesPerKey = keyCount > 0 ? datasetBytes / keyCount : 0
    datasetPercentage = min(100, Self.ratio(datasetBytes, total - startup) * 100)
    peakPercentage = min(100, Self.ratio(total, peakAllocated) * 100)

    allocatorAllocated = heap.areas.used.addingClamped(runtime.used)
    allocatorActive = max(allocatorAllocated, heap.areas.committed.addingClamped(runtime.committed))
    allocatorResident = resident.anonymousByteCount.clamped(to: resident.byteCount)
    allocatorMuzzy = max(0, allocatorResident - allocatorActive)
  }

  // MARK: Ratios

  /// Space between live blocks.
  public var fragmentationRatio: Double { Self.ratio(allocatorActive, allocatorAllocated) }
  public var fragmentationBytes: Int { allocatorActive - allocatorAllocated }
  /// Pages without live blocks; below 1 where areas were never touched.
  public var allocatorResidentRatio: Double { Self.ratio(allocatorResident, allocatorActive) }
  public var allocatorResidentBytes: Int { allocatorResident - allocatorActive }
  /// What is resident beside the allocator's: code, and files that are mapped.
  public var residentOverheadRatio: Double { Self.ratio(resident.byteCount, allocatorResident) }
  public var residentOverheadBytes: Int { resident.byteCount - allocatorResident }
  /// All of it together.
  public var totalFragmentationRatio: Double { Self.ratio(resident.byteCount, totalAllocated) }
  public var totalFragmentationBytes: Int { resident.byteCount - totalAllocated }

  private static func ratio(_ part: Int, _ whole: Int) -> Double {
    whole > 0 ? Double(part) / Double(whole) : 0
  }

  // MARK: Sums of parts

  private static func sum(_ reports: [HeapReport]) -> HeapReport {
    var sum = HeapReport(areas: Self.sum(reports.map(\.areas)))
    for report in reports {
      for purpose in Purpose.allCases {
        let bytes = sum[purpose].addingClamped(report[purpose])
        sum.liveBytesByPurpose[purpose.rawValue] = bytes
      }
    }
    return sum
  }

  private static func sum(_ areas: [HeapAreas]) -> HeapAreas {
    areas.reduce(into: HeapAreas()) { sum, areas in
      sum.used = sum.used.addingClamped(areas.used)
      sum.committed = sum.committed.addingClamped(areas.committed)
      sum.reserved = sum.reserved.addingClamped(areas.reserved)
    }
  }

  private static func sum(_ shards: [[TableReport]]) -> [Database] {
    let count = shards.map(\.count).max() ?? 0
    return (0..<count).map { index in
      var database = Database(index: index, keyCount: 0, expiringCount: 0, tableBytes: 0, expiryBytes: 0)
      for tables in shards where index < tables.count {
        let table = tables[index]
        database.keyCount = database.keyCount.addingClamped(table.keyCount)
        database.expiringCount = database.expiringCount.addingClamped(table.expiringCount)
        database.tableBytes = database.tableBytes.addingClamped(table.tableBytes)
        database.expiryBytes = database.expiryBytes.addingClamped(
          table.expiringCount.multipliedClamped(by: Keyspace.expiryBytes))
      }
      return database
    }
  }
}

extension Int {
  /// The sum of two byte counts: a negative one, which only a fault can make, counts as none, and the largest
  /// integer is not passed.
  func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = Swift.max(0, self).addingReportingOverflow(Swift.max(0, other))
    return overflow ? .max : sum
  }

  func multipliedClamped(by factor: Int) -> Int {
    let (product, overflow) = Swift.max(0, self).multipliedReportingOverflow(by: factor)
    return overflow ? .max : product
  }

  /// This number, but not below 0 nor above `maximum`.
  fileprivate func clamped(to maximum: Int) -> Int { Swift.min(Swift.max(0, self), Swift.max(0, maximum)) }
}

import Bytes
import CIntrinsics
import Configuration
import Heap
import Keyspace
import RESP
import Statistics

/// A shard: its keys, its heap, and everything that its thread alone owns.
///
/// It lives at a fixed address for the life of the server. Only its own thread touches it; others send messages.
public struct Shard: ~Copyable {
  public let index: Int
  public let heap: ShardHeap
  public var keyspace: Keyspace
  public let server: ServerState
  public let lookup: CommandLookup
  /// A copy of the settings, renewed by message when they change.
  public var settings: Settings { didSet { slowNanoseconds = Self.slowNanoseconds(settings) } }
  /// A command that takes this long is looked at for the slow log and the latency monitor.
  private(set) var slowNanoseconds: UInt64
  /// Which keys transactions over several shards have locked.
  var locks: LockTable
  /// The part that is about to be taken out of the locks: what waited for its end may use its keys.
  var unlockingPart: UnsafeMutablePointer<LockPart>?
  /// Whether the commands being executed are one step: who waits for what they bring is served at its end.
  var isInTransaction = false
  /// When that step began, in ticks, if it is a transaction that was read whole.
  var stepStart: UInt64 = 0
  /// The places of MULTI and EXEC in the command table.
  let transactionCommands: (multi: Int, exec: Int)
  /// Which keys clients watch.
  var watches = WatchTable()
  /// Who wants to know what happens to this shard's keys.
  public internal(set) var observers: KeyObservers = [] { didSet { adoptNotedKinds() } }
  /// Gets every event of this shard's keys: for tests.
  public var eventListener: ((KeyEvent) -> Void)? {
    didSet { setObserver(.listener, eventListener != nil) }
  }
  /// Set while keys that clients wait for have changed, and those clients were not served yet.
  var hasReadyKeys = false
  /// This shard's part in keeping to `maxmemory`.
  var dataLimit = DataLimit()
  /// The same for `maxmemory-clients`.
  var clientEviction = ClientEviction()
  /// What it last saw of the room that the system leaves.
  var systemRoom = SystemRoom()
  /// Set when memory is full, on whatever shards: commands that add data are refused.
  public internal(set) var refusesWrites = false

  /// Counters by the command's place in the table.
  public let counters: UnsafeMutablePointer<CommandCounters>
  /// Latency histograms by the command's place in the table, made when first needed.
  let histograms: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  public var slowLog: SlowLog
  public let latencyMonitor: LatencyMonitor
  public let errors: ErrorStatistics
  private let latencyMemory: UnsafeMutableRawPointer
  private let errorMemory: UnsafeMutableRawPointer

  /// The clients of this shard's loop.
  public var firstClient: UnsafeMutablePointer<Client>?
  public var clientCount = 0
  /// Clients whose replies are to be sent at the end of the turn.
  public var firstWithOutput: UnsafeMutablePointer<Client>?
  /// Identifiers of clients to look at again at the end of the turn: to close, or to read on.
  public var clientsToRevisit: [UInt64] = []
  /// Set when a pause is ended before its time: the loop lets its paused clients go on in this turn.
  public var resumesPausedClients = false
  /// Calls of any loop's clients that wait for keys of this shard.
  var waiting: WaitingTable
  /// Those that this shard has served, whose loops do not know it yet.
  var servedWaiters: [(waiter: Waiter, outcome: WaitOutcome)] = []
  /// The blocked calls of this loop's clients.
  var blockedCalls = BlockedCalls()
  /// Connections that another loop accepted for this one.
  public var arrivals: [Arrival] = []
  /// What the clients of this shard's loop subscribe to.
  public internal(set) var subscriptions = SubscriptionTables()
  /// The client whose reply is being written: what is pushed to it meanwhile must wait.
  var writingClient: UnsafeMutablePointer<Client>?
  /// What waits for it.
  var keptBack: UnsafeMutablePointer<ReplyBuffer>?
  /// What is to be told to each loop at the end of the turn, and whether there is anything.
  var outboxes: [LoopOutbox]
  var hasOutgoing = false
  /// Whose commands are being executed.
  var caller = Caller()
  /// The keys of this shard of which clients keep copies.
  var trackedKeys = TrackedKeys()
  /// The prefixes of keys whose changes clients of any loop want broadcast.
  var broadcastPrefixes: [BroadcastPrefix] = []
  /// Of this shard's loop: the clients that track keys, those that get others' messages, and by prefix those that
  /// want broadcasts.
  var trackingClients: [UInt64: UnsafeMutablePointer<Client>] = [:]
  var redirectionTargets: [UInt64: UnsafeMutablePointer<Client>] = [:]
  var broadcastClients: [[UInt8]: [UInt64]] = [:]
  public var network = NetworkCounters()
  public var commandsPerSecond = InstantaneousMetric()
  public var inputPerSecond = InstantaneousMetric()
  public var outputPerSecond = InstantaneousMetric()
  /// Commands executed on this shard.
  public var commandCount: UInt64 = 0
  /// Calls of this shard's thread in the default heap, as last walked.
  public var runtimeAreas = HeapAreas()
  /// The stack of this shard's thread.
  let stack = ThreadStack()
  /// The last hour of the whole server's memory: the first shard keeps it.
  public var memoryHistory: MemoryHistory?
  /// What was held when the loop last looked whether all shards together are at their peak.
  public var bytesAtPeakLook = 0
  /// The most bytes that a single client's query buffer and replies held lately.
  public var largestInput = 0
  public var largestOutput = 0
  /// Bytes that were resident without being allocated when free pages were last given back.
  var unavoidablyRetained = 0
  var codeRetention = CodeRetention()
  public var defragmentation = DefragmentationSchedule()

  /// What nanoseconds a tick of `pantala_ticks` takes, in 1/65536.
  public let nanosecondsPerTickFixed: UInt64

  public init(
    index: Int, server: ServerState, heap: ShardHeap, hasher: KeyHasher, nanosecondsPerTickFixed: UInt64
  ) {
    self.index = index
    self.heap = heap
    self.server = server
    self.nanosecondsPerTickFixed = nanosecondsPerTickFixed
    lookup = server.table.lookup
    transactionCommands = (
      lookup.find(ByteView("multi"))?.pointee.index ?? -1, lookup.find(ByteView("exec"))?.pointee.index ?? -1
    )
    settings = server.configuration.settings
    outboxes = Array(repeating: LoopOutbox(), count: server.shardCount)
    slowNanoseconds = Self.slowNanoseconds(settings)
    waiting = WaitingTable(heap: heap)
    keyspace = Keyspace(heap: heap, hasher: hasher, databaseCount: settings.databaseCount)
    slowLog = SlowLog(maximumLength: settings.slowlogMaxEntries)
    locks = LockTable(heap: heap)
    let count = server.table.count
    counters = heap.allocate(count * MemoryLayout<CommandCounters>.stride, for: .statistics)
      .bindMemory(to: CommandCounters.self, capacity: count)
    counters.initialize(repeating: CommandCounters(), count: count)
    histograms = heap.allocate(count * MemoryLayout<UnsafeMutableRawPointer?>.stride, for: .statistics)
      .bindMemory(to: UnsafeMutableRawPointer?.self, capacity: count)
    histograms.initialize(repeating: nil, count: count)
    latencyMemory = heap.allocateZeroed(LatencyMonitor.byteCount, for: .statistics)
    latencyMonitor = LatencyMonitor(storage: latencyMemory)
    errorMemory = heap.allocateZeroed(ErrorStatistics.byteCount, for: .statistics)
    errors = ErrorStatistics(storage: errorMemory)
    if index == 0 { memoryHistory = MemoryHistory(heap: heap) }
    adoptCollectionLimits()
    adoptKeyEventClasses()
    adoptUseSettings()
  }

  private static func slowNanoseconds(_ settings: Settings) -> UInt64 {
    var threshold = UInt64.max
    if settings.slowlogThresholdMicroseconds >= 0, settings.slowlogMaxEntries > 0 {
      threshold = UInt64(settings.slowlogThresholdMicroseconds) * 1_000
    }
    if settings.latencyMonitorThresholdMilliseconds > 0 {
      threshold = min(threshold, UInt64(settings.latencyMonitorThresholdMilliseconds) * 1_000_000)
    }
    return threshold
  }

  deinit {
    var trackedKeys = trackedKeys
    trackedKeys.removeAll(heap: heap)
    for index in 0..<server.table.count {
      if let histogram = histograms[index] { heap.free(histogram, for: .statistics) }
    }
    heap.free(counters, for: .statistics)
    heap.free(histograms, for: .statistics)
    heap.free(latencyMemory, for: .statistics)
    heap.free(errorMemory, for: .statistics)
    memoryHistory?.release()
  }

  /// Nanoseconds that `ticks` of the core's counter are. (Why it is `mutating`: see `Keyspace.prefetchBucket`.)
  @inline(__always)
  public mutating func nanoseconds(ofTicks ticks: UInt64) -> UInt64 {
    (ticks &* nanosecondsPerTickFixed) >> 16
  }

  /// Adds a call's time to the command's histogram.
  @inline(__always)
  mutating func recordLatency(_ command: Int, nanoseconds: UInt64) {
    guard settings.latencyTracking else { return }
    if let memory = histograms[command] {
      LatencyHistogram(storage: memory).record(nanoseconds: nanoseconds)
    } else {
      recordFirstLatency(command, nanoseconds: nanoseconds)
    }
  }

  @inline(never)
  private func recordFirstLatency(_ command: Int, nanoseconds: UInt64) {
    let memory = heap.allocateZeroed(LatencyHistogram.byteCount, for: .statistics)
    histograms[command] = memory
    LatencyHistogram(storage: memory).record(nanoseconds: nanoseconds)
  }

  /// The memory of all statistics, as the allocator counts it.
  var statisticsBytes: Int {
    var bytes = ShardHeap.usableSize(counters) + ShardHeap.usableSize(histograms)
    bytes += ShardHeap.usableSize(latencyMemory) + ShardHeap.usableSize(errorMemory)
    for index in 0..<server.table.count {
      if let histogram = histograms[index] { bytes += ShardHeap.usableSize(histogram) }
    }
    return bytes + (memoryHistory?.allocatedBytes ?? 0) + keyspace.ledgerBytes
  }

  /// Snapshots of the histograms that exist, by the command's place in the table.
  public func histogramSnapshots() -> [Int: LatencyHistogram.Snapshot] {
    var snapshots: [Int: LatencyHistogram.Snapshot] = [:]
    for index in 0..<server.table.count {
      if let memory = histograms[index] {
        snapshots[index] = LatencyHistogram(storage: memory).snapshot()
      }
    }
    return snapshots
  }

  /// Forgets what statistics count, as CONFIG RESETSTAT asks.
  public mutating func resetStatistics() {
    for index in 0..<server.table.count {
      counters[index] = CommandCounters()
      if let memory = histograms[index] { LatencyHistogram(storage: memory).reset() }
    }
    errors.reset()
    keyspace.statistics = KeyspaceStatistics()
    clientEviction.evictedCount = 0
    dataLimit.exceededMilliseconds = 0
    network = NetworkCounters()
    commandCount = 0
    commandsPerSecond.reset()
    inputPerSecond.reset()
    outputPerSecond.reset()
  }
}

/// Traffic of one loop since the start or the last CONFIG RESETSTAT.
public struct NetworkCounters: Sendable, Equatable {
  public var inputBytes: UInt64 = 0
  public var outputBytes: UInt64 = 0
  public var readsProcessed: UInt64 = 0
  public var writesProcessed: UInt64 = 0
  public var queryBufferLimitDisconnections: UInt64 = 0
  public var outputBufferLimitDisconnections: UInt64 = 0
  public var errorReplies: UInt64 = 0

  public init() {}
}

/// A connection that was accepted and is on its way to its loop.
public struct Arrival: Sendable {
  public let descriptor: Int32
  public let isUnixSocket: Bool

  public init(descriptor: Int32, isUnixSocket: Bool) {
    self.descriptor = descriptor
    self.isUnixSocket = isUnixSocket
  }
}

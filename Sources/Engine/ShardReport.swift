import Heap
import Keyspace
import Statistics

/// What a shard and its loop tell about themselves at one moment, or what several of them tell together.
///
/// It is a value that crosses threads: a shard makes its own on its own thread, and whoever asked adds them up.
///
///     let reports = await operation.onEveryShard { ShardReport(of: $0, [.memory]) }
///     let whole = ShardReport.sum(reports)
///
/// Only the parts asked for are gathered, because some cost more than a glance.
public struct ShardReport: Sendable {
  /// What a report holds beside what costs nothing.
  public struct Parts: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The heap's accounts and the allocator's walks. Costs a step for each page of memory, up to a limit.
    public static let memory = Parts(rawValue: 1 << 0)
    /// The sizes of the tables. Costs a step for each database.
    public static let tables = Parts(rawValue: 1 << 1)
    /// Clients and their buffers. Costs a step for each client.
    public static let clients = Parts(rawValue: 1 << 2)
    /// Calls and errors. Costs a step for each command.
    public static let commands = Parts(rawValue: 1 << 3)
    /// Latency histograms. Costs a copy of each histogram that there is.
    public static let histograms = Parts(rawValue: 1 << 4)
    /// How long keys that expire still live, by a sample of them.
    public static let timesToLive = Parts(rawValue: 1 << 5)

    /// Which channels and patterns there are. Costs a step for each of them, unless there is one shard only.
    public static let subscriptions = Parts(rawValue: 1 << 6)

    public static let all: Parts = [
      .memory, .tables, .clients, .commands, .histograms, .timesToLive, .subscriptions,
    ]
  }

  /// The shards that the report is about: one, or the number of those added up.
  public private(set) var shardCount: Int

  // MARK: Memory

  /// The shard heap's live bytes by purpose, and the allocator's walk of that heap.
  public var heap = HeapReport()
  /// What the Swift runtime and the C library hold on the shard's thread: the walk of its default heap.
  public var runtimeAreas = HeapAreas()
  /// What is resident of the stack of the shard's thread.
  public var stackBytes = 0
  /// Bytes of all keys' blocks, and of values that were removed and are being freed.
  public var keyBytes = 0
  public var removedBytes = 0
  public var removedTableBytes = 0
  /// Keys and table bytes by database; as long as there are databases.
  public var tables: [TableReport] = []
  /// The same databases' times to live.
  public var timesToLive: [TimeToLiveSample] = []

  // MARK: Counters

  public var keyspace = KeyspaceStatistics()
  /// Changes to keys since the start.
  public var changes = 0
  /// Clients closed because all together took too much.
  public var evictedClients = 0
  /// Milliseconds for which evictions could not hold memory within its limit: in all, and up to now. Of several shards, the longest.
  public var evictionExceeded: (total: Int64, current: Int64) = (0, 0)
  public var network = NetworkCounters()
  /// Commands read by the loop.
  public var commandCount: UInt64 = 0
  public var commandsPerSecond: UInt64 = 0
  public var inputBytesPerSecond: UInt64 = 0
  public var outputBytesPerSecond: UInt64 = 0
  /// What the shard's thread has spent.
  public var processorTimes = ProcessorTimes(userMicroseconds: 0, systemMicroseconds: 0)

  public var defragmentation = DefragmentationReport()
  /// Removed keys and values that wait to be freed.
  public var removedValueCount = 0

  // MARK: Commands

  /// Calls by the command's place in the table; empty if not asked for.
  public var counters: [CommandCounters] = []
  public var errors = ErrorStatistics.Snapshot()
  /// Histograms by the command's place in the table, of those commands that have one.
  public var histograms: [Int: LatencyHistogram.Snapshot] = [:]

  // MARK: Clients

  public var clients = ClientTotals()
  public var subscriptions = SubscriptionTotals()
  public var tracking = TrackingTotals()

  /// A report about no shard: the start of a sum.
  public init() { shardCount = 0 }

  /// Gathers the report of a shard, on its own thread.
  public init(of shard: UnsafeMutablePointer<Shard>, _ parts: Parts) {
    shardCount = 1
    keyspace = shard.pointee.keyspace.statistics
    changes = shard.pointee.keyspace.dirty
    removedValueCount = shard.pointee.keyspace.removedValueCount
    evictedClients = shard.pointee.clientEviction.evictedCount
    evictionExceeded = shard.pointee.exceeded
    network = shard.pointee.network
    commandCount = shard.pointee.commandCount
    commandsPerSecond = shard.pointee.commandsPerSecond.perSecond
    inputBytesPerSecond = shard.pointee.inputPerSecond.perSecond
    outputBytesPerSecond = shard.pointee.outputPerSecond.perSecond
    processorTimes = .ofCurrentThread()
    defragmentation = DefragmentationReport(of: shard.pointee.defragmentation)
    clients.count = shard.pointee.clientCount
    tracking = TrackingTotals(of: shard)
    if parts.contains(.memory) {
      heap = shard.pointee.heap.survey()
      // The loop publishes the walk with the shard's live bytes: what is walked now is news for it, too.
      shard.pointee.runtimeAreas = HeapAreas.ofThisThread()
      runtimeAreas = shard.pointee.runtimeAreas
      stackBytes = shard.pointee.stack.residentBytes
      keyBytes = shard.pointee.keyspace.usage.bytes
      removedBytes = shard.pointee.keyspace.removedBytes
      removedTableBytes = shard.pointee.keyspace.removedTableBytes
    }
    let databases = 0..<shard.pointee.keyspace.databaseCount
    if parts.contains(.tables) { tables = databases.map { shard.pointee.keyspace.tableReport(in: $0) } }
    if parts.contains(.timesToLive) {
      timesToLive = databases.map { shard.pointee.keyspace.timeToLiveSample(in: $0) }
    }
    if parts.contains(.clients) { clients = ClientTotals(of: shard) }
    if parts.contains(.commands) {
      let commandCount = shard.pointee.server.table.count
      counters = Array(UnsafeBufferPointer(start: shard.pointee.counters, count: commandCount))
      errors = shard.pointee.errors.snapshot()
    }
    if parts.contains(.subscriptions) { subscriptions = SubscriptionTotals(of: shard) }
    if parts.contains(.histograms) { histograms = shard.pointee.histogramSnapshots() }
  }

  /// Bytes allocated: the shard heap's live ones and those of the thread's default heap.
  public var usedBytes: Int { heap.liveBytes + runtimeAreas.used }

  // MARK: Adding up

  /// What all the shards tell together. Rates and counts add up; nothing is averaged.
  public static func sum(_ reports: [ShardReport]) -> ShardReport {
    reports.reduce(into: ShardReport()) { $0.merge($1) }
  }

  /// Adds what another shard tells.
  public mutating func merge(_ other: ShardReport) {
    shardCount += other.shardCount
    heap = heap + other.heap
    runtimeAreas = runtimeAreas + other.runtimeAreas
    stackBytes += other.stackBytes
    keyBytes += other.keyBytes
    removedBytes += other.removedBytes
    removedTableBytes += other.removedTableBytes
    tables = Self.added(tables, other.tables, +)
    timesToLive = Self.added(timesToLive, other.timesToLive, +)
    keyspace.merge(other.keyspace)
    changes += other.changes
    removedValueCount += other.removedValueCount
    evictedClients += other.evictedClients
    evictionExceeded = (
      max(evictionExceeded.total, other.evictionExceeded.total),
      max(evictionExceeded.current, other.evictionExceeded.current)
    )
    network.merge(other.network)
    commandCount &+= other.commandCount
    commandsPerSecond &+= other.commandsPerSecond
    inputBytesPerSecond &+= other.inputBytesPerSecond
    outputBytesPerSecond &+= other.outputBytesPerSecond
    processorTimes.merge(other.processorTimes)
    defragmentation.merge(other.defragmentation)
    counters = Self.added(counters, other.counters) { own, added in
      var sum = own
      sum.merge(added)
      return sum
    }
    errors.merge(other.errors)
    histograms.merge(other.histograms) { own, added in
      var sum = own
      sum.merge(added)
      return sum
    }
    clients.merge(other.clients)
    subscriptions.merge(other.subscriptions)
    tracking.merge(other.tracking)
  }

  public static func + (left: ShardReport, right: ShardReport) -> ShardReport {
    var sum = left
    sum.merge(right)
    return sum
  }

  /// Element by element; an empty array says that nothing was gathered.
  private static func added<Element>(
    _ left: [Element], _ right: [Element], _ add: (Element, Element) -> Element
  ) -> [Element] {
    if left.isEmpty { return right }
    if right.isEmpty { return left }
    return zip(left, right).map(add)
  }
}

/// The clients of one loop, or of several, and what their buffers hold.
public struct ClientTotals: Sendable, Equatable {
  public var count = 0
  /// Blocks of input that has not been read as commands, as the allocator counts them.
  public var inputBytes = 0
  /// Blocks of replies that have not left, as the allocator counts them.
  public var outputBytes = 0
  /// The most that a single client's input and replies hold.
  public var largestInputBytes = 0
  public var largestOutputBytes = 0
  /// Those whose command waits for something, or is held up by a pause, and those that will not wait for ever.
  public var blockedCount = 0
  public var timedCount = 0
  /// Keys of the shard that clients of any loop wait for, and those whose disappearance would end some client's waiting.
  public var waitedKeyCount = 0
  public var neededKeyCount = 0
  /// Clients that watch keys, keys of the shard that clients of any loop watch, and clients that subscribe to something.
  public var watchingCount = 0
  public var watchedKeyCount = 0
  public var subscriberCount = 0
  /// Transactions, and commands that wait for them, that have all locks that they want of the shard, and those that have not.
  public var heldLockCount = 0
  public var waitingLockCount = 0

  public init() {}

  init(of shard: UnsafeMutablePointer<Shard>) {
    largestInputBytes = shard.pointee.largestInput
    largestOutputBytes = shard.pointee.largestOutput
    timedCount = shard.pointee.blockedCalls.timedCount
    waitedKeyCount = shard.pointee.waiting.keyCount
    neededKeyCount = shard.pointee.waiting.neededKeyCount
    watchedKeyCount = shard.pointee.watches.count
    waitingLockCount = shard.pointee.locks.waitingCount
    heldLockCount = shard.pointee.locks.partCount - waitingLockCount
    shard.forEachClient { client in
      let input = client.pointee.queryBuffer.allocatedBytes
      let output = client.pointee.reply.allocatedBytes + client.pointee.sending.allocatedBytes
      count += 1
      if !client.pointee.flags.isDisjoint(with: [.blocked, .paused]) { blockedCount += 1 }
      if client.pointee.watches != nil { watchingCount += 1 }
      if client.pointee.flags.contains(.subscriber) { subscriberCount += 1 }
      inputBytes += input
      outputBytes += output
      largestInputBytes = max(largestInputBytes, input)
      largestOutputBytes = max(largestOutputBytes, output)
    }
  }

  mutating func merge(_ other: ClientTotals) {
    count += other.count
    inputBytes += other.inputBytes
    outputBytes += other.outputBytes
    largestInputBytes = max(largestInputBytes, other.largestInputBytes)
    largestOutputBytes = max(largestOutputBytes, other.largestOutputBytes)
    blockedCount += other.blockedCount
    timedCount += other.timedCount
    waitedKeyCount += other.waitedKeyCount
    neededKeyCount += other.neededKeyCount
    watchingCount += other.watchingCount
    watchedKeyCount += other.watchedKeyCount
    subscriberCount += other.subscriberCount
    heldLockCount += other.heldLockCount
    waitingLockCount += other.waitingLockCount
  }
}

extension KeyspaceStatistics {
  /// Adds what another shard counted.
  mutating func merge(_ other: KeyspaceStatistics) {
    hits += other.hits
    misses += other.misses
    expired += other.expired
    activelyExpired += other.activelyExpired
    expireCyclesCutShort += other.expireCyclesCutShort
    expireCycleMicroseconds += other.expireCycleMicroseconds
    defragmentation.merge(other.defragmentation)
    evicted += other.evicted
    freedLater += other.freedLater
  }
}

extension NetworkCounters {
  /// Adds what another loop counted.
  mutating func merge(_ other: NetworkCounters) {
    inputBytes &+= other.inputBytes
    outputBytes &+= other.outputBytes
    readsProcessed &+= other.readsProcessed
    writesProcessed &+= other.writesProcessed
    queryBufferLimitDisconnections &+= other.queryBufferLimitDisconnections
    outputBufferLimitDisconnections &+= other.outputBufferLimitDisconnections
    errorReplies &+= other.errorReplies
  }
}

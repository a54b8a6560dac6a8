import Bytes
import Configuration
import Ring
import Statistics
import Synchronization

/// What all loops share: the configuration, the way to each other, and a few counters.
///
/// Everything here is either immutable, atomic or behind a mutex; nothing here is written on the hot path.
public final class ServerState: Sendable {
  public let shardCount: Int
  public let table: CommandTable
  /// Seconds since 1970.
  public let startedAt: Int64
  /// 40 hexadecimal digits, new at each start.
  public let runIdentifier: String
  public let processIdentifier: Int
  public let executablePath: String
  /// `mailboxes[from][to]`; those of a loop to itself are never used.
  public let mailboxes: [[Mailbox]]
  public let sleepFlags: [SleepFlag]
  /// The rings' descriptors, for waking; -1 until the loop has made its ring.
  public let ringDescriptors: [AtomicCell]
  /// Live bytes of each shard's heap, published once a turn.
  public let liveBytes: [AtomicCell]
  /// What they consist of.
  public let publishedMemory: [PublishedMemory]
  /// The part of them that is data: what `maxmemory` limits. And whether the shard can make room, as far as is known: by evicting keys, or
  /// by freeing what is removed.
  let dataBytes: [AtomicCell]
  let candidateFlags: [AtomicCell]
  /// The system's limits to the process's memory, and what it took when it began to serve.
  public let systemLimits = SystemLimits.ofThisProcess()
  let baseUse = Mutex<MemoryUse?>(nil)
  /// Bytes that it could still take when somebody last looked, whether that is too little, and whether a reserve was made.
  let systemRoomBytes = AtomicCell(.max)
  let systemShortage = AtomicCell(0)
  let reserveMade = AtomicCell(0)
  /// What the clients of each loop take, and the largest of them: kept while `maxmemory-clients` limits it.
  let clientBytes: [AtomicCell]
  let largestClientBytes: [AtomicCell]
  /// Clients of each loop, those on their way to it included.
  public let clientCounts: [AtomicCell]

  /// Subscriptions of each loop's clients, to channels, patterns and shard channels.
  public let subscriptionCounts: [AtomicCell]
  /// Clients of each loop that track keys, and keys of each shard that are tracked.
  public let trackingClientCounts: [AtomicCell]
  let trackedKeyCounts: [AtomicCell]

  private let configurationBox: Mutex<Configuration>
  public let nextClientIdentifier = Atomic<UInt64>(1)
  /// The order in which blocked calls came.
  let nextWaiterNumber = Atomic<UInt64>(1)
  public let nextSlowLogIdentifier = Atomic<UInt64>(0)
  /// Numbers of transactions over several shards, and of what waits for them.
  private let nextTransactionSerial = AtomicCell(1)
  /// Clients that receive a copy of every command.
  public let monitorCount = Atomic<Int>(0)
  public let connectionsReceived = Atomic<Int>(0)
  public let connectionsRejected = Atomic<Int>(0)
  /// Until when clients are paused, in milliseconds since 1970, and whether only writes are.
  public let pausedUntil = Atomic<Int64>(0)
  public let pausesOnlyWrites = Atomic<Bool>(false)
  /// The highest sum of live bytes seen, and the one at the end of start-up.
  public let peakBytes = Atomic<Int>(0)
  public let startupBytes = Atomic<Int>(0)
  /// Bytes of all shards' traffic that count as data.
  let restingTrafficBytes = Atomic<Int>(0)
  /// Walks over all keys that are under way.
  public let longWalks = LongWalks()
  /// What memory consisted of when it was `peakBytes`.
  let peakSample = Mutex(MemorySample())
  /// Set once: every loop ends its turn, closes its clients and stops.
  public let isStopping = Atomic<Bool>(false)
  /// Whether expired keys are removed without being asked for (DEBUG SET-ACTIVE-EXPIRE).
  public let activeExpiry = Atomic<Bool>(true)

  public init(
    configuration: Configuration, shardCount: Int, table: CommandTable, startedAt: Int64,
    runIdentifier: String, processIdentifier: Int, executablePath: String
  ) {
    self.shardCount = shardCount
    self.table = table
    self.startedAt = startedAt
    self.runIdentifier = runIdentifier
    self.processIdentifier = processIdentifier
    self.executablePath = executablePath
    configurationBox = Mutex(configuration)
    mailboxes = (0..<shardCount).map { _ in (0..<shardCount).map { _ in Mailbox() } }
    sleepFlags = (0..<shardCount).map { _ in SleepFlag() }
    ringDescriptors = (0..<shardCount).map { _ in AtomicCell(-1) }
    liveBytes = (0..<shardCount).map { _ in AtomicCell(0) }
    publishedMemory = (0..<shardCount).map { _ in PublishedMemory() }
    dataBytes = (0..<shardCount).map { _ in AtomicCell(0) }
    candidateFlags = (0..<shardCount).map { _ in AtomicCell(0) }
    clientBytes = (0..<shardCount).map { _ in AtomicCell(0) }
    largestClientBytes = (0..<shardCount).map { _ in AtomicCell(0) }
    trackingClientCounts = (0..<shardCount).map { _ in AtomicCell(0) }
    trackedKeyCounts = (0..<shardCount).map { _ in AtomicCell(0) }
    subscriptionCounts = (0..<shardCount).map { _ in AtomicCell(0) }
    clientCounts = (0..<shardCount).map { _ in AtomicCell(0) }
  }

  deinit {
    for row in mailboxes { for mailbox in row { mailbox.destroy() } }
  }

  /// A number that no transaction has had, higher than all that were given before.
  func takeTransactionSerial() -> UInt64 { UInt64(nextTransactionSerial.take()) }

  /// The configuration now.
  public var configuration: Configuration { configurationBox.withLock { $0 } }

  /// Changes the configuration; if `change` throws, nothing changes.
  public func updateConfiguration<Failure: Error>(
    _ change: (inout Configuration) throws(Failure) -> Void
  ) throws(Failure) {
    let outcome = configurationBox.withLock { configuration -> Result<Void, Failure> in
      var copy = configuration
      do throws(Failure) {
        try change(&copy)
      } catch {
        return .failure(error)
      }
      configuration = copy
      return .success(())
    }
    try outcome.get()
  }

  /// What the clients of all loops take.
  var publishedClientBytes: Int { clientBytes.reduce(0) { $0 + $1.load() } }

  public var clientCount: Int { clientCounts.reduce(0) { $0 + $1.load() } }
}

/// An atomic integer on cache lines of its own, so that loops that write neighbouring ones don't disturb each other.
public final class AtomicCell: Sendable {
  private let before = Padding()
  private let value: Atomic<Int>
  private let after = Padding()

  /// Keeps the value away from other allocations' lines.
  private struct Padding: Sendable {
    let words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
  }

  public init(_ value: Int) { self.value = Atomic(value) }

  public func load() -> Int { value.load(ordering: .acquiring) }
  public func store(_ new: Int) { value.store(new, ordering: .releasing) }
  public func add(_ amount: Int) { value.add(amount, ordering: .relaxed) }
  /// Adds one, and returns what was there before.
  public func take() -> Int { value.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue }
}

extension ServerState {
  /// Whether clients of other loops subscribe to anything.
  func hasSubscriptions(besides own: Int) -> Bool {
    for loop in 0..<shardCount where loop != own {
      if subscriptionCounts[loop].load() > 0 { return true }
    }
    return false
  }
}

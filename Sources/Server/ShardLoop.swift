import CIntrinsics
import Configuration
import Engine
import Glibc
import Heap
import Keyspace
import Logging
import RESP
import Ring

/// One thread's event loop: a ring, a shard, and the connections that were given to it.
///
/// A turn of the loop waits for completions, handles them and the messages of other loops, runs the steps of
/// tasks, and submits all output with the next wait: one system call a turn. It lives at a fixed address on its
/// thread and is never touched by another.
struct ShardLoop {
  let index: Int
  let server: ServerState
  let logger: Logger
  let uring: UnsafeMutablePointer<Uring>
  let buffers: UnsafeMutablePointer<ReceiveBuffers>
  let bufferMemory: UnsafeMutableRawPointer
  let shard: UnsafeMutablePointer<Shard>
  let coordinator: UnsafeMutablePointer<Coordinator>
  let executor: LoopExecutor
  /// The sockets that this loop accepts from: the first loop has them all.
  var listeners: [Listener] = []
  /// Where SIGTERM and SIGINT arrive: the first loop's business.
  var signalDescriptor: Int32 = -1
  let signalBuffer: UnsafeMutableRawPointer
  /// Clients whose receive ended for lack of buffers.
  var starvedClients: [UInt64] = []
  var clientsByIdentifier: [UInt64: UnsafeMutablePointer<Client>] = [:]
  var background = BackgroundState()
  /// Receives of the last turn: a busy loop waits for several at once.
  var lastReceiveCount = 0
  /// Sends that the last turn prepared. They complete as they are submitted, nearly always.
  var preparedSendCount = 0

  /// The group of the receive buffers; a ring has one.
  static let bufferGroup: UInt16 = 1

  init(index: Int, server: ServerState, logger: Logger, hasherSeeds: (UInt64, UInt64)) throws(RingError) {
    self.index = index
    self.server = server
    self.logger = logger
    let settings = server.configuration.settings
    let heap = ShardHeap()
    uring = .allocate(capacity: 1)
    uring.initialize(to: try Uring(entries: settings.ringEntries))
    bufferMemory = heap.allocate(
      settings.receiveBufferCount * settings.receiveBufferBytes, for: .receiveBuffers)
    buffers = .allocate(capacity: 1)
    buffers.initialize(
      to: try ReceiveBuffers(
        uring.pointee, memory: bufferMemory, count: settings.receiveBufferCount,
        size: settings.receiveBufferBytes, group: Self.bufferGroup))
    shard = .allocate(capacity: 1)
    shard.initialize(
      to: Shard(
        index: index, server: server, heap: heap, hasher: .init(seed: hasherSeeds.0, hasherSeeds.1),
        nanosecondsPerTickFixed: TickRate.nanosecondsPerTickFixed))
    executor = LoopExecutor()
    coordinator = .allocate(capacity: 1)
    coordinator.initialize(
      to: Coordinator(shard: shard, executor: executor, uring: uring, receiveBuffers: buffers))
    signalBuffer = .allocate(byteCount: Int(pantala_signal_record_bytes()), alignment: 8)
    server.ringDescriptors[index].store(Int(uring.pointee.descriptor))
  }
}

extension UnsafeMutablePointer<ShardLoop> {
  // MARK: Turns

  /// Runs until the server stops.
  func run() {
    pointee.updateClock()
    for (number, listener) in pointee.listeners.enumerated() {
      pointee.uring.pointee.acceptMultishot(
        listener.descriptor, userData: UserData.make(UserData.accept, UInt64(number)))
    }
    if pointee.signalDescriptor >= 0 { awaitSignal() }
    while !pointee.server.isStopping.load(ordering: .relaxed) { turn() }
    end()
  }

  private func turn() {
    waitForWork()
    pointee.updateClock()
    var handled = 0
    pointee.lastReceiveCount = 0
    pointee.preparedSendCount = 0
    while true {
      let completions = pointee.uring.pointee.reap()
      for number in 0..<completions.count { handle(completions[number]) }
      handled += completions.count
      // A turn is bounded: what completes meanwhile is the next turn's.
      if completions.count < Uring.reapCapacity || handled >= 4 * Uring.reapCapacity { break }
    }
    _ = pointee.coordinator.receiveMessages()
    pointee.coordinator.deliverServed()
    pointee.coordinator.expireBlockedCalls()
    pointee.executor.runJobs()
    _ = pointee.coordinator.resumeGranted()
    admitArrivals()
    revisitClients()
    runBackgroundWork()
    pointee.shard.releaseRemoved(blockMaximum: LoopTuning.releasedBlocksPerTurn)
    pointee.coordinator.deliverOutboxes()
    sendOutput()
    pointee.coordinator.endTurn()
    pointee.publishMemory()
  }

  /// Submits what the last turn prepared and waits until there is something to do.
  private func waitForWork() {
    let coordinator = pointee.coordinator
    let uring = pointee.uring
    if pointee.executor.hasJobs || coordinator.pointee.hasOverflow || coordinator.pointee.hasGranted
      || pointee.shard.hasUnfinishedEvictions || !pointee.shard.pointee.clientsToRevisit.isEmpty
      || pointee.shard.pointee.keyspace.hasRemovedValues
    {
      return uring.pointee.submitAndWait(for: 0, nanoseconds: 0)
    }
    let untilBackground = pointee.background.nanosecondsUntilNext(
      deadline: Swift.min(
        pointee.shard.nextDeadline ?? .max, pointee.shard.pointee.defragmentation.nextSlice))
    if pointee.server.shardCount == 1 { return gather(untilBackground) }
    if coordinator.pointee.outstandingCount > 0, spinForMessages() {
      return uring.pointee.submitAndWait(for: 0, nanoseconds: 0)
    }
    let flag = pointee.server.sleepFlags[pointee.index]
    flag.announce()
    if coordinator.pointee.hasMessages {
      flag.clear()
      return uring.pointee.submitAndWait(for: 0, nanoseconds: 0)
    }
    gather(untilBackground)
    flag.clear()
  }

  /// Waits for the next completion. After a turn that served several requests, waits a moment for some more: one
  /// system call then serves them all. No more are waited for than the clients can be expected to send at once.
  private func gather(_ untilBackground: Int64) {
    let expected = Swift.min(
      pointee.shard.pointee.clientCount / LoopTuning.clientsPerGathered, LoopTuning.gatherMaximum)
    if pointee.lastReceiveCount < LoopTuning.gatherMinimum || expected < LoopTuning.gatherMinimum {
      return pointee.uring.pointee.submitAndWait(for: 1, nanoseconds: untilBackground)
    }
    pointee.uring.pointee.submitAndWait(
      for: expected + pointee.preparedSendCount,
      nanoseconds: Swift.min(LoopTuning.gatherNanoseconds, untilBackground))
  }

  /// Looks for messages and completions for a little while: a reply that is under way comes sooner than a wake-up
  /// would. Returns whether something came.
  private func spinForMessages() -> Bool {
    let coordinator = pointee.coordinator
    let nanoseconds = UInt64(pointee.shard.pointee.settings.shardSpinMicroseconds) * 1_000
    if nanoseconds == 0 { return coordinator.pointee.hasMessages }
    // What this turn has prepared must not wait for the spinning.
    pointee.uring.pointee.submit()
    let start = pantala_ticks()
    while pointee.shard.pointee.nanoseconds(ofTicks: pantala_ticks() &- start) < nanoseconds {
      if coordinator.pointee.hasMessages || pointee.uring.pointee.hasCompletions { return true }
      pantala_pause()
    }
    return false
  }

  // MARK: Completions

  private func handle(_ completion: Completion) {
    switch UserData.kind(completion.userData) {
    case UserData.receive:
      pointee.lastReceiveCount += 1
      received(client(of: completion), completion)
    case UserData.send:
      sent(client(of: completion), completion)
    case UserData.accept:
      accepted(completion)
    case UserData.signal:
      stopOnSignal()
    default:
      break
    }
  }

  private func client(of completion: Completion) -> UnsafeMutablePointer<Client> {
    // The kernel has the client's address only while it is in the receiving or sending state, and a client
    // in either is never freed.
    UnsafeMutablePointer<Client>(bitPattern: UInt(UserData.payload(completion.userData))).unsafelyUnwrapped
  }

  private func awaitSignal() {
    pointee.uring.pointee.read(
      pointee.signalDescriptor, pointee.signalBuffer, count: Int(pantala_signal_record_bytes()),
      userData: UserData.make(UserData.signal, 0))
  }

  private func stopOnSignal() {
    let number = pantala_signal_number(pointee.signalBuffer)
    pointee.logger.notice("Received \(number == SIGINT ? "SIGINT" : "SIGTERM"), shutting down")
    pointee.coordinator.stopServer()
  }
}

/// Numbers that were found by measuring.
enum LoopTuning {
  /// A turn with fewer receives is followed by a wait for one completion.
  static let gatherMinimum = 2
  /// One receive is waited for, for each so many clients.
  static let clientsPerGathered = 3
  /// Receives that a wait waits for at the most.
  static let gatherMaximum = 16
  /// How long it waits for them.
  static let gatherNanoseconds: Int64 = 20_000
  /// Blocks of removed collections that a turn frees: some ten microseconds.
  static let releasedBlocksPerTurn = 256
  /// After how much change of a shard's memory it is asked whether this is the peak.
  static let peakLookBytes = 256 << 10
}

extension ShardLoop {
  /// Reads the clock that the whole turn goes by.
  mutating func updateClock() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    shard.pointee.keyspace.now = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Shows other shards how much this one holds, and keeps the data within its limit.
  func publishMemory() {
    let bytes = shard.pointee.heap.liveBytes + shard.pointee.runtimeAreas.used
    server.liveBytes[index].store(bytes)
    server.publishedMemory[index].store(shard.pointee.heap, runtimeBytes: shard.pointee.runtimeAreas.used)
    shard.keepWithinLimit()
    for helper in shard.takeHelpers() { coordinator.notify(helper) { _ in } }
    shard.keepClientsWithinLimit { client, bytes in
      logger.warning(
        "Closing client \(client.pointee.address), which takes \(bytes) bytes: all clients together take more than maxmemory-clients"
      )
      shard.close(client, afterReply: false)
    }
    if shard.takesOthersForClients() { coordinator.notifyOthers { $0.askForClients() } }
    // A peak may be over before the next regular look.
    if abs(bytes - shard.pointee.bytesAtPeakLook) >= LoopTuning.peakLookBytes {
      shard.pointee.bytesAtPeakLook = bytes
      server.lookForPeak(time: shard.pointee.keyspace.now)
    }
  }
}

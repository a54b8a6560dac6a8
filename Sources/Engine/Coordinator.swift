import Bytes
import DequeModule
import Heap
import Keyspace
import RESP
import Ring

/// One loop's coordinator: it reads commands, routes each to the shards that it concerns, and puts the
/// replies together in the order of the requests.
///
/// It lives at a fixed address beside its shard and belongs to the same thread. It does no input or output: the
/// loop feeds it bytes and messages and sends what clients' reply buffers hold.
public struct Coordinator: ~Copyable {
  public let shard: UnsafeMutablePointer<Shard>
  public let server: ServerState
  public let executor: LoopExecutor
  /// The loop's ring, for waking other loops; nil where somebody else delivers the messages.
  let uring: UnsafeMutablePointer<Uring>?
  /// The buffers that input arrives in, to give them back; nil where input comes from elsewhere.
  let receiveBuffers: UnsafeMutablePointer<ReceiveBuffers>?
  /// The mailboxes from this loop to each other one, and to this loop from each.
  let outbound: UnsafeMutablePointer<Mailbox>
  let inbound: UnsafeMutablePointer<Mailbox>

  /// The ranges of the arguments read in this turn.
  var arguments: ArgumentStore
  /// Where the bytes of the group that is being read begin.
  var inputBase: UnsafePointer<UInt8>?
  /// The group that is being read. A command over several shards takes as many places as it has shards.
  var prepared: UnsafeMutablePointer<PreparedCommand>
  var preparedCount = 0
  /// Commands among them.
  var preparedCallCount = 0
  /// Whether they must lock their keys: some are of several shards.
  var needsLocks = false
  /// What the commands over several shards are to lock, and for each of their keys the shard that owns it.
  var lockWishes: [LockWish] = []
  var keyOwners: [Int16] = []
  /// For each shard, in which spreading of a command it was last seen.
  let spreadStamps: UnsafeMutablePointer<UInt64>
  var spreadCount: UInt64 = 0

  /// Messages that found a mailbox full, by target; sent when there is room.
  private var overflow: [Deque<Message>]
  private var isPublishPending: [Bool]
  private var needsWake: [Bool]
  /// Batches and hops of this loop that others have not answered: while there are some, the loop spins a little
  /// before it sleeps.
  public internal(set) var outstandingCount = 0

  /// Commands that are read before any is executed, when there are other shards to keep busy with them.
  static let preparedMaximum = 512

  public init(
    shard: UnsafeMutablePointer<Shard>, executor: LoopExecutor, uring: UnsafeMutablePointer<Uring>?,
    receiveBuffers: UnsafeMutablePointer<ReceiveBuffers>?
  ) {
    self.shard = shard
    self.executor = executor
    self.uring = uring
    self.receiveBuffers = receiveBuffers
    server = shard.pointee.server
    outbound = .allocate(capacity: server.shardCount)
    inbound = .allocate(capacity: server.shardCount)
    for other in 0..<server.shardCount {
      (outbound + other).initialize(to: server.mailboxes[shard.pointee.index][other])
      (inbound + other).initialize(to: server.mailboxes[other][shard.pointee.index])
    }
    arguments = ArgumentStore(heap: shard.pointee.heap, purpose: .messages)
    prepared = .allocate(capacity: Self.preparedMaximum + server.shardCount)
    spreadStamps = .allocate(capacity: server.shardCount)
    spreadStamps.initialize(repeating: 0, count: server.shardCount)
    overflow = Array(repeating: Deque(), count: server.shardCount)
    isPublishPending = Array(repeating: false, count: server.shardCount)
    needsWake = Array(repeating: false, count: server.shardCount)
  }

  deinit {
    prepared.deallocate()
    spreadStamps.deallocate()
    outbound.deallocate()
    inbound.deallocate()
  }

  var isAlone: Bool { server.shardCount == 1 }

  // MARK: Messages

  /// Puts a message into a shard's mailbox, to be published at the end of the turn.
  mutating func post(_ message: Message, to target: Int, wakes: Bool = true) {
    if !overflow[target].isEmpty || !outbound[target].push(message) {
      // The target is far behind. What waits here is bounded by the commands that clients may have under way:
      // one batch or one operation each.
      overflow[target].append(message)
    }
    isPublishPending[target] = true
    if wakes { needsWake[target] = true }
  }

  /// Shows other loops what was posted, and wakes those that sleep. The wake-ups leave with the ring's next
  /// submission, so only the end of a turn may claim them: whoever claims one and then goes on working would
  /// leave the target asleep for all others too.
  public mutating func publish(wakes: Bool = true) {
    for target in 0..<server.shardCount where isPublishPending[target] || needsWake[target] {
      while let message = overflow[target].first, outbound[target].push(message) {
        overflow[target].removeFirst()
      }
      outbound[target].publish()
      isPublishPending[target] = !overflow[target].isEmpty
      guard wakes, needsWake[target] else { continue }
      needsWake[target] = false
      if server.sleepFlags[target].claimsWakeUp() {
        uring?.pointee.wake(
          ring: Int32(server.ringDescriptors[target].load()), targetUserData: UserData.wakeUp,
          userData: UserData.ignored)
      }
    }
  }

  /// Whether messages are kept back because a mailbox is full.
  public var hasOverflow: Bool { isPublishPending.contains(true) }

  /// Whether somebody can go on whose locks were granted.
  public var hasGranted: Bool { shard.pointee.locks.hasReady }

  /// Whether another loop has sent something.
  public var hasMessages: Bool {
    for origin in 0..<server.shardCount where origin != shard.pointee.index {
      if inbound[origin].hasMessages { return true }
    }
    return false
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Handles all messages that other loops have published. Returns whether there were any.
  public func receiveMessages() -> Bool {
    let own = pointee.shard.pointee.index
    var any = false
    for origin in 0..<pointee.server.shardCount where origin != own {
      let mailbox = pointee.inbound[origin]
      var count = 0
      // One mailbox full at the most, so that a turn ends whatever others send.
      while count < Mailbox.capacity, let message = mailbox.pop() {
        handle(message, from: origin)
        count += 1
      }
      if count > 0 {
        mailbox.release()
        any = true
      }
    }
    return resumeGranted() || any
  }

  private func handle(_ message: Message, from sender: Int) {
    guard let address = UnsafeMutableRawPointer(bitPattern: UInt(message.payload)) else {
      preconditionFailure("a message without content")
    }
    switch message.kind {
    case MessageKind.batch:
      let batch = address.assumingMemoryBound(to: Batch.self)
      Execution.beginPart(of: batch, on: pointee.shard)
      if Execution.runPart(batch, on: pointee.shard) {
        pointee.post(Message(kind: MessageKind.batchPartDone, payload: message.payload), to: sender)
      }
    case MessageKind.batchPartDone:
      finishPart(of: address.assumingMemoryBound(to: Batch.self))
    case MessageKind.releaseReplies:
      pointee.shard.freeReplies(address.assumingMemoryBound(to: ReplyChunk.self))
    case MessageKind.hop:
      Unmanaged<Hop>.fromOpaque(address).takeUnretainedValue().run(on: pointee.shard)
      pointee.shard.serveWaitersIfReady()
      pointee.post(Message(kind: MessageKind.hopDone, payload: message.payload), to: sender)
    case MessageKind.hopDone:
      let hop = Unmanaged<Hop>.fromOpaque(address)
      let value = hop.takeUnretainedValue()
      value.pending -= 1
      if value.pending == 0 {
        pointee.outstandingCount -= 1
        hop.release()
        value.complete()
      }
    default:
      handle(message.kind, of: address.assumingMemoryBound(to: Transaction.self), from: sender)
    }
  }

  // MARK: Hops

  /// Sends a hop to shards other than this one. `complete` is called when all have answered.
  func send(_ hop: Hop, to shards: [Int]) {
    let payload = UInt64(UInt(bitPattern: Unmanaged.passRetained(hop).toOpaque()))
    hop.pending = shards.count
    pointee.outstandingCount += 1
    for shard in shards { pointee.post(Message(kind: MessageKind.hop, payload: payload), to: shard) }
  }

  /// Has every other shard do something, without waiting for it.
  public func notifyOthers(_ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Void) {
    let own = pointee.shard.pointee.index
    let others = (0..<pointee.server.shardCount).filter { $0 != own }
    if others.isEmpty { return }
    send(Notice(origin: own, body: body), to: others)
  }

  /// Has one other shard do something, without waiting for it.
  public func notify(_ target: Int, _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Void) {
    send(Notice(origin: pointee.shard.pointee.index, body: body), to: [target])
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Frees reply chunks that this shard filled for clients, its own or others'. They count as memory of clients from the
  /// beginning, so that they may change hands without any account being changed.
  func freeReplies(_ chain: UnsafeMutablePointer<ReplyChunk>) {
    var chunk: UnsafeMutablePointer<ReplyChunk>? = chain
    while let current = chunk {
      chunk = current.pointee.next
      pointee.heap.free(current, for: .clients)
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Puts a client into the list of those whose replies are sent at the end of the turn.
  public func enqueueOutput(_ client: UnsafeMutablePointer<Client>) {
    // A buffer that threw away what it held is not done with: its client is to be cut off.
    if client.pointee.flags.contains(.hasOutput) { return }
    if client.pointee.reply.isEmpty, !client.pointee.reply.isOverLimit { return }
    client.pointee.flags.insert(.hasOutput)
    client.pointee.nextWithOutput = pointee.firstWithOutput
    pointee.firstWithOutput = client
  }

  /// Calls `body` for every client of this shard's loop.
  public func forEachClient(_ body: (UnsafeMutablePointer<Client>) -> Void) {
    var client = pointee.firstClient
    while let current = client {
      client = current.pointee.next
      body(current)
    }
  }

  /// Marks a client to be closed, now or when its replies are sent, and has the loop look at it.
  public func close(_ client: UnsafeMutablePointer<Client>, afterReply: Bool) {
    client.pointee.flags.insert(afterReply ? .closeAfterReply : .closeNow)
    pointee.clientsToRevisit.append(client.pointee.identifier)
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Ends the server: every loop ends its turn and stops.
  public func stopServer() {
    pointee.server.isStopping.store(true, ordering: .sequentiallyConsistent)
    // Whatever reaches the others wakes them, and then they see it.
    notifyOthers { _ in }
  }
}

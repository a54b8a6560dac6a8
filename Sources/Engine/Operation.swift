import Bytes
import Keyspace
import RESP

/// A command under way that concerns several shards, or waits: the slow path.
///
/// It runs as a task on the loop of its client. Shards are reached by *hops*: synchronous pieces of work that run
/// on the shard's own thread, without suspension, so that no other command sees them half done. Between hops the task
/// awaits, and the loop serves others. Replies go to a buffer of the operation's own and reach the client when
/// the operation has concluded, so a slow reader holds up nobody.
public final class Operation: @unchecked Sendable {
  // Sendable is sound because all members are touched on the loop of the client only; hops get copies of what they
  // need, and views into input that is held still until the operation ends.

  /// The arguments, which stay where they are until the operation ends.
  public private(set) var arguments: Arguments
  /// A copy of them, for operations whose input can't be held still.
  private var keptArguments: KeptArguments?
  /// The client, which stays until the operation ends, even if its connection breaks.
  public let client: UnsafeMutablePointer<Client>
  /// The command's declaration and routing facts.
  public let entry: UnsafePointer<CommandEntry>
  /// Where the reply is written.
  public let reply: UnsafeMutablePointer<ReplyBuffer>
  let coordinator: UnsafeMutablePointer<Coordinator>
  private let ranges: UnsafeMutablePointer<ArgumentRange>
  /// When it began, in the core's ticks; later by what was spent waiting.
  var start: UInt64
  /// Whose command it is. What it reads is remembered before it begins.
  let caller: Caller
  /// The locks that the operation holds, or waits for.
  var transaction: UnsafeMutablePointer<Transaction>?
  /// Who waits for the locks; nil before the operation has begun.
  var lockContinuation: UnsafeContinuation<Void, Never>?
  /// Whether the operation is a command of a transaction, which holds all locks that it needs.
  public let isInTransaction: Bool
  /// Whether it executes what the client has queued since MULTI.
  let executesQueue: Bool

  init(
    coordinator: UnsafeMutablePointer<Coordinator>, client: UnsafeMutablePointer<Client>,
    entry: UnsafePointer<CommandEntry>, arguments: Arguments, isInTransaction: Bool = false,
    executesQueue: Bool = false
  ) {
    self.isInTransaction = isInTransaction
    self.executesQueue = executesQueue
    self.coordinator = coordinator
    self.client = client
    self.entry = entry
    start = coordinator.now()
    caller = client.caller(loop: coordinator.pointee.shard.pointee.index)
    // The loop's store of ranges is used again for the next client's commands.
    let heap = coordinator.pointee.shard.pointee.heap
    ranges = heap.allocate(arguments.count * MemoryLayout<ArgumentRange>.stride, for: .messages)
      .bindMemory(to: ArgumentRange.self, capacity: arguments.count)
    ranges.initialize(from: arguments.ranges, count: arguments.count)
    self.arguments = Arguments(base: arguments.base, ranges: ranges, count: arguments.count)
    reply = heap.allocate(MemoryLayout<ReplyBuffer>.stride, for: .messages)
      .bindMemory(to: ReplyBuffer.self, capacity: 1)
    reply.initialize(to: ReplyBuffer(heap: heap))
    reply.pointee.version = client.pointee.reply.version
  }

  /// Makes the arguments independent of the client's input. Views into them that were made before are for the time before.
  @discardableResult
  func keepArguments() -> KeptArguments {
    if let keptArguments { return keptArguments }
    let kept = KeptArguments(arguments)
    keptArguments = kept
    arguments = kept.arguments
    return kept
  }

  /// What all loops share.
  public var server: ServerState { coordinator.pointee.server }
  /// The shard of the client's loop. Other shards are reached by hops only.
  public var localShard: UnsafeMutablePointer<Shard> { coordinator.pointee.shard }
  public var database: Int { client.pointee.database }

  /// The shard that owns a key.
  public func shard(of key: ByteView) -> Int {
    shardIndex(ofHash: localShard.pointee.keyspace.hasher.hash(key), shardCount: server.shardCount)
  }

  // MARK: Hops

  /// Runs `body` on each of the given shards, at once, and returns its values in the order of the shards.
  public func onShards<Value: Sendable>(
    _ shards: [Int], _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Value
  ) async -> [Value] {
    // Nobody would answer.
    if shards.isEmpty { return [] }
    let own = localShard.pointee.index
    let caller = caller
    let leavesAges = client.pointee.flags.contains(.noTouch)
    let body: @Sendable (UnsafeMutablePointer<Shard>) -> Value = { shard in
      shard.pointee.caller = caller
      shard.pointee.keyspace.leavesAges = leavesAges
      defer { shard.pointee.caller = Caller() }
      return body(shard)
    }
    if shards == [own] {
      let value = body(localShard)
      localShard.reportNotes()
      localShard.serveWaitersIfReady()
      return [value]
    }
    let hop = GatheringHop(origin: own, shards: shards, body: body)
    let others = shards.filter { $0 != own }
    await withUnsafeContinuation { continuation in
      hop.continuation = continuation
      coordinator.send(hop, to: others)
      if others.count < shards.count {
        coordinator.pointee.publish(wakes: false)
        hop.run(on: localShard)
        localShard.serveWaitersIfReady()
      }
    }
    return hop.values
  }

  /// Runs `body` on one shard and returns its value.
  public func onShard<Value: Sendable>(
    _ shard: Int, _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Value
  ) async -> Value {
    await onShards([shard], body)[0]
  }

  /// Runs `body` on every shard and returns its values in the order of the shards.
  public func onEveryShard<Value: Sendable>(
    _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Value
  ) async -> [Value] {
    await onShards(Array(0..<server.shardCount), body)
  }

  /// Has every other shard do something, without waiting for it.
  public func notifyOthers(_ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Void) {
    coordinator.notifyOthers(body)
  }

  /// Has one other shard do something, without waiting for it.
  public func notify(_ shard: Int, _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Void) {
    coordinator.notify(shard, body)
  }

  /// Gives every shard the settings as the configuration has them now.
  public func distributeSettings() async {
    _ = await onEveryShard { $0.pointee.adoptSettings() }
  }

  // MARK: The end

  /// Hands the reply over and lets the client's input go on.
  func finish() {
    // Others may go on with the keys before anything is sent: a slow reader holds up nobody.
    conclude()
    coordinator.count(
      entry, arguments, client, start: start, reply: reply, failed: reply.pointee.errorCount > 0)
    if client.pointee.flags.isDisjoint(with: [.replyOff, .replySkipping]) {
      client.reply.pointee.append(movingFrom: &reply.pointee)
    } else {
      client.pointee.flags.remove(.replySkipping)
    }
    release()
    client.pointee.flags.remove(.waiting)
    localShard.endReads(client)
    coordinator.process(client)
  }

  /// Hands the reply of a command of a transaction over to the operation that executes the transaction.
  func finish(into whole: Operation) {
    coordinator.count(
      entry, arguments, client, start: start, reply: reply, failed: reply.pointee.errorCount > 0)
    whole.reply.pointee.append(movingFrom: &reply.pointee)
    release()
  }

  private func release() {
    let heap = localShard.pointee.heap
    reply.pointee.release()
    coordinator.sendHome(reply)
    heap.free(reply, for: .messages)
    heap.free(ranges, for: .messages)
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Starts a command of the slow path, when it has locked its keys. The client's input waits until it ends.
  func startOperation(
    _ client: UnsafeMutablePointer<Client>, _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments
  ) {
    client.pointee.flags.insert(.waiting)
    let operation = Operation(coordinator: self, client: client, entry: entry, arguments: arguments)
    // A call that waits for somebody must not keep news back.
    if !entry.pointee.flags.contains(.blocking) { pointee.shard.beginReads(client) }
    var scope = LockScope.keys
    if !pointee.isAlone, entry.pointee.locksKeys { wish(for: entry, operation.arguments, scope: &scope) }
    start(operation, scope: scope)
  }

  /// Starts what EXEC is when some of the commands are not the business of single shards.
  func startTransactionOperation(_ client: UnsafeMutablePointer<Client>) {
    guard let queued = client.pointee.queued, let entry = pointee.shard.pointee.lookup.find(ByteView("exec"))
    else { preconditionFailure("no transaction to execute") }
    client.pointee.flags.insert(.waiting)
    let operation = Operation(
      coordinator: self, client: client, entry: entry,
      arguments: Arguments(base: queued.base, ranges: pointee.arguments.ranges, count: 0),
      executesQueue: true)
    pointee.shard.beginReads(client)
    pointee.lockWishes.removeAll(keepingCapacity: true)
    var scope = LockScope.keys
    if !pointee.isAlone {
      for command in queued.commands {
        wish(for: command.entry, queued.arguments(of: command), scope: &scope)
      }
    }
    start(operation, scope: scope, watches: pointee.isAlone ? nil : client)
  }

  private func start(
    _ operation: Operation, scope: LockScope, watches: UnsafeMutablePointer<Client>? = nil
  ) {
    if scope == .keys, pointee.lockWishes.isEmpty, watches?.pointee.watches == nil {
      return operation.begin()
    }
    operation.retainUntilLocked()
    pointee.outstandingCount += 1
    let transaction = makeTransaction(
      work: .operation(Unmanaged.passUnretained(operation)), scope: scope, watches: watches)
    operation.transaction = transaction
    begin(transaction)
  }

  /// Notes the keys that a call is to lock, or that it needs whole shards.
  func wish(for entry: UnsafePointer<CommandEntry>, _ arguments: Arguments, scope: inout LockScope) {
    let hasher = pointee.shard.pointee.keyspace.hasher
    let shardCount = pointee.server.shardCount
    var writes = false
    for specification in pointee.server.table.declarations[entry.pointee.index].keys {
      let mode: LockMode =
        specification.flags.contains(.readOnly) || !entry.pointee.locksExclusively ? .shared : .exclusive
      specification.forEachCandidate(in: arguments) { index in
        if mode == .exclusive { writes = true }
        let hash = hasher.hash(arguments[index])
        pointee.lockWishes.append(
          LockWish(
            fingerprint: hash, shard: Int32(shardIndex(ofHash: hash, shardCount: shardCount)), mode: mode))
      }
    }
    guard entry.pointee.usesWholeShards else { return }
    // Keys that the arguments don't show may be anywhere; so are those of commands that concern all keys.
    if writes || entry.pointee.locksExclusively && !entry.pointee.hidesKeys {
      scope = .shardExclusive
    } else if scope == .keys {
      scope = .shardShared
    }
  }
}

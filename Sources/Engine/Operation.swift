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

  fileprivate init(
    coordinator: UnsafeMutablePointer<Coordinator>, client: UnsafeMutablePointer<Client>,
    entry: UnsafePointer<CommandEntry>, arguments: Arguments
  ) {
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
    let own = localShard.pointee.index
    let caller = caller
    let body: @Sendable (UnsafeMutablePointer<Shard>) -> Value = { shard in
      shard.pointee.caller = caller
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
  fileprivate func finish() {
    let heap = localShard.pointee.heap
    coordinator.count(
      entry, arguments, client, start: start, reply: reply, failed: reply.pointee.errorCount > 0)
    if client.pointee.flags.isDisjoint(with: [.replyOff, .replySkipping]) {
      client.reply.pointee.append(movingFrom: &reply.pointee)
    } else {
      client.pointee.flags.remove(.replySkipping)
    }
    reply.pointee.release()
    coordinator.sendHome(reply)
    heap.free(reply, for: .messages)
    heap.free(ranges, for: .messages)
    client.pointee.flags.remove(.waiting)
    localShard.endReads(client)
    coordinator.process(client)
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Starts a command of the slow path. The client's input waits until it ends.
  func startOperation(
    _ client: UnsafeMutablePointer<Client>, _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments
  ) {
    client.pointee.flags.insert(.waiting)
    let operation = Operation(coordinator: self, client: client, entry: entry, arguments: arguments)
    let command = entry.pointee.coordinatedCommand
    let executor = pointee.executor
    let tracksReads = operation.tracksReads
    // A call that waits for somebody must not keep news back.
    if !entry.pointee.flags.contains(.blocking) { pointee.shard.beginReads(client) }
    Task(executorPreference: executor) {
      if tracksReads { await operation.rememberReads() }
      if let command {
        await command.coordinate(operation)
      } else {
        await operation.coordinateByPolicy()
      }
      operation.finish()
    }
  }
}

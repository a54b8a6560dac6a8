import Bytes
import RESP

/// Steps that others see whole or not at all.
extension Operation {
  /// The shards that own keys of the call, in ascending order.
  public var keyShards: [Int] {
    var shards: Set<Int> = []
    for specification in server.table.declarations[entry.pointee.index].keys {
      specification.forEachCandidate(in: arguments) { shards.insert(shard(of: arguments[$0])) }
    }
    return shards.sorted()
  }

  /// Whether nobody else can use the call's keys now.
  private var holdsKeys: Bool { isInTransaction || transaction != nil || coordinator.pointee.isAlone }

  /// Runs `body` on every shard that owns keys of the call, and returns its values in the order of `keyShards`. No other
  /// command sees the keys, or changes them, between the first shard's run and the last's. If the keys are one shard's that
  /// takes one message; otherwise they are locked first.
  public func inOneStep<Value: Sendable>(
    _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Value
  ) async -> [Value] {
    let shards = keyShards
    if holdsKeys { return await onShards(shards, body) }
    guard shards.count == 1 else {
      await lockKeys()
      let values = await onShards(shards, body)
      conclude()
      return values
    }
    let own = localShard.pointee.index
    if shards[0] == own, mayUseOwnKeys {
      let value = body(localShard)
      localShard.reportNotes()
      localShard.serveWaitersIfReady()
      return [value]
    }
    let hop = GatheringHop(origin: own, shards: shards, body: body)
    await withUnsafeContinuation { continuation in
      hop.continuation = continuation
      coordinator.pointee.outstandingCount += 1
      wishForKeys()
      coordinator.begin(coordinator.makeTransaction(work: .hop(Unmanaged.passRetained(hop))))
    }
    return hop.values
  }

  /// Whether no transaction keeps the call from using its keys, all of which are this shard's.
  var mayUseOwnKeys: Bool {
    holdsKeys || localShard.pointee.locks.partCount == 0 || !localShard.isBlocked(entry, arguments)
  }

  /// Locks the keys of the call, if they are not locked, until `conclude`.
  public func lockKeys() async {
    if holdsKeys { return }
    await withUnsafeContinuation { continuation in
      lockContinuation = continuation
      coordinator.pointee.outstandingCount += 1
      wishForKeys()
      let transaction = coordinator.makeTransaction(work: .operation(Unmanaged.passUnretained(self)))
      self.transaction = transaction
      coordinator.begin(transaction)
    }
  }

  /// Lets go of the keys, if they are locked. What follows is another step.
  public func conclude() {
    guard let transaction else { return }
    self.transaction = nil
    coordinator.conclude(transaction)
  }

  private func wishForKeys() {
    var scope = LockScope.keys
    coordinator.wish(for: entry, arguments, scope: &scope)
  }

  // MARK: Beginning

  /// Called when all locks are granted.
  func locksGranted() {
    if let continuation = lockContinuation {
      lockContinuation = nil
      continuation.resume()
    } else {
      begin()
      Unmanaged.passUnretained(self).release()
    }
  }

  /// Keeps the operation alive until its locks are granted.
  func retainUntilLocked() { _ = Unmanaged.passRetained(self) }

  /// Begins, as a task on the loop of the client.
  func begin() {
    let executor = coordinator.pointee.executor
    Task(executorPreference: executor) {
      await self.run()
      self.finish()
    }
  }

  private func run() async {
    if executesQueue {
      await executeQueued()
      return
    }
    if tracksReads { await rememberReads() }
    if let command = entry.pointee.coordinatedCommand {
      await command.coordinate(self)
    } else {
      await coordinateByPolicy()
    }
  }

  // MARK: Transactions with commands that no single shard can execute

  /// Executes what the client has queued, one command after the other. All locks are held.
  private func executeQueued() async {
    defer { coordinator.forgetTransaction(client) }
    let isDirty =
      transaction?.progress.pointee.isDirty ?? client.pointee.watches.map(localShard.isAnyChanged) ?? false
    if isDirty { return reply.pointee.nullArray() }
    guard let queued = client.pointee.queued else { return }
    reply.pointee.array(queued.commands.count)
    for command in queued.commands {
      let operation = Operation(
        coordinator: coordinator, client: client, entry: command.entry,
        arguments: queued.arguments(of: command), isInTransaction: true)
      await operation.runQueued()
      operation.finish(into: self)
    }
  }

  private func runQueued() async {
    if tracksReads { await rememberReads() }
    reply.pointee.version = client.pointee.reply.version
    if let command = entry.pointee.clientCommand {
      runOnClient(command)
    } else if let command = entry.pointee.keyCommand, !entry.pointee.usesWholeShards,
      !entry.pointee.isPublishing,
      keyShards.count <= 1 || !entry.pointee.hasCompleteKeys(argumentCount: arguments.count)
    {
      await runOnOwner(command)
    } else if let command = entry.pointee.coordinatedCommand {
      await command.coordinate(self)
    } else {
      await coordinateByPolicy()
    }
  }

  /// Runs a command about the connection, whose reply must not leave before its time.
  private func runOnClient(_ command: any ClientCommand.Type) {
    var replies = client.pointee.reply.emptySibling()
    swap(&client.pointee.reply, &replies)
    var call = ClientCall(coordinator: coordinator, client: client, arguments: arguments)
    command.execute(&call)
    swap(&client.pointee.reply, &replies)
    // What the command chose for the client's replies: the protocol's version, or a subscriber's limit.
    client.pointee.reply.version = replies.version
    localShard.adoptOutputLimit(client)
    reply.pointee.append(movingFrom: &replies)
  }

  private func runOnOwner(_ command: any KeyCommand.Type) async {
    let arguments = arguments
    let database = database
    let version = reply.pointee.version
    let bytes = await onShard(keyShards.first ?? localShard.pointee.index) { shard -> [UInt8] in
      shard.replyBytes(version: version) { buffer in
        var call = KeyCall(shard: shard, arguments: arguments, reply: buffer, database: database)
        command.execute(&call)
      }
    }
    writeRaw(bytes)
  }
}

extension UnsafeMutablePointer<Shard> {
  /// What `body` writes as a reply.
  func replyBytes(version: ProtocolVersion, _ body: (UnsafeMutablePointer<ReplyBuffer>) -> Void) -> [UInt8] {
    var buffer = ReplyBuffer(heap: pointee.heap, purpose: .messages)
    buffer.version = version
    withUnsafeMutablePointer(to: &buffer, body)
    let bytes = buffer.bytes()
    buffer.release()
    return bytes
  }
}

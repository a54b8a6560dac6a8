import Bytes
import Keyspace
import RESP

/// MULTI, EXEC, DISCARD, WATCH: transactions that clients write themselves.
extension UnsafeMutablePointer<Coordinator> {
  // MARK: Queueing

  /// Begins to queue a client's commands.
  public func beginTransaction(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.flags.contains(.multi) {
      return client.reply.pointee.error("ERR MULTI calls can not be nested" as StaticString)
    }
    client.pointee.flags.insert(.multi)
    client.reply.pointee.ok()
  }

  /// Puts a command into the queue of its client's transaction.
  func queue(
    _ client: UnsafeMutablePointer<Client>, _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments
  ) {
    let shard = pointee.shard
    client.pointee.lastCommand = entry.pointee.index
    // What is queued takes memory, too, whatever it does.
    if shard.refusesWrites {
      spoilTransaction(client)
      shard.refuseForMemory(client.reply)
      return shard.recordRejection(of: entry.pointee.index, client.reply)
    }
    // What EXEC will refuse need not be kept.
    if client.pointee.flags.contains(.multiSpoiled) { return client.reply.pointee.simple("QUEUED") }
    let queued = client.pointee.queued ?? QueuedCommands(heap: shard.pointee.heap)
    client.pointee.queued = queued
    queued.append(entry, arguments)
    if queued.byteCount > shard.pointee.settings.clientQueryBufferLimitBytes {
      // As much as a client may send at once is as much as it may have us keep.
      spoilTransaction(client)
      client.pointee.queued = nil
      return client.reply.pointee.error(ErrorText.transactionTooLarge)
    }
    client.reply.pointee.simple("QUEUED")
  }

  /// Notes that a command of a transaction was refused: EXEC will refuse them all.
  func spoilTransaction(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.flags.contains(.multi) { client.pointee.flags.insert(.multiSpoiled) }
  }

  /// Drops a client's transaction, if it has begun one.
  public func discardTransaction(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.flags.contains(.multi) else {
      return client.reply.pointee.error("ERR DISCARD without MULTI" as StaticString)
    }
    forgetTransaction(client)
    client.reply.pointee.ok()
  }

  /// Forgets what a client has queued and which keys it watches.
  public func forgetTransaction(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.flags.remove([.multi, .multiSpoiled, .cachingGiven])
    if client.pointee.queued != nil { client.pointee.queued = nil }
    forgetWatches(client)
  }

  // MARK: Watching

  /// Adds keys to those that a client watches.
  func addWatches(_ keys: [WatchedKey], to client: UnsafeMutablePointer<Client>) {
    let list = client.pointee.watches ?? WatchList()
    client.pointee.watches = list
    list.keys += keys
  }

  /// Has a client watch nothing any more.
  public func forgetWatches(_ client: UnsafeMutablePointer<Client>) {
    guard let list = client.pointee.watches else { return }
    client.pointee.watches = nil
    let keys = list.keys
    let own = pointee.shard.pointee.index
    pointee.shard.unwatch(keys)
    for target in Set(keys.map(\.shard)).sorted() where target != own { notify(target) { $0.unwatch(keys) } }
  }

  // MARK: EXEC

  /// Executes what a client has queued, as one step in the eyes of others.
  ///
  /// If every command is one that shards execute by themselves, they travel as one batch: each shard concerned locks the
  /// keys, executes its commands in one go, and lets the keys go. Where all keys are this shard's and nobody is in the way that
  /// is no more than executing them here. Other commands make the transaction an operation of several hops.
  public func executeTransaction(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.flags.contains(.multi) else {
      return client.reply.pointee.error("ERR EXEC without MULTI" as StaticString)
    }
    if client.pointee.flags.contains(.multiSpoiled) {
      forgetTransaction(client)
      return client.reply.pointee.error(ErrorText.transactionAborted)
    }
    guard let queued = client.pointee.queued ?? emptyQueue(of: client) else {
      forgetTransaction(client)
      return client.reply.pointee.array(0)
    }
    let addsData = queued.commands.contains { $0.entry.pointee.flags.contains(.denyOutOfMemory) }
    if addsData, pointee.shard.refusesWrites {
      forgetTransaction(client)
      return client.reply.pointee.error(
        "EXECABORT Transaction discarded because of: \(pointee.shard.outOfMemoryText)")
    }
    let shardCount = pointee.server.shardCount
    let places = queued.commands.reduce(0) { $0 + ($1.entry.pointee.isSplittable ? shardCount : 1) }
    let usual = pointee.prepared
    if places > Coordinator.preparedMaximum { pointee.prepared = .allocate(capacity: places) }
    defer {
      if pointee.prepared != usual {
        pointee.prepared.deallocate()
        pointee.prepared = usual
      }
    }
    var remoteCount = 0
    guard prepare(queued, remoteCount: &remoteCount) else {
      pointee.preparedCount = 0
      return startTransactionOperation(client)
    }
    client.pointee.commandCount += pointee.preparedCallCount
    if pointee.server.monitorCount.load(ordering: .relaxed) > 0 { showToMonitors(client, queued) }
    if remoteCount == 0, watchesOnlyOwnKeys(client), pointee.shard.pointee.locks.partCount == 0 {
      executeHere(client, queued)
    } else {
      startBatch(client, base: queued.base, isExec: true)
    }
  }

  /// The queue of a transaction without commands, if it matters: whether it is executed depends on watched keys.
  private func emptyQueue(of client: UnsafeMutablePointer<Client>) -> QueuedCommands? {
    if client.pointee.watches == nil { return nil }
    let queued = QueuedCommands(heap: pointee.shard.pointee.heap)
    client.pointee.queued = queued
    return queued
  }

  /// Adds all queued commands to the prepared ones. Returns false if some must be executed otherwise.
  private func prepare(_ queued: QueuedCommands, remoteCount: inout Int) -> Bool {
    pointee.preparedCount = 0
    pointee.preparedCallCount = 0
    pointee.inputBase = queued.base
    for command in queued.commands {
      let arguments = queued.arguments(of: command)
      let start = pointee.arguments.count
      pointee.arguments.append(from: arguments.ranges, count: arguments.count)
      let routing = place(
        command.entry, arguments, argumentStart: start, remoteCount: &remoteCount, mayBeBlocked: false,
        isInTransaction: true)
      guard case .prepared = routing else { return false }
    }
    return true
  }

  private func watchesOnlyOwnKeys(_ client: UnsafeMutablePointer<Client>) -> Bool {
    guard let watches = client.pointee.watches else { return true }
    return watches.keys.allSatisfy { $0.shard == pointee.shard.pointee.index }
  }

  private func executeHere(_ client: UnsafeMutablePointer<Client>, _ queued: QueuedCommands) {
    if let watches = client.pointee.watches, pointee.shard.isAnyChanged(watches) {
      client.reply.pointee.nullArray()
    } else {
      client.reply.pointee.array(pointee.preparedCallCount)
      pointee.shard.pointee.isInTransaction = true
      runPrepared(client, base: queued.base)
      pointee.shard.pointee.isInTransaction = false
      pointee.shard.serveWaitersIfReady()
    }
    forgetTransaction(client)
  }

  private func showToMonitors(_ client: UnsafeMutablePointer<Client>, _ queued: QueuedCommands) {
    for command in queued.commands {
      showToMonitors(client, .alone(command.entry), queued.arguments(of: command))
    }
  }
}

import Bytes
import Keyspace
import RESP
import Ring

/// How transactions over several shards get their locks, work, and let go.
extension UnsafeMutablePointer<Coordinator> {
  /// Makes a transaction of the wishes noted so far, and forgets them.
  ///
  /// - Parameter watches: the client whose watched keys are to be looked at when the locks are granted.
  func makeTransaction(
    work: TransactionWork, scope: LockScope = .keys, watches: UnsafeMutablePointer<Client>? = nil
  ) -> UnsafeMutablePointer<Transaction> {
    var scope = scope
    // Who reads the whole shard and writes to some of it must be the only one that does.
    if scope == .shardShared, pointee.lockWishes.contains(where: { $0.mode == .exclusive }) {
      scope = .shardExclusive
    }
    let watched = watches?.pointee.watches
    if let watched {
      for key in watched.keys {
        pointee.lockWishes.append(
          LockWish(fingerprint: key.fingerprint, shard: Int32(key.shard), mode: .shared))
      }
    }
    let transaction = pointee.lockWishes.withUnsafeMutableBufferPointer {
      Transaction.make(
        origin: pointee.shard.pointee.index, serial: pointee.server.takeTransactionSerial(),
        shardCount: pointee.server.shardCount, wishes: $0, scope: scope,
        work: work, watches: watched, heap: pointee.shard.pointee.heap)
    }
    pointee.lockWishes.removeAll(keepingCapacity: pointee.lockWishes.count <= Coordinator.preparedMaximum)
    return transaction
  }

  /// Starts a transaction, or starts it again: one shard's locks first, as long as nothing is held, then those of the others.
  func begin(_ transaction: UnsafeMutablePointer<Transaction>) {
    transaction.progress.pointee.pendingCount = 0
    transaction.progress.pointee.refusingShard = -1
    let first = transaction.progress.pointee.firstShard
    guard first >= 0 else { return lockRest(transaction) }
    let part = transaction.part(first)
    part.pointee.holdsOthers = false
    guard first == pointee.shard.pointee.index else {
      part.pointee.worksWhenGranted = isOnly(first, of: transaction) && transaction.pointee.worksByShard
      transaction.progress.pointee.pendingCount = 1
      return send(MessageKind.transactionLock, transaction, to: first)
    }
    guard case .granted = pointee.shard.pointee.locks.request(part.locks, holdsOthers: false) else { return }
    if transaction.progress.pointee.remoteCount == 0 {
      // Not at once: what comes after it would come on top of what the client is doing now.
      pointee.shard.pointee.locks.noteReady(part.locks)
    } else {
      ownPartGranted(transaction)
    }
  }

  private func isOnly(_ shard: Int, of transaction: UnsafeMutablePointer<Transaction>) -> Bool {
    let isOwnConcerned = transaction.part(pointee.shard.pointee.index).pointee.isConcerned
    return transaction.progress.pointee.remoteCount + (isOwnConcerned ? 1 : 0) == 1
  }

  /// This loop's own shard has granted its locks.
  private func ownPartGranted(_ transaction: UnsafeMutablePointer<Transaction>) {
    let own = pointee.shard.pointee.index
    transaction.held[own] = true
    pointee.shard.checkWatches(of: transaction)
    if transaction.progress.pointee.firstShard == own { lockRest(transaction) } else { answered(transaction) }
  }

  /// Asks all shards for their locks that have not granted them.
  private func lockRest(_ transaction: UnsafeMutablePointer<Transaction>) {
    let own = pointee.shard.pointee.index
    // The only other shard need not be told twice: when it has its locks, all are there. Unless what is done depends
    // on what watchers find on both.
    let worksAtOnce =
      transaction.progress.pointee.remoteCount == 1 && transaction.pointee.worksByShard
      && transaction.pointee.watches == nil && transaction.held[own]
    for target in 0..<transaction.pointee.shardCount where target != own {
      let part = transaction.part(target)
      guard part.pointee.isConcerned, !transaction.held[target] else { continue }
      part.pointee.worksWhenGranted = worksAtOnce
      part.pointee.holdsOthers = true
      transaction.progress.pointee.pendingCount += 1
      send(MessageKind.transactionLock, transaction, to: target)
    }
    let part = transaction.part(own)
    if part.pointee.isConcerned, !transaction.held[own] {
      transaction.progress.pointee.pendingCount += 1
      switch pointee.shard.pointee.locks.request(part.locks, holdsOthers: true) {
      case .granted: pointee.shard.pointee.locks.noteReady(part.locks)
      case .waits: break
      case .refused:
        transaction.progress.pointee.refusingShard = own
        return answered(transaction)
      }
    }
    if transaction.progress.pointee.pendingCount == 0 { return locked(transaction) }
    pointee.publish(wakes: false)
  }

  private func send(
    _ kind: UInt64, _ transaction: UnsafeMutablePointer<Transaction>, to target: Int, wakes: Bool = true
  ) {
    pointee.post(
      Message(kind: kind, payload: UInt64(UInt(bitPattern: transaction))), to: target, wakes: wakes)
  }

  // MARK: Messages

  /// Handles a message about a transaction, of this loop's or another's.
  func handle(_ kind: UInt64, of transaction: UnsafeMutablePointer<Transaction>, from sender: Int) {
    switch kind {
    case MessageKind.transactionLock: lock(transaction)
    case MessageKind.transactionWork, MessageKind.transactionAbandon:
      if kind == MessageKind.transactionWork { work(transaction) }
      pointee.shard.unlock(transaction.part(pointee.shard.pointee.index).locks)
      send(MessageKind.transactionDone, transaction, to: sender)
    case MessageKind.transactionUnlock:
      pointee.shard.unlock(transaction.part(pointee.shard.pointee.index).locks)
    case MessageKind.transactionRelease:
      pointee.shard.unlock(transaction.part(pointee.shard.pointee.index).locks)
      send(MessageKind.transactionReleased, transaction, to: sender, wakes: false)
    case MessageKind.transactionLocked:
      transaction.held[sender] = true
      answered(transaction)
    case MessageKind.transactionRefused:
      transaction.progress.pointee.refusingShard = sender
      answered(transaction)
    case MessageKind.transactionDone:
      transaction.progress.pointee.pendingCount -= 1
      if transaction.progress.pointee.pendingCount == 0 { othersDone(transaction) }
    case MessageKind.transactionReleased:
      transaction.progress.pointee.pendingCount -= 1
      if transaction.progress.pointee.pendingCount == 0 {
        pointee.shard.pointee.heap.free(transaction, for: .messages)
      }
    default:
      preconditionFailure("a message of an unknown kind")
    }
  }

  // MARK: On the shards

  /// Locks the keys of another loop's transaction on this shard.
  private func lock(_ transaction: UnsafeMutablePointer<Transaction>) {
    let shard = pointee.shard
    let part = transaction.part(shard.pointee.index)
    if part.pointee.worksWhenGranted, shard.pointee.locks.isFree(for: part.locks) {
      // Nobody is in the way, and nobody can get there before the work is done: no need to stand in queues.
      shard.checkWatches(of: transaction)
      if !part.pointee.isDirty { work(transaction) }
      shard.serveWaitersIfReady()
      return send(MessageKind.transactionDone, transaction, to: transaction.pointee.origin)
    }
    switch shard.pointee.locks.request(part.locks, holdsOthers: part.pointee.holdsOthers) {
    case .granted: granted(transaction)
    case .waits: break
    case .refused: send(MessageKind.transactionRefused, transaction, to: transaction.pointee.origin)
    }
  }

  /// Another loop's transaction has its locks on this shard.
  private func granted(_ transaction: UnsafeMutablePointer<Transaction>) {
    let shard = pointee.shard
    let part = transaction.part(shard.pointee.index)
    shard.checkWatches(of: transaction)
    guard part.pointee.worksWhenGranted else {
      return send(MessageKind.transactionLocked, transaction, to: transaction.pointee.origin)
    }
    if !part.pointee.isDirty { work(transaction) }
    shard.unlock(part.locks)
    send(MessageKind.transactionDone, transaction, to: transaction.pointee.origin)
  }

  /// Does this shard's share of the work.
  private func work(_ transaction: UnsafeMutablePointer<Transaction>) {
    let shard = pointee.shard
    switch transaction.pointee.work {
    case .batch(let batch):
      guard batch.part(shard.pointee.index).pointee.commandCount > 0 else { return }
      Execution.beginPart(of: batch, on: shard)
      shard.makeRoomForStep()
      shard.pointee.isInTransaction = true
      _ = Execution.runPart(batch, on: shard)
      shard.pointee.isInTransaction = false
    case .hop(let hop):
      hop.takeUnretainedValue().run(on: shard)
    case .operation:
      preconditionFailure("an operation does its work by hops")
    }
  }

  // MARK: At the origin

  /// A shard has granted its locks or refused.
  private func answered(_ transaction: UnsafeMutablePointer<Transaction>) {
    transaction.progress.pointee.pendingCount -= 1
    if transaction.progress.pointee.pendingCount > 0 { return }
    if transaction.progress.pointee.refusingShard >= 0 { return startAgain(transaction) }
    lockRest(transaction)
  }

  /// Lets all locks go, and waits at the shard that refused, holding nothing.
  private func startAgain(_ transaction: UnsafeMutablePointer<Transaction>) {
    let own = pointee.shard.pointee.index
    for target in 0..<transaction.pointee.shardCount where transaction.held[target] {
      transaction.held[target] = false
      if target == own {
        pointee.shard.unlock(transaction.part(own).locks)
      } else {
        // Mailboxes keep the order: the shard has let go before it is asked again.
        send(MessageKind.transactionUnlock, transaction, to: target)
      }
    }
    transaction.progress.pointee.firstShard = transaction.progress.pointee.refusingShard
    begin(transaction)
  }

  /// All locks are held.
  private func locked(_ transaction: UnsafeMutablePointer<Transaction>) {
    let own = pointee.shard.pointee.index
    if case .operation(let operation) = transaction.pointee.work {
      transaction.progress.pointee.isDirty = transaction.isDirtyAnywhere
      pointee.outstandingCount -= 1
      return operation.takeUnretainedValue().locksGranted()
    }
    transaction.progress.pointee.isDirty = transaction.isDirtyAnywhere
    for target in 0..<transaction.pointee.shardCount
    where target != own && transaction.held[target] {
      transaction.progress.pointee.pendingCount += 1
      let isDirty = transaction.progress.pointee.isDirty
      send(
        isDirty ? MessageKind.transactionAbandon : MessageKind.transactionWork, transaction, to: target)
    }
    if transaction.progress.pointee.pendingCount > 0 { pointee.publish(wakes: false) }
    if transaction.part(own).pointee.isConcerned {
      if !transaction.progress.pointee.isDirty { work(transaction) }
      pointee.shard.unlock(transaction.part(own).locks)
    }
    if transaction.progress.pointee.pendingCount == 0 { concluded(transaction) }
  }

  /// All other shards have done their work.
  private func othersDone(_ transaction: UnsafeMutablePointer<Transaction>) {
    let part = transaction.part(pointee.shard.pointee.index)
    if part.pointee.isConcerned, part.locks.pointee.isLinked {
      // The other shard worked as soon as it could; now it is this one's turn.
      work(transaction)
      pointee.shard.unlock(part.locks)
    } else if transaction.isDirtyAnywhere {
      transaction.progress.pointee.isDirty = true
    }
    concluded(transaction)
  }

  /// The work is done and all locks are let go.
  private func concluded(_ transaction: UnsafeMutablePointer<Transaction>) {
    switch transaction.pointee.work {
    case .batch(let batch):
      finish(batch)
    case .hop(let hop):
      pointee.shard.pointee.heap.free(transaction, for: .messages)
      pointee.outstandingCount -= 1
      hop.takeRetainedValue().complete()
    case .operation:
      preconditionFailure("an operation concludes by itself")
    }
  }

  /// Lets the locks of an operation go.
  func conclude(_ transaction: UnsafeMutablePointer<Transaction>) {
    let own = pointee.shard.pointee.index
    transaction.progress.pointee.pendingCount = 0
    for target in 0..<transaction.pointee.shardCount
    where target != own && transaction.held[target] {
      transaction.progress.pointee.pendingCount += 1
      send(MessageKind.transactionRelease, transaction, to: target)
    }
    if transaction.part(own).pointee.isConcerned {
      pointee.shard.unlock(transaction.part(own).locks)
    }
    if transaction.progress.pointee.pendingCount == 0 {
      pointee.shard.pointee.heap.free(transaction, for: .messages)
    }
  }

  // MARK: What waited

  /// Lets those go on whose locks were granted while they waited. Returns whether there were any.
  public func resumeGranted() -> Bool {
    var any = false
    // What is granted by those who go on is the next turn's: each turn is bounded.
    var remaining = Mailbox.capacity
    while remaining > 0, let part = pointee.shard.pointee.locks.nextReady() {
      remaining -= 1
      any = true
      switch part.pointee.owner {
      case .transaction(let transaction):
        if transaction.pointee.origin == pointee.shard.pointee.index {
          ownPartGranted(transaction)
        } else {
          granted(transaction)
        }
      case .client(let client): resume(client)
      case .batch(let batch): resume(batch)
      case .none: preconditionFailure("locks that nobody asked for")
      }
    }
    return any
  }

  private func resume(_ batch: UnsafeMutablePointer<Batch>) {
    guard Execution.resumePart(batch, on: pointee.shard) else { return }
    if batch.pointee.origin == pointee.shard.pointee.index { return finishPart(of: batch) }
    pointee.post(
      Message(kind: MessageKind.batchPartDone, payload: UInt64(UInt(bitPattern: batch))),
      to: batch.pointee.origin)
  }

  // MARK: Clients whose next command waits

  /// Has a client wait until its next command, which starts at `start` in the input, may use its keys.
  func hold(
    _ client: UnsafeMutablePointer<Client>, _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments,
    start: Int
  ) {
    let held = HeldCommand.make([(entry, arguments)], on: pointee.shard, owner: .client(client))
    client.pointee.held = held
    client.pointee.input?.offset = start
    client.pointee.flags.insert(.waiting)
    pointee.shard.queue(held)
  }

  private func resume(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.flags.remove(.waiting)
    process(client)
    // What the client was held up for is not done if it is being closed or paused.
    if !client.pointee.flags.contains(.waiting) { endHold(client) }
  }

  /// Gives back what a client was granted for one command.
  func endHold(_ client: UnsafeMutablePointer<Client>) {
    guard let held = client.pointee.held else { return }
    client.pointee.held = nil
    pointee.shard.letGo(held)
  }
}

import Bytes
import Keyspace
import RESP
import Ring

/// Sending prepared commands to their shards, and putting the replies together.
extension UnsafeMutablePointer<Coordinator> {
  /// Sends the prepared commands to their shards and executes this shard's own meanwhile.
  ///
  /// If some of them, or transactions among them, concern several shards each, all of them are one transaction: they lock their keys together and
  /// travel together.
  func startBatch(
    _ client: UnsafeMutablePointer<Client>, base: UnsafePointer<UInt8>, isExec: Bool = false
  ) {
    let shard = pointee.shard
    let own = shard.pointee.index
    let batch = Batch.make(
      client: client, origin: own, base: base, prepared: pointee.prepared, count: pointee.preparedCount,
      ranges: pointee.arguments.ranges, rangeCount: pointee.arguments.count, keyOwners: pointee.keyOwners,
      shardCount: pointee.server.shardCount, isExec: isExec, heap: shard.pointee.heap)
    client.pointee.flags.insert(.waiting)
    shard.beginReads(client)
    pointee.outstandingCount += 1
    shard.pointee.commandCount &+= UInt64(pointee.preparedCallCount)
    if isExec || pointee.needsLocks {
      return startTransaction(of: batch, client)
    }
    let payload = UInt64(UInt(bitPattern: batch))
    for target in 0..<pointee.server.shardCount
    where target != own && batch.part(target).pointee.commandCount > 0 {
      pointee.post(Message(kind: MessageKind.batch, payload: payload), to: target)
    }
    if batch.part(own).pointee.commandCount > 0 {
      // Others that are awake can begin while this shard does its own part.
      pointee.publish(wakes: false)
      Execution.beginPart(of: batch, on: shard)
      if !Execution.runPart(batch, on: shard) { batch.pointee.partsPending += 1 }
    }
  }

  /// Locks the keys of all commands of a batch, and has it executed when that is done.
  private func startTransaction(
    of batch: UnsafeMutablePointer<Batch>, _ client: UnsafeMutablePointer<Client>
  ) {
    for index in 0..<batch.pointee.commandCount {
      let command = batch.pointee.commands + index
      let entry = command.pointee.entry
      // The keys of the others were noted as they were spread.
      guard command.pointee.partCount == 0 || entry.pointee.isPublishing else { continue }
      let mode: LockMode = entry.pointee.locksExclusively ? .exclusive : .shared
      let firstWish = pointee.lockWishes.count
      entry.forEachKey(in: batch.arguments(of: command), pointee.shard) { fingerprint in
        pointee.lockWishes.append(
          LockWish(fingerprint: fingerprint, shard: Int32(command.pointee.shard), mode: mode))
      }
      if pointee.lockWishes.count == firstWish {
        // It names no key, perhaps by mistake. Its shard has a part in the transaction all the same.
        pointee.lockWishes.append(
          LockWish(fingerprint: 0, shard: Int32(command.pointee.shard), mode: .shared))
      }
    }
    let transaction = makeTransaction(work: .batch(batch), watches: batch.pointee.isExec ? client : nil)
    batch.pointee.transaction = transaction
    begin(transaction)
  }

  /// Another shard has executed its part of a batch.
  func finishPart(of batch: UnsafeMutablePointer<Batch>) {
    batch.pointee.partsPending -= 1
    if batch.pointee.partsPending == 0 { finish(batch) }
  }

  /// Puts the replies of a batch in order, gives all memory back, and lets the client's input go on.
  func finish(_ batch: UnsafeMutablePointer<Batch>) {
    let shard = pointee.shard
    let own = shard.pointee.index
    let client = batch.pointee.client
    pointee.outstandingCount -= 1
    let isSilent = !client.pointee.flags.isDisjoint(with: [.replyOff, .replySkipping])
    var dropped = ReplyBuffer(heap: shard.pointee.heap)
    withUnsafeMutablePointer(to: &dropped) { dropped in
      writeReplies(of: batch, to: isSilent ? dropped : client.reply)
      dropped.pointee.release()
      sendHome(dropped)
    }
    if !isSilent { dropIfOverLimit(client, batch) }
    client.pointee.flags.remove(.replySkipping)
    for target in 0..<batch.pointee.shardCount {
      guard let chain = batch.part(target).takeRemains() else { continue }
      if target == own {
        shard.freeReplies(chain)
      } else {
        // Memory goes home: only its own thread frees it, so that its counts stay true.
        post(chain, to: target)
      }
    }
    let isExec = batch.pointee.isExec
    shard.pointee.heap.free(batch, for: .messages)
    client.pointee.flags.remove(.waiting)
    if isExec { forgetTransaction(client) }
    shard.endReads(client)
    shard.enqueueOutput(client)
    process(client)
  }

  /// A client whose part of a batch passed the limit of its replies has passed it, too. What the buffer gave up must not
  /// wait for the client's next output, which may never come.
  @inline(__always)
  private func dropIfOverLimit(_ client: UnsafeMutablePointer<Client>, _ batch: UnsafeMutablePointer<Batch>) {
    if client.pointee.reply.byteLimit == 0 { return }
    for target in 0..<batch.pointee.shardCount where batch.part(target).pointee.replies.isOverLimit {
      client.pointee.reply.passLimit()
    }
    sendHome(client.reply)
  }

  // MARK: Merging

  private func writeReplies(
    of batch: UnsafeMutablePointer<Batch>, to target: UnsafeMutablePointer<ReplyBuffer>
  ) {
    let isOneStep = batch.pointee.transaction != nil
    if let transaction = batch.pointee.transaction {
      batch.pointee.transaction = nil
      let isDirty = transaction.progress.pointee.isDirty
      pointee.shard.pointee.heap.free(transaction, for: .messages)
      // Nothing was executed: a key that the client watches was changed.
      if isDirty { return target.pointee.nullArray() }
    }
    for shard in 0..<batch.pointee.shardCount where batch.part(shard).pointee.commandCount > 0 {
      batch.part(shard).beginReading()
    }
    if batch.pointee.isExec {
      var count = 0
      for index in 0..<batch.pointee.commandCount
      where batch.pointee.commands[index].partCount != PreparedCommand.furtherPart {
        count += 1
      }
      target.pointee.array(count)
    }
    var index = 0
    var keyOwners = UnsafePointer(batch.pointee.keyOwners)
    // What the commands of a transaction took together.
    var transactionNanoseconds: UInt64 = 0
    while index < batch.pointee.commandCount {
      let command = batch.pointee.commands + index
      let partCount = Int(command.pointee.partCount)
      var nanoseconds: UInt64
      if command.pointee.transactionCount > 0 {
        target.pointee.openTransaction(commandCount: Int(command.pointee.transactionCount))
        transactionNanoseconds = 0
      }
      if partCount == 0 {
        let part = batch.part(Int(command.pointee.shard))
        let result = part.nextResult()
        part.move(result.replyBytes, to: target, owner: owner(Int(command.pointee.shard)))
        nanoseconds = UInt64(result.nanoseconds)
        index += 1
      } else {
        nanoseconds = mergeReplies(of: command, count: partCount, batch, &keyOwners, to: target)
        index += partCount
      }
      transactionNanoseconds += nanoseconds
      // Where the transaction was a step of its own, its shard has counted it.
      if isOneStep, batch.pointee.commands[index - 1].endsTransaction {
        pointee.shard.recordTransaction(nanoseconds: transactionNanoseconds)
      }
      if nanoseconds >= pointee.shard.pointee.slowNanoseconds {
        recordSlow(
          batch.wholeArguments(of: command), command.pointee.entry, nanoseconds: nanoseconds,
          batch.pointee.client)
      }
    }
  }

  /// The owner of a shard's reply chunks, as the client's buffer knows them.
  private func owner(_ shard: Int) -> Int {
    shard == pointee.shard.pointee.index ? ReplyChunk.ownHeap : shard
  }

  /// Makes one reply of those of a command's parts, as its response policy says. Returns what the longest part took.
  private func mergeReplies(
    of first: UnsafeMutablePointer<PreparedCommand>, count: Int, _ batch: UnsafeMutablePointer<Batch>,
    _ keyOwners: inout UnsafePointer<Int16>, to target: UnsafeMutablePointer<ReplyBuffer>
  ) -> UInt64 {
    var longest: UInt64 = 0
    var keyCount = 0
    var failed = -1
    var succeeded = -1
    let entry = first.pointee.entry
    withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { replyBytes in
      for index in 0..<count {
        let part = batch.part(Int(first[index].shard))
        let result = part.nextResult()
        replyBytes[index] = result.replyBytes
        longest = Swift.max(longest, UInt64(result.nanoseconds))
        if !entry.pointee.isPublishing {
          keyCount += (Int(first[index].argumentCount) - entry.pointee.firstKey) / entry.pointee.keyStep
        }
        let isError = part.nextByte == UInt8(ascii: "-")
        if failed < 0, isError { failed = index }
        if succeeded < 0, !isError { succeeded = index }
      }
      let policy = entry.pointee.mergingPolicy
      if failed >= 0 || policy == .allSucceeded || policy == .oneSucceeded {
        // Any shard's error is the answer, unless one success is enough.
        let chosen = Swift.max(policy == .oneSucceeded && succeeded >= 0 ? succeeded : failed, 0)
        for index in 0..<count {
          let shard = Int(first[index].shard)
          if index == chosen {
            batch.part(shard).move(replyBytes[index], to: target, owner: owner(shard))
          } else {
            batch.part(shard).skip(replyBytes[index])
          }
        }
      } else if policy == .byKeys {
        for index in 0..<count { _ = batch.part(Int(first[index].shard)).readNumber() }
        target.pointee.array(keyCount)
        for key in 0..<keyCount {
          let shard = Int(keyOwners[key])
          batch.part(shard).moveElement(to: target, owner: owner(shard))
        }
      } else {
        var sum = batch.part(Int(first.pointee.shard)).readNumber()
        for index in 1..<count {
          sum = policy.combine(sum, batch.part(Int(first[index].shard)).readNumber())
        }
        target.pointee.integer(sum)
      }
    }
    keyOwners += keyCount
    return longest
  }

  // MARK: Memory goes home

  func post(_ chain: UnsafeMutablePointer<ReplyChunk>, to owner: Int) {
    pointee.post(
      Message(kind: MessageKind.releaseReplies, payload: UInt64(UInt(bitPattern: chain))), to: owner,
      wakes: false)
  }

  /// Gives chunks of other shards that a buffer is done with back to them.
  @inline(__always)
  public func sendHome(_ buffer: UnsafeMutablePointer<ReplyBuffer>) {
    if let chain = buffer.pointee.takeReturned() { sendHome(chain) }
  }

  @inline(never)
  private func sendHome(_ chain: UnsafeMutablePointer<ReplyChunk>) {
    // Runs of one owner's chunks go in one message.
    var first = chain
    var last = chain
    while let next = last.pointee.next {
      if next.pointee.owner != first.pointee.owner {
        last.pointee.next = nil
        post(first, to: first.pointee.owner)
        first = next
      }
      last = next
    }
    post(first, to: first.pointee.owner)
  }
}

import Bytes
import Keyspace
import RESP

/// Reading a client's input as commands, in groups that can be executed together.
///
/// A group ends before the first command that can't go together with its neighbours: one that concerns the
/// connection, several shards, or an error. That command is a group of its own, executed when all before it
/// are done, so replies leave in the order of the requests.
extension UnsafeMutablePointer<Coordinator> {
  /// Bytes of query buffer above which a client that waits for replies is not read from any more.
  public static var throttleBytes: Int { 256 << 10 }

  /// Takes bytes that were received into a provided buffer, which goes back to the kernel when they are dealt with.
  public func receive(
    _ client: UnsafeMutablePointer<Client>, buffer: UnsafeMutablePointer<UInt8>, count: Int, identifier: Int
  ) {
    let shard = pointee.shard
    shard.pointee.network.inputBytes &+= UInt64(count)
    shard.pointee.network.readsProcessed &+= 1
    client.pointee.inputBytes += count
    client.pointee.lastInteraction = shard.pointee.keyspace.now
    if client.pointee.input == nil, client.pointee.queryBuffer.isEmpty,
      !client.pointee.flags.contains(.blocked)
    {
      client.pointee.input = ClientInput(base: buffer, offset: 0, count: count, bufferIdentifier: identifier)
    } else {
      client.pointee.queryBuffer.append(ByteView(start: buffer, count: count), heap: shard.pointee.heap)
      pointee.receiveBuffers?.pointee.recycle(identifier)
    }
    process(client)
  }

  /// Reads and executes as many commands of a client's input as can be now.
  public func process(_ client: UnsafeMutablePointer<Client>) {
    // Whoever is over the limit of its replies is cut off at the end of the turn: nothing more is done for it.
    while client.pointee.flags.isDisjoint(with: [.waiting, .paused, .closeNow, .closeAfterReply]),
      !client.pointee.reply.isOverLimit
    {
      if client.pointee.input == nil, !takeQueryBuffer(client) { break }
      readGroup(client)
    }
    let flags = client.pointee.flags
    if !flags.contains(.waiting) {
      if !flags.isDisjoint(with: [.closeNow, .closeAfterReply]) { releaseInput(client) }
      // The loop closes it, or reads from it again.
      if !flags.isDisjoint(with: [.closeNow, .closeAfterReply, .peerClosed, .throttled]) {
        pointee.shard.pointee.clientsToRevisit.append(client.pointee.identifier)
      }
    }
    pointee.shard.enqueueOutput(client)
  }

  /// Gives back the memory of input that will not be read any more.
  public func releaseInput(_ client: UnsafeMutablePointer<Client>) {
    let heap = pointee.shard.pointee.heap
    if let input = client.pointee.input {
      if input.bufferIdentifier >= 0 {
        pointee.receiveBuffers?.pointee.recycle(input.bufferIdentifier)
      } else {
        heap.free(input.base, for: .clients)
      }
      client.pointee.input = nil
    }
    client.pointee.queryBuffer.release(heap: heap)
    dropPartial(client)
  }

  /// Makes the query buffer the input, if it may hold a whole command.
  private func takeQueryBuffer(_ client: UnsafeMutablePointer<Client>) -> Bool {
    let count = client.pointee.queryBuffer.count
    guard count > 0, count >= client.pointee.bytesNeeded else { return false }
    guard let (block, _) = client.pointee.queryBuffer.detach() else { return false }
    client.pointee.input = ClientInput(base: block, offset: 0, count: count, bufferIdentifier: -1)
    return true
  }

  // MARK: One group

  /// What ended the reading of a group.
  private enum GroupEnd {
    /// The group is as large as it may be.
    case full
    /// All that has arrived is read, but for a command that is not complete.
    case exhausted
    /// A command that must be executed alone; it starts at `offset`.
    case lone(Routing, argumentStart: Int, offset: Int)
    case failure(RequestError)
  }

  private func readGroup(_ client: UnsafeMutablePointer<Client>) {
    let server = pointee.server
    let isCareful =
      !client.pointee.flags.isDisjoint(with: .careful)
      || server.monitorCount.load(ordering: .relaxed) > 0 || isPaused
    if isCareful, holdIfAllPaused(client) { return }
    guard var input = client.pointee.input else { return }
    beginGroup(base: input.base)
    let start = input.offset
    let mayWait = isCareful || pointee.shard.pointee.locks.partCount > 0
    let inlineCopy = mayWait ? copyOfInlineCommand(input) : nil
    var remoteCount = 0
    let held = client.pointee.held
    let end = readCommands(
      client, &input, maximum: isCareful || held != nil ? 1 : groupMaximum, remoteCount: &remoteCount)
    client.pointee.input = input
    // What the client was granted is for the one command that is executed now.
    defer { if held != nil { endHold(client) } }

    if pointee.preparedCount > 0 {
      if isCareful {
        let entry = pointee.prepared.pointee.entry
        if !admit(client, .alone(entry), start: start, inlineCopy: inlineCopy) { return }
      }
      let last = pointee.prepared + (pointee.preparedCount - 1)
      client.pointee.lastCommand =
        last.pointee.endsTransaction
        ? pointee.shard.pointee.transactionCommands.exec : last.pointee.entry.pointee.index
      client.pointee.commandCount += pointee.preparedCallCount
      // What ended the group is looked at again, alone, when the group is done.
      if case .lone(_, _, let offset) = end { client.pointee.input?.offset = offset }
      if remoteCount > 0 {
        startBatch(client, base: input.base)
      } else {
        runPrepared(client, base: input.base)
      }
      if isCareful {
        showToMonitors(client, pointee.prepared, input)
        spendCaching(client)
      }
      if remoteCount == 0, case .exhausted = end { stashRemainder(client) }
      return
    }
    switch end {
    case .full: break
    case .exhausted: stashRemainder(client)
    case .failure(let error): fail(client, error)
    case .lone(let routing, let argumentStart, let offset):
      let arguments = Arguments(
        base: input.base, ranges: pointee.arguments.ranges + argumentStart,
        count: pointee.arguments.count - argumentStart)
      if isCareful, !admit(client, routing, start: start, inlineCopy: inlineCopy) { return }
      if case .blocked(let entry) = routing {
        hold(client, entry, arguments, start: offset)
        return restore(inlineCopy, at: start, of: client)
      }
      runAlone(client, routing, arguments)
      guard isCareful else { return }
      // EXEC puts the ranges of all its commands behind its own, and they may have moved.
      let again = Arguments(
        base: input.base, ranges: pointee.arguments.ranges + argumentStart, count: arguments.count)
      showToMonitors(client, routing, again)
      if !again[0].equalsIgnoringCase("client") { spendCaching(client) }
    }
  }

  /// What CLIENT CACHING said was about the command that has been executed, or about all of a transaction.
  private func spendCaching(_ client: UnsafeMutablePointer<Client>) {
    if !client.pointee.flags.contains(.multi) { client.pointee.flags.remove(.cachingGiven) }
  }

  /// Forgets the last group.
  func beginGroup(base: UnsafePointer<UInt8>) {
    pointee.inputBase = base
    pointee.preparedCount = 0
    pointee.preparedCallCount = 0
    pointee.needsLocks = false
    pointee.arguments.removeAll()
    if !pointee.keyOwners.isEmpty {
      pointee.keyOwners.removeAll(keepingCapacity: pointee.keyOwners.count <= Coordinator.preparedMaximum)
      pointee.lockWishes.removeAll(keepingCapacity: true)
    }
  }

  private var groupMaximum: Int {
    pointee.isAlone ? Execution.prefetchCount : Coordinator.preparedMaximum
  }

  private func readCommands(
    _ client: UnsafeMutablePointer<Client>, _ input: inout ClientInput, maximum: Int, remoteCount: inout Int
  ) -> GroupEnd {
    let bulkBytes = pointee.shard.pointee.settings.protoMaxBulkBytes
    let limits =
      client.pointee.flags.contains(.authenticated)
      ? RequestLimits(bulkBytes: bulkBytes) : .unauthenticated(bulkBytes: bulkBytes)
    while pointee.preparedCount < maximum {
      let start = input.offset
      if pointee.preparedCount > 0 {
        // Inline commands are unescaped in place and can't be read twice: they always begin a group.
        if start < input.count, input.base[start] != UInt8(ascii: "*") { return .full }
      }
      let argumentStart = pointee.arguments.count
      switch parse(client, input, argumentStart: argumentStart, limits: limits) {
      case .command(let end):
        input.offset = end
        let routing = route(client, base: input.base, argumentStart: argumentStart, remoteCount: &remoteCount)
        guard case .prepared = routing else {
          if case .alone(let entry) = routing, maximum > 1,
            entry.pointee.index == pointee.shard.pointee.transactionCommands.multi
          {
            switch readTransaction(client, &input, limits: limits, remoteCount: &remoteCount) {
            case .read: continue
            case .nextGroup:
              input.offset = start
              return .full
            case .piecemeal: break
            }
          }
          return .lone(routing, argumentStart: argumentStart, offset: start)
        }
      case .nothing(let end):
        input.offset = end
        // A command that may be held up begins its group, for the sake of the copy that is made of it.
        if maximum == 1 { return .full }
      case .incomplete:
        return .exhausted
      case .failure(let error):
        return .failure(error)
      }
    }
    return .full
  }

  // MARK: Commands in pieces

  /// Arguments above which the ranges of an incomplete command are kept; below, reading them again is cheaper.
  private static var keptArgumentCount: Int { 64 }

  private func parse(
    _ client: UnsafeMutablePointer<Client>, _ input: ClientInput, argumentStart: Int, limits: RequestLimits
  ) -> ParseOutcome {
    if let store = client.pointee.partialArguments {
      let outcome = RequestParser.parse(
        input.base, from: 0, to: input.count, partial: &client.pointee.partial, into: &store.pointee,
        limits: limits)
      switch outcome {
      case .incomplete(let bytesNeeded):
        client.pointee.bytesNeeded = bytesNeeded
      case .command:
        pointee.arguments.append(from: store.pointee.ranges, count: store.pointee.count)
        dropPartial(client)
      case .nothing, .failure:
        dropPartial(client)
      }
      return outcome
    }
    var partial = PartialRequest()
    let outcome = RequestParser.parse(
      input.base, from: input.offset, to: input.count, partial: &partial, into: &pointee.arguments,
      limits: limits)
    if case .incomplete(let bytesNeeded) = outcome {
      client.pointee.bytesNeeded = bytesNeeded - input.offset
      let read = pointee.arguments.count - argumentStart
      if read > Self.keptArgumentCount, input.offset == 0, input.bufferIdentifier < 0 {
        let store = pointee.shard.pointee.heap
          .allocate(MemoryLayout<ArgumentStore>.stride, for: .clients)
          .bindMemory(to: ArgumentStore.self, capacity: 1)
        store.initialize(to: ArgumentStore(heap: pointee.shard.pointee.heap, capacity: read * 2))
        store.pointee.append(from: pointee.arguments.ranges + argumentStart, count: read)
        client.pointee.partialArguments = store
        client.pointee.partial = partial
      }
      pointee.arguments.truncate(to: argumentStart)
    }
    return outcome
  }

  private func dropPartial(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.bytesNeeded = 0
    client.pointee.partial = PartialRequest()
    guard let store = client.pointee.partialArguments else { return }
    client.pointee.partialArguments = nil
    store.deinitialize(count: 1)
    pointee.shard.pointee.heap.free(store, for: .clients)
  }

  /// Moves what is left of the input, an incomplete command, to the front of the query buffer.
  private func stashRemainder(_ client: UnsafeMutablePointer<Client>) {
    guard let input = client.pointee.input else { return }
    let heap = pointee.shard.pointee.heap
    client.pointee.input = nil
    let rest = ByteView(start: input.base + input.offset, count: input.count - input.offset)
    if rest.isEmpty { client.pointee.bytesNeeded = 0 }
    if input.bufferIdentifier >= 0 {
      client.pointee.queryBuffer.prepend(rest, heap: heap)
      pointee.receiveBuffers?.pointee.recycle(input.bufferIdentifier)
    } else if client.pointee.queryBuffer.memory == nil, !rest.isEmpty {
      if input.offset > 0 { input.base.update(from: rest.start, count: rest.count) }
      client.pointee.queryBuffer.adopt(input.base, count: rest.count)
    } else {
      client.pointee.queryBuffer.prepend(rest, heap: heap)
      heap.free(input.base, for: .clients)
    }
  }

  /// Answers a request that breaks the protocol, and lets the connection be closed.
  private func fail(_ client: UnsafeMutablePointer<Client>, _ error: RequestError) {
    (Array("ERR Protocol error: ".utf8) + error.text).withUnsafeBufferPointer { text in
      client.reply.pointee.error(ByteView(start: text.baseAddress.unsafelyUnwrapped, count: text.count))
    }
    pointee.shard.recordRejection(of: nil, client.reply)
    pointee.shard.close(client, afterReply: true)
  }

  // MARK: Execution of a local group

  func runPrepared(_ client: UnsafeMutablePointer<Client>, base: UnsafePointer<UInt8>) {
    let shard = pointee.shard
    let isCareful = !client.pointee.flags.isDisjoint(with: [.replyOff, .replySkipping])
    let before = isCareful ? client.reply.pointee.count : 0
    var first = 0
    shard.pointee.writingClient = client
    while first < pointee.preparedCount {
      let count = Swift.min(Execution.prefetchCount, pointee.preparedCount - first)
      let group = pointee.prepared + first
      Execution.runGroup(
        group, count: count, base: base, ranges: pointee.arguments.ranges, on: shard, reply: client.reply,
        database: client.pointee.database, leavesAges: client.pointee.flags.contains(.noTouch),
        caller: client.caller(loop: shard.pointee.index)
      ) { index, nanoseconds in
        noteSlow(group + index, base: base, nanoseconds: nanoseconds, client)
      }
      first += count
    }
    shard.pointee.commandCount &+= UInt64(pointee.preparedCallCount)
    if isCareful { silence(client, from: before) }
    shard.endWriting(client)
  }

  /// Looks at a prepared command that took long.
  @inline(never)
  private func noteSlow(
    _ command: UnsafePointer<PreparedCommand>, base: UnsafePointer<UInt8>, nanoseconds: UInt64,
    _ client: UnsafeMutablePointer<Client>
  ) {
    recordSlow(
      Arguments(
        base: base, ranges: pointee.arguments.ranges + Int(command.pointee.argumentStart),
        count: Int(command.pointee.argumentCount)),
      command.pointee.entry, nanoseconds: nanoseconds, client)
  }

  /// Drops the replies written since the buffer held `before` bytes, for CLIENT REPLY OFF and SKIP.
  func silence(_ client: UnsafeMutablePointer<Client>, from before: Int) {
    if client.pointee.flags.isDisjoint(with: [.replyOff, .replySkipping]) { return }
    client.reply.pointee.truncate(to: before)
    client.pointee.flags.remove(.replySkipping)
  }
}

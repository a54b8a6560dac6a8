import Bytes
import Keyspace
import RESP

/// How a command that was read goes on.
enum Routing {
  /// On this or another shard, together with its neighbours.
  case prepared
  /// Alone, when all before it are done.
  case alone(UnsafePointer<CommandEntry>)
  /// Not before a transaction lets go of a key of this shard.
  case blocked(UnsafePointer<CommandEntry>)
  /// Into the queue of its client's MULTI.
  case queued(UnsafePointer<CommandEntry>)
  /// Not at all: an error is to be written.
  case refused(Refusal)
}

/// Why a command is not executed.
enum Refusal {
  case unknownCommand
  case unknownSubcommand(UnsafePointer<CommandEntry>)
  case wrongArity(UnsafePointer<CommandEntry>)
  case notAuthenticated(UnsafePointer<CommandEntry>)
  case subscribing(UnsafePointer<CommandEntry>)
  case notInTransaction(UnsafePointer<CommandEntry>)
}

/// What a command's name and number of arguments say.
enum CommandSearch {
  case command(UnsafePointer<CommandEntry>)
  case refused(Refusal)
}

extension UnsafeMutablePointer<Shard> {
  /// The command that is meant by its name, or by that and a subcommand's, if it may have so many arguments.
  @inline(__always)
  func find(_ arguments: Arguments) -> CommandSearch {
    guard var entry = pointee.lookup.find(arguments[0]) else { return .refused(.unknownCommand) }
    if entry.pointee.isContainer, arguments.count > 1 {
      guard let subcommand = pointee.lookup.findSubcommand(arguments[1], of: entry) else {
        return .refused(.unknownSubcommand(entry))
      }
      entry = subcommand
    }
    let arity = entry.pointee.arity
    if arity > 0 ? arguments.count != arity : arguments.count < -arity { return .refused(.wrongArity(entry)) }
    return .command(entry)
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Looks a command up, checks what can be checked before execution, and decides where it runs. A command for a
  /// shard is added to the prepared ones.
  @inline(__always)
  func route(
    _ client: UnsafeMutablePointer<Client>, base: UnsafePointer<UInt8>, argumentStart: Int,
    remoteCount: inout Int
  ) -> Routing {
    let shard = pointee.shard
    let arguments = Arguments(
      base: base, ranges: pointee.arguments.ranges + argumentStart,
      count: pointee.arguments.count - argumentStart)
    let entry: UnsafePointer<CommandEntry>
    switch shard.find(arguments) {
    case .command(let found): entry = found
    case .refused(let refusal): return .refused(refusal)
    }
    if client.pointee.flags.intersection([.authenticated, .subscriber, .multi]) != .authenticated {
      if let routing = routeSpecially(client, entry) { return routing }
    }
    return place(
      entry, arguments, argumentStart: argumentStart, remoteCount: &remoteCount,
      mayBeBlocked: shard.pointee.locks.partCount > 0 && client.pointee.held == nil)
  }

  /// The way of a command whose client is not authenticated, subscribes to something, or has begun a transaction; nil if it
  /// goes the ordinary way.
  @inline(never)
  private func routeSpecially(
    _ client: UnsafeMutablePointer<Client>, _ entry: UnsafePointer<CommandEntry>
  ) -> Routing? {
    let flags = client.pointee.flags
    if !flags.contains(.authenticated), !entry.pointee.flags.contains(.noAuthentication) {
      return .refused(.notAuthenticated(entry))
    }
    if flags.contains(.subscriber), client.pointee.version == .resp2, !entry.pointee.isForSubscribers {
      return .refused(.subscribing(entry))
    }
    guard flags.contains(.multi), !entry.pointee.isNeverQueued else { return nil }
    return entry.pointee.flags.contains(.noMulti) ? .refused(.notInTransaction(entry)) : .queued(entry)
  }

  /// Decides where a command runs. A command for shards is added to the prepared ones, unless it has to wait for a lock.
  @inline(__always)
  func place(
    _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments, argumentStart: Int, remoteCount: inout Int,
    mayBeBlocked: Bool, isInTransaction: Bool = false
  ) -> Routing {
    let shard = pointee.shard
    guard entry.pointee.keyCommand != nil else { return .alone(entry) }
    if let command = entry.pointee.waitingCommand, !isInTransaction, command.mayWait(arguments) {
      return .alone(entry)
    }
    if entry.pointee.isPublishing, !pointee.isAlone,
      pointee.server.hasSubscriptions(besides: shard.pointee.index)
    {
      spreadPublication(entry, argumentStart: argumentStart, argumentCount: arguments.count)
      remoteCount += 1
      return .prepared
    }
    let hash: UInt64
    let owner: Int
    if entry.pointee.hasSingleKey {
      hash = shard.pointee.keyspace.hasher.hash(arguments[entry.pointee.firstKey])
      owner = pointee.isAlone ? 0 : shardIndex(ofHash: hash, shardCount: pointee.server.shardCount)
    } else {
      switch ownerOfKeys(entry, arguments) {
      case .one(let shard, let firstHash):
        owner = shard
        hash = firstHash
      case .several:
        guard entry.pointee.isSplittable,
          !(entry.pointee.flags.contains(.denyOutOfMemory) && shard.refusesWrites)
        else { return .alone(entry) }
        spread(entry, argumentStart: argumentStart, argumentCount: arguments.count)
        remoteCount += 1
        return .prepared
      }
    }
    if owner != shard.pointee.index {
      remoteCount += 1
    } else if mayBeBlocked, shard.isBlocked(entry, arguments) {
      return .blocked(entry)
    }
    pointee.prepared[pointee.preparedCount] = PreparedCommand(
      entry: entry, hash: hash, argumentStart: Int32(truncatingIfNeeded: argumentStart),
      argumentCount: Int32(truncatingIfNeeded: arguments.count), shard: Int16(truncatingIfNeeded: owner))
    pointee.preparedCount += 1
    pointee.preparedCallCount += 1
    return .prepared
  }

  enum Owner {
    case one(shard: Int, firstHash: UInt64)
    case several
  }

  /// The shard that owns all keys of a call, if one does. A call whose keys can't be made out goes to this shard, where
  /// the command itself says what is wrong.
  func ownerOfKeys(_ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments) -> Owner {
    let own = pointee.shard.pointee.index
    let hasher = pointee.shard.pointee.keyspace.hasher
    guard entry.pointee.hasKeys else {
      if pointee.isAlone || entry.pointee.requestPolicy == .byKeys { return .one(shard: own, firstHash: 0) }
      return .several
    }
    let firstKey = entry.pointee.firstKey
    if pointee.isAlone {
      return .one(
        shard: 0, firstHash: firstKey > 0 && firstKey < arguments.count ? hasher.hash(arguments[firstKey]) : 0
      )
    }
    if entry.pointee.hidesKeys { return .several }
    var owner = -1
    var firstHash: UInt64 = 0
    var isOne = true
    let shardCount = pointee.server.shardCount
    func add(_ index: Int) {
      let hash = hasher.hash(arguments[index])
      let shard = shardIndex(ofHash: hash, shardCount: shardCount)
      if owner < 0 {
        owner = shard
        firstHash = hash
      } else if shard != owner {
        isOne = false
      }
    }
    if firstKey > 0 {
      // Keys that come with values must all have one. Where they have not, no shard is to execute its share.
      if !entry.pointee.hasCompleteKeys(argumentCount: arguments.count) {
        return .one(shard: own, firstHash: 0)
      }
      let last = entry.pointee.lastKey >= 0 ? entry.pointee.lastKey : arguments.count + entry.pointee.lastKey
      var index = firstKey
      while index <= last, index < arguments.count, isOne {
        add(index)
        index += entry.pointee.keyStep
      }
    } else {
      for specification in pointee.server.table.declarations[entry.pointee.index].keys {
        specification.forEachCandidate(in: arguments, add)
      }
    }
    if !isOne { return .several }
    return .one(shard: owner < 0 ? own : owner, firstHash: firstKey > 0 ? firstHash : 0)
  }

  /// Adds a command to the prepared ones as a part for each shard that owns some of its keys, each with ranges of
  /// its own: the name, and that shard's keys with what belongs to them. Notes what is to be locked.
  private func spread(_ entry: UnsafePointer<CommandEntry>, argumentStart: Int, argumentCount: Int) {
    let first = entry.pointee.firstKey
    let step = entry.pointee.keyStep
    let keyCount = (argumentCount - first) / step
    let hasher = pointee.shard.pointee.keyspace.hasher
    let mode: LockMode = entry.pointee.locksExclusively ? .exclusive : .shared
    let firstOwner = pointee.keyOwners.count
    let firstWish = pointee.lockWishes.count
    guard let base = pointee.inputBase else { preconditionFailure("no input is being read") }
    for key in 0..<keyCount {
      let range = pointee.arguments.ranges[argumentStart + first + key * step]
      let hash = hasher.hash(ByteView(start: base + Int(range.offset), count: Int(range.count)))
      let owner = shardIndex(ofHash: hash, shardCount: pointee.server.shardCount)
      pointee.keyOwners.append(Int16(truncatingIfNeeded: owner))
      pointee.lockWishes.append(
        LockWish(fingerprint: hash, shard: Int32(truncatingIfNeeded: owner), mode: mode))
    }
    noteWhole(argumentStart: argumentStart, argumentCount: argumentCount)
    let firstPart = pointee.preparedCount
    pointee.spreadCount += 1
    pointee.needsLocks = true
    for key in 0..<keyCount {
      let owner = pointee.keyOwners[firstOwner + key]
      if pointee.spreadStamps[Int(owner)] == pointee.spreadCount { continue }
      pointee.spreadStamps[Int(owner)] = pointee.spreadCount
      let partStart = pointee.arguments.count
      for index in 0..<first { pointee.arguments.append(pointee.arguments.ranges[argumentStart + index]) }
      for other in key..<keyCount where pointee.keyOwners[firstOwner + other] == owner {
        for index in 0..<step {
          pointee.arguments.append(pointee.arguments.ranges[argumentStart + first + other * step + index])
        }
      }
      pointee.prepared[pointee.preparedCount] = PreparedCommand(
        entry: entry, hash: pointee.lockWishes[firstWish + key].fingerprint,
        argumentStart: Int32(truncatingIfNeeded: partStart),
        argumentCount: Int32(truncatingIfNeeded: pointee.arguments.count - partStart), shard: owner,
        partCount: PreparedCommand.furtherPart)
      pointee.preparedCount += 1
    }
    pointee.prepared[firstPart].partCount = Int16(truncatingIfNeeded: pointee.preparedCount - firstPart)
    pointee.preparedCallCount += 1
  }

  /// Notes where the whole of a command with several parts is, for whoever shows it.
  private func noteWhole(argumentStart: Int, argumentCount: Int) {
    pointee.arguments.append(
      ArgumentRange(
        offset: UInt32(truncatingIfNeeded: argumentStart), count: UInt32(truncatingIfNeeded: argumentCount)))
  }

  /// Adds a command that publishes to the prepared ones: a part for this loop, which answers in any case, and one for each
  /// other on which somebody subscribes to something. All of them read the same arguments.
  private func spreadPublication(
    _ entry: UnsafePointer<CommandEntry>, argumentStart: Int, argumentCount: Int
  ) {
    noteWhole(argumentStart: argumentStart, argumentCount: argumentCount)
    let partStart = pointee.arguments.count
    for index in 0..<argumentCount {
      pointee.arguments.append(pointee.arguments.ranges[argumentStart + index])
    }
    let own = pointee.shard.pointee.index
    let firstPart = pointee.preparedCount
    for loop in 0..<pointee.server.shardCount
    where loop == own || pointee.server.subscriptionCounts[loop].load() > 0 {
      pointee.prepared[pointee.preparedCount] = PreparedCommand(
        entry: entry, hash: 0, argumentStart: Int32(truncatingIfNeeded: partStart),
        argumentCount: Int32(truncatingIfNeeded: argumentCount), shard: Int16(truncatingIfNeeded: loop),
        partCount: PreparedCommand.furtherPart)
      pointee.preparedCount += 1
    }
    pointee.prepared[firstPart].partCount = Int16(truncatingIfNeeded: pointee.preparedCount - firstPart)
    pointee.preparedCallCount += 1
  }

  // MARK: Commands alone

  /// Executes a command that goes with no other, or answers why it does not.
  func runAlone(_ client: UnsafeMutablePointer<Client>, _ routing: Routing, _ arguments: Arguments) {
    let shard = pointee.shard
    let before = client.reply.pointee.count
    switch routing {
    case .prepared, .blocked:
      preconditionFailure("a prepared command is not executed alone")
    case .queued(let entry):
      queue(client, entry, arguments)
    case .refused(let refusal):
      refuse(client, refusal, arguments)
    case .alone(let entry):
      client.pointee.lastCommand = entry.pointee.index
      client.pointee.commandCount += 1
      shard.pointee.commandCount &+= 1
      if entry.pointee.flags.contains(.denyOutOfMemory), shard.refusesWrites {
        spoilTransaction(client)
        shard.refuseForMemory(client.reply)
        shard.recordRejection(of: entry.pointee.index, client.reply)
      } else if let command = entry.pointee.clientCommand {
        run(command, entry, client, arguments)
      } else if !serveAtOnce(client, entry, arguments) {
        return startOperation(client, entry, arguments)
      }
      if entry.pointee.answersByPushes {
        client.pointee.flags.remove(.replySkipping)
        return
      }
    }
    // An EXEC that is under way writes its reply later.
    if !client.pointee.flags.contains(.waiting) { silence(client, from: before) }
  }

  private func refuse(_ client: UnsafeMutablePointer<Client>, _ refusal: Refusal, _ arguments: Arguments) {
    let table = pointee.server.table
    var counted: Int?
    spoilTransaction(client)
    switch refusal {
    case .unknownCommand:
      // A browser that was made to speak to us: what its page has it send must not be executed.
      if arguments[0].equalsIgnoringCase("post") || arguments[0].equalsIgnoringCase("host:") {
        return pointee.shard.close(client, afterReply: false)
      }
      var text = Array("ERR ".utf8)
      appendUnknownCommandText(
        name: arguments[0], arguments: (1..<arguments.count).prefix(32).map { arguments[$0] }, to: &text)
      text.withUnsafeBufferPointer {
        client.reply.pointee.error(ByteView(start: $0.baseAddress!, count: $0.count))
      }
    case .unknownSubcommand(let container):
      client.reply.pointee.error(
        ErrorText.unknownSubcommand(arguments[1], of: table.fullNames[container.pointee.index]))
    case .wrongArity(let entry):
      writeRefusal(client, of: entry, ErrorText.wrongArity(table.fullNames[entry.pointee.index]))
      counted = entry.pointee.index
    case .notAuthenticated(let entry):
      writeRefusal(client, of: entry, "\(ErrorText.notAuthenticated)")
      counted = entry.pointee.index
    case .subscribing(let entry):
      writeRefusal(client, of: entry, ErrorText.subscribing(table.fullNames[entry.pointee.index]))
      counted = entry.pointee.index
    case .notInTransaction(let entry):
      client.reply.pointee.error(ErrorText.notInTransaction)
      counted = entry.pointee.index
    }
    pointee.shard.recordRejection(of: counted, client.reply)
  }

  /// Writes why a command is not executed. EXEC takes its transaction along, and says so.
  private func writeRefusal(
    _ client: UnsafeMutablePointer<Client>, of entry: UnsafePointer<CommandEntry>, _ text: String
  ) {
    guard pointee.server.table.fullNames[entry.pointee.index] == "exec" else {
      return client.reply.pointee.error(text)
    }
    forgetTransaction(client)
    let reason = text.hasPrefix("ERR ") ? text.dropFirst(4) : text[...]
    client.reply.pointee.error("EXECABORT Transaction discarded because of: \(reason)")
  }

  private func run(
    _ command: any ClientCommand.Type, _ entry: UnsafePointer<CommandEntry>,
    _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments
  ) {
    let errorsBefore = client.reply.pointee.errorCount
    let start = now()
    var call = ClientCall(coordinator: self, client: client, arguments: arguments)
    let firstRange = arguments.ranges - UnsafePointer(pointee.arguments.ranges)
    command.execute(&call)
    // EXEC puts the ranges of all its commands behind its own, and they may have moved.
    let arguments = Arguments(
      base: arguments.base, ranges: pointee.arguments.ranges + firstRange, count: arguments.count)
    count(
      entry, arguments, client, start: start, reply: client.reply,
      failed: client.reply.pointee.errorCount != errorsBefore)
  }
}

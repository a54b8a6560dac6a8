import Bytes
import Keyspace
import RESP

/// How a command that was read goes on.
enum Routing {
  /// On this or another shard, together with its neighbours.
  case prepared
  /// Alone, when all before it are done.
  case alone(UnsafePointer<CommandEntry>)
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
    guard var entry = shard.pointee.lookup.find(arguments[0]) else { return .refused(.unknownCommand) }
    if entry.pointee.isContainer, arguments.count > 1 {
      guard let subcommand = shard.pointee.lookup.findSubcommand(arguments[1], of: entry) else {
        return .refused(.unknownSubcommand(entry))
      }
      entry = subcommand
    }
    let arity = entry.pointee.arity
    if arity > 0 ? arguments.count != arity : arguments.count < -arity { return .refused(.wrongArity(entry)) }
    if client.pointee.flags.intersection([.authenticated, .subscriber]) != .authenticated,
      let refusal = refusal(of: entry, client)
    {
      return .refused(refusal)
    }
    guard entry.pointee.keyCommand != nil, !entry.pointee.mayBlock else { return .alone(entry) }

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
        return .alone(entry)
      }
    }
    if owner != shard.pointee.index { remoteCount += 1 }
    pointee.prepared[pointee.preparedCount] = PreparedCommand(
      entry: entry, hash: hash, argumentStart: Int32(truncatingIfNeeded: argumentStart),
      argumentCount: Int32(truncatingIfNeeded: arguments.count), shard: Int32(truncatingIfNeeded: owner))
    pointee.preparedCount += 1
    return .prepared
  }

  /// Why a client that is not authenticated, or subscribes to something, may not call a command.
  @inline(never)
  private func refusal(
    of entry: UnsafePointer<CommandEntry>, _ client: UnsafeMutablePointer<Client>
  ) -> Refusal? {
    let flags = client.pointee.flags
    if !flags.contains(.authenticated), !entry.pointee.flags.contains(.noAuthentication) {
      return .notAuthenticated(entry)
    }
    if flags.contains(.subscriber), client.pointee.version == .resp2, !entry.pointee.isForSubscribers {
      return .subscribing(entry)
    }
    return nil
  }

  private enum Owner {
    case one(shard: Int, firstHash: UInt64)
    case several
  }

  /// The shard that owns all keys of a call, if one does. A call whose keys can't be made out goes to this shard, where
  /// the command itself says what is wrong.
  private func ownerOfKeys(_ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments) -> Owner {
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

  // MARK: Commands alone

  /// Executes a command that goes with no other, or answers why it does not.
  func runAlone(_ client: UnsafeMutablePointer<Client>, _ routing: Routing, _ arguments: Arguments) {
    let shard = pointee.shard
    let before = client.reply.pointee.count
    switch routing {
    case .prepared:
      preconditionFailure("a prepared command is not executed alone")
    case .refused(let refusal):
      refuse(client, refusal, arguments)
    case .alone(let entry):
      client.pointee.lastCommand = entry.pointee.index
      client.pointee.commandCount += 1
      shard.pointee.commandCount &+= 1
      if entry.pointee.flags.contains(.denyOutOfMemory), shard.pointee.refusesWrites {
        client.reply.pointee.error(ErrorText.outOfMemory)
        shard.recordRejection(of: entry.pointee.index, client.reply)
      } else if let command = entry.pointee.clientCommand {
        run(command, entry, client, arguments)
      } else if entry.pointee.localFirstCommand == nil || !runLocally(entry, client, arguments) {
        return startOperation(client, entry, arguments)
      }
      if entry.pointee.answersByPushes {
        client.pointee.flags.remove(.replySkipping)
        return
      }
    }
    silence(client, from: before)
  }

  private func refuse(_ client: UnsafeMutablePointer<Client>, _ refusal: Refusal, _ arguments: Arguments) {
    let table = pointee.server.table
    var counted: Int?
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
      client.reply.pointee.error(ErrorText.wrongArity(table.fullNames[entry.pointee.index]))
      counted = entry.pointee.index
    case .notAuthenticated(let entry):
      client.reply.pointee.error(ErrorText.notAuthenticated)
      counted = entry.pointee.index
    case .subscribing(let entry):
      client.reply.pointee.error(ErrorText.subscribing(table.fullNames[entry.pointee.index]))
      counted = entry.pointee.index
    }
    pointee.shard.recordRejection(of: counted, client.reply)
  }

  private func run(
    _ command: any ClientCommand.Type, _ entry: UnsafePointer<CommandEntry>,
    _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments
  ) {
    let errorsBefore = client.reply.pointee.errorCount
    let start = now()
    var call = ClientCall(coordinator: self, client: client, arguments: arguments)
    command.execute(&call)
    count(
      entry, arguments, client, start: start, reply: client.reply,
      failed: client.reply.pointee.errorCount != errorsBefore)
  }
  /// Executes a command here if no other loop has a part in it. Returns whether it was executed.
  private func runLocally(
    _ entry: UnsafePointer<CommandEntry>, _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments
  ) -> Bool {
    let errorsBefore = client.reply.pointee.errorCount
    let start = now()
    var call = ClientCall(coordinator: self, client: client, arguments: arguments)
    guard entry.pointee.localFirstCommand?.executeLocally(&call) == true else { return false }
    count(
      entry, arguments, client, start: start, reply: client.reply,
      failed: client.reply.pointee.errorCount != errorsBefore)
    return true
  }
}

import Bytes
import Engine
import RESP

// Clients that wait: CLIENT PAUSE, UNPAUSE, UNBLOCK.

enum ClientPauseCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "pause", arity: -3, flags: .clientAdministration, since: "2.9.50",
    summary: "Lets the commands of all clients wait for a time.",
    arguments: [
      .init("timeout", .integer),
      .init("mode", .oneOf, since: "6.2.0", optional: true, [.token("WRITE"), .token("ALL")]),
    ],
    history: [("6.2.0", "The mode, which may be `WRITE`.")])

  static func execute(_ call: inout ClientCall) {
    guard call.arguments.count <= 4 else { return call.reply.refuseExtraArguments(call.arguments) }
    var onlyWrites = false
    if call.arguments.count == 4 {
      if call.arguments.isWord("write", at: 3) {
        onlyWrites = true
      } else if !call.arguments.isWord("all", at: 3) {
        return call.reply.pointee.error("ERR CLIENT PAUSE mode must be WRITE or ALL")
      }
    }
    guard let milliseconds = call.arguments.integer(at: 2) else {
      return call.reply.pointee.error("ERR timeout is not an integer or out of range")
    }
    if milliseconds < 0 { return call.reply.pointee.error("ERR timeout is negative") }
    let now = call.shard.pointee.keyspace.now
    let (end, overflow) = now.addingReportingOverflow(milliseconds)
    if overflow { return call.reply.pointee.error("ERR timeout is out of range") }
    call.server.pause(until: end, onlyWrites: onlyWrites, now: now)
    call.reply.pointee.ok()
  }
}

extension ServerState {
  /// Begins a pause. One that is under way is never made shorter, or milder, by another.
  fileprivate func pause(until end: Int64, onlyWrites: Bool, now: Int64) {
    let current = pausedUntil.load(ordering: .relaxed)
    let pausesAll = current > now && !pausesOnlyWrites.load(ordering: .relaxed)
    // The mode first: whoever sees the time sees the mode that belongs to it.
    pausesOnlyWrites.store(onlyWrites && !pausesAll, ordering: .sequentiallyConsistent)
    pausedUntil.store(max(end, current), ordering: .sequentiallyConsistent)
  }
}

enum ClientUnpauseCommand: ClientCommand {
  static let declaration = CommandDeclaration.client(
    "unpause", arity: 2, flags: .clientAdministration, since: "6.2.0",
    summary: "Lets the clients that a pause holds up go on.", complexity: "O(N) with N clients held up")

  static func execute(_ call: inout ClientCall) {
    call.server.pausedUntil.store(0, ordering: .sequentiallyConsistent)
    call.shard.pointee.resumesPausedClients = true
    call.coordinator.notifyOthers { $0.pointee.resumesPausedClients = true }
    call.reply.pointee.ok()
  }
}

enum ClientUnblockCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.client(
    "unblock", arity: -3, flags: .clientAdministration, since: "5.0.0",
    summary: "Ends the waiting of another connection's blocking command.",
    complexity: "O(log N) with N connections",
    arguments: [
      .init("client-id", .integer),
      .init("timeout_error", .oneOf, optional: true, [.token("TIMEOUT"), .token("ERROR")]),
    ])

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    let reply = operation.reply
    guard arguments.count <= 4 else { return reply.refuseExtraArguments(arguments) }
    var withError = false
    if arguments.count == 4 {
      withError = arguments.isWord("error", at: 3)
      guard withError || arguments.isWord("timeout", at: 3) else {
        return reply.pointee.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
      }
    }
    guard let number = arguments.integer(at: 2) else { return reply.pointee.error(ErrorText.notAnInteger) }
    let identifier = UInt64(bitPattern: number)
    let hasWaited = await operation.onEveryShard { [withError] shard in
      shard.endWaiting(ofClient: identifier, withError: withError)
    }
    reply.pointee.integer(hasWaited.contains(true) ? 1 : 0)
  }
}

extension UnsafeMutablePointer<ReplyBuffer> {
  /// The error for a subcommand that was given more than it can take, which its arity doesn't tell.
  fileprivate func refuseExtraArguments(_ arguments: Arguments) {
    pointee.error(
      errorText(
        "ERR unknown subcommand or wrong number of arguments for '", quoting: arguments[1],
        "'. Try CLIENT HELP."))
  }
}

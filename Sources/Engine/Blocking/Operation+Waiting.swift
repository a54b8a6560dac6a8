import Bytes
import Keyspace
import RESP

/// Calls that wait.
extension Operation {
  /// Serves a call at once, or lets it wait until it can be. Returns false if nothing came in time, and then has written
  /// nothing.
  public func serveOrWait(_ request: some WaitingRequest) async -> Bool {
    let deadline = deadline(request.patience)
    let shards = request.keys.isEmpty ? [] : keyShards
    let waiter = request.patience == .none || isInTransaction ? nil : makeWaiter(request)
    if await begin(request, waiter, waiter == nil ? .only : .first, on: shards) { return true }
    guard let waiter else { return false }
    let outcome = await wait(waiter, until: deadline)
    forget(waiter, servedBy: outcome.server)
    switch outcome {
    case .served(let reply, _): write(reply)
    case .offered: break
    case .timedOut:
      // It may have been waiting for its turn only, behind one that has not taken what it was offered.
      return await begin(request, nil, .afterWaiting, on: shards)
    case .unblocked: reply.pointee.error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
    case .gone: client.pointee.flags.insert(.closeNow)
    }
    return true
  }

  private func makeWaiter(_ request: some WaitingRequest) -> Waiter {
    Waiter(
      number: server.nextWaiterNumber.wrappingAdd(1, ordering: .relaxed).oldValue,
      home: localShard.pointee.index, clientIdentifier: client.pointee.identifier, database: database,
      version: reply.pointee.version, request: request, arguments: keepArguments())
  }

  private func deadline(_ patience: Patience) -> UInt64? {
    guard case .milliseconds(let milliseconds) = patience else { return nil }
    let (nanoseconds, overflow) = UInt64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
    // Longer than the clock will run.
    if overflow { return nil }
    let (end, isBeyond) = MonotonicClock.nanoseconds.addingReportingOverflow(nanoseconds)
    return isBeyond ? nil : end
  }

  // MARK: Beginning

  /// Serves a call at once if that can be; otherwise lets it wait, if it may, and returns false.
  private func begin(
    _ request: some WaitingRequest, _ waiter: Waiter?, _ turn: WaitingTurn, on shards: [Int]
  ) async -> Bool {
    switch shards.count {
    case 0: false
    case 1: await begin(request, waiter, turn, on: shards[0])
    default: await begin(request, waiter, turn)
    }
  }

  /// The one shard that owns all keys serves the call, or lets it wait there.
  private func begin(_ request: some WaitingRequest, _ waiter: Waiter?, _ turn: WaitingTurn, on owner: Int)
    async -> Bool
  {
    let database = database
    if owner == localShard.pointee.index, mayUseOwnKeys {
      if request.attempt(on: localShard, in: database, turn, reply) {
        localShard.serveWaitersIfReady()
        return true
      }
      if let waiter { localShard.addWaiter(waiter) }
      return false
    }
    let version = reply.pointee.version
    let served = await inOneStep { shard -> CarriedReply? in
      var isServed = false
      let reply = CarriedReply(on: shard, version) {
        isServed = request.attempt(on: shard, in: database, turn, $0)
      }
      if isServed { return reply }
      if let waiter { shard.addWaiter(waiter) }
      return nil
    }
    guard let served = served[0] else { return false }
    write(served)
    return true
  }

  /// Two steps that are one to others: all shards say what there is, and one of them serves the call; or it waits on
  /// all.
  private func begin(_ request: some WaitingRequest, _ waiter: Waiter?, _ turn: WaitingTurn) async -> Bool {
    await lockKeys()
    defer { conclude() }
    if await request.attempt(self, turn) { return true }
    guard let waiter else { return false }
    _ = await onShards(shards(of: waiter)) { shard in
      shard.addWaiter(waiter)
      shard.reconsider(waiter)
    }
    return false
  }

  /// The shards on which a call waits, in ascending order.
  private func shards(of waiter: Waiter) -> [Int] { argumentsOfShard(waiter.request.keys).keys.sorted() }

  /// The keys of the call by the shards that own them.
  func argumentsOfShard(_ keys: Range<Int>) -> [Int: [Int]] {
    var argumentsOfShard: [Int: [Int]] = [:]
    for argument in keys { argumentsOfShard[shard(of: arguments[argument]), default: []].append(argument) }
    return argumentsOfShard
  }

  // MARK: Waiting

  /// Waits until the call has been served, or otherwise ended.
  private func wait(_ waiter: Waiter, until deadline: UInt64?) async -> WaitOutcome {
    let spent = coordinator.now() &- start
    defer { start = coordinator.now() &- spent }
    coordinator.block(client)
    defer { coordinator.unblock(client, waiter) }
    while true {
      localShard.pointee.blockedCalls.add(waiter, deadline: deadline)
      // Whoever left before this was entered has not been seen by those who look it up.
      let isLeaving = !client.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply, .peerClosed])
      if isLeaving, waiter.claim() { return .gone }
      let outcome = await waiter.wait()
      guard case .offered(let shard) = outcome else { return outcome }
      localShard.pointee.blockedCalls.remove(waiter)
      await lockKeys()
      let isServed = await waiter.request.attempt(self, .afterWaiting)
      conclude()
      if !isServed { waiter.giveBack() }
      _ = await onShard(shard) { $0.endOffer(to: waiter.number, keepsWaiting: !isServed) }
      if isServed { return outcome }
    }
  }

  /// Takes a call's places away from the shards on which it waited, except the one that served it, which has done so.
  private func forget(_ waiter: Waiter, servedBy server: Int?) {
    for shard in shards(of: waiter) where shard != server {
      let number = waiter.number
      if shard == localShard.pointee.index {
        localShard.removeWaiter(number)
      } else {
        notify(shard) { $0.removeWaiter(number) }
      }
    }
  }

  /// Has a shard write the reply. Returns false if `body` does, which then must have written nothing.
  public func write(
    on shard: Int,
    _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>, UnsafeMutablePointer<ReplyBuffer>) -> Bool
  ) async -> Bool {
    let version = reply.pointee.version
    let written = await onShard(shard) { shard -> CarriedReply? in
      var isWritten = false
      let reply = CarriedReply(on: shard, version) { isWritten = body(shard, $0) }
      return isWritten ? reply : nil
    }
    guard let written else { return false }
    write(written)
    return true
  }

  /// Appends what a shard has written to the reply.
  func write(_ carried: CarriedReply) { carried.write(to: reply, local: localShard) }
}

extension WaitOutcome {
  /// The shard that has served the call, and forgotten it.
  fileprivate var server: Int? {
    switch self {
    case .served(_, let shard), .offered(let shard): shard
    case .timedOut, .unblocked, .gone: nil
    }
  }
}

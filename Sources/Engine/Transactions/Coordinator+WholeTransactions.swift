import Bytes
import RESP

/// Transactions whose commands, from MULTI to EXEC, have all arrived: what clients' libraries send for a transaction is one
/// piece of input.
///
/// Nobody can see their queueing. So their commands join the group of their neighbours as they stand in the input, without being
/// copied; the replies to MULTI, to the queueing and to EXEC itself are written around theirs. A transaction that is one shard's
/// travels with all else that goes there, and needs no lock.
extension UnsafeMutablePointer<Coordinator> {
  /// What came of an attempt to read a transaction.
  enum TransactionReading {
    case read
    /// It is too large for what is left of the group.
    case nextGroup
    /// Its commands are to be queued one by one: it is not complete, not simple, or not right.
    case piecemeal
  }

  /// Adds the commands of a transaction to the prepared ones. Its MULTI has been read. Unless it can be read whole, nothing
  /// has changed.
  func readTransaction(
    _ client: UnsafeMutablePointer<Client>, _ input: inout ClientInput, limits: RequestLimits,
    remoteCount: inout Int
  ) -> TransactionReading {
    if client.pointee.watches != nil || client.pointee.flags.contains(.multi) { return .piecemeal }
    let mark = GroupMark(of: self, remoteCount: remoteCount)
    guard let end = prepareTransaction(input, limits: limits, since: mark, remoteCount: &remoteCount) else {
      let isTooLarge = !hasRoom
      mark.restore(self, &remoteCount)
      return isTooLarge && mark.preparedCount > 0 ? .nextGroup : .piecemeal
    }
    let first = pointee.prepared + mark.preparedCount
    first.pointee.transactionCount = Int16(pointee.preparedCallCount - mark.preparedCallCount)
    pointee.prepared[pointee.preparedCount - 1].endsTransaction = true
    if !isOneShards(from: mark.preparedCount) { pointee.needsLocks = true }
    input.offset = end
    // MULTI and EXEC themselves.
    client.pointee.commandCount += 2
    pointee.shard.pointee.commandCount &+= 2
    return .read
  }

  /// Whether a further command, even one for all shards, finds its place in the group.
  private var hasRoom: Bool {
    pointee.preparedCount + pointee.server.shardCount <= Coordinator.preparedMaximum
  }

  private func isOneShards(from first: Int) -> Bool {
    (first..<pointee.preparedCount).allSatisfy {
      pointee.prepared[$0].shard == pointee.prepared[first].shard && pointee.prepared[$0].partCount == 0
    }
  }

  /// Reads and adds commands up to EXEC. Returns where EXEC ends; nil if one of them can't be added.
  private func prepareTransaction(
    _ input: ClientInput, limits: RequestLimits, since mark: GroupMark, remoteCount: inout Int
  ) -> Int? {
    let shard = pointee.shard
    var offset = input.offset
    while hasRoom {
      // Inline commands are unescaped in place and can't be read twice.
      guard offset < input.count, input.base[offset] == UInt8(ascii: "*") else { return nil }
      let start = pointee.arguments.count
      var partial = PartialRequest()
      let outcome = RequestParser.parse(
        input.base, from: offset, to: input.count, partial: &partial, into: &pointee.arguments, limits: limits
      )
      guard case .command(let end) = outcome else { return nil }
      offset = end
      let arguments = Arguments(
        base: input.base, ranges: pointee.arguments.ranges + start, count: pointee.arguments.count - start)
      guard case .command(let entry) = shard.find(arguments) else { return nil }
      if entry.pointee.isNeverQueued {
        let isExec = entry.pointee.index == shard.pointee.transactionCommands.exec
        return isExec && pointee.preparedCount > mark.preparedCount ? end : nil
      }
      // Where memory is full nothing is queued, whatever it does.
      if entry.pointee.flags.contains(.noMulti) || shard.refusesWrites { return nil }
      let routing = place(
        entry, arguments, argumentStart: start, remoteCount: &remoteCount,
        mayBeBlocked: shard.pointee.locks.partCount > 0, isInTransaction: true)
      guard case .prepared = routing else { return nil }
    }
    return nil
  }
}

/// How far a group had got.
private struct GroupMark {
  let preparedCount: Int
  let preparedCallCount: Int
  let argumentCount: Int
  let keyOwnerCount: Int
  let lockWishCount: Int
  let needsLocks: Bool
  let remoteCount: Int

  init(of coordinator: UnsafeMutablePointer<Coordinator>, remoteCount: Int) {
    preparedCount = coordinator.pointee.preparedCount
    preparedCallCount = coordinator.pointee.preparedCallCount
    argumentCount = coordinator.pointee.arguments.count
    keyOwnerCount = coordinator.pointee.keyOwners.count
    lockWishCount = coordinator.pointee.lockWishes.count
    needsLocks = coordinator.pointee.needsLocks
    self.remoteCount = remoteCount
  }

  /// Takes back what was added since.
  func restore(_ coordinator: UnsafeMutablePointer<Coordinator>, _ remoteCount: inout Int) {
    coordinator.pointee.preparedCount = preparedCount
    coordinator.pointee.preparedCallCount = preparedCallCount
    coordinator.pointee.arguments.truncate(to: argumentCount)
    coordinator.pointee.keyOwners.removeSubrange(keyOwnerCount...)
    coordinator.pointee.lockWishes.removeSubrange(lockWishCount...)
    coordinator.pointee.needsLocks = needsLocks
    remoteCount = self.remoteCount
  }
}

extension ReplyBuffer {
  /// Writes what stands before the replies of a transaction's commands: the replies to MULTI and to the queueing of each
  /// command, and the head of EXEC's.
  mutating func openTransaction(commandCount: Int) {
    ok()
    for _ in 0..<commandCount { simple("QUEUED") }
    array(commandCount)
  }
}

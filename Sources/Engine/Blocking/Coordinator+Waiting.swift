import Bytes
import Glibc
import RESP

/// Blocked clients of this loop.
extension UnsafeMutablePointer<Coordinator> {
  // MARK: A client

  /// Marks a client as blocked. Its input must not keep a buffer from the kernel that others need.
  func block(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.flags.insert(.blocked)
    guard let input = client.pointee.input else { return }
    let heap = pointee.shard.pointee.heap
    client.pointee.input = nil
    client.pointee.bytesNeeded = 0
    client.pointee.queryBuffer.prepend(
      ByteView(start: input.base + input.offset, count: input.count - input.offset), heap: heap)
    if input.bufferIdentifier >= 0 {
      pointee.receiveBuffers?.pointee.recycle(input.bufferIdentifier)
    } else {
      heap.free(input.base, for: .clients)
    }
  }

  /// The end of that.
  func unblock(_ client: UnsafeMutablePointer<Client>, _ waiter: Waiter) {
    client.pointee.flags.remove(.blocked)
    pointee.shard.pointee.blockedCalls.remove(waiter)
  }

  /// Serves a call that might have to wait without the expense of an operation: if all its keys are this shard's, nobody has
  /// locked them, and there is something for it. Returns false, with nothing written, if it takes an operation.
  func serveAtOnce(
    _ client: UnsafeMutablePointer<Client>, _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments
  ) -> Bool {
    let shard = pointee.shard
    let caller = client.caller(loop: shard.pointee.index)
    // Who tracks what it reads is left to the operation.
    guard let command = entry.pointee.blockingCommand, caller.tracker == .none,
      case .one(shard.pointee.index, _) = ownerOfKeys(entry, arguments),
      shard.pointee.locks.partCount == 0 || !shard.isBlocked(entry, arguments)
    else { return false }
    let start = now()
    let errorsBefore = client.reply.pointee.errorCount
    shard.pointee.caller = caller
    shard.pointee.keyspace.leavesAges = client.pointee.flags.contains(.noTouch)
    shard.pointee.writingClient = client
    defer {
      shard.pointee.caller = Caller()
      shard.endWriting(client)
    }
    var call = KeyCall(
      shard: shard, arguments: arguments, reply: client.reply, database: client.pointee.database)
    guard command.serve(&call) else { return false }
    shard.reportNotes()
    shard.serveWaitersIfReady()
    count(
      entry, arguments, client, start: start, reply: client.reply,
      failed: client.reply.pointee.errorCount != errorsBefore)
    return true
  }

  // MARK: All clients

  /// Tells the loops of clients that this shard has served so.
  public func deliverServed() {
    if pointee.shard.pointee.servedWaiters.isEmpty { return }
    let served = pointee.shard.pointee.servedWaiters
    pointee.shard.pointee.servedWaiters = []
    let own = pointee.shard.pointee.index
    for home in 0..<pointee.server.shardCount {
      let theirs = served.filter { $0.waiter.home == home }
      if theirs.isEmpty { continue }
      if home == own {
        for (waiter, outcome) in theirs { waiter.end(outcome) }
      } else {
        notify(home) { _ in for (waiter, outcome) in theirs { waiter.end(outcome) } }
      }
    }
  }

  /// Ends the waiting of those whose time is over.
  public func expireBlockedCalls(at nanoseconds: @autoclosure () -> UInt64 = MonotonicClock.nanoseconds) {
    if pointee.shard.pointee.blockedCalls.nextDeadline == nil { return }
    pointee.shard.pointee.blockedCalls.expire(at: nanoseconds())
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Serves calls that wait for keys that were changed.
  @inline(__always)
  public func serveWaitersIfReady() {
    if pointee.hasReadyKeys, !pointee.isInTransaction { serveWaiters() }
  }

  /// When the first of this loop's blocked calls has waited long enough, in nanoseconds of the monotonic clock.
  public var nextDeadline: UInt64? { pointee.blockedCalls.nextDeadline }

  /// Has the blocked call of a client of this loop end as if its time were over, or with an error. Returns whether it
  /// waited.
  public func endWaiting(ofClient identifier: UInt64, withError: Bool) -> Bool {
    pointee.blockedCalls.end(identifier, withError ? .unblocked : .timedOut)
  }

  /// Has the blocked call of a client that is leaving end without an answer.
  public func abandonWaiting(ofClient identifier: UInt64) {
    _ = pointee.blockedCalls.end(identifier, .gone)
  }
}

/// The clock on the wall, which may be set.
public enum WallClock {
  /// Milliseconds since 1970.
  public static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// The clock that deadlines go by: it is never set.
public enum MonotonicClock {
  public static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

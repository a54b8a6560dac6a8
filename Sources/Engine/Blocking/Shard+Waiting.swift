import Bytes
import Keyspace
import RESP

/// Calls that wait for keys of this shard, and how they are served.
///
/// A change to a key that is waited for marks it ready. After the command, or the whole transaction, the calls are served at once,
/// before anybody else gets at the key: nobody can come between a push and the client that waits for it. What serving changes may
/// make other keys ready, so this goes on until none is; each call is served once, so it ends.
extension UnsafeMutablePointer<Shard> {
  /// Notes that a key was changed.
  func noteWaitedKey(_ key: Key, in database: Int) {
    guard let record = pointee.waiting.find(key, in: database) else { return }
    pointee.waiting.markReady(record)
    pointee.hasReadyKeys = true
  }

  /// Reports that something has happened to a key which is no change of it to others, but ends the waiting of some.
  public func concernsWaiters(_ key: Key, in database: Int) {
    if pointee.observers.contains(.waiters) { noteWaitedKey(key, in: database) }
  }

  /// Notes that the keys of two databases have changed places, or that those of one are gone.
  public func noteWaitedKeys(in databases: [Int]) {
    guard pointee.observers.contains(.waiters) else { return }
    var records: [UnsafeMutablePointer<WaitedKeyRecord>] = []
    for database in databases { pointee.waiting.forEachKey(in: database) { records.append($0) } }
    for record in records { pointee.waiting.markReady(record) }
    pointee.hasReadyKeys = !records.isEmpty || pointee.hasReadyKeys
  }

  // MARK: Coming and going

  /// Lets a call wait for those of its keys that are this shard's.
  func addWaiter(_ waiter: Waiter) {
    let request = waiter.request
    let shardCount = pointee.server.shardCount
    for argument in request.keys {
      let key = WaitedKey(argument, of: request.arguments, in: waiter.database, on: self)
      guard shardIndex(ofHash: key.key.hash, shardCount: shardCount) == pointee.index else { continue }
      pointee.waiting.add(
        waiter, at: key.key, argument: argument, position: request.position(at: key))
    }
    pointee.setObserver(.waiters, true)
  }

  /// Serves a call that has just come, if there is something for it already.
  func reconsider(_ waiter: Waiter) {
    var records: [UnsafeMutablePointer<WaitedKeyRecord>] = []
    pointee.waiting.forEachKey(of: waiter.number) { records.append($0) }
    for record in records { pointee.waiting.markReady(record) }
    serveWaiters()
  }

  /// Forgets a call.
  func removeWaiter(_ number: UInt64) {
    pointee.waiting.remove(number)
    if pointee.waiting.isEmpty { pointee.setObserver(.waiters, false) }
  }

  /// Whether a key is kept for a call that was offered it.
  func isReserved(_ key: Key, in database: Int) -> Bool {
    guard pointee.observers.contains(.waiters) else { return false }
    return pointee.waiting.find(key, in: database)?.pointee.reservedFor != nil
  }

  /// Ends the turn of a call that was offered a key: it has taken from it, or goes on waiting.
  func endOffer(to number: UInt64, keepsWaiting: Bool) {
    var records: [UnsafeMutablePointer<WaitedKeyRecord>] = []
    pointee.waiting.forEachKey(of: number) { record in
      if record.pointee.reservedFor == number { records.append(record) }
    }
    for record in records {
      record.pointee.reservedFor = nil
      pointee.waiting.markReady(record)
    }
    if !keepsWaiting { removeWaiter(number) }
    serveWaiters()
  }

  // MARK: Serving

  /// Serves the calls that wait for keys to which something has happened. Keys that a transaction has locked are left until
  /// it lets go of them.
  @inline(never)
  public func serveWaiters() {
    var locked: [UnsafeMutablePointer<WaitedKeyRecord>] = []
    while let record = pointee.waiting.takeReady() {
      guard mayServe(record.pointee.keyHash) else {
        locked.append(record)
        continue
      }
      for kind in WaitedKind.allCases { serve(record, kind) }
      pointee.waiting.finish(record)
    }
    for record in locked {
      pointee.waiting.markReady(record)
      pointee.waiting.finish(record)
    }
    pointee.hasReadyKeys = !locked.isEmpty
    if pointee.waiting.isEmpty { pointee.setObserver(.waiters, false) }
  }

  /// Whether a call would put something into a key that a transaction has locked. It then waits for its turn.
  private func targetIsLocked(_ waiter: Waiter) -> Bool {
    guard pointee.locks.partCount > 0, let target = waiter.request.targetKey else { return false }
    return !mayServe(pointee.keyspace.hasher.hash(waiter.request.arguments[target]))
  }

  /// Whether no transaction keeps waiters from being served from a key, or from having something put into it.
  private func mayServe(_ fingerprint: UInt64) -> Bool {
    pointee.locks.partCount == 0
      || !pointee.locks.blocks(fingerprint, writing: true, except: pointee.unlockingPart)
  }

  private func serve(_ record: UnsafeMutablePointer<WaitedKeyRecord>, _ kind: WaitedKind) {
    var next = record.pointee.queues[kind].first
    while let place = next, record.pointee.reservedFor == nil || kind != .list {
      next = place.pointee.next
      let waiter = place.pointee.waiter.takeUnretainedValue()
      let key = WaitedKey(
        place.pointee.argument, of: waiter.request.arguments, in: waiter.database, on: self,
        position: place.pointee.position)
      var finding = waiter.request.look(at: key)
      if case .ready = finding, targetIsLocked(waiter) { finding = .elsewhere }
      switch finding {
      case .nothing, .otherType:
        // What takes elements away has left none for those behind it. Readers look at places of their own.
        if kind != .stream { return }
      case .elsewhere:
        if waiter.claim() {
          record.pointee.reservedFor = waiter.number
          pointee.servedWaiters.append((waiter, .offered(by: pointee.index)))
        } else {
          pointee.waiting.remove(waiter.number)
        }
      case .failed(let text):
        end(waiter) { $0.pointee.error(text) }
      case .ready:
        end(waiter) { waiter.request.take(from: key, $0) }
      }
    }
  }

  /// Ends the waiting of a call with what `write` writes; if it has ended already, only its places go.
  private func end(_ waiter: Waiter, _ write: (UnsafeMutablePointer<ReplyBuffer>) -> Void) {
    if waiter.claim() {
      let reply = CarriedReply(on: self, waiter.version, write)
      pointee.servedWaiters.append((waiter, .served(reply, by: pointee.index)))
    }
    pointee.waiting.remove(waiter.number)
  }
}

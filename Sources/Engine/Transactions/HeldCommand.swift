import Bytes
import Heap
import Keyspace
import RESP

/// A command on one shard that found a key of its own locked by a transaction, and stands in the queues for its turn.
///
/// One block of the shard's heap: this, then the requests for the command's keys.
struct HeldCommand {
  var locks: LockPart

  /// Makes the lock part of a command, or of several that are one step. All their keys are this shard's.
  static func make(
    _ calls: [(entry: UnsafePointer<CommandEntry>, arguments: Arguments)],
    on shard: UnsafeMutablePointer<Shard>, owner: LockOwner
  ) -> UnsafeMutablePointer<HeldCommand> {
    var modes: [UInt64: LockMode] = [:]
    for (entry, arguments) in calls {
      entry.forEachKey(in: arguments, shard) { fingerprint in
        if entry.pointee.locksExclusively {
          modes[fingerprint] = .exclusive
        } else if modes[fingerprint] == nil {
          modes[fingerprint] = .shared
        }
      }
    }
    let start = MemoryLayout<HeldCommand>.stride
    let block = shard.pointee.heap.allocate(
      start + modes.count * MemoryLayout<LockRequest>.stride, for: .messages)
    let requests = (block + start).bindMemory(to: LockRequest.self, capacity: modes.count)
    let held = block.bindMemory(to: HeldCommand.self, capacity: 1)
    held.initialize(
      to: HeldCommand(
        locks: LockPart(
          requests: requests, requestCount: modes.count,
          writes: calls.contains { $0.entry.pointee.locksExclusively }, owner: owner)))
    for (index, wish) in modes.enumerated() {
      (requests + index).initialize(
        to: LockRequest(fingerprint: wish.key, mode: wish.value, part: held.locks))
    }
    return held
  }
}

extension UnsafeMutablePointer<HeldCommand> {
  /// The command's locks, in place.
  var locks: UnsafeMutablePointer<LockPart> {
    // The first member.
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: LockPart.self)
  }
}

extension UnsafePointer<CommandEntry> {
  /// Calls `body` with the hash of every key of a call.
  func forEachKey(
    in arguments: Arguments, _ shard: UnsafeMutablePointer<Shard>, _ body: (UInt64) -> Void
  ) {
    // Channels are no keys.
    if pointee.isPublishing { return }
    let hasher = shard.pointee.keyspace.hasher
    if pointee.hasSingleKey { return body(hasher.hash(arguments[pointee.firstKey])) }
    for specification in shard.pointee.server.table.declarations[pointee.index].keys {
      specification.forEachCandidate(in: arguments) { body(hasher.hash(arguments[$0])) }
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Whether a transaction keeps a command, all of whose keys are this shard's, from being executed now.
  @inline(never)
  func isBlocked(_ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments) -> Bool {
    var isBlocked = false
    entry.forEachKey(in: arguments, self) { fingerprint in
      if pointee.locks.blocks(fingerprint, writing: entry.pointee.locksExclusively) {
        isBlocked = true
      }
    }
    return isBlocked
  }

  /// Puts a held command into the queues. Its owner goes on when it is granted, in this turn or later.
  func queue(_ held: UnsafeMutablePointer<HeldCommand>) {
    held.locks.pointee.serial = pointee.server.takeTransactionSerial()
    if case .granted = pointee.locks.request(held.locks, holdsOthers: false) {
      pointee.locks.noteReady(held.locks)
    }
  }

  /// Takes a part out of the locks. Calls that wait for what its owner has brought are served before anybody else gets at
  /// the keys.
  func unlock(_ part: UnsafeMutablePointer<LockPart>) {
    if pointee.hasReadyKeys {
      pointee.unlockingPart = part
      serveWaiters()
      pointee.unlockingPart = nil
    }
    pointee.locks.release(part)
  }

  /// Ends a held command's turn.
  func letGo(_ held: UnsafeMutablePointer<HeldCommand>) {
    unlock(held.locks)
    pointee.heap.free(held, for: .messages)
  }
}

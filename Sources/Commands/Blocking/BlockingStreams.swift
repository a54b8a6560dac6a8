import Bytes
import Engine
import Keyspace
import RESP

/// Waiting for entries of streams.
///
/// A call of XREAD waits for entries behind the IDs that it names, or behind the last entry there was when it began; one of
/// XREADGROUP for entries that its group has not delivered. Entries are not used up by who reads them, so that all who wait get
/// them, but those of a group go to one consumer.
extension StreamReadRequest: WaitingRequest {
  var kind: WaitedKind { .stream }
  var keys: Range<Int> { firstKey..<firstKey + streamCount }
  var needsKey: Bool { isOfGroup }

  var patience: Patience {
    guard let blockMilliseconds else { return .none }
    return blockMilliseconds == 0 ? .endless : .milliseconds(blockMilliseconds)
  }

  func position(at key: WaitedKey) -> WaitPosition {
    // The calls whose IDs can't be read have been answered.
    guard !isOfGroup, let start = try? start(key.argument - firstKey) else { return WaitPosition() }
    switch start {
    case .after(let id): return WaitPosition(id)
    case .end, .lastEntry: return WaitPosition(key.stream?.lastID ?? .zero)
    case .undelivered, .pending: return WaitPosition()
    }
  }

  func look(at key: WaitedKey) -> WaitFinding {
    guard let stream = key.stream else {
      return isOfGroup ? .failed("UNBLOCKED the stream key no longer exists") : .nothing
    }
    var position = StreamID(key.position)
    if isOfGroup {
      guard let group = stream.group(named: group) else {
        return .failed("NOGROUP the consumer group this client was blocked on no longer exists")
      }
      position = group.lastID
    }
    guard position < stream.lastID, let first = position.successor else { return .nothing }
    return stream.count(from: first, through: .maximum, limit: 1) > 0 ? .ready : .nothing
  }

  func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    key.shard.readStream(self, at: key, after: StreamID(key.position), reply)
  }

  func attempt(
    on shard: UnsafeMutablePointer<Shard>, in database: Int, _ turn: WaitingTurn,
    _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> Bool {
    turn != .afterWaiting && shard.readStreams(self, in: database, reply)
  }

  func attempt(_ operation: Operation, _ turn: WaitingTurn) async -> Bool {
    turn == .afterWaiting ? false : await operation.readStreams(self)
  }
}

extension WaitedKey {
  /// The stream at the key, if there is one.
  fileprivate var stream: StreamValue? {
    guard let entry, entry.kind == .stream else { return nil }
    return shard.pointee.keyspace.stream(entry)
  }
}

extension WaitPosition {
  fileprivate init(_ id: StreamID) { self.init(high: id.milliseconds, low: id.sequence) }
}

extension StreamID {
  fileprivate init(_ position: WaitPosition) { self.init(position.high, position.low) }
}

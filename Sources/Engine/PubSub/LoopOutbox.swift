import Bytes
import Keyspace

/// What a shard has to tell a loop at the end of its turn: records one after the other, in order.
///
/// Each is a kind, two lengths, two numbers and two runs of bytes.
struct LoopOutbox {
  /// What a record means. The numbers and bytes that a kind has no use for are zero and empty.
  enum Kind: UInt8 {
    /// A message for the subscribers of a channel.
    case published
    /// A key that a client had read has changed: the client, who changed it, the key.
    case invalidated
    /// A key with a prefix of broadcasts has changed: nothing, who changed it, the key.
    case broadcast
    /// All keys have gone.
    case flushed
    /// News of changed keys for a client that gets another's: the client, the other as a `Tracker`, the news.
    case redirected
    /// A client's news reach nobody any more: the client.
    case redirectionBroken
    /// One client less wants broadcasts about a prefix: its loop, nothing, the prefix.
    case prefixLeft
  }

  private var bytes: [UInt8] = []

  private static let headerBytes = 25

  var isEmpty: Bool { bytes.isEmpty }

  mutating func add(_ kind: Kind, _ first: UInt64, _ second: UInt64, _ key: ByteView, _ message: ByteView) {
    bytes.append(kind.rawValue)
    for count in [key.count, message.count] {
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: count)) { bytes.append(contentsOf: $0) }
    }
    for number in [first, second] { withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) } }
    bytes.append(contentsOf: key.buffer)
    bytes.append(contentsOf: message.buffer)
  }

  mutating func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  /// A record, its bytes where they lie.
  struct Record {
    let kind: Kind
    let first: UInt64
    let second: UInt64
    let key: ByteView
    let message: ByteView
  }

  /// Calls `body` with each record, in the order in which they were added.
  static func forEach(in buffer: UnsafeRawBufferPointer, _ body: (Record) -> Void) {
    if let start = buffer.baseAddress {
      var offset = 0
      while offset < buffer.count {
        guard let kind = Kind(rawValue: buffer[offset]) else {
          preconditionFailure("a record of an unknown kind")
        }
        let keyCount = Int(buffer.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self))
        let messageCount = Int(buffer.loadUnaligned(fromByteOffset: offset + 5, as: UInt32.self))
        let key = start + offset + headerBytes
        body(
          Record(
            kind: kind, first: buffer.loadUnaligned(fromByteOffset: offset + 9, as: UInt64.self),
            second: buffer.loadUnaligned(fromByteOffset: offset + 17, as: UInt64.self),
            key: ByteView(key, count: keyCount), message: ByteView(key + keyCount, count: messageCount)))
        offset += headerBytes + keyCount + messageCount
      }
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Puts a record into the outbox for a loop, which may be this one.
  func post(
    _ kind: LoopOutbox.Kind, to loop: Int, _ first: UInt64 = 0, _ second: UInt64 = 0,
    key: ByteView = ByteView(""), message: ByteView = ByteView("")
  ) {
    pointee.outboxes[loop].add(kind, first, second, key, message)
    pointee.hasOutgoing = true
  }

  /// Does what the records say.
  func handle(records: [UInt8]) {
    records.withUnsafeBytes { handle(records: $0) }
  }

  private func handle(records: UnsafeRawBufferPointer) {
    var changes: [(key: ByteView, actor: UInt64)] = []
    LoopOutbox.forEach(in: records) { record in
      switch record.kind {
      case .published: _ = publish(record.message, to: record.key)
      case .invalidated: deliverInvalidation(of: record.key, to: record.first, actor: record.second)
      case .broadcast: changes.append((record.key, record.second))
      case .flushed: deliverFlush()
      case .redirected:
        deliverRedirected(record.key, to: record.first, owner: Tracker(word: record.second))
      case .redirectionBroken: deliverBrokenRedirection(to: record.first)
      case .prefixLeft: removeBroadcastPrefix(record.key, loop: Int(record.first))
      }
    }
    if !changes.isEmpty { deliverBroadcast(changes) }
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Ends a turn: other loops are told who was served, and shown what was posted.
  public func endTurn() {
    deliverServed()
    pointee.publish()
  }

  /// Sends what shards' work of this turn is to tell to loops, this one included. To be called when the turn's work is
  /// done and before its output leaves. Returns whether there was anything.
  @discardableResult
  public func deliverOutboxes() -> Bool {
    let shard = pointee.shard
    if !shard.pointee.hasOutgoing { return false }
    // What this loop does about its own news may lead to more.
    while shard.pointee.hasOutgoing {
      shard.pointee.hasOutgoing = false
      for loop in 0..<pointee.server.shardCount where !shard.pointee.outboxes[loop].isEmpty {
        let records = shard.pointee.outboxes[loop].take()
        if loop == shard.pointee.index {
          shard.handle(records: records)
        } else {
          notify(loop) { $0.handle(records: records) }
        }
      }
    }
    return true
  }
}

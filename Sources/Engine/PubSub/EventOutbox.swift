import Bytes
import Keyspace

/// Messages of this shard that wait for the end of the turn, to go to other loops' subscribers all together.
///
/// Each is two lengths and the bytes of channel and message, one after the other.
struct EventOutbox {
  private var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }

  mutating func add(_ message: ByteView, to channel: ByteView) {
    for part in [channel, message] {
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.count).littleEndian) {
        bytes.append(contentsOf: $0)
      }
    }
    bytes.append(contentsOf: channel.buffer)
    bytes.append(contentsOf: message.buffer)
  }

  mutating func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  /// Calls `body` with each message and its channel, in the order in which they were added.
  static func forEach(in bytes: [UInt8], _ body: (_ message: ByteView, _ channel: ByteView) -> Void) {
    bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return }
      var offset = 0
      while offset < buffer.count {
        let channelCount = Int(
          UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        let messageCount = Int(
          UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)))
        let channel = ByteView(start + offset + 8, count: channelCount)
        body(ByteView(start + offset + 8 + channelCount, count: messageCount), channel)
        offset += 8 + channelCount + messageCount
      }
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Publishes from within a command: to this loop's subscribers at once, to those of others at the end of the turn.
  func publishEverywhere(_ message: ByteView, to channel: ByteView) {
    _ = publish(message, to: channel)
    let own = pointee.index
    for other in 0..<pointee.server.shardCount
    where other != own && pointee.server.subscriptionCounts[other].load() > 0 {
      return pointee.eventOutbox.add(message, to: channel)
    }
  }

  /// Publishes that something happened to a key, on the channels that `classes` asks for.
  func publishEvent(_ event: StaticString, of key: ByteView, in database: Int, on classes: KeyEventClasses) {
    // Nobody listens anywhere, more often than not.
    guard pointee.server.subscriptionCounts.contains(where: { $0.load() > 0 }) else { return }
    if classes.contains(.keyspace) {
      var channel = Array("__keyspace@\(database)__:".utf8)
      channel.append(contentsOf: key.buffer)
      publishEverywhere(ByteView(event), toBytes: channel)
    }
    if classes.contains(.keyevent) {
      publishEverywhere(key, toBytes: Array("__keyevent@\(database)__:\(event)".utf8))
    }
  }

  private func publishEverywhere(_ message: ByteView, toBytes channel: [UInt8]) {
    channel.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      publishEverywhere(message, to: ByteView(start: start, count: buffer.count))
    }
  }
}

extension UnsafeMutablePointer<Coordinator> {
  /// Ends a turn: what was kept back until now is sent, and other loops are shown what was posted.
  public func endTurn() {
    if !pointee.shard.pointee.eventOutbox.isEmpty { sendEvents() }
    deliverServed()
    pointee.publish()
  }

  private func sendEvents() {
    let events = pointee.shard.pointee.eventOutbox.take()
    let server = pointee.server
    let own = pointee.shard.pointee.index
    for target in 0..<server.shardCount
    where target != own && server.subscriptionCounts[target].load() > 0 {
      notify(target) { shard in
        EventOutbox.forEach(in: events) { message, channel in _ = shard.publish(message, to: channel) }
      }
    }
  }
}

import Bytes
import Keyspace

/// Keyspace events as messages (`notify-keyspace-events`).
extension UnsafeMutablePointer<Shard> {
  /// Publishes from within a command: to this loop's subscribers at once, to those of others at the end of the turn.
  func publishEverywhere(_ message: ByteView, to channel: ByteView) {
    _ = publish(message, to: channel)
    for loop in 0..<pointee.server.shardCount
    where loop != pointee.index && pointee.server.subscriptionCounts[loop].load() > 0 {
      post(.published, to: loop, key: channel, message: message)
    }
  }

  /// Publishes that something happened to a key, on the channels that `classes` asks for.
  func publishEvent(_ event: StaticString, of key: ByteView, in database: Int, on classes: KeyEventClasses) {
    // Nobody listens anywhere, more often than not.
    guard pointee.server.subscriptionCounts.contains(where: { $0.load() > 0 }) else { return }
    if classes.contains(.keyspace) {
      let channel = Array("__keyspace@\(database)__:".utf8) + key.array
      channel.withView { publishEverywhere(ByteView(event), to: $0) }
    }
    if classes.contains(.keyevent) {
      Array("__keyevent@\(database)__:\(event)".utf8).withView { publishEverywhere(key, to: $0) }
    }
  }
}

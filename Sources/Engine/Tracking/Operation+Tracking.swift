import Bytes
import Keyspace

/// Reads over several shards, or that may wait, by clients that track keys.
extension Operation {
  /// Whether the keys that the command reads are to be remembered.
  var tracksReads: Bool { caller.tracker != .none && entry.pointee.flags.contains(.readOnly) }

  /// Has all shards that own keys of the call remember who reads them.
  ///
  /// That happens before they are read: if a key changes in between, the client gets the new value, and then is told that
  /// it changed, which does no harm.
  func rememberReads() async {
    let entry = SharedEntry(entry: entry)
    let tracker = caller.tracker
    let arguments = arguments
    let shardCount = server.shardCount
    _ = await onShards(keyShards) { shard in
      shard.rememberRead(entry.entry, arguments, tracker) { key in
        shardCount == 1
          || shardIndex(ofHash: shard.pointee.keyspace.hasher.hash(key), shardCount: shardCount)
            == shard.pointee.index
      }
    }
  }

  /// An entry of the command table.
  private struct SharedEntry: @unchecked Sendable {
    // Sendable is sound because entries are never written after the table was made.
    let entry: UnsafePointer<CommandEntry>
  }
}

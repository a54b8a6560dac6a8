import Heap
import RESP

/// The blocks that the clients of one loop hold, by the shard whose heap they are of: long replies lie in the heaps of the shards
/// that wrote them.
struct ClientMemory: Sendable {
  private(set) var bytesByShard: [Int]
  /// Clients whose commands are under way: replies to them may be anywhere.
  private(set) var busyCount = 0

  /// - Parameter asking: the client that asks, whose command is of course under way.
  init(of shard: UnsafeMutablePointer<Shard>, asking: UInt64) {
    let own = shard.pointee.index
    bytesByShard = Array(repeating: 0, count: shard.pointee.server.shardCount)
    shard.forEachClient { client in
      bytesByShard[own] += client.stateBytes
      add(client.pointee.reply.head, own)
      add(client.pointee.sending.head, own)
      let flags = client.pointee.flags
      if flags.contains(.waiting), !flags.contains(.blocked), client.pointee.identifier != asking {
        busyCount += 1
      }
    }
  }

  private mutating func add(_ first: UnsafeMutablePointer<ReplyChunk>?, _ own: Int) {
    var next = first
    while let chunk = next {
      let owner = chunk.pointee.owner
      bytesByShard[owner == ReplyChunk.ownHeap ? own : owner] += ShardHeap.usableSize(chunk)
      next = chunk.pointee.next
    }
  }
}

extension UnsafeMutablePointer<Client> {
  /// Memory of the connection but its replies, as the allocator counts it: its state, input, arguments, subscriptions, and what is
  /// queued since MULTI.
  var stateBytes: Int {
    var bytes = ShardHeap.usableSize(self) + pointee.queryBuffer.allocatedBytes + subscriptionBytes
    if let input = pointee.input, input.bufferIdentifier < 0 { bytes += ShardHeap.usableSize(input.base) }
    if let store = pointee.partialArguments {
      bytes += ShardHeap.usableSize(store) + ShardHeap.usableSize(store.pointee.ranges)
    }
    if let vector = pointee.sendVector { bytes += ShardHeap.usableSize(vector) }
    return bytes + (pointee.queued?.allocatedBytes ?? 0)
  }
}

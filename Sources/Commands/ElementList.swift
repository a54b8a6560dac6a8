import Bytes
import Engine
import Keyspace
import RESP

/// Elements of an array reply that is being made, while nobody knows how many there will be.
///
/// They are written in the protocol's form, once; when all are there, the array's head goes to the reply and the
/// chunks of the elements are hung on behind it.
struct ElementList: @unchecked Sendable {
  // Sendable is sound because a list has one user at a time: the shard that fills it, then the loop that awaits that
  // shard and takes its chunks.

  private(set) var count = 0
  private var buffer: ReplyBuffer

  /// A list that becomes part of `reply`, on the same thread.
  init(for reply: UnsafeMutablePointer<ReplyBuffer>) { buffer = reply.pointee.emptySibling() }

  /// A list that a shard fills for another.
  init(on shard: UnsafeMutablePointer<Shard>, version: ProtocolVersion = .resp2) {
    buffer = ReplyBuffer(heap: shard.pointee.heap)
    buffer.version = version
  }

  mutating func append(_ bytes: ByteView) {
    buffer.bulk(bytes)
    count += 1
  }

  mutating func append(_ item: Item) {
    buffer.bulk(item)
    count += 1
  }

  /// Appends an element that `write` writes, if it returns true; otherwise it must write nothing.
  mutating func append(_ write: (UnsafeMutablePointer<ReplyBuffer>) -> Bool) {
    if withUnsafeMutablePointer(to: &buffer, write) { count += 1 }
  }

  /// Makes the elements readable for another thread.
  mutating func seal() { buffer.seal() }

  /// Hangs the elements on the reply that the list was made for.
  mutating func move(to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.append(movingFrom: &buffer)
  }

  /// Hangs the elements that another shard has collected, in chunks of its heap, on a reply.
  fileprivate func handOver(
    to reply: UnsafeMutablePointer<ReplyBuffer>, from shard: Int, local: UnsafeMutablePointer<Shard>
  ) {
    let isLocal = shard == local.pointee.index
    var chunk = buffer.head
    while let current = chunk {
      chunk = current.pointee.next
      reply.pointee.append(chunk: current, owner: isLocal ? ReplyChunk.ownHeap : shard)
    }
  }
}

extension Operation {
  /// Appends the elements that a shard has collected to the reply. They are not copied: their chunks go back to that
  /// shard when they have been sent.
  func appendElements(_ list: ElementList, of shard: Int) {
    list.handOver(to: reply, from: shard, local: localShard)
  }
}

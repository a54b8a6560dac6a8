import Bytes
import Engine
import RESP

/// Elements of an array reply that is being made, while nobody knows how many there will be.
///
/// They are written in the protocol's form, once; when all are there, the array's head goes to the reply and the
/// chunks of the elements are hung on behind it.
struct ElementList: @unchecked Sendable {
  // Sendable is sound because a list has one user at a time: the shard that fills it, then the loop that awaits that
  // shard and only reads it, then the shard again to free it.

  private(set) var count = 0
  private var buffer: ReplyBuffer

  /// A list that becomes part of `reply`, on the same thread.
  init(for reply: UnsafeMutablePointer<ReplyBuffer>) { buffer = reply.pointee.emptySibling() }

  /// A list that a shard fills for another.
  init(on shard: UnsafeMutablePointer<Shard>) {
    buffer = ReplyBuffer(heap: shard.pointee.heap, purpose: .messages)
  }

  mutating func append(_ bytes: ByteView) {
    buffer.bulk(bytes)
    count += 1
  }

  /// Makes the elements readable for another thread.
  mutating func seal() { buffer.seal() }

  /// Hangs the elements on the reply that the list was made for.
  mutating func move(to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.append(movingFrom: &buffer)
  }

  fileprivate func copy(to reply: UnsafeMutablePointer<ReplyBuffer>) {
    var chunk = buffer.head
    while let current = chunk {
      let start = current.pointee.start
      reply.pointee.append(ByteView(start: current.bytes + start, count: current.pointee.end - start))
      chunk = current.pointee.next
    }
  }

  fileprivate func release() {
    var buffer = buffer
    buffer.release()
  }
}

extension Operation {
  /// Appends the elements that a shard has collected to the reply, and has that shard free them.
  func appendElements(_ list: ElementList, of shard: Int) {
    list.copy(to: reply)
    if shard == localShard.pointee.index { return list.release() }
    notify(shard) { _ in list.release() }
  }
}

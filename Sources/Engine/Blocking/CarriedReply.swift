import RESP

/// A reply that one shard has written for a client of any other.
struct CarriedReply: @unchecked Sendable {
  // Sendable is sound because a reply has one user at a time: the shard that writes it, then the loop that it is carried to.

  private enum Content {
    /// A short one, as it stands.
    case bytes([UInt8])
    /// An error: its text, without dash and line end.
    case error([UInt8])
    /// A long one, in chunks of the shard's heap.
    case chunks(UnsafeMutablePointer<ReplyChunk>?)
  }

  private let content: Content
  private let shard: Int

  /// Replies of up to so many bytes are copied.
  private static let copiedBytes = 1_024

  init(
    on shard: UnsafeMutablePointer<Shard>, _ version: ProtocolVersion,
    _ write: (UnsafeMutablePointer<ReplyBuffer>) -> Void
  ) {
    self.shard = shard.pointee.index
    var buffer = ReplyBuffer(heap: shard.pointee.heap)
    buffer.version = version
    withUnsafeMutablePointer(to: &buffer, write)
    buffer.seal()
    if buffer.errorCount == 0, buffer.count > Self.copiedBytes {
      content = .chunks(buffer.head)
      return
    }
    let bytes = buffer.bytes()
    content = buffer.errorCount > 0 ? .error(Array(bytes.dropFirst().dropLast(2))) : .bytes(bytes)
    buffer.release()
  }

  /// Appends the reply to one of the loop of `local`. Chunks are not copied; those of another shard go back to it when they
  /// have been sent.
  func write(to reply: UnsafeMutablePointer<ReplyBuffer>, local: UnsafeMutablePointer<Shard>) {
    switch content {
    case .bytes(let bytes): reply.pointee.append(bytes)
    case .error(let text): reply.pointee.error(String(decoding: text, as: UTF8.self))
    case .chunks(let first):
      var chunk = first
      while let current = chunk {
        chunk = current.pointee.next
        reply.pointee.append(
          chunk: current, owner: shard == local.pointee.index ? ReplyChunk.ownHeap : shard)
      }
    }
  }
}

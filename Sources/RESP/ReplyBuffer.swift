import Bytes
import Heap

/// The protocol version that a client speaks.
public enum ProtocolVersion: UInt8, Sendable {
  case resp2 = 2
  case resp3 = 3
}

/// A block of reply bytes: this header, then `capacity` bytes.
public struct ReplyChunk {
  /// The chunk after this one.
  public var next: UnsafeMutablePointer<ReplyChunk>?
  /// Bytes that the chunk can hold.
  public var capacity: Int
  /// The first byte not yet taken out.
  public var start: Int
  /// The first byte not yet written.
  public var end: Int
  /// The shard whose heap the chunk is of; `ownHeap` for the heap of the buffer that it is in.
  public var owner = ownHeap

  public static let ownHeap = -1

  public static let headerBytes = MemoryLayout<ReplyChunk>.stride
}

extension UnsafeMutablePointer<ReplyChunk> {
  /// The chunk's bytes, which follow its header.
  public var bytes: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(self).advanced(by: ReplyChunk.headerBytes).assumingMemoryBound(to: UInt8.self)
  }
}

/// Replies of one client in the order in which they will leave: a chain of chunks of the shard's heap.
///
/// The buffer is a plain value behind a pointer: nothing in it is reference counted, and writing a short
/// reply is a bounds check and a copy. Bytes are appended at the end and taken out in front. Whoever owns
/// it must `release()` it.
public struct ReplyBuffer {
  /// Bytes of an ordinary chunk, its header included: a size class of mimalloc.
  public static let smallChunkBytes = 4_096
  /// The same for a client whose replies come in thousands of bytes.
  public static let largeChunkBytes = 16_384

  /// The chunk that the next unsent byte is in.
  public private(set) var head: UnsafeMutablePointer<ReplyChunk>?
  private var tail: UnsafeMutablePointer<ReplyChunk>?
  private var cursor: UnsafeMutablePointer<UInt8>?
  private var limit: UnsafeMutablePointer<UInt8>?
  /// Bytes in all chunks but the last.
  private var bytesBeforeTail = 0
  private let heap: ShardHeap
  private let purpose: Purpose
  private var chunkBytes = ReplyBuffer.smallChunkBytes
  /// How replies are to be written.
  public var version = ProtocolVersion.resp2
  /// Bytes that the buffer may hold; 0 for no limit. What would pass it is thrown away with all that is there.
  public var byteLimit = 0
  /// Whether the limit was passed: replies are missing, and the client can only be cut off.
  public private(set) var isOverLimit = false
  /// Error replies written since the buffer was made; statistics look at its changes.
  public private(set) var errorCount: UInt32 = 0
  /// The text of the last error written, without its leading dash; to be looked at before anything else is
  /// written or taken out.
  public private(set) var lastError: (start: UnsafePointer<UInt8>, count: Int)?
  /// Chunks of other shards' heaps that are done with and wait to go home.
  private var returned: UnsafeMutablePointer<ReplyChunk>?

  public init(heap: ShardHeap, purpose: Purpose = .clients) {
    self.heap = heap
    self.purpose = purpose
  }

  /// Frees every chunk. The buffer is empty afterwards and may be used again. Chunks of other shards are to be fetched
  /// with `takeReturned`.
  public mutating func release() {
    while let chunk = head {
      head = chunk.pointee.next
      dispose(chunk)
    }
    clear()
  }

  /// Chunks of other shards' heaps that were in the buffer and are not needed any more, as a chain. Only their owners may
  /// free them.
  @inline(__always)
  public mutating func takeReturned() -> UnsafeMutablePointer<ReplyChunk>? {
    let chain = returned
    if chain != nil { returned = nil }
    return chain
  }

  public var isEmpty: Bool { count == 0 }

  /// Bytes written and not taken out.
  public var count: Int {
    guard let tail, let cursor else { return 0 }
    return bytesBeforeTail + (cursor - tail.bytes) - tail.pointee.start
  }

  /// Bytes of memory that the chunks hold, as the allocator counts them.
  public var allocatedBytes: Int {
    var sum = 0
    var chunk = head
    while let current = chunk {
      sum += ShardHeap.usableSize(current)
      chunk = current.pointee.next
    }
    return sum
  }

  // MARK: Appending

  /// Room for `byteCount` bytes in one piece, at the end. The caller writes them and calls `advance`.
  @inline(__always)
  public mutating func reserve(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    if let cursor, let limit, limit - cursor >= byteCount { return cursor }
    return addChunk(holding: byteCount)
  }

  /// Makes `byteCount` bytes written behind `reserve` part of the buffer.
  @inline(__always)
  public mutating func advance(_ byteCount: Int) {
    cursor = cursor.unsafelyUnwrapped + byteCount
  }

  public mutating func append(_ bytes: ByteView) {
    let target = reserve(bytes.count)
    copyBytes(from: bytes.start, to: target, bytes.count)
    advance(bytes.count)
  }

  public mutating func append(_ text: StaticString) {
    append(ByteView(text))
  }

  /// An empty buffer of the same heap, purpose and version, whose content can be moved to this one.
  public func emptySibling() -> ReplyBuffer {
    var sibling = ReplyBuffer(heap: heap, purpose: purpose)
    sibling.version = version
    return sibling
  }

  /// Appends all of `other`, which is left empty. Short contents are copied, long ones change hands.
  public mutating func append(movingFrom other: inout ReplyBuffer) {
    errorCount &+= other.errorCount
    other.errorCount = 0
    adoptReturned(of: &other)
    let added = other.count
    if added == 0 { return }
    if head == nil {
      head = other.head
      tail = other.tail
      cursor = other.cursor
      limit = other.limit
      bytesBeforeTail = other.bytesBeforeTail
      other.clear()
      return
    }
    if other.head == other.tail, added <= 1_024, let chunk = other.head {
      append(ByteView(start: chunk.bytes + chunk.pointee.start, count: added))
      other.release()
      adoptReturned(of: &other)
      return
    }
    seal()
    other.seal()
    if let tail {
      bytesBeforeTail += tail.pointee.end - tail.pointee.start
      tail.pointee.next = other.head
    } else {
      head = other.head
    }
    bytesBeforeTail += other.bytesBeforeTail
    tail = other.tail
    cursor = other.cursor
    limit = other.limit
    other.clear()
  }

  /// Appends a whole chunk, which changes hands: no byte of it is copied.
  ///
  /// - Parameter owner: the shard whose heap the chunk is of, or `ReplyChunk.ownHeap` if it is of this buffer's heap and
  ///   counted for the buffer's purpose.
  public mutating func append(chunk: UnsafeMutablePointer<ReplyChunk>, owner: Int) {
    chunk.pointee.next = nil
    chunk.pointee.owner = owner
    seal()
    let added = chunk.pointee.end - chunk.pointee.start
    if byteLimit > 0, isOverLimit || count + added > byteLimit {
      passLimit()
      return dispose(chunk)
    }
    if let tail {
      bytesBeforeTail += tail.pointee.end - tail.pointee.start
      tail.pointee.next = chunk
    } else {
      head = chunk
    }
    tail = chunk
    setCursor(in: chunk)
  }

  /// Throws away all that is there, as if the limit had been passed.
  public mutating func passLimit() {
    isOverLimit = true
    release()
  }

  /// Drops what was written after the buffer held `kept` bytes. Only the most recent replies may be dropped.
  public mutating func truncate(to kept: Int) {
    // When the limit was passed meanwhile, what was to be kept is gone as well.
    precondition(kept <= count || isOverLimit, "a reply buffer can't be cut to more than it holds")
    if kept >= count { return }
    seal()
    var remaining = kept
    var chunk = head
    bytesBeforeTail = 0
    while let current = chunk {
      let held = current.pointee.end - current.pointee.start
      if remaining <= held {
        current.pointee.end = current.pointee.start + remaining
        free(after: current)
        tail = current
        setCursor(in: current)
        return
      }
      remaining -= held
      bytesBeforeTail += held
      chunk = current.pointee.next
    }
  }

  // MARK: Taking out

  /// Writes down where the last chunk ends, so that the chain can be read by following `head`.
  public mutating func seal() {
    guard let tail, let cursor else { return }
    tail.pointee.end = cursor - tail.bytes
  }

  /// Takes the first `byteCount` bytes out, freeing the chunks that become empty.
  public mutating func removeFirst(_ byteCount: Int) {
    seal()
    var remaining = byteCount
    while let chunk = head {
      let held = chunk.pointee.end - chunk.pointee.start
      if remaining < held || (chunk == tail && remaining == held && held == 0) {
        chunk.pointee.start += remaining
        if chunk != tail { bytesBeforeTail -= remaining }
        return
      }
      remaining -= held
      if chunk == tail {
        precondition(remaining == 0, "more bytes taken out than were there")
        dispose(chunk)
        clear()
        return
      }
      bytesBeforeTail -= held
      head = chunk.pointee.next
      dispose(chunk)
      if remaining == 0 { return }
    }
    precondition(remaining == 0, "more bytes taken out than were there")
  }

  /// Makes the next chunks suit a client that was just sent `byteCount` bytes at once.
  public mutating func adapt(toTurnOf byteCount: Int) {
    chunkBytes =
      byteCount > Self.smallChunkBytes - ReplyChunk.headerBytes
      ? Self.largeChunkBytes : Self.smallChunkBytes
  }

  /// A copy of all bytes. For slow paths and tests.
  public mutating func bytes() -> [UInt8] {
    seal()
    var copy: [UInt8] = []
    copy.reserveCapacity(count)
    var chunk = head
    while let current = chunk {
      copy.append(
        contentsOf: UnsafeBufferPointer(
          start: current.bytes + current.pointee.start, count: current.pointee.end - current.pointee.start))
      chunk = current.pointee.next
    }
    return copy
  }

  /// Counts an error reply and remembers where its text stands. The writers of errors call it.
  mutating func countError(_ text: UnsafeMutablePointer<UInt8>, count: Int) {
    errorCount &+= 1
    lastError = (UnsafePointer(text), count)
  }

  // MARK: Chunks

  private mutating func dispose(_ chunk: UnsafeMutablePointer<ReplyChunk>) {
    if chunk.pointee.owner == ReplyChunk.ownHeap {
      heap.free(chunk, for: purpose)
    } else {
      chunk.pointee.next = returned
      returned = chunk
    }
  }

  private mutating func adoptReturned(of other: inout ReplyBuffer) {
    var chunk = other.takeReturned()
    while let current = chunk {
      chunk = current.pointee.next
      current.pointee.next = returned
      returned = current
    }
  }

  /// Goes on writing in a chunk, behind what is there; in one of another shard nothing more is written.
  private mutating func setCursor(in chunk: UnsafeMutablePointer<ReplyChunk>) {
    cursor = chunk.bytes + chunk.pointee.end
    limit = chunk.pointee.owner == ReplyChunk.ownHeap ? chunk.bytes + chunk.pointee.capacity : cursor
  }

  private mutating func clear() {
    head = nil
    tail = nil
    cursor = nil
    limit = nil
    bytesBeforeTail = 0
  }

  private mutating func free(after chunk: UnsafeMutablePointer<ReplyChunk>) {
    var next = chunk.pointee.next
    chunk.pointee.next = nil
    while let current = next {
      next = current.pointee.next
      dispose(current)
    }
  }

  @inline(never)
  private mutating func addChunk(holding byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    seal()
    if byteLimit > 0, isOverLimit || count + byteCount > byteLimit { passLimit() }
    // A client that needs more than one chunk soon needs many: the second is a large one.
    let ordinary = tail == nil ? chunkBytes : Self.largeChunkBytes
    let bytes = max(ordinary, byteCount + ReplyChunk.headerBytes)
    let block = heap.allocate(bytes, for: purpose)
    let chunk = block.bindMemory(to: ReplyChunk.self, capacity: 1)
    let capacity = bytes - ReplyChunk.headerBytes
    chunk.initialize(to: ReplyChunk(next: nil, capacity: capacity, start: 0, end: 0))
    if let tail {
      bytesBeforeTail += tail.pointee.end - tail.pointee.start
      tail.pointee.next = chunk
    } else {
      head = chunk
    }
    tail = chunk
    cursor = chunk.bytes
    limit = chunk.bytes + capacity
    return chunk.bytes
  }
}

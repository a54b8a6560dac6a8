import Bytes
import Heap

/// Bytes received and not yet read as commands: one growing block.
///
/// A plain value behind a pointer; its owner must `release()` it.
public struct InputBuffer {
  public private(set) var memory: UnsafeMutablePointer<UInt8>?
  public private(set) var count = 0
  public private(set) var capacity = 0
  private static let smallestCapacity = 1_024

  public init() {}

  public var isEmpty: Bool { count == 0 }

  /// Bytes of memory held, as the allocator counts them.
  public var allocatedBytes: Int { memory.map { ShardHeap.usableSize($0) } ?? 0 }

  /// Appends bytes, at least doubling the block when it must grow.
  public mutating func append(_ bytes: ByteView, heap: ShardHeap) {
    reserve(count + bytes.count, heap: heap)
    if let memory { (memory + count).update(from: bytes.start, count: bytes.count) }
    count += bytes.count
  }

  /// Puts bytes in front of what is there.
  public mutating func prepend(_ bytes: ByteView, heap: ShardHeap) {
    if bytes.isEmpty { return }
    reserve(count + bytes.count, heap: heap)
    if let memory {
      (memory + bytes.count).update(from: memory, count: count)
      memory.update(from: bytes.start, count: bytes.count)
    }
    count += bytes.count
  }

  /// Makes `block`, which the buffer takes over, the content, which must be empty.
  public mutating func adopt(_ block: UnsafeMutablePointer<UInt8>, count: Int) {
    precondition(memory == nil, "an input buffer that holds a block can't take over another")
    memory = block
    self.count = count
    capacity = ShardHeap.usableSize(block)
  }

  /// Gives the block away; the buffer is empty afterwards.
  public mutating func detach() -> (block: UnsafeMutablePointer<UInt8>, count: Int)? {
    guard let memory else { return nil }
    let detached = (memory, count)
    self = InputBuffer()
    return detached
  }

  /// Frees the block. The buffer is empty afterwards and may be used again.
  public mutating func release(heap: ShardHeap) {
    if let memory { heap.free(memory, for: .clients) }
    self = InputBuffer()
  }

  private mutating func reserve(_ needed: Int, heap: ShardHeap) {
    if needed <= capacity { return }
    let wanted = max(needed, capacity * 2, Self.smallestCapacity)
    let block =
      memory.map { heap.reallocate($0, to: wanted, for: .clients) }
      ?? heap.allocate(wanted, for: .clients)
    memory = block.assumingMemoryBound(to: UInt8.self)
    capacity = ShardHeap.usableSize(block)
  }
}

import Heap

/// A block of a large list, as the list's ring knows it: where its cells lie. 16 bytes.
///
/// The cells may begin behind the block's first byte and end in front of its last: a block that grows in front keeps
/// its free bytes there, so that a push moves nothing.
struct ListBlock {
  /// The block's address and, in the upper 16 bits, the number of cells.
  private var word: UInt64
  /// Where the cells begin and end.
  var start: UInt32
  var end: UInt32

  private static let addressMask: UInt64 = 0x0000_ffff_ffff_ffff

  init(_ block: UnsafeMutableRawPointer, start: Int, end: Int, count: Int) {
    word = UInt64(UInt(bitPattern: block)) | UInt64(count) << 48
    self.start = UInt32(start)
    self.end = UInt32(end)
  }

  @inline(__always)
  var memory: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: UInt(word & Self.addressMask)).unsafelyUnwrapped
  }

  /// Notes where the block is now.
  mutating func move(to memory: UnsafeMutableRawPointer) {
    word = word & ~Self.addressMask | UInt64(UInt(bitPattern: memory))
  }

  @inline(__always)
  var bytes: UnsafeMutablePointer<UInt8> { memory.assumingMemoryBound(to: UInt8.self) }

  /// Cells in the block.
  @inline(__always)
  var count: Int {
    get { Int(word >> 48) }
    set { word = word & Self.addressMask | UInt64(truncatingIfNeeded: newValue) << 48 }
  }

  /// Bytes of its cells.
  @inline(__always)
  var usedBytes: Int { Int(end &- start) }

  /// Bytes that the block has room for, as the allocator sizes it.
  @inline(__always)
  var capacity: Int { ShardHeap.usableSize(memory) }

  /// Its cells.
  @inline(__always)
  var run: PackedRun { PackedRun(start: bytes + Int(start), byteCount: usedBytes, count: count) }
}

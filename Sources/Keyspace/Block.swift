import Bytes
import Heap

/// The one allocation of a key: expiry time, lengths where the handle has no room for them, key and value.
///
///     short:  [expiry 8]? [key] [value] [unused … count of unused 1]?
///     long:   [expiry 8]? [key length 4] [value length 4] [key] [value] [unused …]
///
/// Short blocks are those whose key has at most 62 bytes and which fit 448 bytes. Numbers are in the machine's order.
enum Block {
  static let expiryBytes = 8
  static let longHeaderBytes = 8
  /// The largest short block: the last size class whose count of 16-byte units fits five bits with room.
  static let shortBlockBytes = 448
  static let shortKeyBytes = 62

  /// The size class of mimalloc that `byteCount` bytes fall in: steps of 16 up to 128, then four steps to each power
  /// of two.
  @inline(__always)
  static func sizeClass(_ byteCount: Int) -> Int {
    if byteCount <= 128 { return max(16, (byteCount + 15) & ~15) }
    if byteCount <= 256 { return (byteCount + 31) & ~31 }
    if byteCount <= 512 { return (byteCount + 63) & ~63 }
    return largeSizeClass(byteCount)
  }

  private static func largeSizeClass(_ byteCount: Int) -> Int {
    let step = 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount - 3)
    return (byteCount + step - 1) & ~(step - 1)
  }

  /// Whether a key and a value of these sizes make a short block.
  @inline(__always)
  static func isShort(keyCount: Int, valueCount: Int, hasExpiry: Bool) -> Bool {
    keyCount <= shortKeyBytes
      && keyCount + valueCount + (hasExpiry ? expiryBytes : 0) <= shortBlockBytes
  }
}

extension Handle {
  /// Bytes in front of the key.
  @inline(__always)
  private var keyOffset: Int { (hasExpiry ? Block.expiryBytes : 0) + (isLong ? Block.longHeaderBytes : 0) }

  @inline(__always)
  private var longHeader: UnsafeMutablePointer<UInt32> {
    block.advanced(by: hasExpiry ? Block.expiryBytes : 0).assumingMemoryBound(to: UInt32.self)
  }

  /// The key's bytes.
  @inline(__always)
  var key: ByteView {
    ByteView(block + keyOffset, count: isLong ? Int(longHeader[0]) : keyField)
  }

  @inline(__always)
  func hasKey(_ wanted: ByteView) -> Bool {
    let count = isLong ? Int(longHeader[0]) : keyField
    return count == wanted.count
      && equalBytes((block + keyOffset).assumingMemoryBound(to: UInt8.self), wanted.start, count)
  }

  /// The bytes of the value as the block holds them.
  @inline(__always)
  var value: UnsafeMutableBufferPointer<UInt8> {
    let keyStart = (block + keyOffset).assumingMemoryBound(to: UInt8.self)
    if isLong {
      return UnsafeMutableBufferPointer(start: keyStart + Int(longHeader[0]), count: Int(longHeader[1]))
    }
    let bytes = blockBytes
    let slack = hasSlack ? Int(block.load(fromByteOffset: bytes - 1, as: UInt8.self)) : 0
    let used = keyOffset + keyField
    return UnsafeMutableBufferPointer(start: keyStart + keyField, count: bytes - slack - used)
  }

  /// When the key expires, in milliseconds since 1970; nil if it does not.
  @inline(__always)
  var expiry: Int64? { hasExpiry ? block.load(as: Int64.self) : nil }

  /// Bytes that the allocator counts for the block.
  var allocatedBytes: Int { ShardHeap.usableSize(block) }

  /// The same, without asking the allocator about short blocks.
  @inline(__always)
  var countedBytes: Int {
    isLong ? ShardHeap.usableSize(block) : ShardHeap.usableSize(block, ofClass: blockBytes)
  }

  /// Makes the block of a key. The value's bytes are left for the caller to write, through `value`.
  static func make(
    key: ByteView, kind: ValueKind, valueCount: Int, expiry: Int64?, spare: Int = 0, heap: ShardHeap
  ) -> Handle {
    let handle: Handle
    let expiryBytes = expiry == nil ? 0 : Block.expiryBytes
    if Block.isShort(keyCount: key.count, valueCount: valueCount, hasExpiry: expiry != nil) {
      let used = expiryBytes + key.count + valueCount
      let bytes = Block.sizeClass(used)
      let block = heap.allocate(bytes, for: .dataset)
      if used < bytes {
        block.storeBytes(of: UInt8(truncatingIfNeeded: bytes - used), toByteOffset: bytes - 1, as: UInt8.self)
      }
      handle = Handle(
        block: block, kind: kind, hasExpiry: expiry != nil, keyField: UInt64(key.count), units: bytes / 16,
        hasSlack: used < bytes)
    } else {
      let used = expiryBytes + Block.longHeaderBytes + key.count + valueCount
      let block = heap.allocate(used + spare, for: .dataset)
      handle = Handle(
        block: block, kind: kind, hasExpiry: expiry != nil, keyField: longKeyField, units: 0, hasSlack: false)
      handle.longHeader[0] = UInt32(key.count)
      handle.longHeader[1] = UInt32(valueCount)
    }
    if let expiry { handle.block.storeBytes(of: expiry, as: Int64.self) }
    copyBytes(
      from: key.start, to: (handle.block + handle.keyOffset).assumingMemoryBound(to: UInt8.self), key.count)
    return handle
  }

  /// Makes the value `valueCount` bytes long in the same block, if the allocator would give a block of the same
  /// size for it, so that no memory is hidden; nil if not. The first bytes of the value are kept.
  @inline(__always)
  func resized(toValueCount valueCount: Int, kind: ValueKind) -> Handle? {
    if isLong {
      let used = keyOffset + Int(longHeader[0]) + valueCount
      if Block.isShort(keyCount: Int(longHeader[0]), valueCount: valueCount, hasExpiry: hasExpiry) {
        return nil
      }
      let usable = ShardHeap.usableSize(block)
      // A block that grew by appending has room to spare; one that is more than half empty is replaced.
      guard used <= usable, used * 2 > usable else { return nil }
      longHeader[1] = UInt32(valueCount)
      return with(kind: kind, hasSlack: false)
    }
    let used = keyOffset + keyField + valueCount
    guard used <= Block.shortBlockBytes, Block.sizeClass(used) == blockBytes else { return nil }
    let slack = blockBytes - used
    if slack > 0 {
      block.storeBytes(of: UInt8(truncatingIfNeeded: slack), toByteOffset: blockBytes - 1, as: UInt8.self)
    }
    return with(kind: kind, hasSlack: slack > 0)
  }

  @inline(__always)
  private func with(kind: ValueKind, hasSlack: Bool) -> Handle {
    Handle(bits: bits & ~(7 | 1 << 59) | UInt64(kind.rawValue) | (hasSlack ? 1 << 59 : 0))
  }
}

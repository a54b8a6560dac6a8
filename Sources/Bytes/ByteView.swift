/// A run of bytes that somebody else owns: an argument in a receive buffer, a key in its block,
/// a value in the keyspace.
///
/// It is two words, copied freely and never counted. Whoever makes one promises that the bytes stay
/// where they are for as long as the view is used; in Pantala that is one command's execution.
public struct ByteView: @unchecked Sendable {
  // Sendable is sound because a view is read-only and the bytes behind a view that crosses threads
  // are not changed until the receiving shard has answered (the coordinator holds them still).

  /// The first byte. Never dereferenced when `count` is 0.
  public let start: UnsafePointer<UInt8>
  /// The number of bytes.
  public let count: Int

  public init(start: UnsafePointer<UInt8>, count: Int) {
    self.start = start
    self.count = count
  }

  public init(_ start: UnsafeRawPointer, count: Int) {
    self.start = start.assumingMemoryBound(to: UInt8.self)
    self.count = count
  }

  /// The bytes of a string literal, which live as long as the process.
  public init(_ text: StaticString) {
    self.start = text.utf8Start
    self.count = text.utf8CodeUnitCount
  }

  public var isEmpty: Bool { count == 0 }

  /// The byte at `index`, which must be below `count`.
  public subscript(index: Int) -> UInt8 {
    assert(index >= 0 && index < count, "byte index out of range")
    return start[index]
  }

  /// The bytes `range` of this view.
  public subscript(range: Range<Int>) -> ByteView {
    assert(range.lowerBound >= 0 && range.upperBound <= count, "byte range out of bounds")
    return ByteView(start: start + range.lowerBound, count: range.count)
  }

  public var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }

  /// A copy as a Swift string; invalid UTF-8 is replaced. For slow paths only.
  public var string: String { String(decoding: buffer, as: UTF8.self) }

  /// A copy as an array. For slow paths only.
  public var array: [UInt8] { Array(buffer) }
}

extension ByteView: Equatable {
  public static func == (left: ByteView, right: ByteView) -> Bool {
    left.count == right.count && equalBytes(left.start, right.start, left.count)
  }
}

extension ByteView {
  /// Whether the bytes are those of `text`, ASCII letters compared without case. `text` is lower case.
  public func equalsIgnoringCase(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    let expected = text.utf8Start
    for index in 0..<count where lowercasedASCII(start[index]) != expected[index] { return false }
    return true
  }
}

/// `byte` with the ASCII capitals A to Z made small.
public func lowercasedASCII(_ byte: UInt8) -> UInt8 {
  byte &- 65 < 26 ? byte | 0x20 : byte
}

/// Whether `count` bytes at `left` and at `right` are the same.
///
/// Compares word by word: keys are short, and a call to `memcmp` costs more than the comparison.
public func equalBytes(
  _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int
) -> Bool {
  let a = UnsafeRawPointer(left)
  let b = UnsafeRawPointer(right)
  if count >= 8 {
    var offset = 0
    let last = count - 8
    while offset < last {
      if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      {
        return false
      }
      offset += 8
    }
    return a.loadUnaligned(fromByteOffset: last, as: UInt64.self)
      == b.loadUnaligned(fromByteOffset: last, as: UInt64.self)
  }
  if count >= 4 {
    return a.loadUnaligned(as: UInt32.self) == b.loadUnaligned(as: UInt32.self)
      && a.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
        == b.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
  }
  for index in 0..<count where left[index] != right[index] { return false }
  return true
}

/// Copies `count` bytes that do not overlap; short runs word by word, without a call.
public func copyBytes(
  from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  let from = UnsafeRawPointer(source)
  let to = UnsafeMutableRawPointer(target)
  if count > 64 {
    to.copyMemory(from: from, byteCount: count)
  } else if count >= 8 {
    var offset = 0
    let last = count - 8
    while offset < last {
      to.storeBytes(
        of: from.loadUnaligned(fromByteOffset: offset, as: UInt64.self), toByteOffset: offset,
        as: UInt64.self)
      offset += 8
    }
    to.storeBytes(
      of: from.loadUnaligned(fromByteOffset: last, as: UInt64.self), toByteOffset: last,
      as: UInt64.self)
  } else if count >= 4 {
    let tail = from.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
    to.storeBytes(of: from.loadUnaligned(as: UInt32.self), as: UInt32.self)
    to.storeBytes(of: tail, toByteOffset: count - 4, as: UInt32.self)
  } else {
    for index in 0..<count { target[index] = source[index] }
  }
}

import Glibc

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
/// Short runs are compared by overlapping loads from either end, without a loop: keys are short, and a call to
/// `memcmp` costs more than the comparison.
@inlinable
@inline(__always)
public func equalBytes(
  _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int
) -> Bool {
  let a = UnsafeRawPointer(left)
  let b = UnsafeRawPointer(right)
  if count > 32 { return equalLongBytes(a, b, count) }
  if count >= 16 {
    return same(a, b, 0, UInt64.self) && same(a, b, 8, UInt64.self) && same(a, b, count - 16, UInt64.self)
      && same(a, b, count - 8, UInt64.self)
  }
  if count >= 8 { return same(a, b, 0, UInt64.self) && same(a, b, count - 8, UInt64.self) }
  if count >= 4 { return same(a, b, 0, UInt32.self) && same(a, b, count - 4, UInt32.self) }
  if count >= 2 { return same(a, b, 0, UInt16.self) && same(a, b, count - 2, UInt16.self) }
  return count == 0 || left[0] == right[0]
}

@inlinable
@inline(__always)
func same<Word: FixedWidthInteger & BitwiseCopyable>(
  _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ offset: Int, _ type: Word.Type
) -> Bool {
  a.loadUnaligned(fromByteOffset: offset, as: type) == b.loadUnaligned(fromByteOffset: offset, as: type)
}

@inline(never)
@usableFromInline
func equalLongBytes(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
  memcmp(a, b, count) == 0
}

/// Copies `count` bytes that do not overlap; up to 64 of them by overlapping loads and stores from either end, without
/// a loop, which the compiler would make a call of.
@inlinable
@inline(__always)
public func copyBytes(
  from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ count: Int
) {
  let from = UnsafeRawPointer(source)
  let to = UnsafeMutableRawPointer(target)
  if count > 64 {
    to.copyMemory(from: from, byteCount: count)
  } else if count > 32 {
    move(from, to, 0, SIMD16<UInt8>.self)
    move(from, to, 16, SIMD16<UInt8>.self)
    move(from, to, count - 32, SIMD16<UInt8>.self)
    move(from, to, count - 16, SIMD16<UInt8>.self)
  } else if count >= 16 {
    move(from, to, 0, SIMD16<UInt8>.self)
    move(from, to, count - 16, SIMD16<UInt8>.self)
  } else if count >= 8 {
    move(from, to, 0, UInt64.self)
    move(from, to, count - 8, UInt64.self)
  } else if count >= 4 {
    move(from, to, 0, UInt32.self)
    move(from, to, count - 4, UInt32.self)
  } else if count >= 2 {
    move(from, to, 0, UInt16.self)
    move(from, to, count - 2, UInt16.self)
  } else if count == 1 {
    target[0] = source[0]
  }
}

@inlinable
@inline(__always)
func move<Word: BitwiseCopyable>(
  _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ offset: Int, _ type: Word.Type
) {
  to.storeBytes(of: from.loadUnaligned(fromByteOffset: offset, as: type), toByteOffset: offset, as: type)
}

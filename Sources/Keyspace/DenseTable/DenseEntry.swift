import Bytes

/// What a dense table writes beside items: lead bytes that no item has.
enum DenseCode {
  /// In an item's stead: the address of a block that holds it, because it is too long for a page.
  static let outside: UInt8 = 0xf5
  /// In front of an entry's items: the time when the entry expires.
  static let timed: UInt8 = 0xf6

  static let outsideBytes = 9
  static let timeBytes = 9
  /// The longest item that lies in a page.
  static let insideMaximum = 256

  /// Bytes that the item at `start` takes in its page.
  @inline(__always)
  static func byteCount(at start: UnsafePointer<UInt8>) -> Int {
    start[0] == outside ? outsideBytes : ItemCode.byteCount(at: start)
  }

  /// The block of an item that lies outside.
  @inline(__always)
  static func outsideBlock(at start: UnsafePointer<UInt8>) -> UnsafeMutableRawPointer {
    let address = UnsafeRawPointer(start + 1).loadUnaligned(as: UInt.self)
    return UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Where the item at `start` really lies.
  @inline(__always)
  static func resolved(_ start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    if start[0] != outside { return start }
    return UnsafePointer(outsideBlock(at: start).assumingMemoryBound(to: UInt8.self))
  }
}

extension Element {
  /// Whether a dense table keeps the element in a block of its own.
  @inline(__always)
  var liesOutside: Bool { byteCount > DenseCode.insideMaximum }

  /// Bytes that the element takes in a page.
  @inline(__always)
  var pageByteCount: Int { liesOutside ? DenseCode.outsideBytes : byteCount }
}

/// An entry of a dense table where it lies in its page: `[0xf6, time 8]? [item] [second item]?`.
///
/// A view: valid until the table is next changed.
struct DenseEntry {
  let start: UnsafeMutablePointer<UInt8>

  @inline(__always)
  var isTimed: Bool { start[0] == DenseCode.timed }

  /// When the entry expires, in milliseconds since 1970; 0 if it does not.
  @inline(__always)
  var time: Int64 { isTimed ? UnsafeRawPointer(start + 1).loadUnaligned(as: Int64.self) : 0 }

  /// Where the element (the member of a set, the field of a hash) is written.
  @inline(__always)
  var elementStart: UnsafeMutablePointer<UInt8> { start + (isTimed ? DenseCode.timeBytes : 0) }

  /// Where the second item (the value of a hash's field) is written.
  @inline(__always)
  var valueStart: UnsafeMutablePointer<UInt8> {
    let element = elementStart
    return element + DenseCode.byteCount(at: element)
  }

  @inline(__always)
  var element: Item { Item(at: DenseCode.resolved(elementStart)) }

  @inline(__always)
  var value: Item { Item(at: DenseCode.resolved(valueStart)) }

  /// Bytes in the page.
  @inline(__always)
  func byteCount(hasValue: Bool) -> Int {
    let value = valueStart
    return (hasValue ? value + DenseCode.byteCount(at: value) : value) - start
  }
}

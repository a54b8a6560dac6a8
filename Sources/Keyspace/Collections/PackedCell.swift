import Bytes

/// An item and, behind it, its length: the cells of a packed run that is read from both ends.
///
/// The length is written as Redis's listpack writes it: seven bits per byte, to be read backwards; the top bit of a
/// byte says that another one stands in front of it. Up to 127 bytes of item take one byte, up to 16,383 take two.
enum PackedCell {
  /// Bytes of the length of an item of `itemBytes`.
  @inline(__always)
  static func lengthBytes(_ itemBytes: Int) -> Int { itemBytes < 1 << 7 ? 1 : longLengthBytes(itemBytes) }

  @inline(never)
  private static func longLengthBytes(_ itemBytes: Int) -> Int {
    var bytes = 2
    while itemBytes >> (7 * bytes) > 0 { bytes += 1 }
    return bytes
  }

  /// Bytes of the cell of an item of `itemBytes`.
  @inline(__always)
  static func byteCount(ofItem itemBytes: Int) -> Int { itemBytes + lengthBytes(itemBytes) }

  /// Bytes of the cell that an element makes.
  @inline(__always)
  static func byteCount(of element: Element) -> Int { byteCount(ofItem: element.byteCount) }

  /// Bytes of the cell that begins at `start`.
  @inline(__always)
  static func byteCount(at start: UnsafePointer<UInt8>) -> Int {
    byteCount(ofItem: ItemCode.byteCount(at: start))
  }

  /// Bytes of the cell that ends at `end`.
  @inline(__always)
  static func byteCount(before end: UnsafePointer<UInt8>) -> Int {
    let last = (end - 1).pointee
    return last < 1 << 7 ? Int(last) + 1 : longByteCount(before: end)
  }

  @inline(never)
  private static func longByteCount(before end: UnsafePointer<UInt8>) -> Int {
    var itemBytes = 0
    var bytes = 0
    var byte: UInt8
    repeat {
      byte = (end - 1 - bytes).pointee
      itemBytes |= Int(byte & 0x7f) << (7 * bytes)
      bytes += 1
    } while byte >= 1 << 7
    return itemBytes + bytes
  }

  /// Writes the cell of an element at `start`, which has room for it.
  @inline(__always)
  static func write(_ element: Element, to start: UnsafeMutablePointer<UInt8>) {
    element.write(to: start)
    let itemBytes = element.byteCount
    writeLength(itemBytes, to: start + itemBytes)
  }

  /// Writes the length of an item of `itemBytes` at `start`, right behind the item.
  @inline(__always)
  static func writeLength(_ itemBytes: Int, to start: UnsafeMutablePointer<UInt8>) {
    if itemBytes < 1 << 7 {
      start[0] = UInt8(truncatingIfNeeded: itemBytes)
    } else {
      writeLongLength(itemBytes, to: start)
    }
  }

  @inline(never)
  private static func writeLongLength(_ itemBytes: Int, to start: UnsafeMutablePointer<UInt8>) {
    let bytes = lengthBytes(itemBytes)
    for index in 0..<bytes {
      let bits = UInt8(truncatingIfNeeded: itemBytes >> (7 * index)) & 0x7f
      start[bytes - 1 - index] = index < bytes - 1 ? bits | 0x80 : bits
    }
  }
}

/// Cells one after the other. A view: valid until the bytes are next changed.
struct PackedRun {
  let start: UnsafeMutablePointer<UInt8>
  let byteCount: Int
  /// Cells in the run.
  let count: Int

  @inline(__always)
  var end: UnsafeMutablePointer<UInt8> { start + byteCount }

  /// Bytes in front of the cell at `index`, which may be `count`; found from the nearer end.
  func offset(of index: Int) -> Int {
    assert(index >= 0 && index <= count, "cell index out of range")
    if index * 2 <= count {
      var cell = start
      for _ in 0..<index { cell += PackedCell.byteCount(at: cell) }
      return cell - start
    }
    var cell = end
    for _ in index..<count { cell -= PackedCell.byteCount(before: cell) }
    return cell - start
  }

  /// Takes out up to `maximum` of the cells that hold `element`, first ones first, and moves the others together at
  /// the start. Returns how many cells and how many bytes went.
  func removeFirst(_ maximum: Int, equalTo element: Element) -> (count: Int, byteCount: Int) {
    var removed = 0
    // Cells that stay are moved a stretch at a time.
    var stretch = start
    var target = start
    var cell = start
    let end = end
    while cell < end, removed < maximum {
      let next = cell + PackedCell.byteCount(at: cell)
      if element.isStored(at: cell) {
        if target != stretch { moveBytes(from: stretch, to: target, cell - stretch) }
        target += cell - stretch
        stretch = next
        removed += 1
      }
      cell = next
    }
    if target != stretch { moveBytes(from: stretch, to: target, end - stretch) }
    return (removed, stretch - target)
  }

  /// The same from the other end: last ones first, and the others move together at the end.
  func removeLast(_ maximum: Int, equalTo element: Element) -> (count: Int, byteCount: Int) {
    var removed = 0
    var stretch = end
    var target = end
    var cell = end
    while cell > start, removed < maximum {
      let previous = cell - PackedCell.byteCount(before: cell)
      if element.isStored(at: previous) {
        if target != stretch { moveBytes(from: cell, to: target - (stretch - cell), stretch - cell) }
        target -= stretch - cell
        stretch = previous
        removed += 1
      }
      cell = previous
    }
    if target != stretch { moveBytes(from: start, to: target - (stretch - start), stretch - start) }
    return (removed, target - stretch)
  }
}

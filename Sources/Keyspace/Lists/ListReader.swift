import Bytes
import CIntrinsics

/// Goes through elements of a list, in either direction. A view: valid until the keyspace is next changed.
public struct ListReader {
  /// Where the next cell begins, or ends when going backwards.
  private var cell: UnsafePointer<UInt8>
  /// Elements still to come, and those of them in the present block.
  private var remaining: Int
  private var remainingHere: Int
  private let isBackwards: Bool
  /// The present block, where there are several.
  private let list: UnsafeMutablePointer<LargeList>?
  private var block = 0

  /// - Parameters:
  ///   - index: The first element to read.
  ///   - count: How many there are to read, all of them in the list.
  @inline(__always)
  fileprivate init(_ entry: Entry, from index: Int, count: Int, backwards: Bool) {
    isBackwards = backwards
    remaining = count
    if entry.isLarge {
      let list = entry.root(as: LargeList.self)
      self.list = list
      let inner: Int
      if index == 0 {
        inner = 0
      } else if index == list.pointee.header.count - 1 {
        block = list.blockCount - 1
        inner = list.block(block).pointee.count - 1
      } else {
        (block, inner) = list.find(index)
      }
      (cell, remainingHere) = Self.position(list.block(block).pointee.run, inner, backwards)
    } else {
      list = nil
      (cell, remainingHere) = Self.position(entry.compactRun, index, backwards)
    }
  }

  @inline(__always)
  private static func position(_ run: PackedRun, _ index: Int, _ backwards: Bool)
    -> (cell: UnsafePointer<UInt8>, remaining: Int)
  {
    let boundary = backwards ? index + 1 : index
    let cell = run.start + run.offset(of: boundary)
    return (UnsafePointer(cell), backwards ? boundary : run.count - boundary)
  }

  /// Where the next element's item begins; nil after the last.
  @inline(__always)
  mutating func nextItem() -> UnsafePointer<UInt8>? {
    if remaining == 0 { return nil }
    if remainingHere == 0 { enterNextBlock() }
    remaining &-= 1
    remainingHere &-= 1
    if isBackwards {
      cell -= PackedCell.byteCount(before: cell)
      return cell
    }
    let item = cell
    cell += PackedCell.byteCount(at: cell)
    return item
  }

  /// The next element; nil after the last.
  @inline(__always)
  public mutating func next() -> Item? { nextItem().map { Item(at: $0) } }

  @inline(never)
  private mutating func enterNextBlock() {
    guard let list else { preconditionFailure("a compact list has no other block") }
    block += isBackwards ? -1 : 1
    let run = list.block(block).pointee.run
    remainingHere = run.count
    cell = UnsafePointer(isBackwards ? run.end : run.start)
    let following = block + (isBackwards ? -1 : 1)
    if following >= 0, following < list.blockCount {
      let run = list.block(following).pointee.run
      pantala_prefetch(isBackwards ? run.end - 1 : run.start)
    }
  }
}

/// Reading lists.
extension Entry {
  /// Elements of the list.
  public var listCount: Int {
    @inline(__always) get { isLarge ? root(as: LargeList.self).pointee.header.count : compactCount }
  }

  /// The cells of a compact list.
  @inline(__always)
  var compactRun: PackedRun {
    let bytes = compactBytes
    return PackedRun(
      start: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count, count: compactCount)
  }

  /// The first or the last element.
  @inline(__always)
  public func listItem(at end: ListEnd) -> Item {
    let run = isLarge ? root(as: LargeList.self).run(at: end) : compactRun
    switch end {
    case .head: return Item(at: run.start)
    case .tail: return Item(at: run.end - PackedCell.byteCount(before: run.end))
    }
  }

  /// The element at an index, counted from the tail if it is negative; nil if there is none.
  public func listItem(at index: Int) -> Item? {
    let count = listCount
    let position = index < 0 ? index + count : index
    guard position >= 0, position < count else { return nil }
    var reader = listReader(from: position, count: 1)
    return reader.next()
  }

  /// A reader of `count` elements, the one at `index` the first; all of them must be there.
  @inline(__always)
  public func listReader(from index: Int, count: Int, backwards: Bool = false) -> ListReader {
    ListReader(self, from: index, count: count, backwards: backwards)
  }

  /// The positions at which a list has an element, among the first `maximum` elements, or the last ones when
  /// going backwards.
  public func listSearch(for text: ByteView, maximum: Int, backwards: Bool) -> ListSearch {
    ListSearch(self, Element(text), maximum: maximum, backwards: backwards)
  }
}

/// Finds where a list has an element. A view, as `ListReader` is.
public struct ListSearch {
  private var reader: ListReader
  private let element: Element
  private var position: Int
  private let step: Int

  fileprivate init(_ entry: Entry, _ element: Element, maximum: Int, backwards: Bool) {
    let count = entry.listCount
    self.element = element
    position = backwards ? count : -1
    step = backwards ? -1 : 1
    reader = ListReader(
      entry, from: backwards ? count - 1 : 0, count: min(maximum, count), backwards: backwards)
  }

  /// The next position; nil if there is none.
  public mutating func next() -> Int? {
    while let item = reader.nextItem() {
      position += step
      if element.isStored(at: item) { return position }
    }
    return nil
  }
}

extension UnsafeMutablePointer<LargeList> {
  /// The cells of the first or the last block.
  @inline(__always)
  fileprivate func run(at end: ListEnd) -> PackedRun {
    block(end == .head ? 0 : blockCount - 1).pointee.run
  }
}

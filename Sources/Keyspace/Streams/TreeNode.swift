import Heap

/// What an ordered tree is sorted by.
protocol TreeKey: BitwiseCopyable {
  static func precedes(_ left: Self, _ right: Self) -> Bool
}

/// A key with what a tree keeps under it.
struct TreeElement<Key: TreeKey, Value: BitwiseCopyable>: BitwiseCopyable {
  var key: Key
  var value: Value
}

/// A node of an ordered tree: a block with its elements in ascending order.
///
///     [count 2] [capacity 2] [level 2] [unused 2] [elements …]
///
/// Level 0 is a leaf, whose elements are the tree's own; the elements of a node above are its children, each with the
/// first key below it.
struct TreeNode<Key: TreeKey, Value: BitwiseCopyable>: BitwiseCopyable {
  typealias Element = TreeElement<Key, Value>

  /// Blocks of this many bytes are the largest.
  static var bytesMaximum: Int { 1_024 }
  static var headerBytes: Int { 8 }
  /// Elements of a node at the most.
  static var capacityMaximum: Int { (bytesMaximum - headerBytes) / MemoryLayout<Element>.stride }

  private struct Header: BitwiseCopyable {
    var count: UInt16
    var capacity: UInt16
    var level: UInt16
  }

  let block: UnsafeMutableRawPointer

  @inline(__always)
  init(_ block: UnsafeMutableRawPointer) { self.block = block }

  /// A new node with room for at least `capacity` elements, without any.
  init(level: Int, capacity: Int, account: BlockAccount) {
    block = account.allocate(
      Self.headerBytes + min(capacity, Self.capacityMaximum) * MemoryLayout<Element>.stride)
    header.initialize(to: Header(count: 0, capacity: 0, level: UInt16(level)))
    adoptCapacity()
  }

  private var header: UnsafeMutablePointer<Header> {
    @inline(__always) get { block.assumingMemoryBound(to: Header.self) }
  }

  var elements: UnsafeMutablePointer<Element> {
    @inline(__always) get { (block + Self.headerBytes).assumingMemoryBound(to: Element.self) }
  }

  var count: Int {
    @inline(__always) get { Int(header.pointee.count) }
    @inline(__always) nonmutating set { header.pointee.count = UInt16(truncatingIfNeeded: newValue) }
  }

  var capacity: Int { Int(header.pointee.capacity) }
  var level: Int { Int(header.pointee.level) }

  private func adoptCapacity() {
    let room = (ShardHeap.usableSize(block) - Self.headerBytes) / MemoryLayout<Element>.stride
    header.pointee.capacity = UInt16(min(room, Self.capacityMaximum))
  }

  /// How many elements have a key before `key`, or one that is the same if `includingSame`.
  @inline(__always)
  func countBefore(_ key: Key, includingSame: Bool, from start: Int = 0) -> Int {
    var low = start
    var high = count
    while low < high {
      let middle = (low &+ high) >> 1
      let other = elements[middle].key
      if includingSame ? !Key.precedes(key, other) : Key.precedes(other, key) {
        low = middle &+ 1
      } else {
        high = middle
      }
    }
    return low
  }

  func insert(_ element: Element, at index: Int) {
    let place = elements + index
    (place + 1).update(from: place, count: count - index)
    place.pointee = element
    count += 1
  }

  func remove(at index: Int) {
    let place = elements + index
    count -= 1
    place.update(from: place + 1, count: count - index)
  }

  /// Moves the elements from `start` on to the end of `target`, which has room for them.
  func moveElements(from start: Int, to target: Self) {
    (target.elements + target.count).update(from: elements + start, count: count - start)
    target.count += count - start
    count = start
  }

  /// The node with room for at least `capacity` elements; its block may be another one.
  func resized(toCapacity capacity: Int, account: BlockAccount) -> Self {
    let byteCount = Self.headerBytes + min(capacity, Self.capacityMaximum) * MemoryLayout<Element>.stride
    let kept = Self.headerBytes + count * MemoryLayout<Element>.stride
    let node = Self(account.replace(block, keptBytes: kept, byteCount: byteCount))
    node.adoptCapacity()
    return node
  }
}

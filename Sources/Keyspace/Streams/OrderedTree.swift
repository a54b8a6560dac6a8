/// An ordered map in blocks of up to a kilobyte: a B+ tree.
///
/// It is made for keys that mostly come in ascending order and go from the front: nodes split at their end stay full,
/// and neighbours that have become small are joined. A tree of few elements is one block that fits them; an empty
/// one has none. The structure itself is a plain value of 16 bytes that its owner keeps; whoever changes it passes the
/// account that its blocks are counted in.
///
/// The key of a node's child is the first key below that child, except for the first child, whose key is not looked
/// at. (Keys may point to memory that goes with their element, so none may stay behind.)
struct OrderedTree<Key: TreeKey, Value: BitwiseCopyable>: BitwiseCopyable {
  typealias Element = TreeElement<Key, Value>
  typealias Leaf = TreeNode<Key, Value>
  typealias Branch = TreeNode<Key, UnsafeMutableRawPointer>

  var root: UnsafeMutableRawPointer?
  private var elementCount: UInt32 = 0
  private var blockCount: UInt32 = 0

  init() { root = nil }

  var isEmpty: Bool { root == nil }

  var count: Int {
    get { Int(elementCount) }
    set { elementCount = UInt32(newValue) }
  }

  /// Blocks that the tree consists of.
  var nodeCount: Int {
    get { Int(blockCount) }
    set { blockCount = UInt32(newValue) }
  }

  // MARK: Finding

  /// The place of the child, among those of `branch`, below which `key` belongs.
  @inline(__always)
  static func childIndex(_ branch: Branch, _ key: Key) -> Int {
    branch.countBefore(key, includingSame: true, from: 1) &- 1
  }

  @inline(__always)
  static func isLeaf(_ node: UnsafeMutableRawPointer) -> Bool { Leaf(node).level == 0 }

  /// The leaf below which `key` belongs.
  @inline(__always)
  private func leaf(for key: Key) -> Leaf? {
    guard var node = root else { return nil }
    while !Self.isLeaf(node) {
      let branch = Branch(node)
      node = branch.elements[Self.childIndex(branch, key)].value
    }
    return Leaf(node)
  }

  /// The element with this key.
  @inline(__always)
  func find(_ key: Key) -> UnsafeMutablePointer<Element>? {
    guard let leaf = leaf(for: key) else { return nil }
    let index = leaf.countBefore(key, includingSame: false)
    guard index < leaf.count, !Key.precedes(key, leaf.elements[index].key) else { return nil }
    return leaf.elements + index
  }

  /// The last element whose key is not after `key`, or is before it if `isStrict`.
  func last(upTo key: Key, isStrict: Bool = false) -> UnsafeMutablePointer<Element>? {
    guard var node = root else { return nil }
    // The nearest subtree whose elements are all before those below `node`.
    var before: UnsafeMutableRawPointer?
    while !Self.isLeaf(node) {
      let branch = Branch(node)
      let index = max(1, branch.countBefore(key, includingSame: !isStrict, from: 1)) - 1
      if index > 0 { before = branch.elements[index - 1].value }
      node = branch.elements[index].value
    }
    let leaf = Leaf(node)
    let index = leaf.countBefore(key, includingSame: !isStrict)
    if index > 0 { return leaf.elements + (index - 1) }
    return before.map { Self.edge(of: $0, isLast: true) }
  }

  /// The elements from the first whose key is not before `key` (or is after it, if `isStrict`) to the end of its leaf;
  /// none if there is no such element. What follows them is the run after the last one's key.
  func run(from key: Key, isStrict: Bool = false) -> UnsafeMutableBufferPointer<Element> {
    guard var node = root else { return .empty }
    // The nearest subtree whose elements are all after those below `node`.
    var after: UnsafeMutableRawPointer?
    while !Self.isLeaf(node) {
      let branch = Branch(node)
      let index = Self.childIndex(branch, key)
      if index + 1 < branch.count { after = branch.elements[index + 1].value }
      node = branch.elements[index].value
    }
    let leaf = Leaf(node)
    let index = leaf.countBefore(key, includingSame: isStrict)
    if index < leaf.count { return .init(start: leaf.elements + index, count: leaf.count - index) }
    guard var next = after else { return .empty }
    while !Self.isLeaf(next) { next = Branch(next).elements[0].value }
    return .init(start: Leaf(next).elements, count: Leaf(next).count)
  }

  var first: UnsafeMutablePointer<Element>? { root.map { Self.edge(of: $0, isLast: false) } }

  var last: UnsafeMutablePointer<Element>? { root.map { Self.edge(of: $0, isLast: true) } }

  private static func edge(of subtree: UnsafeMutableRawPointer, isLast: Bool) -> UnsafeMutablePointer<Element>
  {
    var node = subtree
    while !isLeaf(node) {
      let branch = Branch(node)
      node = branch.elements[isLast ? branch.count - 1 : 0].value
    }
    let leaf = Leaf(node)
    return leaf.elements + (isLast ? leaf.count - 1 : 0)
  }

  /// Calls `body` with the elements in order, until it returns false. It may change the values, not the tree.
  func forEach(_ body: (UnsafeMutablePointer<Element>) -> Bool) {
    guard let first else { return }
    var run = run(from: first.pointee.key)
    while let start = run.baseAddress, !run.isEmpty {
      for index in 0..<run.count where !body(start + index) { return }
      run = self.run(from: start[run.count - 1].key, isStrict: true)
    }
  }
}

extension UnsafeMutableBufferPointer {
  fileprivate static var empty: Self { Self(start: nil, count: 0) }
}

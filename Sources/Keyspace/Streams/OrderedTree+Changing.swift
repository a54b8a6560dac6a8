/// The way from a tree's root to a leaf: at each level the node and a place in it.
struct TreePath {
  /// Even of nodes a quarter full, 12 levels hold more than any heap does.
  static let levelMaximum = 12

  private var nodes = InlineArray<12, UnsafeMutableRawPointer?>(repeating: nil)
  private var indices = InlineArray<12, Int>(repeating: 0)

  /// The node at a level; 0 is the leaf.
  subscript(level: Int) -> (node: UnsafeMutableRawPointer, index: Int) {
    get { (nodes[level].unsafelyUnwrapped, indices[level]) }
    set {
      nodes[level] = newValue.node
      indices[level] = newValue.index
    }
  }
}

extension OrderedTree {
  /// The way to where `key` is or belongs, and whether it is there.
  private func path(to key: Key, from root: UnsafeMutableRawPointer) -> (path: TreePath, isFound: Bool) {
    var path = TreePath()
    var node = root
    while !Self.isLeaf(node) {
      let branch = Branch(node)
      let index = Self.childIndex(branch, key)
      path[branch.level] = (node, index)
      node = branch.elements[index].value
    }
    let leaf = Leaf(node)
    let index = leaf.countBefore(key, includingSame: false)
    path[0] = (node, index)
    return (path, index < leaf.count && !Key.precedes(key, leaf.elements[index].key))
  }

  // MARK: Inserting

  /// Puts a value under a key that is not in the tree yet.
  mutating func insert(_ key: Key, _ value: Value, account: BlockAccount) {
    count += 1
    guard let root else {
      let leaf = Leaf(level: 0, capacity: 1, account: account)
      leaf.insert(Element(key: key, value: value), at: 0)
      nodeCount = 1
      self.root = leaf.block
      return
    }
    var (path, isFound) = path(to: key, from: root)
    assert(!isFound, "a key can be in a tree once only")
    guard
      var split = insert(Element(key: key, value: value), level: 0, node: Leaf.self, &path, account: account)
    else { return }
    // What a full node gave up belongs behind it in the node above, which may be full itself.
    for level in 1..<TreePath.levelMaximum {
      if level > Branch(self.root.unsafelyUnwrapped).level { return growRoot(split, level: level, account) }
      path[level].index += 1
      guard let next = insert(split, level: level, node: Branch.self, &path, account: account) else { return }
      split = next
    }
    preconditionFailure("a tree is higher than any can be")
  }

  private mutating func growRoot(_ split: Branch.Element, level: Int, _ account: BlockAccount) {
    let old = root.unsafelyUnwrapped
    let branch = Branch(level: level, capacity: 2, account: account)
    // The first child's key is not looked at.
    branch.insert(Branch.Element(key: split.key, value: old), at: 0)
    branch.insert(split, at: 1)
    nodeCount += 1
    root = branch.block
  }

  /// Puts an element at its place in the node of a level. If the node must split for it, the new right neighbour is
  /// returned.
  private mutating func insert<Content: BitwiseCopyable>(
    _ element: TreeElement<Key, Content>, level: Int, node type: TreeNode<Key, Content>.Type,
    _ path: inout TreePath, account: BlockAccount
  ) -> Branch.Element? {
    let (block, index) = path[level]
    var node = TreeNode<Key, Content>(block)
    if node.count == node.capacity, node.capacity < TreeNode<Key, Content>.capacityMaximum {
      node = node.resized(toCapacity: node.count + 1 + node.count / 4, account: account)
      replace(block, by: node.block, level: level, in: &path)
    }
    if node.count < node.capacity {
      node.insert(element, at: index)
      return nil
    }
    nodeCount += 1
    // What comes in order leaves full nodes behind.
    let kept = index == node.count ? index : node.count / 2
    let right = TreeNode<Key, Content>(level: level, capacity: node.count - kept + 1, account: account)
    node.moveElements(from: kept, to: right)
    if index > kept || kept == node.capacity {
      right.insert(element, at: index - kept)
    } else {
      node.insert(element, at: index)
    }
    return Branch.Element(key: right.elements[0].key, value: right.block)
  }

  /// Notes that the node of a level lies in another block now. (The old one is gone and not looked at.)
  private mutating func replace(
    _ old: UnsafeMutableRawPointer, by new: UnsafeMutableRawPointer, level: Int, in path: inout TreePath
  ) {
    path[level].node = new
    if root == old {
      root = new
    } else {
      let above = path[level + 1]
      Branch(above.node).elements[above.index].value = new
    }
  }

  // MARK: Removing

  /// Removes the element with this key and returns its value; nil if there is none.
  @discardableResult
  mutating func remove(_ key: Key, account: BlockAccount) -> Value? {
    guard let root else { return nil }
    let (path, isFound) = path(to: key, from: root)
    guard isFound else { return nil }
    let leaf = Leaf(path[0].node)
    let value = leaf.elements[path[0].index].value
    leaf.remove(at: path[0].index)
    count -= 1
    settle(path, account)
    return value
  }

  /// Puts the nodes on a way in order, after an element was removed from its leaf.
  private mutating func settle(_ path: TreePath, _ account: BlockAccount) {
    let leaf = Leaf(path[0].node)
    var isEmpty = leaf.count == 0
    // The first key below the node in hand, if it is another than before.
    var firstKey = !isEmpty && path[0].index == 0 ? leaf.elements[0].key : nil
    let height = Leaf(root.unsafelyUnwrapped).level
    if height > 0 {
      for level in 1...height {
        let branch = Branch(path[level].node)
        let index = path[level].index
        if isEmpty {
          freeNode(branch.elements[index].value, account)
          branch.remove(at: index)
          firstKey = index == 0 && branch.count > 0 ? branch.elements[0].key : nil
        } else {
          if let key = firstKey, index > 0 {
            branch.elements[index].key = key
            firstKey = nil
          }
          if level == 1 {
            compact(branch, index, Leaf.self, account)
          } else {
            compact(branch, index, Branch.self, account)
          }
        }
        isEmpty = branch.count == 0
      }
    }
    settleRoot(isEmpty: isEmpty, account)
  }

  private mutating func settleRoot(isEmpty: Bool, _ account: BlockAccount) {
    var node = root.unsafelyUnwrapped
    if isEmpty {
      freeNode(node, account)
      root = nil
      return
    }
    while !Self.isLeaf(node), Branch(node).count == 1 {
      let below = Branch(node).elements[0].value
      freeNode(node, account)
      node = below
    }
    root = Self.isLeaf(node) ? shrunk(Leaf(node), account).block : shrunk(Branch(node), account).block
  }

  /// Joins a child that has become small with a neighbour if they fit one node well, or takes unused memory from it.
  private mutating func compact<Content: BitwiseCopyable>(
    _ branch: Branch, _ index: Int, _ type: TreeNode<Key, Content>.Type, _ account: BlockAccount
  ) {
    typealias Node = TreeNode<Key, Content>
    let child = Node(branch.elements[index].value)
    let room = Node.capacityMaximum * 3 / 4 - child.count
    if child.count <= Node.capacityMaximum / 4 {
      if index + 1 < branch.count, Node(branch.elements[index + 1].value).count <= room {
        return join(branch, index, type, account)
      }
      if index > 0, Node(branch.elements[index - 1].value).count <= room {
        return join(branch, index - 1, type, account)
      }
    }
    branch.elements[index].value = shrunk(child, account).block
  }

  /// Moves the elements of the child after `index` to that at `index`.
  private mutating func join<Content: BitwiseCopyable>(
    _ branch: Branch, _ index: Int, _ type: TreeNode<Key, Content>.Type, _ account: BlockAccount
  ) {
    typealias Node = TreeNode<Key, Content>
    var left = Node(branch.elements[index].value)
    let right = Node(branch.elements[index + 1].value)
    // A first child's key counts from now on.
    right.elements[0].key = branch.elements[index + 1].key
    let sum = left.count + right.count
    if left.capacity < sum { left = left.resized(toCapacity: sum, account: account) }
    right.moveElements(from: 0, to: left)
    branch.elements[index].value = left.block
    branch.remove(at: index + 1)
    freeNode(right.block, account)
  }

  /// The node, in a smaller block if it is more than half empty.
  private func shrunk<Content: BitwiseCopyable>(_ node: TreeNode<Key, Content>, _ account: BlockAccount)
    -> TreeNode<Key, Content>
  {
    node.count * 2 < node.capacity ? node.resized(toCapacity: node.count, account: account) : node
  }

  private mutating func freeNode(_ node: UnsafeMutableRawPointer, _ account: BlockAccount) {
    account.free(node)
    nodeCount -= 1
  }

  // MARK: Taking apart

  /// The elements of the last leaf.
  var lastLeaf: UnsafeMutableBufferPointer<Element> {
    guard var node = root else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
    while !Self.isLeaf(node) { node = Branch(node).elements[Branch(node).count - 1].value }
    return UnsafeMutableBufferPointer(start: Leaf(node).elements, count: Leaf(node).count)
  }

  /// Frees the last leaf and what it alone was below; the tree is good for being taken apart further only.
  mutating func dropLastLeaf(account: BlockAccount) {
    guard var node = root else { return }
    // The lowest node on the way that keeps other children.
    var keeper: Branch?
    while !Self.isLeaf(node) {
      let branch = Branch(node)
      if branch.count > 1 { keeper = branch }
      node = branch.elements[branch.count - 1].value
    }
    count -= Leaf(node).count
    var doomed: UnsafeMutableRawPointer
    if let keeper {
      keeper.count -= 1
      doomed = keeper.elements[keeper.count].value
    } else {
      doomed = root.unsafelyUnwrapped
      root = nil
    }
    while !Self.isLeaf(doomed) {
      let below = Branch(doomed).elements[0].value
      freeNode(doomed, account)
      doomed = below
    }
    freeNode(doomed, account)
  }
}

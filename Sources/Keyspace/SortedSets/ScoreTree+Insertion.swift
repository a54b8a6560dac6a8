import Bytes
import Heap

/// Putting members into the tree.
extension UnsafeMutablePointer<LargeSortedSet> {
  /// Puts a member in that is not there. Returns the number of its leaf.
  @inline(__always)
  func insert(_ element: Element, _ key: ScoreKey, tag: UInt32, heap: ShardHeap) -> UInt32 {
    let longBlock = element.byteCount > ScoreLeaf.inlineItemMaximum ? makeLongBlock(element, heap: heap) : nil
    var path = ScorePath()
    var leaf = descend(to: key, &path)
    var index = leaf.position(of: key)
    let byteCount = ScoreLeaf.bytes(for: element)
    if leaf.usedBytes &+ byteCount > leaf.capacity {
      (leaf, index) = makeRoom(for: byteCount, key, at: index, in: leaf, &path, heap: heap)
    }
    leaf.insert(
      element, score: key.score, fingerprint: ScoreLeaf.fingerprint(tag), longBlock: longBlock, at: index)
    path.addToCounts(1)
    return leaf.identifier
  }

  @inline(never)
  private func makeLongBlock(_ element: Element, heap: ShardHeap) -> UnsafeMutableRawPointer {
    let block = allocate(element.byteCount, heap: heap)
    element.write(to: block.assumingMemoryBound(to: UInt8.self))
    return block
  }

  /// Makes room in a leaf for a member of `byteCount` bytes that belongs at `index`. Returns the leaf and the place for
  /// it, to which `path` then leads.
  @inline(never)
  private func makeRoom(
    for byteCount: Int, _ key: ScoreKey, at index: Int, in leaf: ScoreLeaf, _ path: inout ScorePath,
    heap: ShardHeap
  ) -> (ScoreLeaf, Int) {
    let needed = leaf.usedBytes + byteCount
    if needed <= ScoreLeaf.byteMaximum {
      return (resize(leaf, toHold: needed - ScoreLeaf.headerBytes, path, heap: heap), index)
    }
    if index == leaf.count, isLastLeaf(path) {
      // Members that come in order fill their leaves: the new one begins another.
      let new = makeLeaf(holding: byteCount, heap: heap)
      attach(new.base, separator: key.score, memberCount: 0, beside: leaf.base, after: true, path, heap: heap)
    } else if index == 0, isFirstLeaf(path) {
      let new = makeLeaf(holding: byteCount, heap: heap)
      attach(
        new.base, separator: leaf.scores[0], memberCount: 0, beside: leaf.base, after: false, path, heap: heap
      )
      path.removeAll()
      return (descend(toFirst: &path), 0)
    } else {
      split(leaf, incoming: byteCount, at: index, path, heap: heap)
      path.removeAll()
      let leaf = descend(to: key, &path)
      let index = leaf.position(of: key)
      if leaf.usedBytes + byteCount <= leaf.capacity { return (leaf, index) }
      return (
        resize(leaf, toHold: leaf.usedBytes - ScoreLeaf.headerBytes + byteCount, path, heap: heap), index
      )
    }
    path.removeAll()
    return (descend(toLast: &path), 0)
  }

  private func isLastLeaf(_ path: ScorePath) -> Bool {
    for level in 0..<path.count where path[level].index < path[level].node.count - 1 { return false }
    return true
  }

  private func isFirstLeaf(_ path: ScorePath) -> Bool {
    for level in 0..<path.count where path[level].index > 0 { return false }
    return true
  }

  private func descend(toLast path: inout ScorePath) -> ScoreLeaf {
    var child = pointee.top
    for _ in 0..<pointee.height {
      let node = ScoreNode(base: child)
      path.append(node, node.count - 1)
      child = node.children[node.count - 1]
    }
    return ScoreLeaf(base: child)
  }

  private func descend(toFirst path: inout ScorePath) -> ScoreLeaf {
    var child = pointee.top
    for _ in 0..<pointee.height {
      let node = ScoreNode(base: child)
      path.append(node, 0)
      child = node.children[0]
    }
    return ScoreLeaf(base: child)
  }

  // MARK: Leaves

  /// Notes that the child at the end of the path has another address.
  func replaceChild(by block: UnsafeMutableRawPointer, _ path: ScorePath, level: Int) {
    if level < 0 {
      pointee.top = block
    } else {
      path[level].node.children[path[level].index] = block
    }
  }

  /// Puts a leaf into a block of another size, with room for members of `byteCount` bytes.
  func resize(_ leaf: ScoreLeaf, toHold byteCount: Int, _ path: ScorePath, heap: ShardHeap) -> ScoreLeaf {
    let capacity = allocationClass(ScoreLeaf.headerBytes + byteCount)
    if capacity == leaf.capacity { return leaf }
    let moved = leaf.copy(to: allocate(capacity, heap: heap), capacity: capacity)
    pointee.leaves.set(moved)
    replaceChild(by: moved.base, path, level: path.count - 1)
    free(leaf.base, heap: heap)
    return moved
  }

  /// Splits a leaf in which a member of `incoming` bytes belongs at `index`, so that it fits either part.
  private func split(
    _ leaf: ScoreLeaf, incoming: Int, at index: Int, _ path: ScorePath, heap: ShardHeap
  ) {
    let count = leaf.count
    let half = (leaf.usedBytes + incoming) / 2
    var kept = 0
    var keptBytes = 0
    while kept < count - 1 {
      let next = leaf.bytes(of: kept) + (kept == index ? incoming : 0)
      if kept > 0, keptBytes + next > half { break }
      keptBytes += next
      kept += 1
    }
    if kept > index { keptBytes -= incoming }
    let used = leaf.usedBytes - ScoreLeaf.headerBytes
    // The part that the new member belongs in gets room for it at once.
    let isLeft = index <= kept
    let right = makeLeaf(holding: used - keptBytes + (isLeft ? 0 : incoming), heap: heap)
    right.append(kept..<count, of: leaf)
    let left = makeLeafBlock(
      holding: keptBytes + (isLeft ? incoming : 0), identifier: leaf.identifier, heap: heap)
    left.append(0..<kept, of: leaf)
    replaceChild(by: left.base, path, level: path.count - 1)
    free(leaf.base, heap: heap)
    reindexMembers(0..<right.count, of: right, from: left.identifier)
    attach(
      right.base, separator: right.scores[0], memberCount: right.count, beside: left.base, after: true, path,
      heap: heap)
  }

  /// Tells the index that some of a leaf's members came from another leaf.
  func reindexMembers(_ range: Range<Int>, of leaf: ScoreLeaf, from old: UInt32) {
    let number = leaf.identifier
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: range.count) { tags in
      // First all hashes and pages, so that the memory fetches the pages together.
      for (place, member) in range.enumerated() {
        tags[place] = tag(of: leaf.item(member))
        pointee.index.prefetch(tags[place])
      }
      for place in 0..<range.count { reindexMember(tags[place], from: old, to: number) }
    }
  }

  // MARK: Inner nodes

  /// Hangs a new child, a leaf, beside the one that the path leads to, with `memberCount` of that one's members.
  private func attach(
    _ child: UnsafeMutableRawPointer, separator: Double, memberCount: Int,
    beside neighbour: UnsafeMutableRawPointer, after: Bool, _ path: ScorePath, heap: ShardHeap
  ) {
    var child = child
    var separator = separator
    var memberCount = memberCount
    var neighbour = neighbour
    var isAfter = after
    var level = path.count - 1
    while level >= 0 {
      let step = path[level]
      step.node.counts[step.index] -= memberCount
      // A child put in front of the first makes that one's separator count.
      if !isAfter { step.node.separators[step.index] = separator }
      let place = isAfter ? step.index + 1 : step.index
      if step.node.count < ScoreNode.childMaximum {
        let node = roomyNode(step.node, path, level: level, heap: heap)
        node.insert(child, separator: separator, memberCount: memberCount, at: place)
        return
      }
      let isLast = place == step.node.count && isAfter
      let (left, right) = split(step.node, keeping: isLast ? place : step.node.count / 2, heap: heap)
      if place <= left.count, !isLast {
        left.insert(child, separator: separator, memberCount: memberCount, at: place)
      } else {
        right.insert(child, separator: separator, memberCount: memberCount, at: place - left.count)
      }
      replaceChild(by: left.base, path, level: level - 1)
      child = right.base
      separator = right.separators[0]
      memberCount = right.memberCount
      neighbour = left.base
      isAfter = true
      level -= 1
    }
    makeTop(
      neighbour, child, separator: separator, memberCount: memberCount, childIsAfter: isAfter, heap: heap)
  }

  /// The node with room for one more child, perhaps in another block.
  private func roomyNode(_ node: ScoreNode, _ path: ScorePath, level: Int, heap: ShardHeap) -> ScoreNode {
    if node.count < node.capacity { return node }
    return resize(node, toHold: node.count + 1, path, level: level, heap: heap)
  }

  /// Puts a node into a block of another size.
  func resize(_ node: ScoreNode, toHold count: Int, _ path: ScorePath, level: Int, heap: ShardHeap)
    -> ScoreNode
  {
    let new = makeNode(holding: count, heap: heap)
    new.append(0..<node.count, of: node)
    replaceChild(by: new.base, path, level: level - 1)
    free(node.base, heap: heap)
    return new
  }

  func makeNode(holding count: Int, heap: ShardHeap) -> ScoreNode {
    let room = ScoreNode.room(for: count)
    return ScoreNode(block: allocate(room.byteCount, heap: heap), capacity: room.capacity)
  }

  /// Splits a node; both parts have room for another child.
  private func split(_ node: ScoreNode, keeping kept: Int, heap: ShardHeap) -> (ScoreNode, ScoreNode) {
    let right = makeNode(holding: node.count - kept + 1, heap: heap)
    right.append(kept..<node.count, of: node)
    if kept == node.count { return (node, right) }
    let left = makeNode(holding: kept + 1, heap: heap)
    left.append(0..<kept, of: node)
    free(node.base, heap: heap)
    return (left, right)
  }

  /// Puts a node above the old root and its new neighbour.
  private func makeTop(
    _ old: UnsafeMutableRawPointer, _ new: UnsafeMutableRawPointer, separator: Double, memberCount: Int,
    childIsAfter: Bool, heap: ShardHeap
  ) {
    precondition(pointee.height < ScorePath.stepMaximum, "a tree can't grow as high as this")
    let node = makeNode(holding: 2, heap: heap)
    let oldCount = pointee.height == 0 ? ScoreLeaf(base: old).count : ScoreNode(base: old).memberCount
    node.insert(old, separator: separator, memberCount: oldCount, at: 0)
    node.insert(new, separator: separator, memberCount: memberCount, at: childIsAfter ? 1 : 0)
    pointee.top = node.base
    pointee.height += 1
  }
}

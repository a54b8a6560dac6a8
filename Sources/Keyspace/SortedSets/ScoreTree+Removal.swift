import Heap

/// Taking members out of the tree.
extension UnsafeMutablePointer<LargeSortedSet> {
  /// A leaf that is left with less than this looks for a sibling to merge with.
  private static var leafMergeBytes: Int { ScoreLeaf.byteMaximum * 3 / 8 }
  /// What two leaves may have to become one.
  private static var mergedLeafBytesMaximum: Int { ScoreLeaf.byteMaximum * 7 / 8 }
  /// The same for inner nodes, in children.
  private static var nodeMergeCount: Int { ScoreNode.childMaximum / 4 }
  private static var mergedNodeCountMaximum: Int { ScoreNode.childMaximum * 3 / 4 }

  /// Takes members out of the leaf that the path leads to, with the blocks that long ones have, but not out of the index.
  /// The path is not to be used afterwards.
  func remove(_ places: Range<Int>, from leaf: ScoreLeaf, _ path: inout ScorePath, heap: ShardHeap) {
    for place in places {
      if let block = leaf.longBlock(place) { free(block, heap: heap) }
    }
    path.addToCounts(-places.count)
    if places.count == leaf.count, path.count > 0 {
      free(leaf, heap: heap)
      return detachChild(path, level: path.count - 1, heap: heap)
    }
    var leaf = leaf
    if places.count == 1 {
      leaf.remove(at: places.lowerBound)
    } else {
      leaf = rebuild(leaf, without: places, path, heap: heap)
    }
    let used = leaf.usedBytes
    if allocationClass(used) * 4 > leaf.capacity * 3 { return }
    // The block is a good deal too large: a moment at which it costs little to look at a sibling as well.
    if used < Self.leafMergeBytes, path.count > 0, mergeLeaf(leaf, path, heap: heap) { return }
    _ = resize(leaf, toHold: used - ScoreLeaf.headerBytes, path, heap: heap)
  }

  /// Copies a leaf but for some members to a new block.
  private func rebuild(_ leaf: ScoreLeaf, without places: Range<Int>, _ path: ScorePath, heap: ShardHeap)
    -> ScoreLeaf
  {
    var byteCount = leaf.usedBytes - ScoreLeaf.headerBytes
    for place in places { byteCount -= leaf.bytes(of: place) }
    let new = makeLeafBlock(holding: byteCount, identifier: leaf.identifier, heap: heap)
    new.append(0..<places.lowerBound, of: leaf)
    new.append(places.upperBound..<leaf.count, of: leaf)
    replaceChild(by: new.base, path, level: path.count - 1)
    free(leaf.base, heap: heap)
    return new
  }

  /// Merges a leaf with a sibling if they fit together.
  private func mergeLeaf(_ leaf: ScoreLeaf, _ path: ScorePath, heap: ShardHeap) -> Bool {
    let level = path.count - 1
    let (node, index) = (path[level].node, path[level].index)
    guard node.count > 1 else { return false }
    let isFirst = index + 1 < node.count
    let sibling = ScoreLeaf(base: node.children[isFirst ? index + 1 : index - 1])
    let byteCount = leaf.usedBytes + sibling.usedBytes - ScoreLeaf.headerBytes
    guard byteCount <= Self.mergedLeafBytesMaximum else { return false }
    let (left, right) = isFirst ? (leaf, sibling) : (sibling, leaf)
    // The leaf with more members keeps its number, so that fewer have to be entered anew.
    let keepsLeft = left.count >= right.count
    let merged = makeLeafBlock(
      holding: byteCount - ScoreLeaf.headerBytes, identifier: (keepsLeft ? left : right).identifier,
      heap: heap)
    merged.append(0..<left.count, of: left)
    merged.append(0..<right.count, of: right)
    let moved = keepsLeft ? left.count..<merged.count : 0..<left.count
    reindexMembers(moved, of: merged, from: (keepsLeft ? right : left).identifier)
    free(keepsLeft ? right : left, heap: heap)
    free((keepsLeft ? left : right).base, heap: heap)
    let leftIndex = isFirst ? index : index - 1
    node.children[leftIndex] = merged.base
    node.counts[leftIndex] += node.counts[leftIndex + 1]
    var siblingPath = path
    siblingPath[level].index = leftIndex + 1
    detachChild(siblingPath, level: level, heap: heap)
    return true
  }

  /// Takes a child, which is freed already, out of its node, and what is empty then out of the levels above.
  private func detachChild(_ path: ScorePath, level start: Int, heap: ShardHeap) {
    var level = start
    while true {
      let node = path[level].node
      node.remove(at: path[level].index)
      if node.count > 0 {
        shrink(node, path, level: level, heap: heap)
        return lowerTop(heap: heap)
      }
      precondition(level > 0, "a tree without leaves")
      free(node.base, heap: heap)
      level -= 1
    }
  }

  /// Merges a node with a sibling, or makes its block smaller.
  private func shrink(_ node: ScoreNode, _ path: ScorePath, level: Int, heap: ShardHeap) {
    if node.count < Self.nodeMergeCount, level > 0, mergeNode(node, path, level: level, heap: heap) { return }
    if ScoreNode.room(for: node.count).byteCount * 4 <= ScoreNode.room(for: node.capacity).byteCount * 3 {
      _ = resize(node, toHold: node.count, path, level: level, heap: heap)
    }
  }

  private func mergeNode(_ node: ScoreNode, _ path: ScorePath, level: Int, heap: ShardHeap) -> Bool {
    let (parent, index) = (path[level - 1].node, path[level - 1].index)
    guard parent.count > 1 else { return false }
    let isFirst = index + 1 < parent.count
    let leftIndex = isFirst ? index : index - 1
    let left = ScoreNode(base: parent.children[leftIndex])
    let right = ScoreNode(base: parent.children[leftIndex + 1])
    guard left.count + right.count <= Self.mergedNodeCountMaximum else { return false }
    // What separated the nodes separates the children at the seam.
    right.separators[0] = parent.separators[leftIndex + 1]
    let merged = makeNode(holding: left.count + right.count, heap: heap)
    merged.append(0..<left.count, of: left)
    merged.append(0..<right.count, of: right)
    free(left.base, heap: heap)
    free(right.base, heap: heap)
    parent.children[leftIndex] = merged.base
    parent.counts[leftIndex] += parent.counts[leftIndex + 1]
    parent.remove(at: leftIndex + 1)
    shrink(parent, path, level: level - 1, heap: heap)
    return true
  }

  /// Takes roots away that have one child only.
  private func lowerTop(heap: ShardHeap) {
    while pointee.height > 0 {
      let node = ScoreNode(base: pointee.top)
      guard node.count == 1 else { return }
      pointee.top = node.children[0]
      pointee.height -= 1
      free(node.base, heap: heap)
    }
  }
}

extension LargeSortedSet {
  static func releaseParts(
    of root: UnsafeMutablePointer<LargeSortedSet>, heap: ShardHeap, blockBudget: inout Int
  ) -> Bool {
    root.releaseTree(heap: heap, blockBudget: &blockBudget)
      && root.releaseIndex(heap: heap, blockBudget: &blockBudget)
      && root.releaseLeafTable(heap: heap, blockBudget: &blockBudget)
  }
}

extension UnsafeMutablePointer<LargeSortedSet> {
  /// Frees leaves and nodes from the end of the tree. A height of -1 says that all are gone.
  fileprivate func releaseTree(heap: ShardHeap, blockBudget: inout Int) -> Bool {
    while pointee.height >= 0 {
      if blockBudget <= 0 { return false }
      if pointee.height == 0 {
        releaseLeaf(pointee.top, heap: heap, blockBudget: &blockBudget)
        pointee.height = -1
        return true
      }
      var node = ScoreNode(base: pointee.top)
      var path = ScorePath()
      for _ in 1..<pointee.height {
        path.append(node, node.count - 1)
        node = ScoreNode(base: node.children[node.count - 1])
      }
      while node.count > 0, blockBudget > 0 {
        releaseLeaf(node.children[node.count - 1], heap: heap, blockBudget: &blockBudget)
        node.truncate(to: node.count - 1)
      }
      releaseEmpty(node, path, heap: heap, blockBudget: &blockBudget)
    }
    return true
  }

  /// Frees a node without children, and those above that are left without.
  private func releaseEmpty(_ node: ScoreNode, _ path: ScorePath, heap: ShardHeap, blockBudget: inout Int) {
    var node = node
    var level = path.count - 1
    while node.count == 0 {
      free(node.base, heap: heap)
      blockBudget -= 1
      if level < 0 {
        pointee.height = -1
        return
      }
      node = path[level].node
      node.truncate(to: node.count - 1)
      level -= 1
    }
  }

  private func releaseLeaf(_ block: UnsafeMutableRawPointer, heap: ShardHeap, blockBudget: inout Int) {
    let leaf = ScoreLeaf(base: block)
    for place in 0..<leaf.count {
      if let long = leaf.longBlock(place) {
        free(long, heap: heap)
        blockBudget -= 1
      }
    }
    free(block, heap: heap)
    blockBudget -= 1
  }

  fileprivate func releaseLeafTable(heap: ShardHeap, blockBudget: inout Int) -> Bool {
    while !pointee.leaves.releaseLastChunk(of: self, heap: heap) {
      blockBudget -= 1
      if blockBudget <= 0 { return false }
    }
    return true
  }
}

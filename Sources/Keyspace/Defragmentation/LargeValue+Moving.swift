import CIntrinsics
import Heap

/// Where a pass over the blocks of a large value stands. What the numbers mean is the business of the value's type.
struct PartPosition {
  /// The stage of the pass.
  var stage = 0
  var index: UInt64 = 0
  /// Where in a tree of stream IDs: behind this one, if it has begun.
  var hasBegun = false
  var id = StreamID.zero
  /// Which group of a stream, and which of its consumers.
  var group = 0
  var consumer = 0
}

extension Handle {
  /// Notes where the root of the value is now.
  func setRootHeader(_ root: UnsafeMutableRawPointer) {
    UnsafeMutableRawPointer(value.baseAddress.unsafelyUnwrapped).storeBytes(
      of: UInt(bitPattern: root), toByteOffset: 1, as: UInt.self)
  }
}

// MARK: Lists

extension LargeList {
  static func moveParts(
    of root: UnsafeMutablePointer<Self>, from position: inout PartPosition, _ mover: inout BlockMover
  ) -> Bool {
    if position.index == 0 { root.moveRing(&mover) }
    while position.index < root.blockCount {
      let block = root.block(Int(position.index))
      if let moved = mover.move(block.pointee.memory, for: .dataset) { block.pointee.move(to: moved) }
      position.index += 1
      if mover.isOutOfTime { return false }
    }
    return true
  }
}

// MARK: Sets and hashes

extension DenseTable {
  static func moveParts(
    of root: UnsafeMutablePointer<Self>, from position: inout PartPosition, _ mover: inout BlockMover
  ) -> Bool {
    while position.index < root.pageCount {
      root.movePage(Int(position.index), &mover)
      position.index += 1
      if mover.isOutOfTime { return false }
    }
    return true
  }
}

extension UnsafeMutablePointer<DenseTable> {
  /// Moves a page with what lies outside it, and the part of the directory that begins with it.
  fileprivate func movePage(_ index: Int, _ mover: inout BlockMover) {
    moveDirectory(ofPage: index, &mover)
    if let moved = mover.move(page(index).base, for: .dataset) { setPage(index, DensePage(base: moved)) }
    guard pointee.outsideCount > 0 else { return }
    let page = page(index)
    for slot in 0..<page.count {
      let entry = page.entry(slot)
      Self.moveOutside(entry.elementStart, &mover)
      if pointee.hasValues { Self.moveOutside(entry.valueStart, &mover) }
    }
  }

  private static func moveOutside(_ start: UnsafeMutablePointer<UInt8>, _ mover: inout BlockMover) {
    guard start[0] == DenseCode.outside,
      let moved = mover.move(DenseCode.outsideBlock(at: start), for: .dataset)
    else { return }
    UnsafeMutableRawPointer(start + 1).storeBytes(of: UInt(bitPattern: moved), as: UInt.self)
  }
}

// MARK: Sorted sets

extension LargeSortedSet {
  /// The stages: the table of leaves, the tree by ranks, the index by tags.
  static func moveParts(
    of root: UnsafeMutablePointer<Self>, from position: inout PartPosition, _ mover: inout BlockMover
  ) -> Bool {
    if position.stage == 0 {
      guard root.pointee.leaves.moveChunks(from: &position.index, &mover) else { return false }
      position = PartPosition(stage: 1)
    }
    if position.stage == 1 {
      guard root.moveTree(fromRank: &position.index, &mover) else { return false }
      position = PartPosition(stage: 2)
    }
    return root.moveIndex(fromTag: &position.index, &mover)
  }
}

extension UnsafeMutablePointer<LargeSortedSet> {
  fileprivate func moveTree(fromRank rank: inout UInt64, _ mover: inout BlockMover) -> Bool {
    while rank < count {
      var path = ScorePath()
      var (leaf, index) = descend(toRank: Int(rank), &path)
      moveNodes(of: &path, &mover)
      if let moved = mover.move(leaf.base, for: .dataset) {
        leaf = ScoreLeaf(base: moved)
        setChild(of: path, above: path.count, moved)
        pointee.leaves.set(leaf)
      }
      for member in 0..<leaf.count {
        guard let block = leaf.longBlock(member) else { continue }
        if let moved = mover.move(block, for: .dataset) { leaf.setLongBlock(member, moved) }
      }
      rank += UInt64(leaf.count - index)
      if mover.isOutOfTime { return false }
    }
    return true
  }

  /// Moves the inner nodes on the way to a leaf. Most have been moved with an earlier leaf.
  private func moveNodes(of path: inout ScorePath, _ mover: inout BlockMover) {
    for level in 0..<path.count {
      let step = path[level]
      guard mover.wantsToMove(step.node.base), let moved = mover.move(step.node.base, for: .dataset) else {
        continue
      }
      setChild(of: path, above: level, moved)
      path[level].node = ScoreNode(base: moved)
    }
  }

  /// Notes the new place of the node, or leaf, to which a way leads at a level.
  private func setChild(of path: ScorePath, above level: Int, _ child: UnsafeMutableRawPointer) {
    if level == 0 {
      pointee.top = child
    } else {
      let parent = path[level - 1]
      parent.node.children[parent.index] = child
    }
  }
}

// MARK: Streams

extension StreamRoot {
  /// The stages: the entries with the tree that leads to them, the groups.
  static func moveParts(
    of root: UnsafeMutablePointer<Self>, from position: inout PartPosition, _ mover: inout BlockMover
  ) -> Bool {
    if position.stage == 0 {
      let isDone = root.pointee.blocks.moveNodes(from: &position, &mover) { element, mover in
        guard let moved = mover.move(element.pointee.value, for: .dataset) else { return }
        if root.pointee.tail == element.pointee.value { root.pointee.tail = moved }
        element.pointee.value = moved
      }
      guard isDone else { return false }
      position = PartPosition(stage: 1)
    }
    var number = 0
    var isDone = true
    root.pointee.groups.forEach { element in
      defer { number += 1 }
      guard number >= position.group else { return true }
      isDone = GroupRecord.named(element.pointee.key).moveParts(from: &position, &mover)
      if isDone { position = PartPosition(stage: 1, group: number + 1) }
      return isDone
    }
    return isDone
  }
}

extension UnsafeMutablePointer<GroupRecord> {
  /// Moves what is pending in a group, and of its consumers. The records, whose addresses stand in every pending entry, stay,
  /// and so do the nodes of trees that are sorted by their names.
  fileprivate func moveParts(from position: inout PartPosition, _ mover: inout BlockMover) -> Bool {
    if position.consumer == 0 {
      guard pointee.pending.moveNodes(from: &position, &mover, { _, _ in }) else { return false }
      position.consumer = 1
    }
    var number = 1
    var isDone = true
    pointee.consumers.forEach { element in
      defer { number += 1 }
      guard number >= position.consumer else { return true }
      let consumer = ConsumerRecord.named(element.pointee.key)
      isDone = consumer.pointee.pending.moveNodes(from: &position, &mover) { _, _ in }
      if isDone { position.consumer = number + 1 }
      return isDone
    }
    return isDone
  }
}

extension OrderedTree where Key == StreamID {
  /// Moves the nodes of a tree, in the order of their elements, and calls `body` with those.
  fileprivate mutating func moveNodes(
    from position: inout PartPosition, _ mover: inout BlockMover,
    _ body: (UnsafeMutablePointer<Element>, inout BlockMover) -> Void
  ) -> Bool {
    while let next = run(from: position.id, isStrict: position.hasBegun).first {
      moveNodes(towards: next.key, &mover)
      let elements = run(from: next.key)
      for index in elements.indices {
        if let element = elements.baseAddress { body(element + index, &mover) }
      }
      position.id = elements[elements.count - 1].key
      position.hasBegun = true
      if mover.isOutOfTime { return false }
    }
    position.id = .zero
    position.hasBegun = false
    return true
  }

  /// Moves the nodes on the way to an element. Most branches have been moved on the way to an earlier one.
  private mutating func moveNodes(towards key: Key, _ mover: inout BlockMover) {
    guard var node = root else { return }
    if mover.wantsToMove(node), let moved = mover.move(node, for: .dataset) {
      root = moved
      node = moved
    }
    while !Self.isLeaf(node) {
      let branch = Branch(node)
      let child = branch.elements + Self.childIndex(branch, key)
      node = child.pointee.value
      if mover.wantsToMove(node), let moved = mover.move(node, for: .dataset) {
        child.pointee.value = moved
        node = moved
      }
    }
  }
}

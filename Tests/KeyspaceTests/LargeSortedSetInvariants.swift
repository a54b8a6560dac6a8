import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// What must hold for the tree and the index of a large sorted set between any two operations.
struct LargeSortedSetInvariants {
  private let root: UnsafeMutablePointer<LargeSortedSet>
  private var problems: [String] = []
  private var bytes = 0
  private var leafCount = 0

  static func expect(
    _ entry: Entry, _ comment: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var invariants = LargeSortedSetInvariants(root: entry.root(as: LargeSortedSet.self))
    invariants.check()
    let problems = invariants.problems.prefix(5).joined(separator: "; ")
    if !problems.isEmpty { Issue.record("\(problems): \(comment())", sourceLocation: sourceLocation) }
  }

  private init(root: UnsafeMutablePointer<LargeSortedSet>) { self.root = root }

  private mutating func require(_ condition: Bool, _ problem: @autoclosure () -> String) {
    if !condition { problems.append(problem()) }
  }

  private mutating func check() {
    var last: (Double, [UInt8])?
    let count = checkSubtree(
      root.pointee.top, level: root.pointee.height, low: -.infinity, high: .infinity, &last)
    let counted = root.count
    require(count == counted, "\(count) members, counted \(counted)")
    if root.pointee.height > 0 {
      require(ScoreNode(base: root.pointee.top).count > 1, "a root with one child")
    }
    checkIndex()
  }

  private mutating func checkSubtree(
    _ block: UnsafeMutableRawPointer, level: Int, low: Double, high: Double, _ last: inout (Double, [UInt8])?
  ) -> Int {
    guard level > 0 else { return checkLeaf(ScoreLeaf(base: block), low: low, high: high, &last) }
    let node = ScoreNode(base: block)
    require(node.count > 0 && node.count <= node.capacity, "a node of \(node.count) children")
    var sum = 0
    for index in 0..<node.count {
      let lower = index == 0 ? low : node.separators[index]
      let upper = index + 1 < node.count ? node.separators[index + 1] : high
      require(lower <= upper, "separators \(lower) and \(upper)")
      let count = checkSubtree(node.children[index], level: level - 1, low: lower, high: upper, &last)
      require(node.counts[index] == count, "\(count) members beneath a child, counted \(node.counts[index])")
      sum += count
    }
    return sum
  }

  private mutating func checkLeaf(
    _ leaf: ScoreLeaf, low: Double, high: Double, _ last: inout (Double, [UInt8])?
  ) -> Int {
    leafCount += 1
    require(root.pointee.leaves[leaf.identifier] == leaf, "leaf \(leaf.identifier) is elsewhere")
    require(leaf.count > 0 || root.pointee.height == 0, "an empty leaf")
    require(leaf.usedBytes <= leaf.capacity, "\(leaf.usedBytes) bytes in \(leaf.capacity)")
    if heapsAreMimalloc {
      require(ShardHeap.usableSize(leaf.base) == leaf.capacity, "a leaf's block has another size")
    }
    var used = ScoreLeaf.headerBytes
    for place in 0..<leaf.count {
      used += leaf.bytes(of: place)
      let (score, item) = (leaf.scores[place], leaf.item(place))
      require(score >= low && score <= high, "\(score) is not between \(low) and \(high)")
      if let last {
        require(
          last.0 < score || (last.0 == score && last.1.lexicographicallyPrecedes(item.array)),
          "\(last.1) before \(item.array)")
      }
      last = (score, item.array)
      let found = root.find(Element(item), tag: root.tag(of: item))
      require(found?.leaf == leaf && found?.index == place, "the index does not know \(item.array)")
    }
    require(used == leaf.usedBytes, "items of \(used) bytes, counted \(leaf.usedBytes)")
    return leaf.count
  }

  private mutating func checkIndex() {
    var entries = 0
    var next: UInt64 = 0
    while next <= UInt64(UInt32.max) {
      let page = root.pointee.index.page(of: UInt32(next))
      let width = UInt64(1) << UInt64(32 - page.depth)
      require(next % width == 0, "a page does not begin where it should")
      for place in 0..<page.count {
        let tag = UInt64(page.tags[place])
        require(tag >= next && tag < next + width, "a tag in a wrong page")
        require(root.pointee.leaves.leaf(Int(page.leaves[place])) != nil, "an entry names no leaf")
      }
      require(page.depth <= root.pointee.index.depth, "a page deeper than the directory")
      entries += page.count
      next += width
    }
    let counted = root.count
    require(entries == counted, "\(entries) entries for \(counted) members")
  }
}

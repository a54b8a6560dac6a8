import Bytes
import CIntrinsics
import Heap

/// Finding places in the tree.
extension UnsafeMutablePointer<LargeSortedSet> {
  /// Goes down to the leaf that has the key, or in which it belongs.
  @inline(__always)
  @discardableResult
  func descend(to key: ScoreKey, _ path: inout ScorePath) -> ScoreLeaf {
    var child = pointee.top
    for level in stride(from: pointee.height, to: 0, by: -1) {
      let node = ScoreNode(base: child)
      var low = node.lastChild(below: key.score)
      let count = node.count
      if low &+ 1 < count, node.separators[low &+ 1] == key.score {
        low = lastChild(of: node, from: low, notAfter: key, level: level)
      }
      path.append(node, low)
      child = node.children[low]
    }
    return ScoreLeaf(base: child)
  }

  /// The last child from `first` on, among those whose separators are the key's score, that does not begin after the key.
  @inline(never)
  private func lastChild(of node: ScoreNode, from first: Int, notAfter key: ScoreKey, level: Int) -> Int {
    var low = first
    var high = node.lastChild(notAbove: key.score)
    while low < high {
      let middle = (low + high + 1) / 2
      if begins(node.children[middle], level: level - 1, after: key) {
        high = middle - 1
      } else {
        low = middle
      }
    }
    return low
  }

  /// Whether the first member beneath a node stands after the key.
  private func begins(_ child: UnsafeMutableRawPointer, level: Int, after key: ScoreKey) -> Bool {
    let leaf = firstLeaf(beneath: child, level: level)
    let score = leaf.scores[0]
    if score != key.score { return score > key.score }
    return orderOfText(key.text, leaf.item(0)) < 0
  }

  private func firstLeaf(beneath child: UnsafeMutableRawPointer, level: Int) -> ScoreLeaf {
    var child = child
    for _ in 0..<level { child = ScoreNode(base: child).children[0] }
    return ScoreLeaf(base: child)
  }

  /// Goes down to the member of a rank, which must exist. Returns its leaf and its place there.
  func descend(toRank rank: Int, _ path: inout ScorePath) -> (leaf: ScoreLeaf, index: Int) {
    var child = pointee.top
    var rest = rank
    for _ in 0..<pointee.height {
      let node = ScoreNode(base: child)
      let counts = node.counts
      var index = 0
      while rest >= counts[index] {
        rest -= counts[index]
        index += 1
      }
      path.append(node, index)
      child = node.children[index]
    }
    return (ScoreLeaf(base: child), rest)
  }

  // MARK: Counting

  /// How many members have scores below `score`, or, with `orEqual`, not above it.
  func countOfMembers(below score: Double, orEqual: Bool) -> Int {
    var child = pointee.top
    var rank = 0
    for _ in 0..<pointee.height {
      let node = ScoreNode(base: child)
      let index = orEqual ? node.lastChild(notAbove: score) : node.lastChild(below: score)
      rank += node.countBefore(index)
      child = node.children[index]
    }
    let leaf = ScoreLeaf(base: child)
    return rank
      + (orEqual
        ? countNotAbove(score, in: leaf.scores, count: leaf.count)
        : countBelow(score, in: leaf.scores, count: leaf.count))
  }

  /// How many members come before `text` bytewise, or, with `orEqual`, not after it. Only meaningful where all scores
  /// are the same.
  func countOfMembers(before text: ByteView, orEqual: Bool) -> Int {
    var child = pointee.top
    var rank = 0
    for level in stride(from: pointee.height, to: 0, by: -1) {
      let node = ScoreNode(base: child)
      var low = 0
      var high = node.count - 1
      while low < high {
        let middle = (low + high + 1) / 2
        let first = firstLeaf(beneath: node.children[middle], level: level - 1).item(0)
        if Self.isMember(first, before: text, orEqual: orEqual) { low = middle } else { high = middle - 1 }
      }
      rank += node.countBefore(low)
      child = node.children[low]
    }
    let leaf = ScoreLeaf(base: child)
    var low = 0
    var high = leaf.count
    while low < high {
      let middle = (low + high) / 2
      if Self.isMember(leaf.item(middle), before: text, orEqual: orEqual) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return rank + low
  }

  private static func isMember(_ item: Item, before text: ByteView, orEqual: Bool) -> Bool {
    let order = orderOfText(text, item)
    return orEqual ? order >= 0 : order > 0
  }

  /// The rank of a member.
  func rank(of place: MemberPlace, text: ByteView) -> Int {
    var path = ScorePath()
    descend(to: ScoreKey(place.score, text), &path)
    return path.rank + place.index
  }

  // MARK: Going through

  /// Calls `body` with `count` members from a rank on, upwards, or, `reversed`, downwards. They must exist.
  @inline(__always)
  func forEachMember(fromRank rank: Int, count: Int, reversed: Bool, _ body: (Item, Double) -> Void) {
    if count == 0 { return }
    var path = ScorePath()
    var (leaf, index) = descend(toRank: rank, &path)
    var rest = count
    while true {
      if reversed {
        let stop = max(index - rest, -1)
        for place in stride(from: index, to: stop, by: -1) { body(leaf.item(place), leaf.scores[place]) }
        rest -= index - stop
      } else {
        let stop = min(index + rest, leaf.count)
        for place in index..<stop { body(leaf.item(place), leaf.scores[place]) }
        rest -= stop - index
      }
      guard rest > 0, let next = path.moveToNeighbour(forward: !reversed) else { return }
      leaf = next
      index = reversed ? leaf.count - 1 : 0
    }
  }
}

/// The way from the root of a sorted set's tree down to a leaf: on every level the node, and which of its children the
/// way takes.
struct ScorePath {
  struct Step {
    var node: ScoreNode
    var index: Int
  }

  /// More levels than a tree can get: a root is only split when it has its full number of children, so each level takes
  /// at least 42 times as many operations as all levels below it.
  static let stepMaximum = 12

  private var steps: InlineArray<12, Step>
  private(set) var count = 0

  @inline(__always)
  init() {
    // Never read before it is set.
    steps = InlineArray(
      repeating: Step(
        node: ScoreNode(base: UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped), index: 0))
  }

  /// The steps from the root (0) to the level above the leaves.
  subscript(level: Int) -> Step {
    @inline(__always) get { steps[level] }
    @inline(__always) set { steps[level] = newValue }
  }

  @inline(__always)
  mutating func append(_ node: ScoreNode, _ index: Int) {
    steps[count] = Step(node: node, index: index)
    count &+= 1
  }

  mutating func removeAll() { count = 0 }

  /// Changes the number of members beneath every node on the way.
  @inline(__always)
  func addToCounts(_ difference: Int) {
    for level in 0..<count {
      let step = steps[level]
      step.node.counts[step.index] &+= difference
    }
  }

  /// Members that stand before the leaf at the end of the way.
  var rank: Int {
    var rank = 0
    for level in 0..<count { rank &+= steps[level].node.countBefore(steps[level].index) }
    return rank
  }

  /// Goes to the next leaf, or to the one before; nil at the end.
  mutating func moveToNeighbour(forward: Bool) -> ScoreLeaf? {
    var level = count - 1
    while level >= 0 {
      let step = steps[level]
      let next = step.index + (forward ? 1 : -1)
      if next >= 0, next < step.node.count {
        steps[level].index = next
        return descendAlongEdge(below: level, first: forward)
      }
      level -= 1
    }
    return nil
  }

  private mutating func descendAlongEdge(below top: Int, first: Bool) -> ScoreLeaf {
    var child = steps[top].node.children[steps[top].index]
    for level in (top + 1)..<max(count, top + 1) {
      let node = ScoreNode(base: child)
      let index = first ? 0 : node.count - 1
      steps[level] = Step(node: node, index: index)
      child = node.children[index]
    }
    return ScoreLeaf(base: child)
  }
}

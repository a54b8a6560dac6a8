import Heap
import TestSupport
import Testing

@testable import Keyspace

/// The tree beside a sorted array, with every node and byte looked at.
@Suite("An ordered tree agrees with its model", .serialized)
struct OrderedTreeTests {
  private typealias Tree = OrderedTree<StreamID, UInt64>

  @Test("under random insertions and removals")
  func random() {
    var random = SeededRandom(test: "OrderedTreeTests.random")
    withRoot { account in
      var run = TreeRun(account: account)
      for phase in 0..<12 {
        let growth = [9, 1, 5, 2][phase % 4]
        for step in 0..<1_500 {
          run.step(&random, growth: growth)
          if step % 100 == 0 { run.check("phase \(phase), step \(step), \(random)") }
        }
      }
      run.check("the end, \(random)")
      run.drain()
    }
  }

  @Test("when keys come in order and go from the front")
  func queue() {
    withRoot { account in
      var run = TreeRun(account: account)
      for number in 0..<UInt64(20_000) {
        run.insert(StreamID(number, 1))
        if number >= 5_000 { run.remove(StreamID(number - 5_000, 1)) }
        if number % 1_000 == 0 { run.check("number \(number)") }
      }
      // What came in order left full leaves behind: 42 elements of 24 bytes each.
      #expect(run.tree.nodeCount <= 5_000 / 42 + 10)
      run.drain()
    }
  }

  @Test("when it is taken apart leaf by leaf")
  func takenApart() {
    var random = SeededRandom(test: "OrderedTreeTests.takenApart")
    withRoot { account in
      var run = TreeRun(account: account)
      for _ in 0..<10_000 { run.step(&random, growth: 8) }
      var left = run.tree.count
      while !run.tree.isEmpty {
        left -= run.tree.lastLeaf.count
        run.tree.dropLastLeaf(account: account)
        #expect(run.tree.count == left)
      }
      #expect(left == 0 && run.tree.nodeCount == 0)
    }
  }

  @Test("of few keys is one block that fits them")
  func small() {
    withRoot { account in
      var run = TreeRun(account: account)
      for number in 0..<UInt64(3) { run.insert(StreamID(number, 0)) }
      #expect(run.tree.nodeCount == 1)
      #expect(ShardHeap.usableSize(run.tree.root!) <= 112)
      run.drain()
      #expect(run.tree.root == nil)
    }
  }

  /// Calls `body` with an account whose blocks must all be given back.
  private func withRoot(_ body: (BlockAccount) -> Void) {
    withHeap { heap in
      let root = StreamRoot.makeRoot(StreamRoot(), heap: heap)
      let bytes = root.pointee.header.allocatedBytes
      body(root.account(heap))
      #expect(root.pointee.header.allocatedBytes == bytes)
      heap.free(root, for: .dataset)
    }
  }
}

private struct TreeRun {
  let account: BlockAccount
  var tree = OrderedTree<StreamID, UInt64>()
  private var model: [StreamID] = []

  init(account: BlockAccount) { self.account = account }

  private func place(of key: StreamID) -> Int {
    var low = 0
    var high = model.count
    while low < high {
      let middle = (low + high) / 2
      if model[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// - Parameter growth: how many of ten steps insert.
  mutating func step(_ random: inout SeededRandom, growth: Int) {
    let key = StreamID(UInt64(random.below(2_000)), UInt64(random.below(4)))
    if random.below(10) < growth { insert(key) } else { remove(nearest(to: key, &random)) }
    probe(key)
  }

  /// A key that is there, mostly.
  private func nearest(to key: StreamID, _ random: inout SeededRandom) -> StreamID {
    if model.isEmpty || random.below(10) == 0 { return key }
    switch random.below(4) {
    case 0: return model[0]
    case 1: return model[model.count - 1]
    default: return model[min(place(of: key), model.count - 1)]
    }
  }

  mutating func insert(_ key: StreamID) {
    let place = place(of: key)
    if place < model.count, model[place] == key {
      expectEqual(tree.find(key)?.pointee.value, key.milliseconds &* 3, "a key that is there")
      return
    }
    tree.insert(key, key.milliseconds &* 3, account: account)
    model.insert(key, at: place)
  }

  mutating func remove(_ key: StreamID) {
    let place = place(of: key)
    let isThere = place < model.count && model[place] == key
    expectEqual(tree.remove(key, account: account), isThere ? key.milliseconds &* 3 : nil, "removing \(key)")
    if isThere { model.remove(at: place) }
  }

  private func probe(_ key: StreamID) {
    let place = place(of: key)
    let isThere = place < model.count && model[place] == key
    expectEqual(tree.find(key) != nil, isThere, "finding \(key)")
    let after = isThere ? place + 1 : place
    let expectedFirst = place < model.count ? model[place] : nil
    expectEqual(tree.run(from: key).first?.key, expectedFirst, "the first from \(key)")
    let expectedAfter = after < model.count ? model[after] : nil
    expectEqual(tree.run(from: key, isStrict: true).first?.key, expectedAfter, "the first after \(key)")
    expectEqual(
      tree.last(upTo: key)?.pointee.key, after > 0 ? model[after - 1] : nil, "the last up to \(key)")
    let expectedBefore = place > 0 ? model[place - 1] : nil
    expectEqual(tree.last(upTo: key, isStrict: true)?.pointee.key, expectedBefore, "the last before \(key)")
  }

  func check(_ comment: String) {
    var keys: [StreamID] = []
    tree.forEach {
      keys.append($0.pointee.key)
      return true
    }
    expectEqual(keys == model, true, "the keys, \(comment)")
    expectEqual(tree.count, model.count, "the count, \(comment)")
    expectEqual(tree.first?.pointee.key, model.first, "the first, \(comment)")
    expectEqual(tree.last?.pointee.key, model.last, "the last, \(comment)")
    guard let root = tree.root else { return }
    var nodeCount = 0
    checkNode(root, level: TreeNode<StreamID, UInt64>(root).level, &nodeCount, comment)
    expectEqual(tree.nodeCount, nodeCount, "nodes, \(comment)")
  }

  /// Checks a node and what is below it, and returns the first key there.
  @discardableResult
  private func checkNode(
    _ node: UnsafeMutableRawPointer, level: Int, _ nodeCount: inout Int, _ comment: String
  ) -> StreamID {
    nodeCount += 1
    let leaf = TreeNode<StreamID, UInt64>(node)
    expectEqual(leaf.level, level, "level, \(comment)")
    expectEqual(leaf.count > 0 && leaf.count <= leaf.capacity, true, "elements of a node, \(comment)")
    if level == 0 { return leaf.elements[0].key }
    let branch = TreeNode<StreamID, UnsafeMutableRawPointer>(node)
    var first: StreamID?
    for index in 0..<branch.count {
      let key = checkNode(branch.elements[index].value, level: level - 1, &nodeCount, comment)
      if index == 0 {
        first = key
      } else {
        expectEqual(branch.elements[index].key, key, "a child's key, \(comment)")
      }
    }
    return first!
  }

  mutating func drain() {
    for key in model { tree.remove(key, account: account) }
    expectEqual(tree.nodeCount, 0, "an empty tree")
    model = []
  }
}

import Heap

/// A stream: packed blocks of entries, found by their first IDs in an ordered tree, and the consumer groups.
///
/// A stream is always a large value, but one of a few entries is no more than this root and one small block.
struct StreamRoot: LargeValue {
  static let form = LargeForm.stream
  var header = Self.newHeader
  /// The ID of the entry added last, whether it is still there or not.
  var lastID = StreamID.zero
  /// The greatest ID that was deleted (not trimmed).
  var greatestDeletedID = StreamID.zero
  var entriesAdded: UInt64 = 0
  /// The blocks by their IDs.
  var blocks = OrderedTree<StreamID, UnsafeMutableRawPointer>()
  /// The last block, where entries are added.
  var tail: UnsafeMutableRawPointer?
  /// The groups by their names.
  var groups = OrderedTree<StreamName, Nothing>()

  static func releaseParts(of root: UnsafeMutablePointer<Self>, heap: ShardHeap, blockBudget: inout Int)
    -> Bool
  {
    let account = root.account(heap)
    while !root.pointee.blocks.isEmpty {
      guard blockBudget > 0 else { return false }
      let leaf = root.pointee.blocks.lastLeaf
      for element in leaf { account.free(element.value) }
      blockBudget -= leaf.count + 1
      root.pointee.blocks.dropLastLeaf(account: account)
    }
    while let last = root.pointee.groups.last {
      let group = GroupRecord.named(last.pointee.key)
      guard group.releaseParts(account, &blockBudget), blockBudget > 0 else { return false }
      root.pointee.groups.remove(last.pointee.key, account: account)
      account.free(group)
      blockBudget -= 1
    }
    return true
  }
}

/// What a tree that is a mere set keeps under its keys.
struct Nothing: BitwiseCopyable {}

extension UnsafeMutablePointer<StreamRoot> {
  @inline(__always)
  func account(_ heap: ShardHeap) -> BlockAccount { BlockAccount(heap: heap, total: header) }
}

extension StreamID: TreeKey {
  @inline(__always)
  static func precedes(_ left: StreamID, _ right: StreamID) -> Bool { left < right }
}

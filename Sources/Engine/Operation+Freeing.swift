import Keyspace

/// Waiting for memory.
extension Operation {
  /// Waits until every shard has freed what had been removed from it when this began, or the client leaves. The shards serve others
  /// meanwhile; the operation should have let go of its keys.
  public func waitUntilFreed() async {
    var marks = await onEveryShard { $0.lookAfter($0.pointee.keyspace.removalMark) }
    while !marks.allSatisfy(\.isFreed), !isAbandoned {
      // With a single shard nothing is waited for, and the loop has the freeing to do.
      await Task.yield()
      marks = await onEveryShard { [marks] shard in shard.lookAfter(marks[shard.pointee.index].mark) }
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  fileprivate func lookAfter(_ mark: RemovalMark) -> (mark: RemovalMark, isFreed: Bool) {
    var mark = mark
    let isFreed = pointee.keyspace.isFreed(&mark)
    return (mark, isFreed)
  }
}

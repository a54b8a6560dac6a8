import Heap

/// What of a stream is to stay when it is trimmed.
public struct StreamTrimming: Sendable, Equatable {
  public enum Threshold: Sendable, Equatable {
    /// So many of the last entries.
    case count(Int)
    /// The entries from this ID on.
    case id(StreamID)
  }

  public let threshold: Threshold
  /// Whether only whole blocks go, so that more may stay than need be.
  public let isApproximate: Bool
  /// How many entries may go; nil for any number.
  public let limit: Int?

  public init(_ threshold: Threshold, isApproximate: Bool, limit: Int?) {
    self.threshold = threshold
    self.isApproximate = isApproximate
    self.limit = limit
  }
}

extension StreamValue {
  /// Deletes an entry; returns whether there was one with this ID.
  public func delete(_ id: StreamID) -> Bool {
    guard let element = root.pointee.blocks.last(upTo: id) else { return false }
    let block = StreamBlock(element.pointee.value)
    var cursor = StreamBlockCursor(block)
    while let entry = cursor.next(), entry.id <= id {
      guard entry.id == id else { continue }
      if entry.isDeleted { return false }
      block.delete(entry)
      root.pointee.header.count -= 1
      root.pointee.greatestDeletedID = max(root.pointee.greatestDeletedID, id)
      settle(block)
      return true
    }
    return false
  }

  /// Removes entries from the beginning; returns how many.
  public func trim(_ trimming: StreamTrimming) -> Int {
    var removed = 0
    while let element = root.pointee.blocks.first {
      let block = StreamBlock(element.pointee.value)
      if case .count(let kept) = trimming.threshold, count <= kept { break }
      let liveCount = Int(block.header.pointee.liveCount)
      if let limit = trimming.limit, removed + liveCount > limit { break }
      if isBefore(block, trimming.threshold) {
        root.pointee.header.count -= liveCount
        removed += liveCount
        remove(block)
      } else {
        if !trimming.isApproximate { removed += trimFirst(block, trimming.threshold) }
        break
      }
    }
    return removed
  }

  /// Whether all entries of the first block are beyond the threshold.
  private func isBefore(_ block: StreamBlock, _ threshold: StreamTrimming.Threshold) -> Bool {
    switch threshold {
    case .count(let kept): return count - Int(block.header.pointee.liveCount) >= kept
    case .id(let id):
      guard block.header.pointee.id < id else { return false }
      let next = root.pointee.blocks.run(from: block.header.pointee.id, isStrict: true)
      if let next = next.first, next.key <= id { return true }
      var cursor = StreamBlockCursor(block)
      while let entry = cursor.next() { if entry.id >= id { return false } }
      return true
    }
  }

  /// Deletes the entries of the first block that are beyond the threshold, which some of them are not.
  private func trimFirst(_ block: StreamBlock, _ threshold: StreamTrimming.Threshold) -> Int {
    var removed = 0
    var cursor = StreamBlockCursor(block)
    while let entry = cursor.next() {
      switch threshold {
      case .count(let kept): if count <= kept { return finish() }
      case .id(let id): if entry.id >= id { return finish() }
      }
      if entry.isDeleted { continue }
      block.delete(entry)
      root.pointee.header.count -= 1
      removed += 1
    }
    func finish() -> Int {
      if removed > 0 { settle(block) }
      return removed
    }
    return finish()
  }

  /// Puts a block in order from which entries were deleted.
  private func settle(_ block: StreamBlock) {
    if block.header.pointee.liveCount == 0 {
      remove(block)
    } else if block.isHollow {
      block.closeGaps()
      let used = Int(block.header.pointee.usedBytes)
      if used <= block.header.pointee.capacity / 2 { resize(block, to: used) }
    }
  }

  /// Takes a block out, whose entries count no more.
  private func remove(_ block: StreamBlock) {
    root.pointee.blocks.remove(block.header.pointee.id, account: account)
    if root.pointee.tail == block.start { root.pointee.tail = root.pointee.blocks.last?.pointee.value }
    account.free(block.start)
  }
}

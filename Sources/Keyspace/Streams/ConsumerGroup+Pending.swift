/// A delivery that was not acknowledged.
public struct PendingEntry {
  public let id: StreamID
  public let consumer: Consumer
  /// When it was last delivered, in milliseconds since 1970.
  public let deliveryTime: Int64
  public let deliveryCount: UInt64
}

/// The deliveries of a group that are not acknowledged: the group has them with all that is known of them, in the order
/// of their IDs; each consumer has the IDs of its own.
extension ConsumerGroup {
  /// The pending delivery of this ID.
  public func pending(_ id: StreamID) -> PendingEntry? {
    record.pointee.pending.find(id).map { entry($0.pointee) }
  }

  public var firstPendingID: StreamID? { record.pointee.pending.first?.pointee.key }
  public var lastPendingID: StreamID? { record.pointee.pending.last?.pointee.key }

  /// Calls `body` with the pending deliveries from `first` on, in order, until it returns false. It must not change
  /// which they are.
  public func forEachPending(from first: StreamID = .zero, _ body: (PendingEntry) -> Bool) {
    var run = record.pointee.pending.run(from: first)
    while !run.isEmpty {
      for element in run where !body(entry(element)) { return }
      run = record.pointee.pending.run(from: run[run.count - 1].key, isStrict: true)
    }
  }

  /// The first pending delivery from `id` on, or after it.
  public func firstPending(from id: StreamID, isStrict: Bool = false) -> PendingEntry? {
    record.pointee.pending.run(from: id, isStrict: isStrict).first.map(entry)
  }

  private func entry(_ element: TreeElement<StreamID, PendingRecord>) -> PendingEntry {
    PendingEntry(
      id: element.key, consumer: Consumer(record: element.value.consumer), deliveryTime: element.value.time,
      deliveryCount: deliveryCount(element))
  }

  private func deliveryCount(_ element: TreeElement<StreamID, PendingRecord>) -> UInt64 {
    if element.value.shortCount != PendingRecord.largeCount { return UInt64(element.value.shortCount) }
    return record.pointee.largeCounts.find(element.key)?.pointee.value ?? 0
  }

  /// Makes a delivery pending, or what is pending of this ID another one.
  public func setPending(_ id: StreamID, of consumer: Consumer, deliveryTime: Int64, deliveryCount: UInt64) {
    let isLarge = deliveryCount >= UInt64(PendingRecord.largeCount)
    let value = PendingRecord(
      consumer: consumer.record, time: deliveryTime,
      shortCount: isLarge ? PendingRecord.largeCount : UInt32(deliveryCount))
    if let element = record.pointee.pending.find(id) {
      let old = element.pointee.value
      element.pointee.value = value
      if old.shortCount == PendingRecord.largeCount {
        record.pointee.largeCounts.remove(id, account: account)
      }
      if old.consumer != consumer.record {
        old.consumer.pointee.pending.remove(id, account: account)
        consumer.record.pointee.pending.insert(id, Nothing(), account: account)
      }
    } else {
      record.pointee.pending.insert(id, value, account: account)
      consumer.record.pointee.pending.insert(id, Nothing(), account: account)
    }
    if isLarge { record.pointee.largeCounts.insert(id, deliveryCount, account: account) }
  }

  /// Removes a pending delivery; returns whether there was one of this ID.
  @discardableResult
  public func removePending(_ id: StreamID) -> Bool {
    guard let removed = removeFromGroup(id) else { return false }
    removed.consumer.pointee.pending.remove(id, account: account)
    return true
  }

  /// Removes a pending delivery from the group's own list.
  @discardableResult
  func removeFromGroup(_ id: StreamID) -> PendingRecord? {
    guard let removed = record.pointee.pending.remove(id, account: account) else { return nil }
    if removed.shortCount == PendingRecord.largeCount {
      record.pointee.largeCounts.remove(id, account: account)
    }
    return removed
  }
}

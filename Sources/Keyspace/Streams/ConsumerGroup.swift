import Bytes
import Heap

/// A consumer group of a stream. A view, valid until the group is removed or the keyspace changed by other means.
public struct ConsumerGroup {
  public let stream: StreamValue
  let record: UnsafeMutablePointer<GroupRecord>

  var account: BlockAccount { record.account(stream.account) }

  public var name: ByteView { record.name }

  /// The greatest ID that was delivered.
  public var lastID: StreamID {
    get { record.pointee.lastID }
    nonmutating set { record.pointee.lastID = newValue }
  }

  /// Entries delivered so far, counted from the first that ever was in the stream; -1 if unknown.
  public var entriesRead: Int64 {
    get { record.pointee.entriesRead }
    nonmutating set { record.pointee.entriesRead = newValue }
  }

  /// Entries that are delivered and not acknowledged.
  public var pendingCount: Int { record.pointee.pending.count }
  public var consumerCount: Int { record.pointee.consumers.count }
}

/// A consumer of a group. A view, valid as long as the consumer is there.
public struct Consumer: Equatable {
  let record: UnsafeMutablePointer<ConsumerRecord>

  public var name: ByteView { record.name }
  /// Entries that it has not acknowledged.
  public var pendingCount: Int { record.pointee.pending.count }

  /// When it was last heard of, in milliseconds since 1970.
  public var seenTime: Int64 {
    get { record.pointee.seenTime }
    nonmutating set { record.pointee.seenTime = newValue }
  }

  /// When it was last given an entry; -1 if it never was.
  public var activeTime: Int64 {
    get { record.pointee.activeTime }
    nonmutating set { record.pointee.activeTime = newValue }
  }

  /// The IDs from `first` on that it has not acknowledged, in order, until `body` returns false. `body` must not
  /// change which they are.
  public func forEachPendingID(from first: StreamID = .zero, _ body: (StreamID) -> Bool) {
    var run = record.pointee.pending.run(from: first)
    while !run.isEmpty {
      for element in run where !body(element.key) { return }
      run = record.pointee.pending.run(from: run[run.count - 1].key, isStrict: true)
    }
  }
}

extension Keyspace {
  /// Removes a group of a stream. What was pending in it is freed in slices.
  public mutating func removeGroup(_ group: ConsumerGroup) {
    let record = group.record
    let account = group.stream.account
    group.stream.root.pointee.groups.remove(StreamName(group.name), account: account)
    // It becomes the only group of a stream that is gone.
    let root = StreamRoot.makeRoot(StreamRoot(), heap: heap)
    root.pointee.groups.insert(StreamName(record.name), Nothing(), account: root.account(heap))
    account.add(-record.pointee.allocatedBytes)
    root.account(heap).add(record.pointee.allocatedBytes)
    released.release(root.header, heap: heap)
  }
}

// MARK: Groups of a stream

extension StreamValue {
  public var groupCount: Int { root.pointee.groups.count }

  /// The group of this name.
  public func group(named name: ByteView) -> ConsumerGroup? {
    root.pointee.groups.find(StreamName(name)).map { group($0.pointee.key) }
  }

  /// Calls `body` with the groups in the order of their names.
  public func forEachGroup(_ body: (ConsumerGroup) -> Void) {
    root.pointee.groups.forEach {
      body(group($0.pointee.key))
      return true
    }
  }

  private func group(_ name: StreamName) -> ConsumerGroup {
    ConsumerGroup(stream: self, record: GroupRecord.named(name))
  }

  /// Makes a group; nil if there is one of this name.
  @discardableResult
  public func makeGroup(_ name: ByteView, lastID: StreamID, entriesRead: Int64) -> ConsumerGroup? {
    if root.pointee.groups.find(StreamName(name)) != nil { return nil }
    let record = UnsafeMutablePointer<GroupRecord>.allocate(name, account: account) {
      GroupRecord(nameCount: $0, lastID: lastID, entriesRead: entriesRead)
    }
    record.pointee.allocatedBytes = ShardHeap.usableSize(record)
    root.pointee.groups.insert(StreamName(record.name), Nothing(), account: account)
    return ConsumerGroup(stream: self, record: record)
  }

  /// How many entries were added up to and with this ID, counted from the first that ever was in the stream; -1 where
  /// that can't be known, because entries between were deleted.
  public func entriesAdded(through id: StreamID) -> Int64 {
    let added = Int64(bitPattern: entriesAdded)
    if added == 0 { return 0 }
    if count == 0, id <= lastID { return added }
    if id == lastID { return added }
    guard id < lastID, let firstID else { return -1 }
    // From the first entry that is there on, nothing is missing.
    guard greatestDeletedID == .zero || greatestDeletedID < firstID else { return -1 }
    if id < firstID { return added &- Int64(count) }
    return id == firstID ? added &- Int64(count) &+ 1 : -1
  }

  /// Whether an entry from `id` on, between those that are there, may have been deleted.
  fileprivate func mayLackEntries(from id: StreamID) -> Bool {
    guard greatestDeletedID != .zero, id <= greatestDeletedID, let firstID else { return false }
    return firstID <= greatestDeletedID
  }
}

extension ConsumerGroup {
  /// Entries that the group was not given yet; nil if unknown.
  public var lag: Int64? {
    let added = Int64(bitPattern: stream.entriesAdded)
    if added == 0 { return 0 }
    if entriesRead != -1, !stream.mayLackEntries(from: lastID) { return added &- entriesRead }
    let read = stream.entriesAdded(through: lastID)
    return read == -1 ? nil : added &- read
  }

  /// Notes that the entry after all that were delivered is delivered.
  public func advance(to id: StreamID) {
    if entriesRead != -1, !stream.mayLackEntries(from: id) {
      // Clients may set the counters to anything, so they may overflow.
      entriesRead &+= 1
    } else if stream.entriesAdded != 0 {
      entriesRead = stream.entriesAdded(through: id)
    }
    lastID = id
  }

  // MARK: Consumers

  /// The consumer of this name.
  public func consumer(named name: ByteView) -> Consumer? {
    record.pointee.consumers.find(StreamName(name)).map {
      Consumer(record: ConsumerRecord.named($0.pointee.key))
    }
  }

  /// Makes a consumer, of a name that none has.
  public func makeConsumer(_ name: ByteView, seenTime: Int64) -> Consumer {
    let consumer = UnsafeMutablePointer<ConsumerRecord>.allocate(name, account: account) {
      ConsumerRecord(nameCount: $0, seenTime: seenTime)
    }
    record.pointee.consumers.insert(StreamName(consumer.name), Nothing(), account: account)
    return Consumer(record: consumer)
  }

  /// Removes a consumer and what is pending of it; returns how many entries that were.
  public func removeConsumer(_ consumer: Consumer) -> Int {
    let pendingCount = consumer.pendingCount
    while !consumer.record.pointee.pending.isEmpty {
      for element in consumer.record.pointee.pending.lastLeaf { removeFromGroup(element.key) }
      consumer.record.pointee.pending.dropLastLeaf(account: account)
    }
    record.pointee.consumers.remove(StreamName(consumer.name), account: account)
    account.free(consumer.record)
    return pendingCount
  }

  /// Calls `body` with the consumers in the order of their names.
  public func forEachConsumer(_ body: (Consumer) -> Void) {
    record.pointee.consumers.forEach {
      body(Consumer(record: ConsumerRecord.named($0.pointee.key)))
      return true
    }
  }
}

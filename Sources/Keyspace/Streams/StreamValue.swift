import Bytes
import CIntrinsics
import Heap

/// The stream of a key: what the commands work on. A view, valid until the keyspace is next changed by other means.
public struct StreamValue {
  let root: UnsafeMutablePointer<StreamRoot>
  /// Nil if the stream is only read.
  private let heap: ShardHeap?

  @inline(__always)
  init(root: UnsafeMutablePointer<StreamRoot>, heap: ShardHeap?) {
    self.root = root
    self.heap = heap
  }

  var account: BlockAccount {
    @inline(__always) get {
      guard let heap else { preconditionFailure("a stream that is only read was to be changed") }
      return root.account(heap)
    }
  }

  /// Bytes that the fields and values of an entry may have together.
  public static let entryBytesMaximum = StreamBlock.bytesMaximum

  /// Entries in the stream.
  public var count: Int { root.pointee.header.count }
  /// The ID of the entry added last, whether it is still there or not.
  public var lastID: StreamID { root.pointee.lastID }
  /// The greatest ID that XDEL deleted; zero if none was.
  public var greatestDeletedID: StreamID { root.pointee.greatestDeletedID }
  /// Entries added since the stream was made.
  public var entriesAdded: UInt64 { root.pointee.entriesAdded }
  public var blockCount: Int { root.pointee.blocks.count }
  /// Blocks of the tree in which the blocks of entries are found.
  public var indexNodeCount: Int { root.pointee.blocks.nodeCount }

  /// Sets what XSETID sets.
  public func set(_ state: StreamTransfer.State) {
    root.pointee.lastID = state.lastID
    root.pointee.greatestDeletedID = state.greatestDeletedID
    root.pointee.entriesAdded = state.entriesAdded
  }

  public var state: StreamTransfer.State {
    StreamTransfer.State(lastID: lastID, greatestDeletedID: greatestDeletedID, entriesAdded: entriesAdded)
  }
}

extension Keyspace {
  /// The stream of a key that holds one. (Why it is `mutating`: see `prefetchBucket`.)
  @inline(__always)
  public mutating func stream(_ entry: Entry) -> StreamValue {
    StreamValue(root: entry.root(as: StreamRoot.self), heap: heap)
  }

  /// Gives a key an empty stream. What the key had before is gone.
  public mutating func makeStream(
    _ key: Key, in database: Int, replacing existing: Entry? = nil, expiry: Int64? = nil
  ) -> StreamValue {
    let root = StreamRoot.makeRoot(StreamRoot(), heap: heap)
    _ = makeLarge(key, in: database, replacing: existing, kind: .stream, root: root, expiry: expiry)
    return StreamValue(root: root, heap: heap)
  }
}

// MARK: Adding

extension StreamValue {
  /// Adds an entry. Its ID must be after the last one's.
  ///
  /// - Parameter elements: fields and values by turns, at least one of each.
  @inline(__always)
  public func append(
    _ id: StreamID, _ elements: UnsafeBufferPointer<Element>, limits: CollectionLimits
  ) {
    root.pointee.lastID = id
    root.pointee.entriesAdded &+= 1
    root.pointee.header.count += 1
    if let tail = root.pointee.tail, append(id, elements, to: StreamBlock(tail), limits: limits) { return }
    appendToNewBlock(id, elements)
  }

  /// Adds an entry to the last block if that has room for it.
  @inline(__always)
  private func append(
    _ id: StreamID, _ elements: UnsafeBufferPointer<Element>, to tail: StreamBlock, limits: CollectionLimits
  ) -> Bool {
    let header = tail.header
    if limits.streamNodeEntries > 0,
      Int(header.pointee.liveCount) + Int(header.pointee.deletedCount) >= limits.streamNodeEntries
    {
      return false
    }
    let sameFields = tail.hasFields(elements)
    let bodyBytes = StreamBlock.bodyBytes(id, after: header.pointee.id, elements, sameFields: sameFields)
    let needed = Int(header.pointee.usedBytes) + StreamBlock.entryBytes(bodyBytes: bodyBytes)
    let limit = limits.streamNodeBytes > 0 ? limits.streamNodeBytes : StreamBlock.bytesMaximum
    if needed > min(limit, StreamBlock.bytesMaximum) { return false }
    if needed > Int(header.pointee.capacity) { resizeTail(to: needed) }
    StreamBlock(root.pointee.tail.unsafelyUnwrapped)
      .append(id, elements, sameFields: sameFields, bodyBytes: bodyBytes)
    return true
  }

  @inline(never)
  private func resizeTail(to byteCount: Int) {
    resize(StreamBlock(root.pointee.tail.unsafelyUnwrapped), to: byteCount)
  }

  /// Gives a block that many bytes.
  func resize(_ block: StreamBlock, to byteCount: Int) {
    let id = block.header.pointee.id
    let moved = account.replace(
      block.start, keptBytes: Int(block.header.pointee.usedBytes), byteCount: byteCount)
    StreamBlock(moved).header.pointee.capacity = UInt32(clamping: ShardHeap.usableSize(moved))
    root.pointee.blocks.find(id).unsafelyUnwrapped.pointee.value = moved
    if root.pointee.tail == block.start { root.pointee.tail = moved }
  }

  @inline(never)
  private func appendToNewBlock(_ id: StreamID, _ elements: UnsafeBufferPointer<Element>) {
    let bodyBytes = StreamBlock.bodyBytes(id, after: id, elements, sameFields: true)
    let needed =
      StreamBlock.headerBytes + StreamBlock.fieldBytes(elements)
      + StreamBlock.entryBytes(bodyBytes: bodyBytes)
    var byteCount = needed
    if let tail = root.pointee.tail {
      // What comes will be much like what was: fewer steps on the way there.
      let used = Int(StreamBlock(tail).header.pointee.usedBytes)
      byteCount = max(needed, used / 2)
      if used < StreamBlock(tail).header.pointee.capacity / 2 { resizeTail(to: used) }
    }
    let block = StreamBlock(account.allocate(byteCount))
    block.initialize(id, elements)
    block.append(id, elements, sameFields: true, bodyBytes: bodyBytes)
    root.pointee.blocks.insert(id, block.start, account: account)
    root.pointee.tail = block.start
  }
}

// MARK: Reading

extension StreamValue {
  /// The ID of the first entry; nil without entries.
  public var firstID: StreamID? {
    // A block without entries does not exist, so the first block has it.
    guard let block = root.pointee.blocks.first?.pointee.value else { return nil }
    var cursor = StreamBlockCursor(StreamBlock(block))
    while let entry = cursor.next() {
      if !entry.isDeleted { return entry.id }
    }
    return nil
  }

  /// The ID of the last entry that is still there; nil without entries.
  public var lastPresentID: StreamID? {
    guard let tail = root.pointee.tail else { return nil }
    var cursor = StreamBlockCursor(StreamBlock(tail))
    var last: StreamID?
    while let entry = cursor.next() {
      if !entry.isDeleted { last = entry.id }
    }
    return last
  }

  /// Whether there is an entry with this ID.
  public func contains(_ id: StreamID) -> Bool { withEntry(id) { _ in } }

  /// Calls `body` with the entry of this ID; returns whether there is one.
  @discardableResult
  public func withEntry(_ id: StreamID, _ body: (StreamEntry) -> Void) -> Bool {
    var isFound = false
    forEachEntry(from: id, through: id, limit: 1) {
      isFound = true
      body($0)
    }
    return isFound
  }

  /// How many entries have IDs from `first` through `last`; not more than `limit`.
  public func count(from first: StreamID, through last: StreamID, limit: Int = .max) -> Int {
    guard first <= last, limit > 0 else { return 0 }
    var sum = 0
    forEachBlock(from: first, through: last) { block, isInside in
      if isInside {
        sum += Int(block.header.pointee.liveCount)
        return sum < limit
      }
      var cursor = StreamBlockCursor(block)
      while let entry = cursor.next(), entry.id <= last {
        if !entry.isDeleted, entry.id >= first { sum += 1 }
      }
      return sum < limit
    }
    return min(sum, limit)
  }

  /// Calls `body` with the entries whose IDs are from `first` through `last`, in order, at most `limit` of them.
  @inline(__always)
  public func forEachEntry(
    from first: StreamID, through last: StreamID, limit: Int = .max, _ body: (StreamEntry) -> Void
  ) {
    guard first <= last, limit > 0 else { return }
    var left = limit
    forEachBlock(from: first, through: last) { block, _ in
      var cursor = StreamBlockCursor(block)
      while let entry = cursor.next(), entry.id <= last {
        if entry.isDeleted || entry.id < first { continue }
        body(cursor.read(entry))
        left -= 1
        if left == 0 { return false }
      }
      return true
    }
  }

  /// The same from the last entry to the first.
  public func forEachEntryReversed(
    from first: StreamID, through last: StreamID, limit: Int = .max, _ body: (StreamEntry) -> Void
  ) {
    guard first <= last, limit > 0 else { return }
    var left = limit
    var element = root.pointee.blocks.last(upTo: last)
    while let current = element {
      let block = StreamBlock(current.pointee.value)
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Int(block.header.pointee.liveCount)) {
        offsets in
        var cursor = StreamBlockCursor(block)
        var count = 0
        while let entry = cursor.next(), entry.id <= last {
          if entry.isDeleted || entry.id < first { continue }
          offsets[count] = UInt32(entry.offset)
          count += 1
        }
        while count > 0, left > 0 {
          count -= 1
          left -= 1
          body(cursor.read(cursor.entry(at: Int(offsets[count]))))
        }
      }
      if left == 0 || current.pointee.key <= first { return }
      element = root.pointee.blocks.last(upTo: current.pointee.key, isStrict: true)
    }
  }

  /// Calls `body` with the blocks that may hold entries from `first` through `last`, in order, until it returns false;
  /// and with whether all of the block's entries are among them for certain.
  @inline(__always)
  private func forEachBlock(
    from first: StreamID, through last: StreamID, _ body: (StreamBlock, Bool) -> Bool
  ) {
    let start = root.pointee.blocks.last(upTo: first)?.pointee.key ?? first
    var run = root.pointee.blocks.run(from: start)
    while !run.isEmpty {
      for index in 0..<run.count {
        let element = run[index]
        if element.key > last { return }
        let hasNext = index + 1 < run.count
        if hasNext { pantala_prefetch(run[index + 1].value) }
        let isInside = element.key >= first && (last == .maximum || hasNext && run[index + 1].key <= last)
        guard body(StreamBlock(element.value), isInside) else { return }
      }
      run = root.pointee.blocks.run(from: run[run.count - 1].key, isStrict: true)
    }
  }
}

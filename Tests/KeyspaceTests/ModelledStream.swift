import Bytes
import TestSupport

@testable import Keyspace

/// A stream as a test keeps it.
struct ModelledStream: Equatable {
  struct Entry: Equatable {
    var id: StreamID
    /// Fields and values by turns.
    var items: [[UInt8]]
  }

  struct Pending: Equatable {
    var consumer: [UInt8]
    var time: Int64
    var count: UInt64
  }

  struct Group: Equatable {
    var lastID: StreamID
    var entriesRead: Int64
    /// When each consumer was last heard of.
    var consumers: [[UInt8]: Int64] = [:]
    var pending: [StreamID: Pending] = [:]
  }

  var entries: [Entry] = []
  var state = StreamTransfer.State()
  var groups: [[UInt8]: Group] = [:]

  /// The entries of a range, as XRANGE finds them.
  func range(_ first: StreamID, _ last: StreamID, _ limit: Int) -> [Entry] {
    Array(entries.filter { $0.id >= first && $0.id <= last }.prefix(limit))
  }

  mutating func removePending(_ id: StreamID, in group: [UInt8]) -> Bool {
    groups[group]?.pending.removeValue(forKey: id) != nil
  }
}

extension ModelledStream {
  /// What a stream of the keyspace holds.
  init(_ stream: StreamValue) {
    stream.forEachEntry(from: .zero, through: .maximum) { entries.append(Entry($0)) }
    state = stream.state
    stream.forEachGroup { group in
      var copy = Group(lastID: group.lastID, entriesRead: group.entriesRead)
      group.forEachConsumer { copy.consumers[$0.name.array] = $0.seenTime }
      group.forEachPending {
        copy.pending[$0.id] = Pending(
          consumer: $0.consumer.name.array, time: $0.deliveryTime, count: $0.deliveryCount)
        return true
      }
      groups[group.name.array] = copy
    }
  }
}

extension ModelledStream.Entry {
  init(_ entry: StreamEntry) {
    self.init(id: entry.id, items: [])
    entry.forEachItem { items.append($0.array) }
    precondition(items.count == entry.fieldCount * 2)
  }
}

extension StreamValue {
  /// XADD.
  func append(_ id: StreamID, _ items: [[UInt8]], limits: CollectionLimits) {
    let bytes = Array(items.joined()) + [0]
    bytes.withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress!
      let elements = items.map { item in
        defer { start += item.count }
        return Element(ByteView(start: start, count: item.count))
      }
      elements.withUnsafeBufferPointer { append(id, $0, limits: limits) }
    }
  }

  func append(_ id: StreamID, _ items: String..., limits: CollectionLimits = CollectionLimits()) {
    append(id, items.map { Array($0.utf8) }, limits: limits)
  }

  func entries(
    from first: StreamID = .zero, through last: StreamID = .maximum, limit: Int = .max, reversed: Bool = false
  ) -> [ModelledStream.Entry] {
    var found: [ModelledStream.Entry] = []
    if reversed {
      forEachEntryReversed(from: first, through: last, limit: limit) { found.append(.init($0)) }
    } else {
      forEachEntry(from: first, through: last, limit: limit) { found.append(.init($0)) }
    }
    return found
  }
}

extension Keyspace {
  /// The stream of a key, made if need be, for `body`.
  mutating func withStream<Result>(_ name: String, _ body: (inout Keyspace, StreamValue) -> Result) -> Result
  {
    withView(Array(name.utf8)) { view in
      let key = Key(view, hasher: hasher)
      if let entry = lookup(key, in: 0, for: .write) { return body(&self, stream(entry)) }
      return body(&self, makeStream(key, in: 0))
    }
  }
}

import Bytes

/// A stream as plain items: the content of a `FlatValue` whose kind is `stream`.
///
///     entry:     number of fields (1 or more), ID, then field and value by turns
///     …          the other entries, in ascending order of their IDs
///     end:       0
///     state:     last ID, greatest deleted ID, entries added
///     group:     1, name, last delivered ID, entries read (-1 if unknown)
///     consumer:    1, name, time last seen, time last active (-1 if never)
///     …            the other consumers
///     end:         0
///     pending:     1, ID, time of delivery, number of deliveries, consumer (its place in the list above, from 0)
///     …            the other pending entries, in ascending order of their IDs
///     end:         0
///     …          the other groups
///     end:       0
///
/// An ID is two items, milliseconds and sequence. Numbers are integer items; unsigned ones (IDs, entries added) are
/// kept as the `Int64` of the same bits. Times are milliseconds since 1970. A name, field or value that spells an
/// integer is an integer item as everywhere: `Item.view` or `Item.array` gives its text.
///
/// The ID of the first entry and the number of entries are not told: they follow from the entries.
///
/// `Writer` and `Reader` know the order; write and read through them.
public enum StreamTransfer {
  /// What a stream knows beside its entries and groups.
  public struct State: Sendable, Equatable {
    /// The ID of the entry added last, whether it is still there or not.
    public var lastID: StreamID
    /// The greatest ID that XDEL deleted; zero if none was.
    public var greatestDeletedID: StreamID
    /// Entries added since the stream was made.
    public var entriesAdded: UInt64

    public init(
      lastID: StreamID = .zero, greatestDeletedID: StreamID = .zero, entriesAdded: UInt64 = 0
    ) {
      self.lastID = lastID
      self.greatestDeletedID = greatestDeletedID
      self.entriesAdded = entriesAdded
    }
  }

  /// An entry that was delivered to a consumer and not acknowledged.
  public struct Pending: Sendable, Equatable {
    public var id: StreamID
    /// When it was last delivered, in milliseconds since 1970.
    public var deliveryTime: Int64
    public var deliveryCount: UInt64
    /// The consumer that it was delivered to: its place among those of the group.
    public var consumer: Int

    public init(id: StreamID, deliveryTime: Int64, deliveryCount: UInt64, consumer: Int) {
      self.id = id
      self.deliveryTime = deliveryTime
      self.deliveryCount = deliveryCount
      self.consumer = consumer
    }
  }

  /// Makes the items of a stream. The calls come in the order of the layout:
  ///
  ///     beginEntry, append…      for each entry: its fields and values by turns
  ///     endEntries
  ///     beginGroup               for each group
  ///     appendConsumer           for each of its consumers
  ///     endConsumers
  ///     appendPending            for each of its pending entries
  ///     endGroup
  ///     finish
  public struct Writer {
    private var value = FlatValue(kind: .stream)

    public init() {}

    public mutating func reserveCapacity(_ byteCount: Int) { value.items.reserveCapacity(byteCount) }

    /// Begins an entry, whose fields and values follow. IDs must ascend.
    public mutating func beginEntry(_ id: StreamID, fieldCount: Int) {
      assert(fieldCount > 0, "an entry has a field")
      value.items.append(Int64(fieldCount))
      append(id)
    }

    /// Appends a field or a value of the entry.
    public mutating func append(_ text: ByteView) { value.items.append(text) }

    /// Appends a field or a value of the entry that is an integer.
    public mutating func append(_ integer: Int64) { value.items.append(integer) }

    /// Appends a field or a value of the entry that is an item already.
    public mutating func append(_ item: Item) { value.items.append(Element(item)) }

    public mutating func endEntries(_ state: State) {
      value.items.append(0)
      append(state.lastID)
      append(state.greatestDeletedID)
      append(state.entriesAdded)
    }

    /// Begins a group. - Parameter entriesRead: -1 if unknown.
    public mutating func beginGroup(_ name: ByteView, lastID: StreamID, entriesRead: Int64) {
      value.items.append(1)
      value.items.append(name)
      append(lastID)
      value.items.append(entriesRead)
    }

    /// Appends a consumer of the group. - Parameter activeTime: -1 if it never was.
    public mutating func appendConsumer(_ name: ByteView, seenTime: Int64, activeTime: Int64) {
      value.items.append(1)
      value.items.append(name)
      value.items.append(seenTime)
      value.items.append(activeTime)
    }

    public mutating func endConsumers() { value.items.append(0) }

    public mutating func appendPending(_ pending: Pending) {
      value.items.append(1)
      append(pending.id)
      value.items.append(pending.deliveryTime)
      append(pending.deliveryCount)
      value.items.append(Int64(pending.consumer))
    }

    public mutating func endGroup() { value.items.append(0) }

    /// Ends the groups and returns all that was written.
    public consuming func finish() -> FlatValue {
      value.items.append(0)
      return value
    }

    private mutating func append(_ id: StreamID) {
      append(id.milliseconds)
      append(id.sequence)
    }

    private mutating func append(_ number: UInt64) { value.items.append(Int64(bitPattern: number)) }
  }

  /// Reads the items of a stream, in the order in which `Writer` wrote them:
  ///
  ///     while let entry = nextEntry() { nextItem() twice for each field }
  ///     state()
  ///     while let group = nextGroup() {
  ///       while let consumer = nextConsumer() { … }
  ///       while let pending = nextPending() { … }
  ///     }
  ///
  /// Each loop must run to its end, and every item of an entry be read, before what follows is asked for.
  public struct Reader {
    private var items: ItemReader

    /// A reader of the items that `ItemArray.withReader` offers, valid as long as that is.
    public init(_ items: ItemReader) { self.items = items }

    /// The head of the next entry; nil after the last.
    @inline(__always)
    public mutating func nextEntry() -> (id: StreamID, fieldCount: Int)? {
      let fieldCount = nextInteger()
      if fieldCount == 0 { return nil }
      return (nextID(), Int(fieldCount))
    }

    /// The next field or value of the entry.
    @inline(__always)
    public mutating func nextItem() -> Item {
      guard let item = items.read() else { preconditionFailure("a stream's items end early") }
      return item
    }

    public mutating func state() -> State {
      let lastID = nextID()
      let greatestDeletedID = nextID()
      return State(lastID: lastID, greatestDeletedID: greatestDeletedID, entriesAdded: nextNumber())
    }

    /// The head of the next group; nil after the last.
    public mutating func nextGroup() -> (name: Item, lastID: StreamID, entriesRead: Int64)? {
      if nextInteger() == 0 { return nil }
      let name = nextItem()
      let lastID = nextID()
      return (name, lastID, nextInteger())
    }

    /// The next consumer of the group; nil after the last.
    public mutating func nextConsumer() -> (name: Item, seenTime: Int64, activeTime: Int64)? {
      if nextInteger() == 0 { return nil }
      let name = nextItem()
      let seenTime = nextInteger()
      return (name, seenTime, nextInteger())
    }

    /// The next pending entry of the group; nil after the last.
    public mutating func nextPending() -> Pending? {
      if nextInteger() == 0 { return nil }
      let id = nextID()
      let deliveryTime = nextInteger()
      let deliveryCount = nextNumber()
      return Pending(
        id: id, deliveryTime: deliveryTime, deliveryCount: deliveryCount, consumer: Int(nextInteger()))
    }

    private mutating func nextID() -> StreamID {
      let milliseconds = nextNumber()
      return StreamID(milliseconds, nextNumber())
    }

    private mutating func nextInteger() -> Int64 { nextItem().integer }

    private mutating func nextNumber() -> UInt64 { UInt64(bitPattern: nextInteger()) }
  }
}

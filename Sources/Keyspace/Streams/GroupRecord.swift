import Bytes
import Heap

/// A consumer group as a stream keeps it: this record, and its name behind it in the same block.
struct GroupRecord: NamedRecord {
  var nameCount: UInt32
  /// The greatest ID that was delivered.
  var lastID: StreamID
  /// Entries delivered so far, counted from the first that ever was in the stream; -1 if unknown.
  var entriesRead: Int64
  /// Bytes of all that belongs to the group, this block included.
  var allocatedBytes = 0
  /// Entries that are delivered and not acknowledged.
  var pending = OrderedTree<StreamID, PendingRecord>()
  var consumers = OrderedTree<StreamName, Nothing>()
  /// Numbers of deliveries that are too large for the pending entries' records.
  var largeCounts = OrderedTree<StreamID, UInt64>()

  static func named(_ name: StreamName) -> UnsafeMutablePointer<GroupRecord> { name.record() }
}

/// A consumer as its group keeps it, likewise.
struct ConsumerRecord: NamedRecord {
  var nameCount: UInt32
  /// When it was last heard of, in milliseconds since 1970.
  var seenTime: Int64
  /// When it was last given an entry; -1 if it never was.
  var activeTime: Int64 = -1
  /// The IDs of the entries that it has not acknowledged.
  var pending = OrderedTree<StreamID, Nothing>()

  static func named(_ name: StreamName) -> UnsafeMutablePointer<ConsumerRecord> { name.record() }
}

/// A delivery of an entry to a consumer: 16 bytes.
///
/// | bits  | first word | second word |
/// |-------|------------|-------------|
/// | 0-15  | low half of the number of deliveries | high half |
/// | 16-63 | address of the consumer | time of delivery |
struct PendingRecord: BitwiseCopyable {
  /// A number of deliveries that says: it is among the group's large counts.
  static let largeCount: UInt32 = .max
  private static let timeMaximum: Int64 = 1 << 48 - 1

  private var first: UInt64
  private var second: UInt64

  init(consumer: UnsafeMutablePointer<ConsumerRecord>, time: Int64, shortCount: UInt32) {
    first = UInt64(UInt(bitPattern: consumer)) << 16 | UInt64(shortCount & 0xffff)
    second = UInt64(max(0, min(time, Self.timeMaximum))) << 16 | UInt64(shortCount >> 16)
  }

  var consumer: UnsafeMutablePointer<ConsumerRecord> {
    UnsafeMutablePointer(bitPattern: UInt(first >> 16)).unsafelyUnwrapped
  }

  /// When it was last delivered, in milliseconds since 1970.
  var time: Int64 { Int64(second >> 16) }

  /// The number of deliveries, if it is not `largeCount`.
  var shortCount: UInt32 { UInt32(first & 0xffff) | UInt32(second & 0xffff) << 16 }
}

/// A name in the block of its record: the key of the trees of groups and consumers.
struct StreamName: TreeKey {
  private let start: UnsafePointer<UInt8>
  private let count: Int

  init(_ bytes: ByteView) {
    start = bytes.start
    count = bytes.count
  }

  /// By bytes; of two that begin alike the shorter one is first.
  static func precedes(_ left: StreamName, _ right: StreamName) -> Bool {
    let shared = min(left.count, right.count)
    for index in 0..<shared where left.start[index] != right.start[index] {
      return left.start[index] < right.start[index]
    }
    return left.count < right.count
  }

  /// The record that the name stands behind.
  fileprivate func record<Record: NamedRecord>() -> UnsafeMutablePointer<Record> {
    UnsafeMutableRawPointer(mutating: start - MemoryLayout<Record>.stride).assumingMemoryBound(
      to: Record.self)
  }
}

/// A record with a name behind it.
protocol NamedRecord: BitwiseCopyable {
  var nameCount: UInt32 { get }
}

extension UnsafeMutablePointer where Pointee: NamedRecord {
  /// A block with a record, which `make` makes of the count of its name's bytes, and the name.
  static func allocate(_ name: ByteView, account: BlockAccount, _ make: (UInt32) -> Pointee) -> Self {
    let block = account.allocate(MemoryLayout<Pointee>.stride + name.count)
    let record = block.bindMemory(to: Pointee.self, capacity: 1)
    record.initialize(to: make(UInt32(name.count)))
    copyBytes(from: name.start, to: record.nameStart, name.count)
    return record
  }

  /// Where the name is.
  fileprivate var nameStart: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: UInt8.self)
  }

  var name: ByteView { ByteView(start: UnsafePointer(nameStart), count: Int(pointee.nameCount)) }
}

extension UnsafeMutablePointer<GroupRecord> {
  /// The account of a group's blocks.
  func account(_ whole: BlockAccount) -> BlockAccount {
    let offset = MemoryLayout<GroupRecord>.offset(of: \.allocatedBytes).unsafelyUnwrapped
    return whole.ofPart((UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: Int.self))
  }

  /// Frees what belongs to the group, its record excepted, while the budget lasts. Returns whether all is gone.
  func releaseParts(_ whole: BlockAccount, _ blockBudget: inout Int) -> Bool {
    let account = account(whole)
    guard Self.release(&pointee.pending, account, &blockBudget),
      Self.release(&pointee.largeCounts, account, &blockBudget)
    else { return false }
    while let last = pointee.consumers.last {
      let consumer = ConsumerRecord.named(last.pointee.key)
      guard Self.release(&consumer.pointee.pending, account, &blockBudget), blockBudget > 0 else {
        return false
      }
      pointee.consumers.remove(last.pointee.key, account: account)
      account.free(consumer)
      blockBudget -= 1
    }
    return true
  }

  private static func release<Key, Value>(
    _ tree: inout OrderedTree<Key, Value>, _ account: BlockAccount, _ blockBudget: inout Int
  ) -> Bool {
    while !tree.isEmpty {
      guard blockBudget > 0 else { return false }
      tree.dropLastLeaf(account: account)
      blockBudget -= 1
    }
    return true
  }
}

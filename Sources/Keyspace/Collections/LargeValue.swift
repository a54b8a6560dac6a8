import Heap

/// What the root of every large value begins with.
public struct LargeValueHeader: BitwiseCopyable {
  /// Bytes of all the value's blocks, the root's own included, as the allocator sizes them.
  public internal(set) var allocatedBytes = 0 {
    @inline(__always) didSet { countBytes(since: oldValue) }
  }
  /// Elements (fields of a hash, members of a set, entries of a stream).
  public internal(set) var count = 0 {
    @inline(__always) didSet { countElements(since: oldValue) }
  }
  /// Where changes of the two are counted: for a key's value the account of its type and database, for one that waits to
  /// be freed the ledger's account of those, for one in the making nowhere.
  private(set) var account: UnsafeMutablePointer<TypeAccount>?
  /// Of a key's value the hash of the key; of one that waits to be freed the address of the next.
  private var link: UInt = 0
  /// Bytes of the key's block, if this is the value of a key.
  var keyBytes: UInt32 = 0
  /// Which type the root is of.
  fileprivate let form: LargeForm

  fileprivate init(form: LargeForm) { self.form = form }

  /// The hash of the key.
  var hash: UInt64 { UInt64(link) }

  /// Makes this the value of a key.
  mutating func attach(to account: UnsafeMutablePointer<TypeAccount>, hash: UInt64) {
    self.account = account
    link = UInt(hash)
  }

  /// Takes it from its key.
  mutating func detach() { account = nil }

  /// The next of the values that wait to be freed.
  fileprivate var next: UnsafeMutablePointer<LargeValueHeader>? {
    get { UnsafeMutablePointer(bitPattern: link) }
    set { link = UInt(bitPattern: newValue) }
  }

  /// Makes it the last of those that wait to be freed.
  fileprivate mutating func wait(in account: UnsafeMutablePointer<TypeAccount>) {
    self.account = account
    next = nil
    account.pointee.bytes &+= allocatedBytes
  }
}

/// The types that roots are of.
enum LargeForm: UInt8 {
  case list
  case table
  case sortedSet
  case stream

  fileprivate var type: any LargeValue.Type {
    switch self {
    case .list: LargeList.self
    case .table: DenseTable.self
    case .sortedSet: LargeSortedSet.self
    case .stream: StreamRoot.self
    }
  }
}

/// The root of a collection that has outgrown its key's block: a block of its own, from which everything else of the
/// value hangs. The key's block holds its address.
///
/// A conforming type is a plain structure that the root block holds; `header` is its first member.
protocol LargeValue {
  /// The structure's first member.
  var header: LargeValueHeader { get set }

  /// What the header calls this type.
  static var form: LargeForm { get }

  /// Frees blocks of the value, the root excepted, as many as `blockBudget` allows, which it counts down. Returns
  /// whether all are gone. The value is out of the keyspace and can't be read any more; only what this function
  /// needs to go on must be kept.
  static func releaseParts(of root: UnsafeMutablePointer<Self>, heap: ShardHeap, blockBudget: inout Int)
    -> Bool

  /// Moves blocks of the value that lie in sparse areas, the root excepted, from `position` on. Returns false if time
  /// was up before the last: then `position` says where to go on, though the value may change meanwhile.
  static func moveParts(
    of root: UnsafeMutablePointer<Self>, from position: inout PartPosition, _ mover: inout BlockMover
  ) -> Bool
}

extension LargeValue {
  /// The header of a new value.
  static var newHeader: LargeValueHeader { LargeValueHeader(form: form) }

  /// Makes the root block of a value.
  static func makeRoot(_ value: Self, heap: ShardHeap) -> UnsafeMutablePointer<Self> {
    let block = heap.allocate(MemoryLayout<Self>.size, for: .dataset)
    let root = block.bindMemory(to: Self.self, capacity: 1)
    root.initialize(to: value)
    root.pointee.header.allocatedBytes = ShardHeap.usableSize(block)
    return root
  }

  fileprivate static func release(
    _ header: UnsafeMutablePointer<LargeValueHeader>, heap: ShardHeap, blockBudget: inout Int
  ) -> Bool {
    let root = UnsafeMutableRawPointer(header).assumingMemoryBound(to: Self.self)
    guard releaseParts(of: root, heap: heap, blockBudget: &blockBudget) else { return false }
    assert(
      root.pointee.header.allocatedBytes == ShardHeap.usableSize(root),
      "a value's byte count does not agree with its blocks")
    root.pointee.header.allocatedBytes = 0
    heap.free(root, for: .dataset)
    blockBudget -= 1
    return true
  }
}

extension LargeValue {
  fileprivate static func moveParts(
    of header: UnsafeMutablePointer<LargeValueHeader>, from position: inout PartPosition,
    _ mover: inout BlockMover
  ) -> Bool {
    let root = UnsafeMutableRawPointer(header).assumingMemoryBound(to: Self.self)
    return moveParts(of: root, from: &position, &mover)
  }
}

extension UnsafeMutablePointer<LargeValueHeader> {
  /// Moves blocks of the value, whatever its type.
  func moveParts(from position: inout PartPosition, _ mover: inout BlockMover) -> Bool {
    pointee.form.type.moveParts(of: self, from: &position, &mover)
  }
}

extension UnsafeMutablePointer where Pointee: LargeValue {
  /// A block that belongs to the value, counted in its header.
  func allocate(_ byteCount: Int, heap: ShardHeap) -> UnsafeMutableRawPointer {
    let block = heap.allocate(byteCount, for: .dataset)
    pointee.header.allocatedBytes &+= ShardHeap.usableSize(block)
    return block
  }

  /// Gives a block of the value back.
  func free(_ block: UnsafeMutableRawPointer, heap: ShardHeap) {
    pointee.header.allocatedBytes &-= ShardHeap.usableSize(block)
    heap.free(block, for: .dataset)
  }

  /// A block of the value, grown or shrunk; it may move.
  func reallocate(_ block: UnsafeMutableRawPointer, to byteCount: Int, heap: ShardHeap)
    -> UnsafeMutableRawPointer
  {
    pointee.header.allocatedBytes &-= ShardHeap.usableSize(block)
    let moved = heap.reallocate(block, to: byteCount, for: .dataset)
    pointee.header.allocatedBytes &+= ShardHeap.usableSize(moved)
    return moved
  }

  /// The header, by which the keyspace knows the value.
  var header: UnsafeMutablePointer<LargeValueHeader> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: LargeValueHeader.self)
  }
}

/// Values that are out of the keyspace and wait to be freed, a slice at a time, so that giving back ten million
/// elements stalls nobody. The queue runs through the values' own headers; who came first goes first.
struct ReleaseQueue {
  /// Values up to this many bytes are freed at once.
  private static let immediateBytes = 64 << 10

  private var first: UnsafeMutablePointer<LargeValueHeader>?
  private var last: UnsafeMutablePointer<LargeValueHeader>?
  /// Values that have come into the queue, and those of them that are freed.
  private(set) var addedCount = 0
  private(set) var freedCount = 0
  /// Counts the bytes of what is in the queue.
  private let account: UnsafeMutablePointer<TypeAccount>

  init(account: UnsafeMutablePointer<TypeAccount>) { self.account = account }

  var isEmpty: Bool { first == nil }

  /// Frees a value, now or later. Returns whether it is freed.
  @discardableResult
  mutating func release(_ header: UnsafeMutablePointer<LargeValueHeader>, heap: ShardHeap) -> Bool {
    header.pointee.wait(in: account)
    if header.pointee.allocatedBytes <= Self.immediateBytes {
      var budget = Int.max
      let isDone = header.pointee.form.type.release(header, heap: heap, blockBudget: &budget)
      assert(isDone, "a value must be gone when there is no limit")
      return true
    }
    if let last { last.pointee.next = header } else { first = header }
    last = header
    addedCount += 1
    return false
  }

  /// Frees blocks until `blockBudget` is used up or none is left.
  mutating func advance(heap: ShardHeap, blockBudget: inout Int) {
    while let header = first, blockBudget > 0 {
      let next = header.pointee.next
      guard header.pointee.form.type.release(header, heap: heap, blockBudget: &blockBudget) else { return }
      first = next
      if next == nil { last = nil }
      freedCount += 1
    }
  }
}

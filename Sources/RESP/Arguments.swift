import Bytes
import Heap

/// Where an argument lies in the buffer that holds its command.
///
/// Offsets instead of pointers: half the size, and still right when the buffer moves as it grows.
public struct ArgumentRange: Sendable, Equatable {
  /// Bytes from the start of the buffer.
  public var offset: UInt32
  /// Bytes of the argument.
  public var count: UInt32

  public init(offset: UInt32, count: UInt32) {
    self.offset = offset
    self.count = count
  }
}

/// The arguments of one command, its name included: views into a buffer that somebody else holds still.
public struct Arguments: @unchecked Sendable {
  // Sendable is sound for the reason that ByteView's is: read-only, and held still by the sender until
  // the receiver has answered.
  public let base: UnsafePointer<UInt8>
  public let ranges: UnsafePointer<ArgumentRange>
  /// The number of arguments, the command's name included.
  public let count: Int

  public init(base: UnsafePointer<UInt8>, ranges: UnsafePointer<ArgumentRange>, count: Int) {
    self.base = base
    self.ranges = ranges
    self.count = count
  }

  /// The argument at `index`; 0 is the command's name.
  public subscript(index: Int) -> ByteView {
    precondition(index >= 0 && index < count, "argument index out of range")
    let range = ranges[index]
    return ByteView(start: base + Int(range.offset), count: Int(range.count))
  }

  /// The arguments from `first` on.
  public func dropFirst(_ first: Int) -> Arguments {
    precondition(first >= 0 && first <= count, "argument index out of range")
    return Arguments(base: base, ranges: ranges + first, count: count - first)
  }

  /// Copies of all arguments. For slow paths only.
  public var arrays: [[UInt8]] { (0..<count).map { self[$0].array } }
}

/// A growing array of argument ranges: every command that a loop reads in a turn puts its ranges into the
/// loop's store, one after the other; a command that arrives in many pieces has a store of its own.
public struct ArgumentStore: ~Copyable {
  public private(set) var ranges: UnsafeMutablePointer<ArgumentRange>
  public private(set) var count = 0
  private var capacity: Int
  private let heap: ShardHeap
  private let purpose: Purpose

  /// The capacity, in ranges, that an emptied store keeps at the most.
  public static let capacityKept = 16_384

  /// - Parameter purpose: what the memory is counted for: a client's, or a loop's own.
  public init(heap: ShardHeap, capacity: Int = 1_024, purpose: Purpose = .clients) {
    self.heap = heap
    self.capacity = capacity
    self.purpose = purpose
    ranges = Self.allocate(capacity, in: heap, for: purpose)
  }

  deinit { heap.free(ranges, for: purpose) }

  public mutating func append(_ range: ArgumentRange) {
    if count == capacity { reserve(capacity * 2) }
    ranges[count] = range
    count += 1
  }

  public mutating func append(from source: UnsafePointer<ArgumentRange>, count added: Int) {
    if count + added > capacity { reserve(max(capacity * 2, count + added)) }
    (ranges + count).update(from: source, count: added)
    count += added
  }

  /// Forgets the ranges from `kept` on.
  public mutating func truncate(to kept: Int) { count = kept }

  /// Empties the store, and gives back the memory of an unusually large command.
  public mutating func removeAll() {
    count = 0
    if capacity > Self.capacityKept {
      heap.free(ranges, for: purpose)
      capacity = Self.capacityKept
      ranges = Self.allocate(capacity, in: heap, for: purpose)
    }
  }

  @inline(never)
  private mutating func reserve(_ newCapacity: Int) {
    let bytes = newCapacity * MemoryLayout<ArgumentRange>.stride
    ranges = heap.reallocate(ranges, to: bytes, for: purpose)
      .assumingMemoryBound(to: ArgumentRange.self)
    capacity = newCapacity
  }

  private static func allocate(
    _ capacity: Int, in heap: ShardHeap, for purpose: Purpose
  ) -> UnsafeMutablePointer<ArgumentRange> {
    heap.allocate(capacity * MemoryLayout<ArgumentRange>.stride, for: purpose)
      .bindMemory(to: ArgumentRange.self, capacity: capacity)
  }
}

import Synchronization

/// One message between loops: a word that says what it is and a word that it is about.
public struct Message: Sendable, Equatable {
  /// What the message means; the engine defines the values.
  public var kind: UInt64
  /// A pointer or a number, as `kind` says. A pointer's memory belongs to the receiver until it answers.
  public var payload: UInt64

  public init(kind: UInt64, payload: UInt64) {
    self.kind = kind
    self.payload = payload
  }
}

/// A bounded queue from one loop to one other: a single producer and a single consumer, without locks.
///
/// The producer's index and the consumer's stand on cache lines of their own, each beside the plain copy
/// of the other's index that its owner last read, so that in a busy queue the lines travel once for many messages.
/// The producer publishes all messages of a turn with one `publish()`.
///
/// The value is a handful of pointers and is copied freely; all copies are the same mailbox, which lives until
/// `destroy()`.
public struct Mailbox: @unchecked Sendable {
  // Sendable is sound because each index has one writer: `tail` and everything on the producer's line
  // belong to the producing loop, `head` and the consumer's line to the consuming one, and the slots
  // between head and tail are handed over by release and acquire of the indices.

  /// Messages that fit.
  public static let capacity = 1_024
  private static let mask = UInt64(capacity - 1)
  /// Two cache lines: neighbouring lines are fetched in pairs.
  private static let lineBytes = 128

  private let memory: UnsafeMutableRawPointer
  private let slots: UnsafeMutablePointer<Message>
  private let publishedTail: UnsafeMutablePointer<Atomic<UInt64>>
  private let publishedHead: UnsafeMutablePointer<Atomic<UInt64>>
  private let producer: UnsafeMutablePointer<Side>
  private let consumer: UnsafeMutablePointer<Side>

  /// What one side keeps to itself: its own index and the last value it saw of the other's.
  private struct Side {
    var own: UInt64 = 0
    var other: UInt64 = 0
  }

  public init() {
    let slotBytes = Self.capacity * MemoryLayout<Message>.stride
    memory = .allocate(byteCount: slotBytes + 4 * Self.lineBytes, alignment: Self.lineBytes)
    let lines = memory
    publishedTail = lines.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    publishedTail.initialize(to: Atomic(0))
    publishedHead = (lines + Self.lineBytes).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    publishedHead.initialize(to: Atomic(0))
    producer = (lines + 2 * Self.lineBytes).bindMemory(to: Side.self, capacity: 1)
    producer.initialize(to: Side())
    consumer = (lines + 3 * Self.lineBytes).bindMemory(to: Side.self, capacity: 1)
    consumer.initialize(to: Side())
    slots = (lines + 4 * Self.lineBytes).bindMemory(to: Message.self, capacity: Self.capacity)
    slots.initialize(repeating: Message(kind: 0, payload: 0), count: Self.capacity)
  }

  /// Frees the mailbox. No copy may be used afterwards.
  public func destroy() { memory.deallocate() }

  // MARK: The producer's side

  /// Puts a message in; false if the box is full. The consumer sees it after `publish()`.
  public func push(_ message: Message) -> Bool {
    let tail = producer.pointee.own
    if tail &- producer.pointee.other == UInt64(Self.capacity) {
      producer.pointee.other = publishedHead.pointee.load(ordering: .acquiring)
      if tail &- producer.pointee.other == UInt64(Self.capacity) { return false }
    }
    slots[Int(tail & Self.mask)] = message
    producer.pointee.own = tail &+ 1
    return true
  }

  /// Shows the consumer all messages pushed so far. Returns whether there were new ones.
  @discardableResult
  public func publish() -> Bool {
    let tail = producer.pointee.own
    if publishedTail.pointee.load(ordering: .relaxed) == tail { return false }
    publishedTail.pointee.store(tail, ordering: .releasing)
    return true
  }

  // MARK: The consumer's side

  /// The next message, or nil if there is none.
  public func pop() -> Message? {
    let head = consumer.pointee.own
    if head == consumer.pointee.other {
      consumer.pointee.other = publishedTail.pointee.load(ordering: .acquiring)
      if head == consumer.pointee.other { return nil }
    }
    let message = slots[Int(head & Self.mask)]
    consumer.pointee.own = head &+ 1
    return message
  }

  /// Gives the places of the messages taken so far back to the producer. Once a turn is enough.
  public func release() {
    publishedHead.pointee.store(consumer.pointee.own, ordering: .releasing)
  }

  /// Whether a message is there. To be asked by the consumer only.
  public var hasMessages: Bool {
    consumer.pointee.own != publishedTail.pointee.load(ordering: .sequentiallyConsistent)
  }
}

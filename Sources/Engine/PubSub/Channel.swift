import Bytes
import Heap

/// What a client may subscribe to.
public enum ChannelKind: Int, Sendable, CaseIterable {
  case channel
  /// All channels whose names match.
  case pattern
  /// A channel of SPUBLISH, which no pattern sees.
  case shardChannel
}

/// One subscriber of a channel. These lie side by side, so that publishing reads memory in one run.
struct Subscriber {
  var client: UnsafeMutablePointer<Client>
  var subscription: UnsafeMutablePointer<Subscription>
}

/// A channel or pattern to which clients of this loop subscribe: this header, then its name. It lives as long as it
/// has subscribers.
struct Channel {
  var link: HashLink
  let kind: ChannelKind
  let nameCount: Int32
  var subscriberCount: Int32 = 0
  var subscriberCapacity: Int32 = 1
  var subscribers: UnsafeMutablePointer<Subscriber>
  /// Kept although nobody subscribes to it any more.
  var isHeld = false
  /// Neighbours in the list of patterns.
  var next: UnsafeMutablePointer<Channel>?
  var previous: UnsafeMutablePointer<Channel>?

  static func make(_ name: ByteView, _ kind: ChannelKind, hash: UInt64, heap: ShardHeap)
    -> UnsafeMutablePointer<
      Channel
    >
  {
    let block = heap.allocate(MemoryLayout<Channel>.stride + name.count, for: .subscriptions)
    let channel = block.bindMemory(to: Channel.self, capacity: 1)
    channel.initialize(
      to: Channel(
        link: HashLink(hash: hash), kind: kind, nameCount: Int32(truncatingIfNeeded: name.count),
        subscribers: heap.allocate(MemoryLayout<Subscriber>.stride, for: .subscriptions)
          .bindMemory(to: Subscriber.self, capacity: 1)))
    copyBytes(from: name.start, to: channel.nameBytes, name.count)
    return channel
  }
}

extension UnsafeMutablePointer<Channel> {
  fileprivate var nameBytes: UnsafeMutablePointer<UInt8> {
    (UnsafeMutableRawPointer(self) + MemoryLayout<Channel>.stride).assumingMemoryBound(to: UInt8.self)
  }

  var name: ByteView { ByteView(start: nameBytes, count: Int(pointee.nameCount)) }

  /// The channel as a block of a `LinkTable`.
  var link: UnsafeMutablePointer<HashLink> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: HashLink.self)
  }

  func add(_ subscription: UnsafeMutablePointer<Subscription>, heap: ShardHeap) {
    if pointee.subscriberCount == pointee.subscriberCapacity {
      resize(to: pointee.subscriberCapacity * 2, heap)
    }
    subscription.pointee.place = pointee.subscriberCount
    pointee.subscribers[Int(pointee.subscriberCount)] = Subscriber(
      client: subscription.pointee.client, subscription: subscription)
    pointee.subscriberCount += 1
  }

  /// Takes a subscriber out; the last one takes its place.
  func remove(_ subscription: UnsafeMutablePointer<Subscription>, heap: ShardHeap) {
    pointee.subscriberCount -= 1
    let last = pointee.subscribers[Int(pointee.subscriberCount)]
    pointee.subscribers[Int(subscription.pointee.place)] = last
    last.subscription.pointee.place = subscription.pointee.place
    if pointee.subscriberCount * 4 <= pointee.subscriberCapacity, pointee.subscriberCapacity > 1 {
      resize(to: pointee.subscriberCapacity / 2, heap)
    }
  }

  private func resize(to capacity: Int32, _ heap: ShardHeap) {
    pointee.subscribers = heap.reallocate(
      pointee.subscribers, to: Int(capacity) * MemoryLayout<Subscriber>.stride, for: .subscriptions
    ).bindMemory(to: Subscriber.self, capacity: Int(capacity))
    pointee.subscriberCapacity = capacity
  }

  func free(heap: ShardHeap) {
    heap.free(pointee.subscribers, for: .subscriptions)
    heap.free(self, for: .subscriptions)
  }
}

/// That one client subscribes to one channel.
struct Subscription {
  /// Found by the client and the channel together.
  var link: HashLink
  let channel: UnsafeMutablePointer<Channel>
  let client: UnsafeMutablePointer<Client>
  /// Where it stands among the channel's subscribers.
  var place: Int32 = 0
  /// Neighbours among the client's subscriptions of the same kind, in the order in which they were made.
  var next: UnsafeMutablePointer<Subscription>?
  var previous: UnsafeMutablePointer<Subscription>?

  static func hash(
    _ channel: UnsafeMutablePointer<Channel>, _ client: UnsafeMutablePointer<Client>
  ) -> UInt64 {
    // The channel's hash is good in all bits; the client's number only needs to be spread over them.
    channel.pointee.link.hash ^ (client.pointee.identifier &* 0x9e37_79b9_7f4a_7c15)
  }
}

extension UnsafeMutablePointer<Subscription> {
  var link: UnsafeMutablePointer<HashLink> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: HashLink.self)
  }
}

/// All that one client subscribes to.
public struct ClientSubscriptions {
  /// Those of one kind, the oldest first.
  struct Chain {
    var first: UnsafeMutablePointer<Subscription>?
    var last: UnsafeMutablePointer<Subscription>?
    var count = 0
  }

  private var channels = Chain()
  private var patterns = Chain()
  private var shardChannels = Chain()

  subscript(kind: ChannelKind) -> Chain {
    get {
      switch kind {
      case .channel: channels
      case .pattern: patterns
      case .shardChannel: shardChannels
      }
    }
    set {
      switch kind {
      case .channel: channels = newValue
      case .pattern: patterns = newValue
      case .shardChannel: shardChannels = newValue
      }
    }
  }

  var count: Int { channels.count + patterns.count + shardChannels.count }
}

extension UnsafeMutablePointer<Client> {
  /// The client's subscriptions of one kind.
  public func subscriptionCount(_ kind: ChannelKind) -> Int {
    pointee.subscriptions?.pointee[kind].count ?? 0
  }

  /// Bytes that the client's subscriptions take, as the allocator counts them.
  var subscriptionBytes: Int {
    guard let subscriptions = pointee.subscriptions else { return 0 }
    var sum = ShardHeap.usableSize(subscriptions)
    for kind in ChannelKind.allCases {
      let chain = subscriptions.pointee[kind]
      // They are all of one size.
      if let first = chain.first { sum += ShardHeap.usableSize(first) * chain.count }
    }
    return sum
  }
}

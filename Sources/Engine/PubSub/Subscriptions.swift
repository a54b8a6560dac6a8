import Bytes
import Heap

/// Everything that the clients of one loop subscribe to. It belongs to the loop's thread; how many subscriptions there
/// are, the other loops see in `ServerState.subscriptionCounts`.
public struct SubscriptionTables {
  var channels = LinkTable(purpose: .subscriptions)
  var patterns = LinkTable(purpose: .subscriptions)
  var shardChannels = LinkTable(purpose: .subscriptions)
  /// Subscriptions by client and channel. Those of a client are memory of the client, the table is not.
  var subscriptions = LinkTable(purpose: .subscriptions)
  /// All patterns, the oldest first.
  var firstPattern: UnsafeMutablePointer<Channel>?
  private var lastPattern: UnsafeMutablePointer<Channel>?

  var isEmpty: Bool { subscriptions.count == 0 }

  mutating func find(_ name: ByteView, _ kind: ChannelKind, hash: UInt64) -> UnsafeMutablePointer<Channel>? {
    var next: UnsafeMutablePointer<HashLink>?
    switch kind {
    case .channel: next = channels.first(hash)
    case .pattern: next = patterns.first(hash)
    case .shardChannel: next = shardChannels.first(hash)
    }
    while let link = next {
      let channel = UnsafeMutableRawPointer(link).assumingMemoryBound(to: Channel.self)
      if link.pointee.hash == hash, channel.name == name { return channel }
      next = link.pointee.next
    }
    return nil
  }

  mutating func find(
    _ channel: UnsafeMutablePointer<Channel>, _ client: UnsafeMutablePointer<Client>
  ) -> UnsafeMutablePointer<Subscription>? {
    var next = subscriptions.first(Subscription.hash(channel, client))
    while let link = next {
      let subscription = UnsafeMutableRawPointer(link).assumingMemoryBound(to: Subscription.self)
      if subscription.pointee.channel == channel, subscription.pointee.client == client {
        return subscription
      }
      next = link.pointee.next
    }
    return nil
  }

  /// Blocks that hang on the tables: channels, and subscriptions, which are memory of the clients.
  var blockCount: Int { channels.count + patterns.count + shardChannels.count + subscriptions.count }

  /// The memory of tables and channels, as the allocator counts it. Costs a step for each channel.
  var allocatedBytes: Int {
    var bytes = subscriptions.allocatedBytes
    for kind in ChannelKind.allCases {
      bytes += table(kind).allocatedBytes
      table(kind).forEach { link in
        let channel = UnsafeMutableRawPointer(link).assumingMemoryBound(to: Channel.self)
        bytes += ShardHeap.usableSize(channel) + ShardHeap.usableSize(channel.pointee.subscribers)
      }
    }
    return bytes
  }

  /// The number of different channels of a kind.
  public func channelCount(_ kind: ChannelKind) -> Int { table(kind).count }

  /// Calls `body` with the name of every channel of a kind, its hash, and the number of its subscribers.
  public func forEachChannel(_ kind: ChannelKind, _ body: (ByteView, UInt64, Int) -> Void) {
    table(kind).forEach { link in
      let channel = UnsafeMutableRawPointer(link).assumingMemoryBound(to: Channel.self)
      body(channel.name, link.pointee.hash, Int(channel.pointee.subscriberCount))
    }
  }

  private func table(_ kind: ChannelKind) -> LinkTable {
    switch kind {
    case .channel: channels
    case .pattern: patterns
    case .shardChannel: shardChannels
    }
  }

  fileprivate mutating func insert(_ channel: UnsafeMutablePointer<Channel>, heap: ShardHeap) {
    switch channel.pointee.kind {
    case .channel: channels.insert(channel.link, heap: heap)
    case .shardChannel: shardChannels.insert(channel.link, heap: heap)
    case .pattern:
      patterns.insert(channel.link, heap: heap)
      channel.pointee.previous = lastPattern
      lastPattern?.pointee.next = channel
      lastPattern = channel
      if firstPattern == nil { firstPattern = channel }
    }
  }

  fileprivate mutating func remove(_ channel: UnsafeMutablePointer<Channel>, heap: ShardHeap) {
    switch channel.pointee.kind {
    case .channel: channels.remove(channel.link, heap: heap)
    case .shardChannel: shardChannels.remove(channel.link, heap: heap)
    case .pattern:
      patterns.remove(channel.link, heap: heap)
      channel.pointee.next?.pointee.previous = channel.pointee.previous
      channel.pointee.previous?.pointee.next = channel.pointee.next
      if firstPattern == channel { firstPattern = channel.pointee.next }
      if lastPattern == channel { lastPattern = channel.pointee.previous }
    }
  }
}

extension UnsafeMutablePointer<Shard> {
  // MARK: Subscribing

  /// Subscribes a client of this loop to a channel. Nothing happens if it does so already.
  public func subscribe(_ client: UnsafeMutablePointer<Client>, to name: ByteView, _ kind: ChannelKind) {
    let heap = pointee.heap
    let hash = pointee.keyspace.hasher.hash(name)
    let channel: UnsafeMutablePointer<Channel>
    if let known = pointee.subscriptions.find(name, kind, hash: hash) {
      if pointee.subscriptions.find(known, client) != nil { return }
      channel = known
    } else {
      channel = Channel.make(name, kind, hash: hash, heap: heap)
      pointee.subscriptions.insert(channel, heap: heap)
    }
    let subscription = heap.allocate(MemoryLayout<Subscription>.stride, for: .clients)
      .bindMemory(to: Subscription.self, capacity: 1)
    subscription.initialize(
      to: Subscription(
        link: HashLink(hash: Subscription.hash(channel, client)), channel: channel, client: client))
    pointee.subscriptions.subscriptions.insert(subscription.link, heap: heap)
    channel.add(subscription, heap: heap)
    chain(subscription, to: client, kind)
    pointee.server.subscriptionCounts[pointee.index].store(pointee.subscriptions.subscriptions.count)
  }

  /// Ends a client's subscription to a channel, if there is one.
  public func unsubscribe(_ client: UnsafeMutablePointer<Client>, from name: ByteView, _ kind: ChannelKind) {
    let hash = pointee.keyspace.hasher.hash(name)
    guard let channel = pointee.subscriptions.find(name, kind, hash: hash),
      let subscription = pointee.subscriptions.find(channel, client)
    else { return }
    end(subscription)
  }

  /// Ends all subscriptions of a client of one kind, the oldest first. `body` gets each channel's name when the
  /// subscription is gone.
  public func unsubscribeAll(
    _ client: UnsafeMutablePointer<Client>, _ kind: ChannelKind, _ body: (ByteView) -> Void
  ) {
    while let subscription = client.pointee.subscriptions?.pointee[kind].first {
      let channel = subscription.pointee.channel
      // While its name is told, the channel must stay.
      channel.pointee.isHeld = true
      end(subscription)
      body(channel.name)
      channel.pointee.isHeld = false
      discardIfUnused(channel)
    }
  }

  /// Ends all subscriptions of a client that leaves, or starts anew.
  public func unsubscribeAll(_ client: UnsafeMutablePointer<Client>) {
    for kind in ChannelKind.allCases {
      while let subscription = client.pointee.subscriptions?.pointee[kind].first { end(subscription) }
    }
  }

  private func end(_ subscription: UnsafeMutablePointer<Subscription>) {
    let heap = pointee.heap
    let channel = subscription.pointee.channel
    unchain(subscription)
    pointee.subscriptions.subscriptions.remove(subscription.link, heap: heap)
    channel.remove(subscription, heap: heap)
    heap.free(subscription, for: .clients)
    discardIfUnused(channel)
    pointee.server.subscriptionCounts[pointee.index].store(pointee.subscriptions.subscriptions.count)
  }

  private func discardIfUnused(_ channel: UnsafeMutablePointer<Channel>) {
    if channel.pointee.subscriberCount > 0 || channel.pointee.isHeld { return }
    pointee.subscriptions.remove(channel, heap: pointee.heap)
    channel.free(heap: pointee.heap)
  }

  /// The subscribers of a channel among this loop's clients.
  public func subscriberCount(_ name: ByteView, _ kind: ChannelKind) -> Int {
    let hash = pointee.keyspace.hasher.hash(name)
    return pointee.subscriptions.find(name, kind, hash: hash).map { Int($0.pointee.subscriberCount) } ?? 0
  }

  // MARK: The client's side

  private func chain(
    _ subscription: UnsafeMutablePointer<Subscription>, to client: UnsafeMutablePointer<Client>,
    _ kind: ChannelKind
  ) {
    if client.pointee.subscriptions == nil {
      let block = pointee.heap.allocate(MemoryLayout<ClientSubscriptions>.stride, for: .clients)
        .bindMemory(to: ClientSubscriptions.self, capacity: 1)
      block.initialize(to: ClientSubscriptions())
      client.pointee.subscriptions = block
      client.pointee.flags.insert(.subscriber)
      adoptOutputLimit(client)
    }
    guard let all = client.pointee.subscriptions else { return }
    var chain = all.pointee[kind]
    subscription.pointee.previous = chain.last
    chain.last?.pointee.next = subscription
    if chain.first == nil { chain.first = subscription }
    chain.last = subscription
    chain.count += 1
    all.pointee[kind] = chain
  }

  private func unchain(_ subscription: UnsafeMutablePointer<Subscription>) {
    let client = subscription.pointee.client
    let kind = subscription.pointee.channel.pointee.kind
    guard let all = client.pointee.subscriptions else { return }
    var chain = all.pointee[kind]
    subscription.pointee.previous?.pointee.next = subscription.pointee.next
    subscription.pointee.next?.pointee.previous = subscription.pointee.previous
    if chain.first == subscription { chain.first = subscription.pointee.next }
    if chain.last == subscription { chain.last = subscription.pointee.previous }
    chain.count -= 1
    all.pointee[kind] = chain
    guard all.pointee.count == 0 else { return }
    pointee.heap.free(all, for: .clients)
    client.pointee.subscriptions = nil
    client.pointee.flags.remove(.subscriber)
    adoptOutputLimit(client)
  }

  /// Gives a client's replies the limit of its class.
  public func adoptOutputLimit(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.reply.byteLimit = pointee.outputLimit(of: client)
  }
}

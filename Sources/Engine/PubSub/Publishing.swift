import Bytes
import CIntrinsics
import Heap
import RESP

/// Delivering messages to the subscribers of this loop.
///
/// A message is put into the protocol's form once; each subscriber gets a copy of those bytes into its replies. The two
/// versions of the protocol differ in the first byte only.
extension UnsafeMutablePointer<Shard> {
  /// Delivers a message to everybody of this loop who subscribes to the channel, or to a pattern that it matches.
  /// Returns how many deliveries there were.
  public func publish(_ message: ByteView, to channel: ByteView) -> Int {
    if pointee.subscriptions.isEmpty { return 0 }
    var count = 0
    let hash = pointee.keyspace.hasher.hash(channel)
    if let found = pointee.subscriptions.find(channel, .channel, hash: hash) {
      count += deliver(MessageFrame(kind: "message", channel: channel, message: message), to: found)
    }
    var next = pointee.subscriptions.firstPattern
    while let pattern = next {
      next = pattern.pointee.next
      if GlobPattern(pattern.name).matches(channel) {
        count += deliver(
          MessageFrame(kind: "pmessage", pattern: pattern.name, channel: channel, message: message),
          to: pattern)
      }
    }
    return count
  }

  /// Delivers a message to everybody of this loop who subscribes to the shard channel.
  public func publish(_ message: ByteView, toShardChannel channel: ByteView) -> Int {
    if pointee.subscriptions.isEmpty { return 0 }
    let hash = pointee.keyspace.hasher.hash(channel)
    guard let found = pointee.subscriptions.find(channel, .shardChannel, hash: hash) else { return 0 }
    return deliver(MessageFrame(kind: "smessage", channel: channel, message: message), to: found)
  }

  /// Runs what a command publishes before it writes its reply: what it sends to its own client may come in front of
  /// the reply, unless that is a part of a transaction's, or is not to be written at all.
  public func publishBeforeReply(_ body: (UnsafeMutablePointer<Shard>) -> Int) -> Int {
    guard let client = pointee.writingClient, !pointee.isInTransaction,
      client.pointee.flags.isDisjoint(with: [.replyOff, .replySkipping])
    else { return body(self) }
    pointee.writingClient = nil
    defer { pointee.writingClient = client }
    return body(self)
  }

  private func deliver(_ frame: MessageFrame, to channel: UnsafeMutablePointer<Channel>) -> Int {
    let count = Int(channel.pointee.subscriberCount)
    let subscribers = channel.pointee.subscribers
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: frame.byteCountMaximum) { memory in
      let start = memory.baseAddress.unsafelyUnwrapped
      let bytes = ByteView(start: start, count: frame.write(to: start))
      for index in 0..<count {
        if index + 4 < count { pantala_prefetch(subscribers[index + 4].client) }
        push(bytes, to: subscribers[index].client)
      }
    }
    return count
  }

  /// Sends a client of this loop something that it did not ask for.
  ///
  /// - Parameter frame: the push as RESP2 has it; in RESP3 its first byte is another.
  func push(_ frame: ByteView, to client: UnsafeMutablePointer<Client>) {
    if !client.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply]) { return }
    if client == pointee.writingClient { return keepBack(frame, client) }
    append(frame, to: client.reply)
    enqueueOutput(client)
  }

  @inline(__always)
  private func append(_ frame: ByteView, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    let target = reply.pointee.reserve(frame.count)
    copyBytes(from: frame.start, to: target, frame.count)
    if reply.pointee.version == .resp3 { target[0] = UInt8(ascii: ">") }
    reply.pointee.advance(frame.count)
  }

  // MARK: Pushes to the client that is being answered

  /// Keeps a push back until the reply that is being written to its client is complete.
  @inline(never)
  private func keepBack(_ frame: ByteView, _ client: UnsafeMutablePointer<Client>) {
    if pointee.keptBack == nil {
      let block = pointee.heap.allocate(MemoryLayout<ReplyBuffer>.stride, for: .clients)
        .bindMemory(to: ReplyBuffer.self, capacity: 1)
      block.initialize(to: client.reply.pointee.emptySibling())
      pointee.keptBack = block
    }
    if let keptBack = pointee.keptBack { append(frame, to: keptBack) }
  }

  /// Ends the time in which a client is being answered, and sends it what was kept back meanwhile.
  @inline(__always)
  func endWriting(_ client: UnsafeMutablePointer<Client>) {
    pointee.writingClient = nil
    if pointee.keptBack != nil { sendKeptBack(client) }
  }

  @inline(never)
  private func sendKeptBack(_ client: UnsafeMutablePointer<Client>) {
    guard let keptBack = pointee.keptBack else { return }
    pointee.keptBack = nil
    client.reply.pointee.append(movingFrom: &keptBack.pointee)
    keptBack.pointee.release()
    pointee.heap.free(keptBack, for: .clients)
    enqueueOutput(client)
  }
}

/// A message as subscribers get it: an array of bulk strings.
struct MessageFrame {
  let kind: StaticString
  var pattern: ByteView?
  let channel: ByteView
  let message: ByteView

  /// Bytes that the frame takes at the most.
  var byteCountMaximum: Int {
    // A bulk string's head and line ends are below 24 bytes each.
    4 + 24 * 4 + kind.utf8CodeUnitCount + (pattern?.count ?? 0) + channel.count + message.count
  }

  /// Writes the frame and returns its length.
  func write(to start: UnsafeMutablePointer<UInt8>) -> Int {
    start[0] = UInt8(ascii: "*")
    start[1] = UInt8(ascii: pattern == nil ? "3" : "4")
    start[2] = 0x0d
    start[3] = 0x0a
    var end = start + 4
    Self.bulk(ByteView(kind), &end)
    if let pattern { Self.bulk(pattern, &end) }
    Self.bulk(channel, &end)
    Self.bulk(message, &end)
    return end - start
  }

  private static func bulk(_ bytes: ByteView, _ end: inout UnsafeMutablePointer<UInt8>) {
    end[0] = UInt8(ascii: "$")
    end += 1 + writeDecimal(Int64(bytes.count), to: end + 1)
    end[0] = 0x0d
    end[1] = 0x0a
    copyBytes(from: bytes.start, to: end + 2, bytes.count)
    end += 2 + bytes.count
    end[0] = 0x0d
    end[1] = 0x0a
    end += 2
  }
}

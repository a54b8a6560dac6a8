import Bytes
import Configuration
import Engine
import Glibc
import RESP
import Ring

/// Connections: accepting, receiving, sending, closing.
extension UnsafeMutablePointer<ShardLoop> {
  // MARK: Accepting

  func accepted(_ completion: Completion) {
    let number = Int(UserData.payload(completion.userData))
    let listener = pointee.listeners[number]
    if !completion.hasMore {
      pointee.uring.pointee.acceptMultishot(
        listener.descriptor, userData: UserData.make(UserData.accept, UInt64(number)))
    }
    guard completion.result >= 0 else { return }
    let server = pointee.server
    let settings = pointee.shard.pointee.settings
    server.connectionsReceived.add(1, ordering: .relaxed)
    if server.clientCount >= settings.maxClients {
      return reject(completion.result, "-ERR max number of clients reached\r\n")
    }
    // The loop with the fewest clients gets it.
    var target = 0
    for index in 1..<Swift.max(server.shardCount, 1)
    where server.clientCounts[index].load() < server.clientCounts[target].load() {
      target = index
    }
    server.clientCounts[target].add(1)
    let arrival = Arrival(descriptor: completion.result, isUnixSocket: listener.isUnixSocket)
    if target == pointee.index {
      pointee.shard.pointee.arrivals.append(arrival)
    } else {
      pointee.coordinator.notify(target) { $0.pointee.arrivals.append(arrival) }
    }
  }

  private func reject(_ descriptor: Int32, _ text: String) {
    pointee.server.connectionsRejected.add(1, ordering: .relaxed)
    _ = Array(text.utf8).withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
    Glibc.close(descriptor)
  }

  /// Makes clients of the connections that were given to this loop.
  func admitArrivals() {
    if pointee.shard.pointee.arrivals.isEmpty { return }
    let arrivals = pointee.shard.pointee.arrivals
    pointee.shard.pointee.arrivals = []
    for arrival in arrivals { admit(arrival) }
  }

  private func admit(_ arrival: Arrival) {
    let shard = pointee.shard
    let settings = shard.pointee.settings
    let addresses =
      arrival.isUnixSocket
      ? ConnectionAddresses(unixSocketPath: settings.unixSocketPath)
      : ConnectionAddresses(of: arrival.descriptor)
    if settings.protectedMode, settings.password.isEmpty, !addresses.isLocal {
      pointee.server.clientCounts[pointee.index].add(-1)
      return reject(arrival.descriptor, ProtectedMode.refusal)
    }
    if !arrival.isUnixSocket {
      setOption(arrival.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      if settings.tcpKeepaliveSeconds > 0 { keepAlive(arrival.descriptor, settings.tcpKeepaliveSeconds) }
    }
    var flags: ClientFlags = settings.password.isEmpty ? .authenticated : []
    if arrival.isUnixSocket { flags.insert(.unixSocket) }
    if addresses.isLocal { flags.insert(.local) }
    let identifier = pointee.server.nextClientIdentifier.wrappingAdd(1, ordering: .relaxed).oldValue
    let client = shard.pointee.heap.allocate(MemoryLayout<Client>.stride, for: .clients)
      .bindMemory(to: Client.self, capacity: 1)
    client.initialize(
      to: Client(
        identifier: identifier, descriptor: arrival.descriptor, flags: flags, heap: shard.pointee.heap,
        now: shard.pointee.keyspace.now, address: addresses.peer, localAddress: addresses.local))
    shard.adoptOutputLimit(client)
    pointee.clientsByIdentifier[identifier] = client
    client.pointee.next = shard.pointee.firstClient
    shard.pointee.firstClient?.pointee.previous = client
    shard.pointee.firstClient = client
    shard.pointee.clientCount += 1
    startReceiving(client)
  }

  private func keepAlive(_ descriptor: Int32, _ seconds: Int) {
    setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
    setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, Int32(seconds))
    setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, Int32(Swift.max(seconds / 3, 1)))
    setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  // MARK: Receiving

  private func userData(_ kind: UInt64, _ client: UnsafeMutablePointer<Client>) -> UInt64 {
    UserData.make(kind, UInt64(UInt(bitPattern: client)))
  }

  func startReceiving(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.flags.insert(.receiving)
    client.pointee.flags.remove(.throttled)
    pointee.uring.pointee.receiveMultishot(
      client.pointee.descriptor, bufferGroup: ShardLoop.bufferGroup,
      userData: userData(UserData.receive, client))
  }

  func received(_ client: UnsafeMutablePointer<Client>, _ completion: Completion) {
    if !completion.hasMore { client.pointee.flags.remove(.receiving) }
    if let identifier = completion.bufferIdentifier {
      pointee.buffers.pointee.take()
      if completion.result > 0, client.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply]) {
        pointee.coordinator.receive(
          client, buffer: pointee.buffers.pointee.buffer(identifier), count: Int(completion.result),
          identifier: identifier)
        checkInputLimits(client)
      } else {
        pointee.buffers.pointee.recycle(identifier)
      }
    }
    if completion.hasMore { return }
    switch completion.result {
    case 0:
      client.pointee.flags.insert(.peerClosed)
    case -ENOBUFS:
      // The kernel has no buffer. The connection is read from again when there are some, unless it is to be closed.
      if client.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply]) {
        pointee.starvedClients.append(client.pointee.identifier)
        return
      }
    case -ECANCELED where client.pointee.flags.contains(.throttled):
      break
    case ..<0:
      client.pointee.flags.insert(.closeNow)
    default:
      // The kernel ended the multishot by itself, as it may.
      if client.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply, .throttled]) {
        return startReceiving(client)
      }
    }
    pointee.shard.pointee.clientsToRevisit.append(client.pointee.identifier)
  }

  /// Stops reading from a client that sends faster than it can be served, and closes one that keeps too much.
  private func checkInputLimits(_ client: UnsafeMutablePointer<Client>) {
    let held = client.pointee.queryBuffer.count
    if held == 0 { return }
    let limit = Swift.min(
      pointee.shard.pointee.settings.clientQueryBufferLimitBytes, pointee.server.clientShareBytes ?? .max)
    if held > limit {
      pointee.logger.warning(
        "Closing client \(client.pointee.address): its query buffer reached the limit of \(limit) bytes"
      )
      pointee.shard.pointee.network.queryBufferLimitDisconnections += 1
      pointee.shard.close(client, afterReply: false)
    } else if held > UnsafeMutablePointer<Coordinator>.throttleBytes,
      !client.pointee.flags.isDisjoint(with: [.waiting, .paused]),
      client.pointee.flags.contains(.receiving), !client.pointee.flags.contains(.throttled)
    {
      client.pointee.flags.insert(.throttled)
      pointee.uring.pointee.cancel(userData(UserData.receive, client), userData: UserData.ignored)
    }
  }

  // MARK: Sending

  /// Hands the replies of this turn to the kernel: one send for each client.
  func sendOutput() {
    while let client = pointee.shard.pointee.firstWithOutput {
      pointee.shard.pointee.firstWithOutput = client.pointee.nextWithOutput
      client.pointee.nextWithOutput = nil
      client.pointee.flags.remove(.hasOutput)
      startSending(client)
    }
  }

  private func startSending(_ client: UnsafeMutablePointer<Client>) {
    if isOverOutputLimit(client) { return }
    if client.pointee.flags.contains(.closeNow) || client.pointee.flags.contains(.sending) { return }
    if client.pointee.reply.isEmpty { return }
    client.pointee.reply.adapt(toTurnOf: client.pointee.reply.count)
    client.pointee.replyBytesPeak = Swift.max(client.pointee.replyBytesPeak, client.pointee.reply.count)
    client.pointee.sending.append(movingFrom: &client.pointee.reply)
    submitSend(client)
  }

  private func submitSend(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.flags.insert(.sending)
    pointee.preparedSendCount += 1
    client.pointee.sending.seal()
    guard let chunk = client.pointee.sending.head else { preconditionFailure("nothing to send") }
    let socket = client.pointee.descriptor
    if chunk.pointee.next == nil {
      pointee.uring.pointee.send(
        socket, chunk.bytes + chunk.pointee.start, count: chunk.pointee.end - chunk.pointee.start,
        userData: userData(UserData.send, client))
      return
    }
    let vector = sendVector(client)
    var count = 0
    var next: UnsafeMutablePointer<ReplyChunk>? = chunk
    while let current = next, count < SendVector.capacity {
      vector.pieces[count] = iovec(
        iov_base: current.bytes + current.pointee.start, iov_len: current.pointee.end - current.pointee.start)
      count += 1
      next = current.pointee.next
    }
    vector.message.pointee.msg_iovlen = count
    pointee.uring.pointee.send(socket, message: vector.message, userData: userData(UserData.send, client))
  }

  private func sendVector(_ client: UnsafeMutablePointer<Client>) -> SendVector {
    if let memory = client.pointee.sendVector { return SendVector(memory: memory) }
    let memory = pointee.shard.pointee.heap.allocateZeroed(SendVector.byteCount, for: .clients)
    client.pointee.sendVector = memory
    let vector = SendVector(memory: memory)
    vector.message.pointee.msg_iov = vector.pieces
    return vector
  }

  func sent(_ client: UnsafeMutablePointer<Client>, _ completion: Completion) {
    client.pointee.flags.remove(.sending)
    if completion.result < 0 {
      if completion.result == -EINTR || completion.result == -EAGAIN { return submitSend(client) }
      return pointee.shard.close(client, afterReply: false)
    }
    let count = Int(completion.result)
    client.pointee.outputBytes += count
    pointee.shard.pointee.network.outputBytes &+= UInt64(count)
    pointee.shard.pointee.network.writesProcessed &+= 1
    client.pointee.sending.removeFirst(count)
    pointee.coordinator.sendHome(client.sending)
    if !client.pointee.sending.isEmpty { return submitSend(client) }
    if let vector = client.pointee.sendVector {
      pointee.shard.pointee.heap.free(vector, for: .clients)
      client.pointee.sendVector = nil
    }
    if !client.pointee.reply.isEmpty {
      pointee.shard.enqueueOutput(client)
    } else if !client.pointee.flags.isDisjoint(with: [.closeAfterReply, .closeNow, .peerClosed]) {
      pointee.shard.pointee.clientsToRevisit.append(client.pointee.identifier)
    }
  }

  /// Marks a client to be closed if it leaves more unread than it may.
  func isOverOutputLimit(_ client: UnsafeMutablePointer<Client>) -> Bool {
    let limits = pointee.shard.pointee.settings.outputBufferLimits.limit(of: client.pointee.kind)
    let now = pointee.shard.pointee.keyspace.now
    let held = client.pointee.reply.count + client.pointee.sending.count
    var isOver = client.pointee.reply.isOverLimit || (limits.hardBytes > 0 && held > limits.hardBytes)
    if limits.softBytes > 0, held > limits.softBytes {
      if client.pointee.softLimitSince == 0 { client.pointee.softLimitSince = now }
      if now - client.pointee.softLimitSince > Int64(limits.softSeconds) * 1_000 { isOver = true }
    } else {
      client.pointee.softLimitSince = 0
    }
    if isOver, !client.pointee.flags.contains(.closeNow) {
      pointee.logger.warning(
        "Closing client \(client.pointee.address): \(held) bytes of replies unread, over its client-output-buffer-limit"
      )
      pointee.shard.pointee.network.outputBufferLimitDisconnections += 1
      pointee.shard.close(client, afterReply: false)
    }
    return isOver
  }

  // MARK: Closing

  /// Looks at the clients that something happened to: closes what is to be closed, and reads on where reading was
  /// held up.
  func revisitClients() {
    if pointee.shard.pointee.clientsToRevisit.isEmpty, pointee.starvedClients.isEmpty { return }
    if !pointee.starvedClients.isEmpty { feedStarved() }
    let identifiers = pointee.shard.pointee.clientsToRevisit
    pointee.shard.pointee.clientsToRevisit = []
    for identifier in identifiers {
      if let client = pointee.clientsByIdentifier[identifier] { revisit(client) }
    }
  }

  /// Reads on where the kernel has found no buffer, if it finds some now.
  private func feedStarved() {
    pointee.buffers.pointee.extend()
    guard pointee.buffers.pointee.heldCount < pointee.buffers.pointee.circulatingCount else { return }
    let starved = pointee.starvedClients
    pointee.starvedClients = []
    for identifier in starved {
      if let client = pointee.clientsByIdentifier[identifier],
        client.pointee.flags.isDisjoint(with: [.receiving, .closeNow, .closeAfterReply, .peerClosed])
      {
        startReceiving(client)
      }
    }
  }

  private func revisit(_ client: UnsafeMutablePointer<Client>) {
    let flags = client.pointee.flags
    if flags.contains(.waiting) {
      if flags.contains(.blocked), !flags.isDisjoint(with: [.closeNow, .closeAfterReply, .peerClosed]) {
        pointee.shard.abandonWaiting(ofClient: client.pointee.identifier)
      }
      return
    }
    if flags.contains(.closeNow) { return close(client) }
    let hasOutput = flags.contains(.sending) || !client.pointee.reply.isEmpty
    if flags.contains(.closeAfterReply) || flags.contains(.peerClosed) && !flags.contains(.paused) {
      if hasOutput {
        pointee.shard.enqueueOutput(client)
      } else {
        close(client)
      }
      return
    }
    if flags.contains(.throttled), !flags.contains(.receiving), !flags.contains(.paused) {
      startReceiving(client)
    }
  }

  /// Closes a connection, as soon as the kernel holds nothing of the client any more.
  private func close(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.flags.insert(.closeNow)
    if !client.pointee.flags.isDisjoint(with: [.receiving, .sending]) {
      // Both end soon after this, and each completion brings us back here. A peer that goes on sending would be read from
      // for ever.
      shutdown(client.pointee.descriptor, Int32(SHUT_RDWR))
      if client.pointee.flags.contains(.receiving) {
        pointee.uring.pointee.cancel(userData(UserData.receive, client), userData: UserData.ignored)
      }
      return
    }
    free(client)
  }

  private func free(_ client: UnsafeMutablePointer<Client>) {
    let shard = pointee.shard
    let heap = shard.pointee.heap
    pointee.coordinator.releaseInput(client)
    pointee.coordinator.forgetTransaction(client)
    client.pointee.reply.release()
    client.pointee.sending.release()
    pointee.coordinator.sendHome(client.reply)
    pointee.coordinator.sendHome(client.sending)
    if let vector = client.pointee.sendVector { heap.free(vector, for: .clients) }
    if client.pointee.flags.contains(.hasOutput) { unlinkOutput(client) }
    if client.pointee.flags.contains(.monitor) {
      pointee.server.monitorCount.subtract(1, ordering: .relaxed)
    }
    shard.forget(client)
    client.pointee.previous?.pointee.next = client.pointee.next
    client.pointee.next?.pointee.previous = client.pointee.previous
    if shard.pointee.firstClient == client { shard.pointee.firstClient = client.pointee.next }
    shard.pointee.clientCount -= 1
    pointee.server.clientCounts[pointee.index].add(-1)
    pointee.clientsByIdentifier[client.pointee.identifier] = nil
    pointee.uring.pointee.close(client.pointee.descriptor, userData: UserData.ignored)
    client.deinitialize(count: 1)
    heap.free(client, for: .clients)
  }

  private func unlinkOutput(_ client: UnsafeMutablePointer<Client>) {
    if pointee.shard.pointee.firstWithOutput == client {
      pointee.shard.pointee.firstWithOutput = client.pointee.nextWithOutput
      return
    }
    var current = pointee.shard.pointee.firstWithOutput
    while let before = current {
      if before.pointee.nextWithOutput == client {
        before.pointee.nextWithOutput = client.pointee.nextWithOutput
        return
      }
      current = before.pointee.nextWithOutput
    }
  }

  // MARK: The end

  /// Gives replies a last chance to leave, and closes everything.
  func end() {
    sendOutput()
    pointee.uring.pointee.submit()
    pointee.shard.forEachClient { shutdown($0.pointee.descriptor, Int32(SHUT_WR)) }
    for listener in pointee.listeners {
      // The ring's accept holds the socket until the kernel has taken the ring apart, some time after the
      // process has ended. Shut down, it stops listening now, and the port is free for a successor.
      shutdown(listener.descriptor, Int32(SHUT_RDWR))
      Glibc.close(listener.descriptor)
    }
  }
}

/// The pieces of one send: a message header and its list.
private struct SendVector {
  /// Pieces that one send takes at the most.
  static let capacity = 64
  private static let headerBytes = (MemoryLayout<msghdr>.stride + 15) & ~15
  static let byteCount = headerBytes + capacity * MemoryLayout<iovec>.stride

  let memory: UnsafeMutableRawPointer

  var message: UnsafeMutablePointer<msghdr> { memory.assumingMemoryBound(to: msghdr.self) }
  var pieces: UnsafeMutablePointer<iovec> {
    (memory + Self.headerBytes).assumingMemoryBound(to: iovec.self)
  }
}

/// What strangers are told while the server has no password.
enum ProtectedMode {
  static let refusal =
    "-DENIED Pantala is running in protected mode: no password is set, so it talks to clients on its own machine only. Set one with the requirepass directive, or, if the network is trusted, start with --protected-mode no.\r\n"
}

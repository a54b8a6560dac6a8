import Bytes
import Keyspace
import RESP

/// What shards do about keys of which clients keep copies: remember who read them, and tell when they change.
extension UnsafeMutablePointer<Shard> {
  // MARK: Reading

  /// Remembers that the client whose command was executed has read the command's keys.
  @inline(never)
  func rememberRead(_ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments, _ tracker: Tracker) {
    rememberRead(entry, arguments, tracker) { _ in true }
  }

  /// The same for those keys of the command that `isOwn` names.
  func rememberRead(
    _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments, _ tracker: Tracker,
    where isOwn: (ByteView) -> Bool
  ) {
    if entry.pointee.firstKey > 0 {
      let last = entry.pointee.lastKey >= 0 ? entry.pointee.lastKey : arguments.count + entry.pointee.lastKey
      for index in stride(
        from: entry.pointee.firstKey, through: min(last, arguments.count - 1), by: entry.pointee.keyStep)
      {
        if isOwn(arguments[index]) { remember(arguments[index], tracker) }
      }
    } else if entry.pointee.hasKeys {
      for specification in pointee.server.table.declarations[entry.pointee.index].keys {
        specification.forEachCandidate(in: arguments) { index in
          if isOwn(arguments[index]) { remember(arguments[index], tracker) }
        }
      }
    }
  }

  private func remember(_ key: ByteView, _ tracker: Tracker) {
    let hash = pointee.keyspace.hasher.hash(key)
    guard pointee.trackedKeys.add(tracker, to: key, hash: hash, heap: pointee.heap) else { return }
    pointee.observers.insert(.tracking)
    publishTrackedCount()
    keepToTrackingLimit()
  }

  private func publishTrackedCount() {
    pointee.server.trackedKeyCounts[pointee.index].store(pointee.trackedKeys.count)
  }

  /// Forgets keys, and says so to those who keep copies, while there are more than `tracking-table-max-keys`.
  private func keepToTrackingLimit() {
    let maximum = pointee.settings.trackingTableMaxKeys
    if maximum == 0 { return }
    while pointee.trackedKeys.count > 0,
      pointee.server.trackedKeyCounts.reduce(0, { $0 + $1.load() }) > maximum,
      let key = pointee.trackedKeys.any(.random(in: 0 ... .max))
    {
      invalidate(key, actor: 0)
    }
  }

  // MARK: Changing

  /// Tells those who keep copies of a key that it has changed.
  func noteTrackedChange(_ key: Key) {
    let actor = pointee.caller.client
    for index in pointee.broadcastPrefixes.indices {
      let prefix = pointee.broadcastPrefixes[index]
      if key.bytes.hasPrefix(prefix.bytes) {
        for loop in prefix.clientCounts.keys { post(.broadcast, to: loop, 0, actor, key: key.bytes) }
      }
    }
    if let tracked = pointee.trackedKeys.find(key.bytes, hash: key.hash) { invalidate(tracked, actor: actor) }
  }

  private func invalidate(_ key: UnsafeMutablePointer<TrackedKey>, actor: UInt64) {
    pointee.trackedKeys.remove(key, heap: pointee.heap)
    for index in 0..<Int(key.pointee.trackerCount) {
      let tracker = key.pointee.trackers[index]
      post(.invalidated, to: tracker.loop, tracker.client, actor, key: key.name)
    }
    key.free(heap: pointee.heap)
    publishTrackedCount()
    reconsiderTracking()
  }

  /// Tells all who track anything that all keys have gone, and forgets what they read.
  ///
  /// All shards flush in one step in the eyes of others, so one of them speaks for all.
  func noteTrackedFlush() {
    if pointee.index == 0 {
      for loop in 0..<pointee.server.shardCount where pointee.server.trackingClientCounts[loop].load() > 0 {
        post(.flushed, to: loop)
      }
    }
    if pointee.trackedKeys.count == 0 { return }
    pointee.trackedKeys.removeAll(heap: pointee.heap)
    publishTrackedCount()
    reconsiderTracking()
  }
}

/// What loops do about what shards tell them.
extension UnsafeMutablePointer<Shard> {
  /// Tells a client of this loop that a key has changed which it had read.
  func deliverInvalidation(of key: ByteView, to client: UInt64, actor: UInt64) {
    guard let client = pointee.trackingClients[client], let tracking = client.pointee.tracking,
      !tracking.options.contains(.broadcast),
      !(tracking.options.contains(.noLoop) && client.pointee.identifier == actor)
    else { return }
    send(InvalidationFrame.keys([key]), to: client, tracking)
  }

  /// Tells every client of this loop that tracks something that all keys have gone.
  func deliverFlush() {
    for (_, client) in pointee.trackingClients {
      if let tracking = client.pointee.tracking { send(InvalidationFrame.everything, to: client, tracking) }
    }
  }

  /// Tells the clients of this loop that asked for broadcasts of changed keys, one message for each prefix.
  func deliverBroadcast(_ changes: [(key: ByteView, actor: UInt64)]) {
    for (prefix, clients) in pointee.broadcastClients {
      let matching = changes.filter { $0.key.hasPrefix(prefix) }
      if matching.isEmpty { continue }
      let all = InvalidationFrame.keys(Self.sorted(matching.map(\.key)))
      for identifier in clients {
        guard let client = pointee.trackingClients[identifier], let tracking = client.pointee.tracking else {
          continue
        }
        if tracking.options.contains(.noLoop), matching.contains(where: { $0.actor == identifier }) {
          let others = matching.filter { $0.actor != identifier }
          if !others.isEmpty {
            send(InvalidationFrame.keys(Self.sorted(others.map(\.key))), to: client, tracking)
          }
        } else {
          send(all, to: client, tracking)
        }
      }
    }
  }

  /// In the order of their bytes, each once.
  private static func sorted(_ keys: [ByteView]) -> [ByteView] {
    if keys.count == 1 { return keys }
    let sorted = keys.sorted { $0.buffer.lexicographicallyPrecedes($1.buffer) }
    return sorted.indices.filter { $0 == 0 || sorted[$0] != sorted[$0 - 1] }.map { sorted[$0] }
  }

  /// Sends a message about changed keys to a client, or to the one that gets its messages.
  private func send(
    _ keys: [UInt8], to client: UnsafeMutablePointer<Client>, _ tracking: ClientTracking
  ) {
    if tracking.redirection != 0 {
      let owner = Tracker(client: client.pointee.identifier, loop: pointee.index)
      return keys.withView {
        post(.redirected, to: tracking.redirectionLoop, tracking.redirection, owner.word, key: $0)
      }
    }
    // Without pushes a connection that also answers can't be told anything.
    guard client.pointee.version == .resp3 else { return }
    let frame = InvalidationFrame.push(keys)
    if tracking.readsAreUnderWay, client.pointee.flags.contains(.waiting) {
      tracking.heldPushes += frame
    } else {
      frame.withView { push($0, to: client) }
    }
  }

  /// Sends a client of this loop what another's tracking brought.
  func deliverRedirected(_ keys: ByteView, to client: UInt64, owner: Tracker) {
    guard let target = pointee.redirectionTargets[client] else {
      return post(.redirectionBroken, to: owner.loop, owner.client)
    }
    if target.pointee.version == .resp3 {
      InvalidationFrame.push(keys.array).withView { push($0, to: target) }
    } else if target.pointee.flags.contains(.subscriber) {
      InvalidationFrame.message(keys.array).withView { push($0, to: target) }
    }
  }

  /// Lets a client know that nobody gets its messages any more.
  func deliverBrokenRedirection(to client: UInt64) {
    guard let client = pointee.trackingClients[client], let tracking = client.pointee.tracking else { return }
    tracking.isRedirectionBroken = true
    guard client.pointee.version == .resp3 else { return }
    let text = "*2\r\n$21\r\ntracking-redir-broken\r\n:\(tracking.redirection)\r\n"
    Array(text.utf8).withView { push($0, to: client) }
  }

  // MARK: Messages that wait for replies

  /// Notes that a client's reads are on their way, if it tracks reads.
  @inline(__always)
  func beginReads(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.flags.contains(.tracking) { client.pointee.tracking?.readsAreUnderWay = true }
  }

  /// Sends what a client was to be told while its reads were under way.
  @inline(__always)
  func endReads(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.flags.contains(.tracking) { sendHeldPushes(client) }
  }

  @inline(never)
  private func sendHeldPushes(_ client: UnsafeMutablePointer<Client>) {
    guard let tracking = client.pointee.tracking else { return }
    tracking.readsAreUnderWay = false
    if tracking.heldPushes.isEmpty { return }
    client.reply.pointee.append(tracking.heldPushes)
    tracking.heldPushes = []
    enqueueOutput(client)
  }
}

/// The form of messages about changed keys.
enum InvalidationFrame {
  /// An array of keys.
  static func keys(_ keys: [ByteView]) -> [UInt8] {
    var bytes = Array("*\(keys.count)\r\n".utf8)
    for key in keys {
      bytes += Array("$\(key.count)\r\n".utf8)
      bytes.append(contentsOf: key.buffer)
      bytes += [0x0d, 0x0a]
    }
    return bytes
  }

  /// In the place of keys: all of them.
  static let everything: [UInt8] = []

  /// As RESP3 has it.
  static func push(_ keys: [UInt8]) -> [UInt8] {
    Array(">2\r\n$10\r\ninvalidate\r\n".utf8) + (keys.isEmpty ? Array("_\r\n".utf8) : keys)
  }

  /// As RESP2 has it: a message that seems published.
  static func message(_ keys: [UInt8]) -> [UInt8] {
    Array("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n".utf8)
      + (keys.isEmpty ? Array("$-1\r\n".utf8) : keys)
  }
}

extension ByteView {
  func hasPrefix(_ prefix: [UInt8]) -> Bool { count >= prefix.count && buffer.starts(with: prefix) }
}

extension [UInt8] {
  /// Calls `body` with a view of the bytes.
  func withView(_ body: (ByteView) -> Void) {
    withUnsafeBufferPointer { buffer in
      body(buffer.baseAddress.map { ByteView(start: $0, count: buffer.count) } ?? ByteView(""))
    }
  }
}

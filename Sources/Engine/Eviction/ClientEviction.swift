import Configuration
import Heap

/// Keeping the memory of all clients together within `maxmemory-clients`.
///
/// It is for the connections' state, their query buffers, queued commands and replies that were not sent. When they take more than they may,
/// the largest go, one after the other. With several shards each knows its own clients only: a shard that sees the limit passed
/// shows the others how large its largest client is and has them do the same, and who finds that it has the largest lets it go.
struct ClientEviction {
  /// Clients that were closed for it.
  var evictedCount = 0
  /// Whether another shard has seen the limit passed.
  var isAsked = false
  /// Whether the other shards are to be asked.
  var wantsOthers = false
  /// What clients took, and when in milliseconds since 1970, as they were last looked at.
  var quietBytes = 0
  var quietSince: Int64 = 0
}

extension ClientMemoryLimit {
  /// The limit in bytes; 0 if there is none.
  func bytes(maxMemoryBytes: Int) -> Int {
    switch self {
    case .bytes(let bytes): bytes
    case .percentage(let percentage): Int(Double(maxMemoryBytes) * Double(percentage) / 100)
    }
  }
}

extension UnsafeMutablePointer<Client> {
  /// All memory of the connection: its state, input, arguments and replies.
  var memoryBytes: Int {
    stateBytes + pointee.reply.allocatedBytes + pointee.sending.allocatedBytes
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Clients that a turn lets go at the most; the next one goes on.
  private static var clientsPerTurn: Int { 16 }

  /// Shows other shards what this one's clients take, and closes the largest while all together take too much. To be called at the
  /// end of each turn.
  ///
  /// - Parameter evict: closes a client.
  public func keepClientsWithinLimit(_ evict: (UnsafeMutablePointer<Client>, _ bytes: Int) -> Void) {
    let server = pointee.server
    let own = pointee.index
    let maximum = clientMaximum
    guard maximum > 0 else { return }
    let isAsked = pointee.clientEviction.isAsked
    pointee.clientEviction.isAsked = false
    if !isAsked {
      let bytes = pointee.heap.liveBytes(.clients)
      if pointee.clientEviction.isQuiet(bytes, pointee.keyspace.now) { return }
      let others = server.publishedClientBytes - server.clientBytes[own].load()
      guard others + bytes > maximum else { return server.clientBytes[own].store(bytes) }
      pointee.clientEviction.quietBytes = bytes
      pointee.clientEviction.quietSince = pointee.keyspace.now
      // What this heap holds may be other shards' clients', to whom replies are on their way.
      pointee.clientEviction.wantsOthers = server.shardCount > 1
    }
    for _ in 0..<Self.clientsPerTurn {
      let look = lookAtClients()
      server.largestClientBytes[own].store(look.largestBytes)
      server.clientBytes[own].store(look.bytes)
      guard let largest = look.largest, server.publishedClientBytes > maximum else { return }
      let isLargest = server.largestClientBytes.allSatisfy { $0.load() <= look.largestBytes }
      guard isLargest, isAsked || server.shardCount == 1 else {
        pointee.clientEviction.wantsOthers = true
        return
      }
      pointee.clientEviction.evictedCount += 1
      evict(largest, look.largestBytes)
    }
    // There are more to go, in the next turn.
    pointee.clientEviction.isAsked = true
  }

  /// Has the shard look at its clients at the end of the turn, because another has seen the limit passed.
  public func askForClients() { pointee.clientEviction.isAsked = true }

  /// What all clients together may take: what is set, and no more than twice what a single one may where the system sets a limit; 0 for
  /// any amount.
  private var clientMaximum: Int {
    let set = pointee.settings.maxMemoryClients.bytes(maxMemoryBytes: pointee.settings.maxMemoryBytes)
    guard let share = pointee.server.clientShareBytes else { return set }
    return set > 0 ? Swift.min(set, share * 2) : share * 2
  }

  /// Whether other shards are to look at their clients' memory, too.
  public func takesOthersForClients() -> Bool {
    let wants = pointee.clientEviction.wantsOthers
    pointee.clientEviction.wantsOthers = false
    return wants
  }

  /// What a look at all clients of the loop has found.
  private struct ClientLook {
    /// The client that takes most, of those that may go.
    var largest: UnsafeMutablePointer<Client>?
    var largestBytes = 0
    /// What those take together that may go and are not being closed already.
    var bytes = 0
  }

  private func lookAtClients() -> ClientLook {
    var look = ClientLook()
    forEachClient { client in
      guard client.pointee.flags.isDisjoint(with: [.closeNow, .noEvict]) else { return }
      let bytes = client.memoryBytes
      look.bytes += bytes
      if bytes > look.largestBytes {
        look.largest = client
        look.largestBytes = bytes
      }
    }
    return look
  }
}

extension ClientEviction {
  /// How soon, and after how much growth, clients are looked at again.
  private static let quietInterval: Int64 = 100
  private static let quietGrowth = 64 << 10

  /// Whether it is too early to look again.
  fileprivate func isQuiet(_ bytes: Int, _ now: Int64) -> Bool {
    now - quietSince < Self.quietInterval && bytes <= quietBytes + Self.quietGrowth
  }
}

import Bytes

/// How a client that keeps copies of keys wants to hear of changes: what CLIENT TRACKING was given, and what came of it.
///
/// It belongs to the client's loop.
public final class ClientTracking {
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// All changes to keys with certain prefixes are told, whether the client has read the keys or not.
    public static let broadcast = Options(rawValue: 1 << 0)
    /// Only keys that are read right after CLIENT CACHING YES are tracked.
    public static let optIn = Options(rawValue: 1 << 1)
    /// All but those that are read right after CLIENT CACHING NO.
    public static let optOut = Options(rawValue: 1 << 2)
    /// The client's own changes are not told.
    public static let noLoop = Options(rawValue: 1 << 3)
  }

  public internal(set) var options: Options
  /// The client that gets the messages; 0 for this one.
  public internal(set) var redirection: UInt64
  /// That client's loop.
  var redirectionLoop: Int
  /// Whether it was found to be gone.
  public internal(set) var isRedirectionBroken = false
  /// What broadcasts are about; the empty prefix for all keys.
  public internal(set) var prefixes: [[UInt8]] = []
  /// Whether commands are under way: what is told meanwhile may be about what they will answer, so it has to come after.
  var readsAreUnderWay = false
  /// Pushes that wait for the end of those reads.
  var heldPushes: [UInt8] = []

  init(options: Options, redirection: UInt64, redirectionLoop: Int) {
    self.options = options
    self.redirection = redirection
    self.redirectionLoop = redirectionLoop
  }
}

extension UnsafeMutablePointer<Client> {
  /// How commands of this client are to be executed from now on.
  @inline(__always)
  func caller(loop: Int) -> Caller {
    Caller(
      client: pointee.identifier, tracker: pointee.flags.contains(.tracking) ? tracker(loop: loop) : .none)
  }

  /// The client as one that wants to hear of changes to the keys that it reads now, if it does.
  @inline(never)
  private func tracker(loop: Int) -> Tracker {
    guard let tracking = pointee.tracking, !tracking.options.contains(.broadcast) else { return .none }
    let isCachingGiven = pointee.flags.contains(.cachingGiven)
    if tracking.options.contains(.optIn), !isCachingGiven { return .none }
    if tracking.options.contains(.optOut), isCachingGiven { return .none }
    return Tracker(client: pointee.identifier, loop: loop)
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Has a client of this loop track keys, or do so in another way.
  ///
  /// - Parameters:
  ///   - redirection: the client that is to get the messages, and its loop; nil for the client itself.
  ///   - prefixes: those not yet among the client's, which all shards know already.
  public func startTracking(
    _ client: UnsafeMutablePointer<Client>, _ options: ClientTracking.Options,
    redirection: (client: UInt64, loop: Int)?, prefixes: [[UInt8]]
  ) {
    if client.pointee.tracking == nil {
      client.pointee.flags.insert(.tracking)
      client.pointee.tracking = ClientTracking(options: [], redirection: 0, redirectionLoop: 0)
      pointee.trackingClients[client.pointee.identifier] = client
      publishTrackingCount()
    }
    guard let tracking = client.pointee.tracking else { return }
    tracking.options = options
    tracking.redirection = redirection?.client ?? 0
    tracking.redirectionLoop = redirection?.loop ?? 0
    tracking.isRedirectionBroken = false
    for prefix in prefixes {
      tracking.prefixes.append(prefix)
      pointee.broadcastClients[prefix, default: []].append(client.pointee.identifier)
    }
  }

  /// Ends a client's tracking, if it tracks. What shards remember of its reads is forgotten when those keys change.
  public func stopTracking(_ client: UnsafeMutablePointer<Client>) {
    guard let tracking = client.pointee.tracking else { return }
    for prefix in tracking.prefixes {
      pointee.broadcastClients[prefix]?.removeAll { $0 == client.pointee.identifier }
      if pointee.broadcastClients[prefix]?.isEmpty == true { pointee.broadcastClients[prefix] = nil }
      prefix.withView { view in
        for loop in 0..<pointee.server.shardCount {
          post(.prefixLeft, to: loop, UInt64(pointee.index), key: view)
        }
      }
    }
    client.pointee.tracking = nil
    client.pointee.flags.subtract([.tracking, .cachingGiven])
    pointee.trackingClients[client.pointee.identifier] = nil
    publishTrackingCount()
  }

  private func publishTrackingCount() {
    pointee.server.trackingClientCounts[pointee.index].store(pointee.trackingClients.count)
  }

  /// Forgets a client of this loop that is about to go: what it subscribes to, and what it tracks.
  public func forget(_ client: UnsafeMutablePointer<Client>) {
    unsubscribeAll(client)
    stopTracking(client)
    if !pointee.redirectionTargets.isEmpty { pointee.redirectionTargets[client.pointee.identifier] = nil }
  }

  /// Makes a client of this loop one that gets others' messages. Returns whether there is such a client.
  public func acceptRedirection(to identifier: UInt64) -> Bool {
    if pointee.redirectionTargets[identifier] != nil { return true }
    var found: UnsafeMutablePointer<Client>?
    forEachClient { if $0.pointee.identifier == identifier { found = $0 } }
    guard let found else { return false }
    pointee.redirectionTargets[identifier] = found
    return true
  }

  // MARK: Prefixes, on every shard

  /// Notes that a client of another loop, or of this one, wants to hear of all changes to keys with a prefix.
  public func addBroadcastPrefix(_ prefix: [UInt8], loop: Int) {
    if let index = pointee.broadcastPrefixes.firstIndex(where: { $0.bytes == prefix }) {
      pointee.broadcastPrefixes[index].clientCounts[loop, default: 0] += 1
    } else {
      pointee.broadcastPrefixes.append(BroadcastPrefix(bytes: prefix, clientCounts: [loop: 1]))
    }
    reconsiderTracking()
  }

  func removeBroadcastPrefix(_ prefix: ByteView, loop: Int) {
    guard let index = pointee.broadcastPrefixes.firstIndex(where: { $0.bytes.elementsEqual(prefix.buffer) })
    else { return }
    let left = (pointee.broadcastPrefixes[index].clientCounts[loop] ?? 0) - 1
    pointee.broadcastPrefixes[index].clientCounts[loop] = left > 0 ? left : nil
    if pointee.broadcastPrefixes[index].clientCounts.isEmpty { pointee.broadcastPrefixes.remove(at: index) }
    reconsiderTracking()
  }

  /// Looks at changes as long as there is somebody to be told of them.
  func reconsiderTracking() {
    if pointee.trackedKeys.count > 0 || !pointee.broadcastPrefixes.isEmpty {
      pointee.observers.insert(.tracking)
    } else {
      pointee.observers.remove(.tracking)
    }
  }
}

/// A prefix of keys whose changes are broadcast, and how many clients of each loop want that.
struct BroadcastPrefix {
  let bytes: [UInt8]
  var clientCounts: [Int: Int]
}

import Bytes
import Heap

/// How much of a key, or of a shard, a transaction needs for itself.
public enum LockMode: UInt8, Sendable {
  /// Others may read meanwhile.
  case shared
  /// Nobody else may touch it.
  case exclusive
}

/// What a `LockPart` asks for beside its keys.
enum LockScope: UInt8, Sendable {
  /// Nothing: keys only.
  case keys
  /// That nobody writes to the shard.
  case shardShared
  /// That nobody else uses the shard.
  case shardExclusive

  /// Whether two parts may hold their scopes at the same time; `writes` says whether a part's keys are to be changed.
  static func areCompatible(_ left: LockScope, leftWrites: Bool, _ right: LockScope, rightWrites: Bool)
    -> Bool
  {
    if left == .keys, right == .keys { return true }
    if left == .shardExclusive || right == .shardExclusive { return false }
    // One of them reads the whole shard.
    return !(left == .keys && leftWrites) && !(right == .keys && rightWrites)
  }
}

/// One key that a transaction wants on one shard: a place in the key's queue.
struct LockRequest {
  /// The key's hash. Keys that share it share their lock, which costs time and nothing else.
  var fingerprint: UInt64
  var mode: LockMode
  var isGranted = false
  var part: UnsafeMutablePointer<LockPart>
  /// Neighbours in the key's queue, in the order in which they came.
  var next: UnsafeMutablePointer<LockRequest>?
  var previous: UnsafeMutablePointer<LockRequest>?
}

/// Who is to go on when a part's locks are granted.
enum LockOwner {
  case none
  /// A transaction: its coordinator's loop hears of it, or its work is done at once.
  case transaction(UnsafeMutablePointer<Transaction>)
  /// A client of this shard's loop, whose next command waits.
  case client(UnsafeMutablePointer<Client>)
  /// A batch of another loop's client, whose next command for this shard waits.
  case batch(UnsafeMutablePointer<Batch>)
}

/// Everything that a transaction wants on one shard.
///
/// It lies in memory of whoever asks; from the request until the release the shard's table alone writes to it.
struct LockPart {
  /// The age of whoever asks: from one counter of the server, lower for older ones.
  var serial: UInt64 = 0
  var requests: UnsafeMutablePointer<LockRequest>
  var requestCount: Int
  var scope = LockScope.keys
  /// Whether some of the keys are wanted exclusively.
  var writes = false
  var isScopeGranted = false
  var isLinked = false
  /// Requests, and the scope, that are not granted.
  var pendingCount = 0
  var owner = LockOwner.none
  /// Neighbours in the shard's list, in the order in which they came.
  var next: UnsafeMutablePointer<LockPart>?
  var previous: UnsafeMutablePointer<LockPart>?
  /// The next part whose locks were granted while it waited.
  var nextReady: UnsafeMutablePointer<LockPart>?

  var isGranted: Bool { isLinked && pendingCount == 0 }
}

/// What came of a request.
enum LockOutcome: Sendable {
  case granted
  /// It stands in the queues; its owner hears when it is granted.
  case waits
  /// It would have to wait for an older one while its owner holds locks elsewhere. Nothing is left behind.
  case refused
}

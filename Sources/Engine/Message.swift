import RESP
import Ring

/// What a message between loops means; its payload is a pointer or a number.
enum MessageKind {
  /// A batch whose part for the receiver is to be executed.
  static let batch: UInt64 = 1
  /// A batch of the receiver's, of which the sender has executed its part.
  static let batchPartDone: UInt64 = 2
  /// The first of a chain of reply chunks of the receiver's that the sender has read.
  static let releaseReplies: UInt64 = 3
  /// A hop to run on the receiver's shard.
  static let hop: UInt64 = 4
  /// A hop of the receiver's that the sender has run.
  static let hopDone: UInt64 = 5
  /// A transaction whose keys on the receiver's shard are to be locked; its work is done at once if the part says so.
  static let transactionLock: UInt64 = 6
  /// A transaction of the receiver's that has the sender's locks.
  static let transactionLocked: UInt64 = 7
  /// A transaction of the receiver's that the sender has refused.
  static let transactionRefused: UInt64 = 8
  /// A transaction whose work is to be done, and its locks let go.
  static let transactionWork: UInt64 = 9
  /// A transaction of the receiver's whose work the sender has done.
  static let transactionDone: UInt64 = 10
  /// A transaction whose locks are to be let go.
  static let transactionRelease: UInt64 = 11
  /// A transaction of the receiver's whose locks the sender has let go.
  static let transactionReleased: UInt64 = 12
  /// The same as `transactionRelease`, but the sender does not want to hear of it: the transaction begins again.
  static let transactionUnlock: UInt64 = 13
  /// The same as `transactionWork`, but the work is not to be done.
  static let transactionAbandon: UInt64 = 14
}

/// A piece of work that one loop asks others to do on their shards.
///
/// The asking loop holds it until every shard asked has answered; in between each shard writes only to its own place in
/// the results, so no lock is needed.
class Hop: @unchecked Sendable {
  // Sendable is sound because the asking loop touches it only before it sends and after all have answered, and
  // `run` of different shards touches different memory.
  let origin: Int
  /// Shards that have not answered. The asking loop counts.
  var pending = 0

  init(origin: Int) { self.origin = origin }

  /// Does the work on a shard, on its thread.
  func run(on shard: UnsafeMutablePointer<Shard>) {}

  /// Called on the asking loop when all shards have answered.
  func complete() {}
}

/// A hop that collects a value from each shard and resumes the task that awaits them.
final class GatheringHop<Value: Sendable>: Hop, @unchecked Sendable {
  // Sendable is sound for the reason that Hop's is.
  private let body: @Sendable (UnsafeMutablePointer<Shard>) -> Value
  private let places: UnsafeMutablePointer<Value?>
  private let shards: [Int]
  private let placeOfShard: [Int: Int]
  var continuation: UnsafeContinuation<Void, Never>?

  init(origin: Int, shards: [Int], body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Value) {
    self.body = body
    self.shards = shards
    var placeOfShard: [Int: Int] = [:]
    for (place, shard) in shards.enumerated() { placeOfShard[shard] = place }
    self.placeOfShard = placeOfShard
    places = .allocate(capacity: shards.count)
    places.initialize(repeating: nil, count: shards.count)
    super.init(origin: origin)
  }

  deinit {
    places.deinitialize(count: shards.count)
    places.deallocate()
  }

  override func run(on shard: UnsafeMutablePointer<Shard>) {
    guard let place = placeOfShard[shard.pointee.index] else { return }
    places[place] = body(shard)
    shard.reportNotes()
  }

  override func complete() {
    continuation?.resume()
    continuation = nil
  }

  /// The values, in the order of the shards asked.
  var values: [Value] {
    (0..<shards.count).map { place in
      guard let value = places[place] else { preconditionFailure("a shard has not answered") }
      return value
    }
  }
}

/// A hop that nobody awaits.
final class Notice: Hop, @unchecked Sendable {
  // Sendable is sound because the closure is.
  private let body: @Sendable (UnsafeMutablePointer<Shard>) -> Void

  init(origin: Int, body: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Void) {
    self.body = body
    super.init(origin: origin)
  }

  override func run(on shard: UnsafeMutablePointer<Shard>) {
    body(shard)
    shard.reportNotes()
  }
}

import Bytes
import Heap
import Keyspace

/// A key that a command wants to lock, and where it lives.
struct LockWish {
  var fingerprint: UInt64
  var shard: Int32
  var mode: LockMode
}

/// What is done once a transaction has its locks.
enum TransactionWork {
  /// The commands of a batch: each shard executes its part and lets its locks go at once.
  case batch(UnsafeMutablePointer<Batch>)
  /// One hop on one shard, which lets its locks go afterwards.
  case hop(Unmanaged<Hop>)
  /// Whatever an operation does until it concludes.
  case operation(Unmanaged<Operation>)
}

/// Locks on several shards, and how far they have got.
///
/// It is one block in the heap of the loop that the client belongs to: this header, which stays as it is made; how far the
/// transaction has got, which is the origin's alone; for each shard a part, and then the parts' requests. Each of them
/// begins a cache line of its own. A part is its shard's from the message that asks for its locks until the answer to the one that ends them.
///
/// Where only one other shard is concerned, the origin locks its own keys first and has the other lock and work
/// in one step: a message there and one back. Where there are more it takes two: one to lock, one to work.
struct Transaction {
  let origin: Int
  let shardCount: Int
  let work: TransactionWork
  /// Its age, which it keeps when it begins again.
  let serial: UInt64
  /// The keys that the client watches, which the shards look at when they grant the locks.
  let watches: Unmanaged<WatchList>?

  /// Whether each shard does its share of the work by itself.
  var worksByShard: Bool {
    if case .operation = work { return false }
    return true
  }

  private static let partStride = (MemoryLayout<TransactionPart>.stride + 127) & ~127
  fileprivate static let progressOffset = (MemoryLayout<Transaction>.stride + 127) & ~127
  /// The progress ends with a byte for each shard.
  private static func partsOffset(_ shardCount: Int) -> Int {
    progressOffset + (MemoryLayout<TransactionProgress>.stride + shardCount + 127) & ~127
  }

  /// Makes a transaction for these keys, of which several may be the same, and on every shard the scope.
  static func make(
    origin: Int, serial: UInt64, shardCount: Int, wishes: UnsafeMutableBufferPointer<LockWish>,
    scope: LockScope, work: TransactionWork, watches: WatchList?, heap: ShardHeap
  ) -> UnsafeMutablePointer<Transaction> {
    let requestStart = partsOffset(shardCount) + shardCount * partStride
    let block = heap.allocate(
      requestStart + wishes.count * MemoryLayout<LockRequest>.stride, for: .messages)
    let transaction = block.bindMemory(to: Transaction.self, capacity: 1)
    transaction.initialize(
      to: Transaction(
        origin: origin, shardCount: shardCount, work: work, serial: serial,
        watches: watches.map(Unmanaged.passUnretained)))
    transaction.progress.initialize(to: TransactionProgress())
    transaction.held.initialize(repeating: false, count: shardCount)
    var wishes = wishes
    wishes.sort { ($0.shard, $0.fingerprint) < ($1.shard, $1.fingerprint) }
    var next = (block + requestStart).bindMemory(to: LockRequest.self, capacity: wishes.count)
    var wish = 0
    for shard in 0..<shardCount {
      let part = transaction.part(shard)
      part.initialize(
        to: TransactionPart(
          locks: LockPart(
            serial: serial, requests: next, requestCount: 0, scope: scope, owner: .transaction(transaction))))
      let locks = part.locks
      while wish < wishes.count, Int(wishes[wish].shard) == shard {
        let wanted = wishes[wish]
        wish += 1
        if wanted.mode == .exclusive { locks.pointee.writes = true }
        let count = locks.pointee.requestCount
        if count > 0, next[-1].fingerprint == wanted.fingerprint {
          if wanted.mode == .exclusive { next[-1].mode = .exclusive }
          continue
        }
        next.initialize(to: LockRequest(fingerprint: wanted.fingerprint, mode: wanted.mode, part: locks))
        locks.pointee.requestCount = count + 1
        next += 1
      }
      part.pointee.isConcerned = scope != .keys || locks.pointee.requestCount > 0
      guard part.pointee.isConcerned else { continue }
      if shard != origin { transaction.progress.pointee.remoteCount += 1 }
    }
    transaction.progress.pointee.firstShard = transaction.firstShardAtFirst
    return transaction
  }

  fileprivate static func partOffset(_ shard: Int, of shardCount: Int) -> Int {
    partsOffset(shardCount) + shard * partStride
  }
}

/// How far a transaction has got: its origin alone reads and writes this.
struct TransactionProgress {
  /// Shards beside the origin that are concerned.
  var remoteCount = 0
  /// The shard that is asked first, while nothing is held: the origin's own, or the last that refused; -1 if all are asked at once.
  var firstShard = -1
  /// Shards that have not answered.
  var pendingCount = 0
  /// The shard that has refused; -1 if none has.
  var refusingShard = -1
  /// Whether a key that the client watches was changed: the work must not be done.
  var isDirty = false
}

/// One shard's share of a transaction.
struct TransactionPart {
  var locks: LockPart
  /// Whether the transaction wants anything of the shard.
  var isConcerned = false
  /// Whether the work is to be done as soon as the locks are granted.
  var worksWhenGranted = false
  /// Whether the transaction holds locks elsewhere when it asks for these.
  var holdsOthers = false
  /// Set by the shard when it grants: a key that the client watches was changed.
  var isDirty = false
}

extension UnsafeMutablePointer<Transaction> {
  func part(_ shard: Int) -> UnsafeMutablePointer<TransactionPart> {
    (UnsafeMutableRawPointer(self) + Transaction.partOffset(shard, of: pointee.shardCount))
      .assumingMemoryBound(to: TransactionPart.self)
  }

  /// The transaction's progress, in place.
  var progress: UnsafeMutablePointer<TransactionProgress> {
    (UnsafeMutableRawPointer(self) + Transaction.progressOffset).assumingMemoryBound(
      to: TransactionProgress.self)
  }

  /// For each shard, whether the origin knows that its locks are granted.
  var held: UnsafeMutablePointer<Bool> {
    UnsafeMutableRawPointer(progress + 1).assumingMemoryBound(to: Bool.self)
  }

  /// The shard to begin with: the origin's own where it is concerned, the only one where there is only one.
  fileprivate var firstShardAtFirst: Int {
    if part(pointee.origin).pointee.isConcerned { return pointee.origin }
    if progress.pointee.remoteCount > 1 { return -1 }
    return (0..<pointee.shardCount).first { part($0).pointee.isConcerned } ?? -1
  }

  /// Whether a shard has found a watched key changed.
  var isDirtyAnywhere: Bool {
    (0..<pointee.shardCount).contains { part($0).pointee.isDirty }
  }
}

extension UnsafeMutablePointer<TransactionPart> {
  /// The part's locks, in place.
  var locks: UnsafeMutablePointer<LockPart> {
    // The first member.
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: LockPart.self)
  }
}

import Bytes
import Heap

/// A key as a walk meets it. A view: valid until the keyspace is next changed.
public struct WalkedKey {
  let handle: Handle
  public let database: Int

  public var key: ByteView { handle.key }
  public var kind: ValueKind { handle.kind }

  /// Bytes of the key's blocks, without its slot.
  public var bytes: Int { handle.allocatedBytes + (handle.largeRoot?.pointee.allocatedBytes ?? 0) }

  /// What MEMORY USAGE says.
  public var usageBytes: Int { bytes + Keyspace.slotBytes }

  public var elements: Int {
    guard handle.isCollection else { return 1 }
    return handle.largeRoot?.pointee.count ?? handle.compactCount
  }

  public var usage: TypeUsage { TypeUsage(keys: 1, bytes: bytes, elements: elements) }
}

/// A way through all keys of a shard, taken in steps between which the keyspace may change.
///
/// It follows the order of databases and of warped hashes, in which tables keep their segments. A key that is there all
/// the time is met exactly once: segments may split and merge, but no key ever comes to lie elsewhere in that order.
public struct KeyWalk: Sendable, Equatable {
  public private(set) var database: Int
  /// The first warped hash that was not visited; keys before it have been met.
  private var position: UInt64 = 0
  /// The database behind the last.
  private let end: Int
  /// Keys met so far.
  public private(set) var keyCount = 0

  /// A walk through some databases.
  public init(databases: Range<Int>) {
    database = databases.lowerBound
    end = databases.upperBound
  }

  public var isDone: Bool { database >= end }

  /// Whether a key at this place has been met.
  func hasPassed(hash: UInt64, database: Int) -> Bool {
    database < self.database || database == self.database && Table.warp(hash) < position
  }

  /// Visits the keys of the next segment, expired ones included. An empty table is passed over.
  mutating func step(in table: borrowing Table, _ body: (WalkedKey) -> Void) {
    guard let segment = table.segment(holding: position) else { return nextDatabase() }
    let width = UInt64(1) << UInt64(32 - segment.depth)
    let start = position & ~(width - 1)
    // Segments that merged bring back keys that have been met.
    let isBegun = start < position
    let database = database
    let position = position
    var met = 0
    segment.forEachPrefetched { handle in
      if isBegun, Table.warp(table.hasher.hash(handle.key)) < position { return }
      met += 1
      body(WalkedKey(handle: handle, database: database))
    }
    keyCount += met
    self.position = start + width
    if self.position > 0xffff_ffff { nextDatabase() }
  }

  private mutating func nextDatabase() {
    database += 1
    position = 0
  }
}

extension Keyspace {
  /// Goes on with a walk, segment by segment, as long as `mayGoOn`, which is asked before each but the first.
  public mutating func advance(
    _ walk: inout KeyWalk, while mayGoOn: () -> Bool, _ body: (WalkedKey) -> Void
  ) {
    repeat {
      guard !walk.isDone, walk.database < databaseCount else { return }
      walk.step(in: table(walk.database).pointee, body)
    } while mayGoOn()
  }
}

import Bytes

/// Going through the keys of a database.
extension Keyspace {
  /// Calls `body` for every key that has not expired.
  public func forEachKey(in database: Int, _ body: (ByteView, ValueKind) -> Void) {
    table(database).pointee.forEachSegment { segment, _ in
      segment.forEach { _, handle in
        if !isExpired(handle) { body(handle.key, handle.kind) }
      }
    }
  }

  /// Visits the keys of one home bucket and returns the cursor of the next one; `.start` when there is
  /// none. Expired keys are passed over.
  public func scan(
    from cursor: ScanCursor, in database: Int, _ body: (ByteView, ValueKind) -> Void
  ) -> ScanCursor {
    table(database).pointee.scan(from: cursor) { _, handle, _ in
      if !isExpired(handle) { body(handle.key, handle.kind) }
    } ?? .start
  }

  /// A key chosen at random among those of a database that have not expired; nil if none is found.
  ///
  /// Buckets are drawn at random until one has a key, so keys of fuller buckets are a little less likely than
  /// others, as in Redis.
  public func randomKey(in database: Int, using generator: inout some RandomNumberGenerator) -> ByteView? {
    let table = table(database)
    guard table.pointee.count > 0 else { return nil }
    for _ in 0..<Self.randomDraws {
      let position = Int.random(in: 0..<table.pointee.directoryCount, using: &generator)
      guard let (segment, _, _) = table.pointee.segment(atPosition: position) else { return nil }
      let bucket = Int.random(in: 0..<Segment.bucketCount, using: &generator)
      var occupied = segment.occupiedSlots(in: bucket)
      guard occupied != 0 else { continue }
      for _ in 0..<Int.random(in: 0..<occupied.nonzeroBitCount, using: &generator) {
        occupied &= occupied - 1
      }
      let handle = segment.handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount))
      if !isExpired(handle) { return handle.key }
    }
    // A table with very few keys: take the first that is alive.
    var found: ByteView?
    forEachKey(in: database) { key, _ in found = found ?? key }
    return found
  }

  /// Draws before a nearly empty table is searched instead.
  private static let randomDraws = 256

  @inline(__always)
  func isExpired(_ handle: Handle) -> Bool {
    handle.hasExpiry && handle.block.load(as: Int64.self) <= now
  }
}

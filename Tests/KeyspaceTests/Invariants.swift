import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// What must hold for the tables of a keyspace between any two operations, checked from outside.
struct TableInvariants {
  private(set) var problems: [String] = []
  private(set) var keyCount = 0
  private(set) var segmentCount = 0

  /// Expects every invariant to hold, in every database, and the memory of all to be what the heap counts.
  static func expect(
    _ keyspace: borrowing Keyspace, _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var tableBytes = 0
    var blockBytes = 0
    for database in 0..<keyspace.databaseCount {
      var invariants = TableInvariants()
      invariants.check(keyspace.table(database).pointee)
      let problems = invariants.problems.prefix(5).joined(separator: "; ")
      if !problems.isEmpty {
        Issue.record("database \(database): \(problems): \(comment())", sourceLocation: sourceLocation)
      }
      tableBytes += keyspace.tableReport(in: database).tableBytes
      keyspace.table(database).pointee.forEachSegment { segment, _ in
        segment.forEach { _, handle in blockBytes += handle.allocatedBytes }
      }
    }
    expectEqual(
      keyspace.heap.liveBytes(.tables), tableBytes, "tables, \(comment())", sourceLocation: sourceLocation)
    expectEqual(
      keyspace.heap.liveBytes(.dataset), blockBytes, "blocks, \(comment())", sourceLocation: sourceLocation)
  }

  private mutating func require(_ condition: Bool, _ problem: @autoclosure () -> String) {
    if !condition { problems.append(problem()) }
  }

  private mutating func check(_ table: borrowing Table) {
    var position = 0
    var expiringCount = 0
    var deepest = 0
    var bases: Set<UnsafeMutableRawPointer> = []
    while position < table.directoryCount {
      guard let (segment, first, next) = table.segment(atPosition: position) else {
        return problems.append("no segment at \(position)")
      }
      require(first == position, "the segment at \(position) begins at \(first)")
      deepest = max(deepest, segment.depth)
      require(next - first == 1 << (table.depth - segment.depth), "wrong span at \(position)")
      for entry in position..<next {
        require(
          table.segment(atPosition: entry)?.segment == segment, "entry \(entry) is not that of \(first)")
      }
      require(bases.insert(segment.base).inserted, "a segment stands twice in the directory, at \(position)")
      segmentCount += 1
      check(segment, table, prefix: first >> (table.depth - segment.depth), &expiringCount)
      position = max(next, position + 1)
    }
    require(position == table.directoryCount, "the last segment reaches beyond the directory")
    require(deepest == table.depth, "a directory of depth \(table.depth) over segments of \(deepest)")
    let (segments, keys) = (segmentCount, keyCount)
    require(segments == table.segmentCount, "\(segments) segments, counted \(table.segmentCount)")
    require(keys == table.count, "\(keys) keys, counted \(table.count)")
    require(expiringCount == table.expiringCount, "\(expiringCount) expiring, counted \(table.expiringCount)")
  }

  private mutating func check(
    _ segment: Segment, _ table: borrowing Table, prefix: Int, _ expiringCount: inout Int
  ) {
    let depth = segment.depth
    var displaced = Array(repeating: 0, count: Segment.homeCount)
    var stashed = Array(repeating: 0, count: Segment.homeCount)
    for bucket in 0..<Segment.bucketCount {
      for slot in 0..<Segment.slotsPerBucket {
        let place = Place(bucket: bucket, slot: slot)
        let handle = segment.handle(at: place)
        let fingerprint = segment.bucket(bucket).load(fromByteOffset: slot, as: UInt8.self)
        require((fingerprint == 0) == handle.isEmpty, "fingerprint and handle disagree at \(place)")
        if handle.isEmpty { continue }
        keyCount += 1
        expiringCount += handle.hasExpiry ? 1 : 0
        let key = Key(handle.key, hasher: table.hasher)
        require(fingerprint == Segment.fingerprint(key.hash), "wrong fingerprint at \(place)")
        require(
          Int(Table.warp(key.hash) >> UInt64(32 - depth)) == prefix, "a key in the wrong segment at \(place)")
        let found = table.find(key)
        require(found?.segment == segment && found?.place == place, "the key at \(place) is not found there")
        let home = Segment.home(key.hash)
        if bucket >= Segment.homeCount {
          stashed[home] |= 1 << (bucket - Segment.homeCount)
        } else if bucket == Segment.neighbour(of: home) {
          displaced[home] += 1
        } else {
          require(bucket == home, "a key neither at home nor beside it at \(place)")
        }
      }
    }
    for bucket in 0..<Segment.bucketCount {
      let notes = Int(segment.bucket(bucket).load(fromByteOffset: 14, as: UInt16.self))
      let expected =
        bucket < Segment.homeCount
        ? displaced[bucket] | stashed[bucket] << 4 : bucket == Segment.homeCount ? depth : 0
      require(notes == expected, "bucket \(bucket) notes \(notes) instead of \(expected)")
    }
  }
}

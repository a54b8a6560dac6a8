import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// What must hold for the ledger between any two operations: its figures are those that a count of all keys finds,
/// and with what waits to be freed they are all the bytes of the dataset.
enum LedgerInvariants {
  static func expect(
    _ keyspace: borrowing Keyspace, _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var sum = 0
    for database in 0..<keyspace.databaseCount {
      var counted = Array(repeating: TypeUsage(), count: ValueType.allCases.count)
      keyspace.table(database).pointee.forEachSegment { segment, _ in
        segment.forEach { _, handle in
          let key = WalkedKey(handle: handle, database: database)
          counted[handle.typeIndex] += key.usage
          if let root = handle.largeRoot {
            expectEqual(
              root.pointee.hash, keyspace.hasher.hash(handle.key), "the hash of a root, \(comment())",
              sourceLocation: sourceLocation)
            expectEqual(
              Int(root.pointee.keyBytes), handle.allocatedBytes, "the block of a root, \(comment())",
              sourceLocation: sourceLocation)
          }
        }
      }
      for type in ValueType.allCases {
        let usage = keyspace.usage(of: type, in: database)
        expectEqual(
          usage, counted[Int(type.rawValue)], "\(type.name) in database \(database), \(comment())",
          sourceLocation: sourceLocation)
        sum += usage.bytes
      }
    }
    expectEqual(
      keyspace.ledgerBytes, keyspace.heap.liveBytes(.statistics), "the ledger's own bytes, \(comment())",
      sourceLocation: sourceLocation)
    expectEqual(
      sum + keyspace.removedBytes, keyspace.heap.liveBytes(.dataset), "all bytes, \(comment())",
      sourceLocation: sourceLocation)
  }

  /// Expects that all keys above the thresholds are among the candidates, with their sizes, and nothing else is above.
  static func expectCandidates(
    _ keyspace: borrowing Keyspace, _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    struct Name: Hashable {
      var database: Int
      var hash: UInt64
    }
    for type in 0..<ValueType.allCases.count {
      let candidates = keyspace.ledger.pointee.candidates[type]
      expectEqual(
        candidates.entries.count, candidates.count, "count, \(comment())", sourceLocation: sourceLocation)
      var sizes: [Name: Int] = [:]
      for entry in candidates.entries {
        sizes[Name(database: entry.database, hash: entry.hash)] = entry.byteCount
      }
      for database in 0..<keyspace.databaseCount {
        keyspace.table(database).pointee.forEachSegment { segment, _ in
          segment.forEach { _, handle in
            guard handle.typeIndex == type else { return }
            let size = WalkedKey(handle: handle, database: database).bytes
            let name = Name(database: database, hash: keyspace.hasher.hash(handle.key))
            let noted = sizes.removeValue(forKey: name)
            if size > candidates.completeThreshold || noted != nil {
              expectEqual(noted, size, "a candidate, \(comment())", sourceLocation: sourceLocation)
            }
          }
        }
      }
      expectEqual(sizes.count, 0, "candidates that are gone, \(comment())", sourceLocation: sourceLocation)
    }
  }
}

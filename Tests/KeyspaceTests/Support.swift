import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

extension SeededRandom {
  mutating func hasher() -> KeyHasher { KeyHasher(seed: next(), next()) }
}

/// A keyspace at the time 1,000,000 that lives as long as `body` runs, and then gives all its memory back.
func withKeyspace<Result>(
  hasher: KeyHasher = KeyHasher(seed: 1, 2), databaseCount: Int = 1,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (inout Keyspace) throws -> Result
) rethrows -> Result {
  try withHeap(sourceLocation: sourceLocation) { heap in
    var keyspace = Keyspace(heap: heap, hasher: hasher, databaseCount: databaseCount)
    keyspace.now = 1_000_000
    defer {
      LedgerInvariants.expect(keyspace, "at the end", sourceLocation: sourceLocation)
      LedgerInvariants.expectCandidates(keyspace, "at the end", sourceLocation: sourceLocation)
    }
    return try body(&keyspace)
  }
}

extension Keyspace {
  /// All that is allocated for keys: their blocks and the tables.
  var keyBytes: Int { heap.liveBytes(.dataset) + heap.liveBytes(.tables) }
}

// MARK: Commands as a test writes them

extension Keyspace {
  /// SET.
  mutating func set(_ key: String, _ value: String, expiry: Int64? = nil, in database: Int = 0) {
    set(Array(key.utf8), Array(value.utf8), expiry: expiry, in: database)
  }

  mutating func set(_ key: [UInt8], _ value: [UInt8], expiry: Int64? = nil, in database: Int = 0) {
    withView(key) { keyView in
      withView(value) { valueView in
        let key = Key(keyView, hasher: hasher)
        let existing = lookup(key, in: database, for: .write)
        setString(key, in: database, to: valueView, replacing: existing, expiry: expiry)
      }
    }
  }

  /// GET.
  mutating func get(_ key: String, in database: Int = 0, for purpose: LookupPurpose = .read) -> String? {
    get(Array(key.utf8), in: database, for: purpose).map { String(decoding: $0, as: UTF8.self) }
  }

  mutating func get(_ key: [UInt8], in database: Int = 0, for purpose: LookupPurpose = .read) -> [UInt8]? {
    withEntry(key, in: database, for: purpose) { _, entry in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
        entry.text(scratch: scratch.baseAddress!)?.array ?? []
      }
    }
  }

  /// DEL.
  @discardableResult
  mutating func delete(_ key: String, in database: Int = 0) -> Bool {
    withEntry(Array(key.utf8), in: database, for: .write) { keyspace, entry in keyspace.remove(entry) } != nil
  }

  /// PEXPIREAT and PERSIST.
  @discardableResult
  mutating func expire(_ key: String, at expiry: Int64?, in database: Int = 0) -> Bool {
    withEntry(Array(key.utf8), in: database, for: .write) { keyspace, entry in
      keyspace.setExpiry(entry, expiry)
    }
      != nil
  }

  /// What `body` makes of a key; nil if there is none.
  mutating func withEntry<Result>(
    _ key: [UInt8], in database: Int = 0, for purpose: LookupPurpose = .peek,
    _ body: (inout Keyspace, Entry) -> Result
  ) -> Result? {
    withView(key) { view in
      guard let entry = lookup(Key(view, hasher: hasher), in: database, for: purpose) else { return nil }
      return body(&self, entry)
    }
  }

  mutating func withEntry<Result>(
    _ key: String, in database: Int = 0, for purpose: LookupPurpose = .peek,
    _ body: (inout Keyspace, Entry) -> Result
  ) -> Result? {
    withEntry(Array(key.utf8), in: database, for: purpose, body)
  }

  /// Sweeps whole passes until one finds nothing to do.
  mutating func sweepUntilDone(expires: Bool = true, passMaximum: Int = 100) -> [SweepResult] {
    var results: [SweepResult] = []
    while results.count < passMaximum {
      let result = sweep(segmentMaximum: .max, expires: expires)
      results.append(result)
      if result.keysExpired == 0, result.segmentsMerged == 0 { break }
    }
    return results
  }
}

import Bytes
import Foundation
import Heap
import Testing

@testable import Keyspace

/// Random numbers that are the same for a seed on every machine (SplitMix64).
struct SeededRandom: RandomNumberGenerator, CustomStringConvertible {
  let seed: UInt64
  private var state: UInt64

  /// A generator for the test `name`. Its seed is new in every run, or what the environment says; it is printed at
  /// once, so that it is known even if the process dies.
  init(test name: String) {
    let given = ProcessInfo.processInfo.environment["PANTALA_TEST_SEED"].flatMap { UInt64($0) }
    seed = given ?? UInt64.random(in: 0..<1_000_000_000)
    state = seed
    FileHandle.standardError.write(Data("\(name): \(self)\n".utf8))
  }

  var description: String { "PANTALA_TEST_SEED=\(seed)" }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  mutating func hasher() -> KeyHasher { KeyHasher(seed: next(), next()) }
}

/// `#expect(actual == expected)` for loops of many thousand turns, where the macro takes long.
func expectEqual<Value: Equatable>(
  _ actual: Value, _ expected: Value, _ comment: @autoclosure () -> String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if actual != expected {
    Issue.record("\(actual) instead of \(expected): \(comment())", sourceLocation: sourceLocation)
  }
}

/// A heap that lives as long as `body` runs, and must be empty when it returns.
func withHeap<Result>(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (ShardHeap) throws -> Result
) rethrows -> Result {
  let heap = ShardHeap()
  defer { heap.destroy() }
  let result = try body(heap)
  #expect(heap.liveBytes == 0, "memory was not given back", sourceLocation: sourceLocation)
  return result
}

/// A keyspace at the time 1,000,000 that lives as long as `body` runs, and then gives all its memory back.
func withKeyspace<Result>(
  hasher: KeyHasher = KeyHasher(seed: 1, 2), databaseCount: Int = 1,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (inout Keyspace) throws -> Result
) rethrows -> Result {
  try withHeap(sourceLocation: sourceLocation) { heap in
    var keyspace = Keyspace(heap: heap, hasher: hasher, databaseCount: databaseCount)
    keyspace.now = 1_000_000
    return try body(&keyspace)
  }
}

/// Whether shard heaps stand on mimalloc, and not, for a sanitizer, on the C library's allocator: only mimalloc rounds
/// 1,025 bytes up to 1,280.
let heapsAreMimalloc: Bool = {
  let heap = ShardHeap()
  defer { heap.destroy() }
  return ShardHeap.usableSize(heap.allocate(1_025, for: .dataset)) == 1_280
}()

/// Calls `body` with a view of `bytes`.
func withView<Result>(_ bytes: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
  try (bytes + [0xee]).withUnsafeBufferPointer { buffer in
    try body(ByteView(start: buffer.baseAddress!, count: bytes.count))
  }
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

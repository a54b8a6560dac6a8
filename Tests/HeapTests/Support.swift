import Foundation
import Heap
import Testing

/// Random numbers that are the same for a seed on every machine (SplitMix64).
struct SeededRandom: RandomNumberGenerator, CustomStringConvertible {
  let seed: UInt64
  private var state: UInt64

  /// A generator for the test `name`. Its seed is new in every run, or what the environment says; it is printed at
  /// once, so that it is known even if the process dies.
  init(test name: String) {
    let given = ProcessInfo.processInfo.environment["PANTALA_TEST_SEED"].flatMap { UInt64($0) }
    self.init(seed: given ?? UInt64.random(in: 0..<1_000_000_000))
    FileHandle.standardError.write(Data("\(name): \(self)\n".utf8))
  }

  init(seed: UInt64) {
    self.seed = seed
    state = seed
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

  /// A size of any magnitude up to `maximum`, every number of bits as likely as the others.
  mutating func size(upTo maximum: Int) -> Int {
    below(maximum + 1) >> below(maximum.bitWidth - maximum.leadingZeroBitCount + 1)
  }
}

/// A heap that lives as long as `body` runs.
func withHeap<Result>(_ body: (ShardHeap) throws -> Result) rethrows -> Result {
  let heap = ShardHeap()
  defer { heap.destroy() }
  return try body(heap)
}

/// Whether shard heaps stand on mimalloc, and not, for a sanitizer, on the C library's allocator: only mimalloc rounds
/// 1,025 bytes up to 1,280.
let heapsAreMimalloc = withHeap { heap in
  ShardHeap.usableSize(heap.allocate(1_025, for: .dataset)) == 1_280
}

/// Bytes of others that a heap may hold in a test process.
///
/// When a thread ends, mimalloc lets whatever heap allocates next take over its pages, blocks of others included. The
/// server's threads live as long as it does (and its integration tests expect no difference at all); here,
/// threads come and go.
private let adoptedBytesMaximum = 4 << 20

/// Expects that the allocator's walk finds the bytes that were counted.
func expectWalk(
  _ used: Int, agreesWith counted: Int, _ comment: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    used >= counted && used - counted < adoptedBytesMaximum, "\(used) against \(counted) \(comment())",
    sourceLocation: sourceLocation)
}

import Bytes
import Foundation
import Heap
import Testing

@testable import RESP

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

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

  mutating func element<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
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

/// `#expect(actual == expected)` for loops of many thousand turns, where the macro takes long.
func expectEqual<Value: Equatable>(
  _ actual: Value, _ expected: Value, _ comment: @autoclosure () -> String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if actual != expected {
    Issue.record("\(actual) instead of \(expected): \(comment())", sourceLocation: sourceLocation)
  }
}

/// Memory whose last byte is the last one of a page, with a page behind it that nobody may touch: reading on ends
/// the process, with or without a sanitizer.
final class GuardedMemory {
  private let memory: UnsafeMutableRawPointer
  private let byteCount: Int
  private let guardBytes: Int

  init(capacity: Int) {
    let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    guardBytes = pageBytes
    byteCount = (capacity + pageBytes - 1) / pageBytes * pageBytes
    guard
      let mapped = mmap(
        nil, byteCount + pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapped != MAP_FAILED, mprotect(mapped + byteCount, pageBytes, PROT_NONE) == 0
    else { preconditionFailure("no memory for a test") }
    memory = mapped
  }

  deinit { munmap(memory, byteCount + guardBytes) }

  /// Puts `bytes` at the very end. They stay until the next call.
  func place(_ bytes: some Collection<UInt8>) -> UnsafeMutablePointer<UInt8> {
    precondition(bytes.count <= byteCount, "too much for the guarded memory")
    let start = memory + (byteCount - bytes.count)
    UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
    return start.assumingMemoryBound(to: UInt8.self)
  }
}

/// Bytes as a test's text shows them.
func shown(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { byte in
    switch byte {
    case 0x0d: "\\r"
    case 0x0a: "\\n"
    case 0x20..<0x7f: String(UnicodeScalar(byte))
    default: "\\x" + String(byte, radix: 16)
    }
  }.joined()
}

/// A command in the protocol's form.
func encoded(_ arguments: [[UInt8]]) -> [UInt8] {
  var bytes = Array("*\(arguments.count)\r\n".utf8)
  for argument in arguments { bytes += Array("$\(argument.count)\r\n".utf8) + argument + [0x0d, 0x0a] }
  return bytes
}

func encoded(_ arguments: String...) -> [UInt8] { encoded(arguments.map { Array($0.utf8) }) }

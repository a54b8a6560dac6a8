import Bytes
import Foundation
import Sketches
import Testing

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
}

extension HyperLogLog {
  static let usualSparseBytes = 3_000

  mutating func add(_ text: String, sparseBytesMaximum: Int = usualSparseBytes) throws -> Bool {
    let observation = Array(text.utf8).withBytes { Observation(of: $0) }
    return try add(observation, sparseBytesMaximum: sparseBytesMaximum)
  }

  /// The ranks of all registers.
  func ranks() throws -> [UInt8] {
    var ranks = [UInt8](repeating: 0, count: Self.registerCount)
    try withView { view in
      try ranks.withUnsafeMutableBufferPointer { try view.merge(into: $0.baseAddress!) }
    }
    return ranks
  }

  func count() throws -> Int64 { try withView { try $0.count() } }
}

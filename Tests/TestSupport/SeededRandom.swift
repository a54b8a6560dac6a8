import Foundation

/// Random numbers that are the same for a seed on every machine (SplitMix64).
public struct SeededRandom: RandomNumberGenerator, CustomStringConvertible, Sendable {
  public let seed: UInt64
  private var state: UInt64

  /// A generator for the test `name`. Its seed is new in every run, or what the environment says; it is printed at
  /// once, so that it is known even if the process dies.
  public init(test name: String) {
    let given = ProcessInfo.processInfo.environment["PANTALA_TEST_SEED"].flatMap { UInt64($0) }
    self.init(seed: given ?? UInt64.random(in: 0..<1_000_000_000))
    FileHandle.standardError.write(Data("\(name): \(self)\n".utf8))
  }

  public init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  public var description: String { "PANTALA_TEST_SEED=\(seed)" }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  public mutating func element<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }

  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

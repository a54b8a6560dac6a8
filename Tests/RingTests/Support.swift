import Foundation
import Ring
import Synchronization
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
}

/// Runs every body on a thread of its own and waits for all of them.
func onThreads(_ bodies: (@Sendable () -> Void)...) {
  let finished = DispatchSemaphore(value: 0)
  for body in bodies {
    Thread.detachNewThread {
      body()
      finished.signal()
    }
  }
  for _ in bodies { finished.wait() }
}

/// Calls `condition` until it is true; false if that takes more than ten seconds. Other threads get the core meanwhile.
func spin(until condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(10)
  var turns = 0
  while !condition() {
    turns += 1
    if turns % 256 == 0, ContinuousClock.now > deadline { return false }
    if turns % 16 == 0 { sched_yield() }
  }
  return true
}

/// A mailbox that lives as long as `body` runs.
func withMailbox<Result>(_ body: (Mailbox) throws -> Result) rethrows -> Result {
  let mailbox = Mailbox()
  defer { mailbox.destroy() }
  return try body(mailbox)
}

import Foundation
import Ring
import Synchronization
import Testing

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

/// How long another thread, which may have to wait for a core, is waited for.
let patienceSeconds = 60.0

/// Calls `condition` until it is true; false if that takes all patience. Other threads get the core meanwhile.
func spin(until condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(patienceSeconds)
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

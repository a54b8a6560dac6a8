import HeapModule

/// The blocked calls of a loop's clients, and when their time is over.
struct BlockedCalls: ~Copyable {
  private struct Call {
    let waiter: Waiter
    let isTimed: Bool
  }

  private struct Deadline: Comparable {
    /// Of the monotonic clock.
    let nanoseconds: UInt64
    let waiter: Waiter

    static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }
    static func == (left: Deadline, right: Deadline) -> Bool { left.nanoseconds == right.nanoseconds }
  }

  /// By the client's identifier.
  private var calls: [UInt64: Call] = [:]
  private var deadlines = Heap<Deadline>()
  /// Deadlines of calls that have ended otherwise. They go when their time comes, or when they are the greater part.
  private var staleCount = 0
  private(set) var timedCount = 0

  private static let staleMinimum = 64

  var count: Int { calls.count }

  /// When the next call's time is over, in nanoseconds of the monotonic clock.
  var nextDeadline: UInt64? { deadlines.min?.nanoseconds }

  mutating func add(_ waiter: Waiter, deadline: UInt64?) {
    if let deadline {
      deadlines.insert(Deadline(nanoseconds: deadline, waiter: waiter))
      timedCount += 1
    }
    calls[waiter.clientIdentifier] = Call(waiter: waiter, isTimed: deadline != nil)
  }

  mutating func remove(_ waiter: Waiter) {
    guard let call = calls.removeValue(forKey: waiter.clientIdentifier) else { return }
    guard call.isTimed else { return }
    timedCount -= 1
    staleCount += 1
    guard staleCount > Self.staleMinimum, staleCount > deadlines.count / 2 else { return }
    staleCount = 0
    deadlines = Heap(deadlines.unordered.filter { isBlocked($0.waiter) })
  }

  private func isBlocked(_ waiter: Waiter) -> Bool { calls[waiter.clientIdentifier]?.waiter === waiter }

  /// Ends the waiting of a client. Returns false if it does not wait, or has just been served.
  func end(_ clientIdentifier: UInt64, _ outcome: WaitOutcome) -> Bool {
    guard let call = calls[clientIdentifier], call.waiter.claim() else { return false }
    call.waiter.end(outcome)
    return true
  }

  /// Ends the waiting of all whose time is over at `now`.
  mutating func expire(at now: UInt64) {
    while let first = deadlines.min, first.nanoseconds <= now {
      deadlines.removeMin()
      if isBlocked(first.waiter) {
        if first.waiter.claim() { first.waiter.end(.timedOut) }
      } else {
        staleCount = max(staleCount - 1, 0)
      }
    }
  }
}

import Synchronization

/// Whether a loop sleeps, so that whoever sends to it knows whether to wake it.
///
/// The protocol, after Dekker: the sender publishes its messages, then reads `asleep`; the receiver sets `asleep`,
/// then looks at its mailboxes once more. Both pairs are sequentially consistent, so at least one of the two
/// sees the other: either the sender wakes the receiver or the receiver does not go to sleep.
public final class SleepFlag: Sendable {
  private let asleep = Atomic<Bool>(false)

  public init() {}

  /// The receiver is about to sleep. It must look for messages again after this.
  public func announce() { asleep.store(true, ordering: .sequentiallyConsistent) }

  /// The receiver is awake.
  public func clear() { asleep.store(false, ordering: .relaxed) }

  /// Called by a sender after it has published. True for one sender only, which must wake the receiver.
  public func claimsWakeUp() -> Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard asleep.load(ordering: .relaxed) else { return false }
    return asleep.exchange(false, ordering: .acquiringAndReleasing)
  }
}

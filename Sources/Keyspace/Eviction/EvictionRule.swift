/// By what keys are chosen when some must go for want of memory.
public struct EvictionRule: Sendable, Equatable {
  /// What makes a key the first to go.
  public enum Order: UInt8, Sendable {
    /// It has not been used for longest.
    case idle
    /// It is used least.
    case frequency
    /// Chance.
    case random
    /// It would expire soonest.
    case expiry
  }

  public var order: Order
  /// Whether only keys with an expiry time may go.
  public var onlyExpiring: Bool

  public init(order: Order, onlyExpiring: Bool) {
    self.order = order
    self.onlyExpiring = onlyExpiring
  }
}

/// How a keyspace keeps account of the use of its keys, and chooses among them.
public struct UseSettings: Sendable, Equatable {
  /// By what keys are evicted; nil if none are.
  public var rule: EvictionRule?
  /// Whether the ages in the handles tell how often keys are used, and not for how long they were not.
  public var countsUse = false
  /// Buckets that are looked at to choose one key.
  public var sampledBuckets = 5
  /// `lfu-log-factor` and `lfu-decay-time`.
  public var logFactor = 10
  public var decayMinutes = 1

  public init() {}
}

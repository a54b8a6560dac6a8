/// One comparison of an audit: what the books say beside what is really there.
public struct AuditCheck: Sendable, Equatable {
  /// What was compared.
  public let name: String
  /// The shard that it is about.
  public let shard: Int
  /// What the books say: live bytes by purpose, the ledger's figures.
  public var counted: Int
  /// What was found by looking.
  public var found: Int
  /// Why nothing could be compared; nil if it was.
  public var excuse: StaticString?

  public var difference: Int { excuse == nil ? found - counted : 0 }

  init(_ name: String, shard: Int, counted: Int, found: Int) {
    self.name = name
    self.shard = shard
    self.counted = counted
    self.found = found
  }

  init(_ name: String, shard: Int, excuse: StaticString) {
    self.init(name, shard: shard, counted: 0, found: 0)
    self.excuse = excuse
  }

  public static func == (left: AuditCheck, right: AuditCheck) -> Bool {
    left.name == right.name && left.shard == right.shard && left.counted == right.counted
      && left.found == right.found && (left.excuse == nil) == (right.excuse == nil)
  }
}

/// What an audit of the server's memory found.
public struct MemoryAudit: Sendable {
  public var checks: [AuditCheck] = []
  /// Keys that were looked at, one by one.
  public var keyCount = 0
  /// Slices in which the shards did so, and the longest of them.
  public var sliceCount = 0
  public var longestSliceNanoseconds: UInt64 = 0
  public var durationNanoseconds: UInt64 = 0

  public init() {}

  /// The comparisons that did not agree. There is only one right number of them.
  public var differences: [AuditCheck] { checks.filter { $0.difference != 0 } }
  public var skippedCount: Int { checks.count { $0.excuse != nil } }
}

import Heap

/// What memory consisted of at one moment: live bytes by purpose, of one shard or of all together.
public struct MemorySample: Sendable, Equatable {
  /// Milliseconds since 1970.
  public var time: Int64 = 0
  /// Indexed by `Purpose.rawValue`.
  public var bytesByPurpose = [Int](repeating: 0, count: Purpose.allCases.count)
  /// What the Swift runtime and the C library hold in the default heaps of the loops' threads.
  public var runtimeBytes = 0

  public init(time: Int64 = 0) { self.time = time }

  /// The sum of all shards' parts of a report.
  public init(_ shards: [ShardMemory], time: Int64) {
    self.time = time
    for shard in shards {
      for purpose in Purpose.allCases { bytesByPurpose[purpose.rawValue] += shard.heap[purpose] }
      runtimeBytes += shard.runtime.used
    }
  }

  public var totalBytes: Int { bytesByPurpose.reduce(runtimeBytes, +) }

  public subscript(purpose: Purpose) -> Int { bytesByPurpose[purpose.rawValue] }

  /// The names of `values`.
  public static let names: [String] = Purpose.allCases.map { "\($0.name)" } + ["runtime"]

  /// Every part, in the order of `names`.
  public var values: [Int] { bytesByPurpose + [runtimeBytes] }
}

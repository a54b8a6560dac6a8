import Heap
import Keyspace

/// The tree: what the allocated bytes consist of, and why as many are resident as are. Both are sums to which nothing is
/// missing; what nobody can account for is a part of its own.
extension MemoryReport {
  /// A part of a sum.
  public struct Part: Sendable, Equatable {
    public let name: String
    public let bytes: Int

    public init(_ name: String, _ bytes: Int) {
      self.name = name
      self.bytes = bytes
    }
  }

  // MARK: Allocated

  /// What the keys' slots cost: each a share of its bucket, as MEMORY USAGE charges it.
  public var slotBytes: Int { keyCount.multipliedClamped(by: Keyspace.slotBytes) }

  /// The parts of `totalAllocated`. The first two are what MEMORY USAGE says of all keys together.
  public var allocatedParts: [Part] {
    var parts = [
      Part("keys.bytes", keyBytes),
      Part("keys.slots", slotBytes),
      Part("keys.removed", removedBytes),
      // A slot is charged with its share rounded up, so full tables may have less than nothing to spare.
      Part("tables.unused", heap[.tables].less(slotBytes).less(removedTableBytes)),
      Part("tables.removed", removedTableBytes),
    ]
    for purpose in Purpose.allCases where purpose != .dataset && purpose != .tables {
      parts.append(Part("\(purpose.name)", heap[purpose]))
    }
    parts.append(Part("runtime", runtime.used))
    parts.append(Part("remainder", totalAllocated.less(parts.reduce(0) { $0.plus($1.bytes) })))
    return parts
  }

  /// What `maxmemory` is about: all but what clients and their traffic take, beyond what a calm server needs for them.
  public var countedBytes: Int { max(0, totalAllocated.less(uncountedBytes)) }

  /// The rest.
  public var uncountedBytes: Int {
    max(0, Purpose.traffic.reduce(0) { $0.plus(heap[$1]) }.less(restingTrafficBytes))
  }

  /// What no part explains; 0, or a count is wrong.
  public var remainderBytes: Int { allocatedParts.last?.bytes ?? 0 }

  /// By how much the allocator's walk of its heaps differs from what the purposes count; 0, or a count is wrong. A heap so large
  /// that the walk had to stop early is taken to agree.
  public var allocatorDifference: Int { allocatorAllocated.less(totalAllocated) }

  // MARK: Resident

  /// The parts of the resident set: live blocks, gaps between them, free pages that the allocator keeps, and what is no heap's.
  /// Pages that are allocated and were never written count against the rest.
  public var residentParts: [Part] {
    let fragmentation = allocatorActive.less(totalAllocated)
    let variables = min(resident.variableByteCount, allocatorResident)
    let kept = allocatorResident.less(allocatorActive).less(stackBytes).less(variables)
    return [
      Part("rss.live", totalAllocated),
      Part("rss.fragmentation", fragmentation),
      Part("rss.retained", max(0, kept)),
      Part("rss.untouched", min(0, kept)),
      Part("rss.stacks", stackBytes),
      Part("rss.variables", variables),
      Part("rss.files", resident.byteCount - allocatorResident),
    ]
  }
}

extension Int {
  /// Sum and difference that stop at the largest and the smallest integer, which only a fault can reach.
  fileprivate func plus(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  fileprivate func less(_ other: Int) -> Int {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other > 0 ? .min : .max) : difference
  }
}

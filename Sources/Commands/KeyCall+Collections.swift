import Bytes
import Engine
import Keyspace
import RESP

/// What a lookup of a key that must hold a certain type comes to.
enum Found {
  case missing
  /// The key holds another type: WRONGTYPE is the answer.
  case otherType
  case entry(Entry)
}

extension KeyCall {
  /// Looks for a key that must hold a collection of this kind if it is there. Fields of a packed hash that have expired
  /// are removed on the way.
  @inline(__always)
  func find(_ key: Key, _ kind: ValueKind, for purpose: LookupPurpose) -> Found {
    guard let entry = keyspace.lookup(key, in: database, for: purpose) else { return .missing }
    if entry.kind != kind { return .otherType }
    if kind == .hash, !keyspace.keepsFields(entry) { return .missing }
    return .entry(entry)
  }
}

extension KeyCall {
  /// Elements whose memory is asked for together: a power of two.
  private static let elementPrefetchCount = 16

  /// Asks for the memory of the elements that the next arguments name, if there are several and the collection is a
  /// large one. To be called for each of the arguments from `first` on; it acts at every sixteenth.
  @inline(__always)
  func prefetchElements(of entry: Entry, at index: Int, first: Int) {
    if (index &- first) & (Self.elementPrefetchCount &- 1) == 0, arguments.count &- index > 1 {
      prefetchElements(of: entry, from: index)
    }
  }

  @inline(never)
  private func prefetchElements(of entry: Entry, from first: Int) {
    let count = min(arguments.count - first, Self.elementPrefetchCount)
    withUnsafeTemporaryAllocation(of: ElementPrefetch.self, capacity: count) { prefetches in
      for number in 0..<count {
        let prefetch = keyspace.prefetchElement(arguments[first + number], of: entry)
        prefetches.initializeElement(at: number, to: prefetch)
      }
      for prefetch in prefetches { keyspace.prefetchEntry(prefetch) }
    }
  }
}

extension ReplyBuffer {
  /// A bulk string of an element.
  @inline(__always)
  mutating func bulk(_ item: Item) {
    if let text = item.text { bulk(text) } else { bulk(decimal: item.integer) }
  }
}

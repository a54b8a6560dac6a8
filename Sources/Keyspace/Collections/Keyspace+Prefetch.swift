import Bytes
import CIntrinsics

/// What is asked of memory ahead for a command that names an element of a collection.
public struct ElementPrefetch {
  /// The page in which the element is to be looked for; nil if there is nothing to ask for.
  fileprivate let page: UnsafeMutableRawPointer?
  /// The sorted set, if the page is one of a member index.
  fileprivate let sortedSet: UnsafeMutablePointer<LargeSortedSet>?
  fileprivate let hash: UInt64

  fileprivate static var none: ElementPrefetch { ElementPrefetch(page: nil, sortedSet: nil, hash: 0) }
}

/// Looking for an element of a large collection is a chain of cache misses. Commands of a group ask for the links of
/// their chains together, a link at a time, so that memory fetches them at the same time.
extension Keyspace {
  /// The first link: the page of the element, if the key, whose block must be at hand, holds a large collection.
  ///
  /// The key is recognised by its fingerprint only: at worst the wrong lines are asked for.
  @inline(__always)
  public mutating func prefetchElement(_ text: ByteView, ofKeyWith hash: UInt64, in database: Int)
    -> ElementPrefetch
  {
    guard let handle = table(database).pointee.homeCandidate(hash), let root = handle.largeRoot else {
      return .none
    }
    return prefetchElement(text, kind: handle.kind, root: root)
  }

  /// The same for a key that was found.
  @inline(__always)
  public mutating func prefetchElement(_ text: ByteView, of entry: Entry) -> ElementPrefetch {
    guard let root = entry.slot.handle.largeRoot else { return .none }
    return prefetchElement(text, kind: entry.kind, root: root)
  }

  @inline(never)
  private mutating func prefetchElement(
    _ text: ByteView, kind: ValueKind, root: UnsafeMutablePointer<LargeValueHeader>
  ) -> ElementPrefetch {
    let hash = Element(text).hash(hasher)
    switch kind {
    case .set, .hash:
      let table = UnsafeMutableRawPointer(root).assumingMemoryBound(to: DenseTable.self)
      return ElementPrefetch(page: table.prefetchPage(hash: hash), sortedSet: nil, hash: hash)
    case .sortedSet:
      let set = UnsafeMutableRawPointer(root).assumingMemoryBound(to: LargeSortedSet.self)
      let page = set.pointee.index.page(of: UInt32(truncatingIfNeeded: hash >> 32))
      page.prefetch()
      return ElementPrefetch(page: page.base, sortedSet: set, hash: hash)
    default:
      return .none
    }
  }

  /// The second link: the entry, or the leaf of a sorted set's member, once the page is at hand.
  @inline(__always)
  public mutating func prefetchEntry(_ prefetch: ElementPrefetch) {
    guard let page = prefetch.page else { return }
    if let set = prefetch.sortedSet {
      IndexPage(base: page).prefetchLeaf(of: set, tag: UInt32(truncatingIfNeeded: prefetch.hash >> 32))
    } else {
      DensePage(base: page).prefetchEntry(hash: prefetch.hash)
    }
  }
}

extension IndexPage {
  /// Asks for the page's lines.
  fileprivate func prefetch() {
    for line in 0..<Self.byteMaximum / 64 { pantala_prefetch(base + line * 64) }
  }

  /// Asks for the lines of the leaf that most likely holds the member with this tag.
  fileprivate func prefetchLeaf(of set: UnsafeMutablePointer<LargeSortedSet>, tag: UInt32) {
    let entry = next(tag, from: 0)
    guard entry < count else { return }
    let leaf = set.pointee.leaves[leaves[entry]].base
    // The header, and where the fingerprints lie in a leaf of members of usual length.
    pantala_prefetch(leaf)
    for line in 3..<8 { pantala_prefetch(leaf + line * 64) }
  }
}

extension UnsafeMutablePointer where Pointee == DenseTable {
  /// Asks for the lines of a page that a search reads first.
  fileprivate func prefetchPage(hash: UInt64) -> UnsafeMutableRawPointer {
    let base = page(pageIndex(Self.pageBits(hash))).base
    pantala_prefetch(base)
    pantala_prefetch(base + 64)
    pantala_prefetch(base + 128)
    return base
  }
}

extension DensePage {
  /// Asks for the entry whose element most likely has this hash.
  fileprivate func prefetchEntry(hash: UInt64) {
    let fingerprint = UnsafeMutablePointer<DenseTable>.fingerprint(hash)
    let count = count
    var first = 0
    while first < count {
      let candidates = slots(from: first, with: fingerprint)
      if candidates != 0 {
        return pantala_prefetch(entry(first &+ candidates.trailingZeroBitCount).start)
      }
      first &+= 16
    }
  }
}

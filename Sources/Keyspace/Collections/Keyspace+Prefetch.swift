import Bytes
import CIntrinsics

/// What is asked of memory ahead for a command that names an element of a collection.
public struct ElementPrefetch {
  /// The page in which the element is to be looked for; nil if there is nothing to ask for.
  fileprivate let page: UnsafeMutableRawPointer?
  fileprivate let hash: UInt64

  fileprivate static var none: ElementPrefetch { ElementPrefetch(page: nil, hash: 0) }
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

  @inline(never)
  private mutating func prefetchElement(
    _ text: ByteView, kind: ValueKind, root: UnsafeMutablePointer<LargeValueHeader>
  ) -> ElementPrefetch {
    let hash = Element(text).hash(hasher)
    switch kind {
    case .set, .hash:
      let table = UnsafeMutableRawPointer(root).assumingMemoryBound(to: DenseTable.self)
      return ElementPrefetch(page: table.prefetchPage(hash: hash), hash: hash)
    default:
      return .none
    }
  }

  /// The second link: the entry, once the page is at hand.
  @inline(__always)
  public mutating func prefetchEntry(_ prefetch: ElementPrefetch) {
    guard let page = prefetch.page else { return }
    DensePage(base: page).prefetchEntry(hash: prefetch.hash)
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

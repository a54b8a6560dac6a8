import Bytes
import Heap

/// The large form of sets and hashes: a hash table whose pages hold the entries themselves, a few bytes of overhead each.
///
/// An entry is one item (a set's member) or two (a hash's field and its value), and perhaps the time when it expires.
/// It lies in the page that its element's hash names (see `DensePage`), beside a one-byte fingerprint and a two-byte
/// offset; there is no pointer and no allocation per entry. A member of 16 bytes takes about 22.5 bytes in all.
///
/// The pages form a linear hash table (Litwin, 1980): whenever the pages hold more than `targetBytes` on average, the
/// next page in turn splits in two, and when they hold much less, the last page joins the one that it came from. So a
/// table grows and shrinks by one page at a time, there is no rehash pause, and since splits are spread evenly, the
/// memory per entry does not swing. A page has no fixed size: it grows through the allocator's size classes, which are
/// the finer steps, so that pages are nine tenths full.
///
/// Pages are found through a directory of two levels, so that nothing is ever copied but one page or one small chunk.
struct DenseTable: LargeValue {
  static let form = LargeForm.table
  var header: LargeValueHeader
  /// Chunks of pointers to pages.
  fileprivate(set) var chunks: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutableRawPointer>>
  /// Bytes of all entries and their slots.
  var liveBytes = 0
  /// The earliest time at which an entry may expire; `Int64.max` if none does. Not later than the truth.
  var earliestTime = Int64.max
  /// Where a pass that removes expired entries stands: the next page, and the earliest time found so far.
  var purgePosition = 0
  var purgeEarliestTime = Int64.max
  /// Entries that have a time.
  var timedCount = 0
  /// Items that lie outside their pages.
  var outsideCount = 0
  /// Pages; 2^level + the number of pages that have split at this level.
  fileprivate(set) var pageCount: UInt32 = 0
  /// At least as many slots as any page has.
  var slotMaximum: UInt16 = 1
  /// Whether entries have a second item.
  let hasValues: Bool

  /// Bytes of entries and slots that a page holds on average.
  static let targetBytes = 760
  /// Pages of one chunk of the directory.
  static let chunkPages = 512

  private init(
    chunks: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutableRawPointer>>, hasValues: Bool
  ) {
    header = Self.newHeader
    self.chunks = chunks
    self.hasValues = hasValues
  }

  /// Makes an empty table, ready for entries of about `expectedBytes` in all.
  static func make(hasValues: Bool, expectedBytes: Int, heap: ShardHeap) -> UnsafeMutablePointer<DenseTable> {
    let chunks = heap.allocate(2 * MemoryLayout<UInt>.size, for: .dataset)
    let root = makeRoot(
      DenseTable(
        chunks: chunks.assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutableRawPointer>.self),
        hasValues: hasValues),
      heap: heap)
    root.pointee.header.allocatedBytes += ShardHeap.usableSize(chunks)
    let wanted = max(1, min(expectedBytes / targetBytes, 1 << 20))
    let pageBytes = min(expectedBytes / wanted, targetBytes) + DensePage.headerBytes
    for _ in 0..<wanted { root.appendPage(root.makePage(pageBytes, heap: heap), heap: heap) }
    return root
  }
}

/// Where an entry of a dense table is. Valid until the table is next changed.
struct DensePlace {
  let page: DensePage
  let pageIndex: Int
  let slot: Int

  @inline(__always)
  var entry: DenseEntry { page.entry(slot) }
}

extension UnsafeMutablePointer where Pointee == DenseTable {
  @inline(__always)
  var count: Int { pointee.header.count }

  // MARK: Pages

  @inline(__always)
  var pageCount: Int { Int(pointee.pageCount) }

  /// The bits of a hash that choose the page; the lowest eight are the fingerprint.
  @inline(__always)
  static func pageBits(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 8) }

  @inline(__always)
  static func fingerprint(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash) }

  /// The page of the elements whose hashes have these bits.
  @inline(__always)
  func pageIndex(_ bits: UInt32) -> Int {
    let count = pointee.pageCount
    // One bit more than the level, for pages that have split already.
    let mask = UInt32.max >> UInt32(truncatingIfNeeded: count.leadingZeroBitCount)
    let index = bits & mask
    return Int(index < count ? index : index & mask >> 1)
  }

  /// How many bits of the hash the elements of a page share.
  func pageBitCount(_ index: Int) -> Int {
    let level = Int.bitWidth - 1 - pageCount.leadingZeroBitCount
    return index < pageCount - 1 << level || index >= 1 << level ? level + 1 : level
  }

  @inline(__always)
  private func pointer(to index: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer> {
    pointee.chunks[index / DenseTable.chunkPages] + index % DenseTable.chunkPages
  }

  @inline(__always)
  func page(_ index: Int) -> DensePage { DensePage(base: pointer(to: index).pointee) }

  func setPage(_ index: Int, _ page: DensePage) { pointer(to: index).pointee = page.base }

  /// Makes an empty page of at least `byteCount` bytes.
  func makePage(_ byteCount: Int, heap: ShardHeap) -> DensePage {
    let size = DensePage.sizeClass(byteCount)
    precondition(
      byteCount <= DensePage.capacityMaximum, "a page can't grow further: the hash does not spread")
    let page = DensePage(base: allocate(Swift.min(size, DensePage.capacityMaximum), heap: heap))
    page.initialize()
    return page
  }

  // MARK: The directory

  /// Adds a page at the end.
  func appendPage(_ page: DensePage, heap: ShardHeap) {
    let index = pageCount
    let (chunk, place) = index.quotientAndRemainder(dividingBy: DenseTable.chunkPages)
    let stride = MemoryLayout<UInt>.size
    if place == 0 {
      if chunk > 0, ShardHeap.usableSize(pointee.chunks) / stride == chunk { resizeChunks(chunk * 2, heap) }
      // The first chunk begins small and grows; where a second is needed, there will be many pages.
      let pages = chunk == 0 ? 2 : DenseTable.chunkPages
      pointee.chunks[chunk] = allocate(pages * stride, heap: heap)
        .assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    } else if chunk == 0, ShardHeap.usableSize(pointee.chunks[0]) / stride == place {
      resizeFirstChunk(Swift.min(place + place / 4 + 1, DenseTable.chunkPages), heap)
    }
    pointee.pageCount += 1
    setPage(index, page)
  }

  /// Takes the last page, which is empty or gone, out of the directory.
  func removeLastPage(heap: ShardHeap) {
    let index = pageCount - 1
    pointee.pageCount -= 1
    let (chunk, place) = index.quotientAndRemainder(dividingBy: DenseTable.chunkPages)
    if place == 0 { free(pointee.chunks[chunk], heap: heap) }
  }

  /// Gives back what the directory no longer needs.
  func trimDirectory(heap: ShardHeap) {
    let stride = MemoryLayout<UInt>.size
    let chunks = (pageCount + DenseTable.chunkPages - 1) / DenseTable.chunkPages
    if chunks > 1 {
      let capacity = ShardHeap.usableSize(pointee.chunks) / stride
      if capacity > 8, chunks <= capacity / 4 { resizeChunks(capacity / 2, heap) }
    } else if pageCount <= ShardHeap.usableSize(pointee.chunks[0]) / stride * 5 / 8, pageCount > 2 {
      resizeFirstChunk(pageCount, heap)
    }
  }

  private func resizeChunks(_ count: Int, _ heap: ShardHeap) {
    pointee.chunks = reallocate(pointee.chunks, to: count * MemoryLayout<UInt>.size, heap: heap)
      .assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutableRawPointer>.self)
  }

  private func resizeFirstChunk(_ pages: Int, _ heap: ShardHeap) {
    pointee.chunks[0] = reallocate(pointee.chunks[0], to: pages * MemoryLayout<UInt>.size, heap: heap)
      .assumingMemoryBound(to: UnsafeMutableRawPointer.self)
  }

  /// Moves the chunk that begins with a page, and with the first chunk the array of all.
  func moveDirectory(ofPage index: Int, _ mover: inout BlockMover) {
    let (chunk, place) = index.quotientAndRemainder(dividingBy: DenseTable.chunkPages)
    if index == 0, let moved = mover.move(pointee.chunks, for: .dataset) {
      pointee.chunks = moved.assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutableRawPointer>.self)
    }
    if place == 0, let moved = mover.move(pointee.chunks[chunk], for: .dataset) {
      pointee.chunks[chunk] = moved.assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    }
  }

  // MARK: Finding

  /// The entry of an element that has this hash.
  @inline(__always)
  func find(_ element: Element, hash: UInt64) -> DensePlace? {
    let index = pageIndex(Self.pageBits(hash))
    let page = page(index)
    let count = page.count
    let fingerprint = Self.fingerprint(hash)
    var first = 0
    while first < count {
      var candidates = page.slots(from: first, with: fingerprint)
      while candidates != 0 {
        let slot = first &+ candidates.trailingZeroBitCount
        if element.isStored(at: DenseCode.resolved(page.entry(slot).elementStart)) {
          return DensePlace(page: page, pageIndex: index, slot: slot)
        }
        candidates &= candidates &- 1
      }
      first &+= 16
    }
    return nil
  }
}

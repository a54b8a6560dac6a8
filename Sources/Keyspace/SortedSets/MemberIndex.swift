import CIntrinsics
import Heap

/// A page of the member index: the members whose hashes begin with certain bits, each as the upper 32 bits of its hash,
/// its *tag*, and the number of the leaf that holds it, in no order.
///
///     [count 2] [capacity 2] [depth 1] [unused 3] [tags, 4 each] [leaves, 4 each]
struct IndexPage: Equatable {
  static let byteMaximum = 512
  static let headerBytes = 8
  static let entryBytes = 8
  static let entryMaximum = (byteMaximum - headerBytes) / entryBytes

  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(base: UnsafeMutableRawPointer) { self.base = base }

  fileprivate init(block: UnsafeMutableRawPointer, capacity: Int, depth: Int) {
    base = block
    base.storeBytes(of: 0, as: UInt16.self)
    base.storeBytes(of: UInt16(capacity), toByteOffset: 2, as: UInt16.self)
    self.depth = depth
  }

  @inline(__always)
  var count: Int {
    get { Int(base.load(as: UInt16.self)) }
    nonmutating set { base.storeBytes(of: UInt16(truncatingIfNeeded: newValue), as: UInt16.self) }
  }

  @inline(__always)
  var capacity: Int { Int(base.load(fromByteOffset: 2, as: UInt16.self)) }

  /// How many leading bits all tags of the page share.
  @inline(__always)
  var depth: Int {
    get { Int(base.load(fromByteOffset: 4, as: UInt8.self)) }
    nonmutating set { base.storeBytes(of: UInt8(newValue), toByteOffset: 4, as: UInt8.self) }
  }

  @inline(__always)
  var tags: UnsafeMutablePointer<UInt32> {
    (base + Self.headerBytes).assumingMemoryBound(to: UInt32.self)
  }

  @inline(__always)
  var leaves: UnsafeMutablePointer<UInt32> {
    (base + (Self.headerBytes &+ capacity &* 4)).assumingMemoryBound(to: UInt32.self)
  }

  /// The first entry from `start` on with this tag; `count` if there is none.
  @inline(__always)
  func next(_ tag: UInt32, from start: Int) -> Int {
    Int(
      pantala_find_32(
        tags, UInt32(truncatingIfNeeded: start), UInt32(truncatingIfNeeded: count), tag))
  }

  /// The entry of a member with this tag in this leaf. If there are several, they are the same.
  @inline(__always)
  fileprivate func entry(_ tag: UInt32, in leaf: UInt32) -> Int {
    var entry = next(tag, from: 0)
    while leaves[entry] != leaf {
      entry = next(tag, from: entry + 1)
      precondition(entry < count, "a member is not in the index")
    }
    return entry
  }

  @inline(__always)
  fileprivate func append(_ tag: UInt32, _ leaf: UInt32) {
    let count = count
    tags[count] = tag
    leaves[count] = leaf
    self.count = count &+ 1
  }

  fileprivate func remove(at entry: Int) {
    let last = count - 1
    tags[entry] = tags[last]
    leaves[entry] = leaves[last]
    count = last
  }
}

/// The index from members to leaves: extendible hashing, with a directory of pages by the leading bits of the tags.
///
/// It needs nothing of the members but their tags: a page that is full splits by the next bit of them, alone.
struct MemberIndex: BitwiseCopyable {
  /// Bits that the directory may use; a page that can't be split any further grows instead.
  fileprivate static let depthMaximum = 30
  /// Two pages merge when together they fill no more than this.
  fileprivate static let mergeCount = IndexPage.entryMaximum / 2

  fileprivate var directory: UnsafeMutablePointer<UnsafeMutableRawPointer>?
  fileprivate(set) var depth = 0
  /// Pages whose depth is the directory's: without them it could be half as large.
  fileprivate var deepestCount = 0
  /// Directory positions whose pages are freed, while the set is.
  fileprivate var released = 0

  @inline(__always)
  fileprivate func position(of tag: UInt32) -> Int {
    Int(truncatingIfNeeded: UInt64(tag) &>> UInt64(truncatingIfNeeded: 32 &- depth))
  }

  @inline(__always)
  func page(of tag: UInt32) -> IndexPage {
    IndexPage(base: directory.unsafelyUnwrapped[position(of: tag)])
  }

  /// Asks for the cache lines of the page of a tag.
  @inline(__always)
  func prefetch(_ tag: UInt32) { pantala_prefetch(page(of: tag).base) }
}

extension UnsafeMutablePointer<LargeSortedSet> {
  // MARK: Members

  /// Enters a member.
  @inline(__always)
  func indexMember(_ tag: UInt32, in leaf: UInt32, heap: ShardHeap) {
    var page = pointee.index.page(of: tag)
    if page.count == page.capacity { page = makeRoom(in: page, tag: tag, heap: heap) }
    page.append(tag, leaf)
  }

  /// Notes that a member is in another leaf now.
  @inline(__always)
  func reindexMember(_ tag: UInt32, from old: UInt32, to new: UInt32) {
    if old == new { return }
    let page = pointee.index.page(of: tag)
    page.leaves[page.entry(tag, in: old)] = new
  }

  /// Takes a member out.
  func unindexMember(_ tag: UInt32, in leaf: UInt32, heap: ShardHeap) {
    let page = pointee.index.page(of: tag)
    page.remove(at: page.entry(tag, in: leaf))
    // Looked at whenever the page could be a size smaller, two sizes down.
    let count = page.count
    if count * 2 < page.capacity || count == 0 { shrink(page, tag: tag, heap: heap) }
  }

  // MARK: Growing

  func makeFirstPage(heap: ShardHeap) {
    let directory = allocate(16, heap: heap).bindMemory(to: UnsafeMutableRawPointer.self, capacity: 1)
    directory[0] = makePage(holding: 1, depth: 0, heap: heap).base
    pointee.index.directory = directory
    pointee.index.deepestCount = 1
  }

  private func makePage(holding count: Int, depth: Int, heap: ShardHeap) -> IndexPage {
    let byteCount = allocationClass(IndexPage.headerBytes + count * IndexPage.entryBytes)
    return IndexPage(
      block: allocate(byteCount, heap: heap),
      capacity: (byteCount - IndexPage.headerBytes) / IndexPage.entryBytes,
      depth: depth)
  }

  /// Makes room for a member with this tag in its page, which is full. Returns the page that has it.
  @inline(never)
  private func makeRoom(in page: IndexPage, tag: UInt32, heap: ShardHeap) -> IndexPage {
    var page = page
    while page.count == page.capacity {
      if page.count < IndexPage.entryMaximum || page.depth == MemberIndex.depthMaximum {
        return resize(page, toHold: page.count + 1, tag: tag, heap: heap)
      }
      split(page, tag: tag, heap: heap)
      page = pointee.index.page(of: tag)
    }
    return page
  }

  /// Directory positions that share the page.
  private func positions(of page: IndexPage, tag: UInt32) -> Range<Int> {
    let span = 1 << (pointee.index.depth - page.depth)
    let first = pointee.index.position(of: tag) & ~(span - 1)
    return first..<(first + span)
  }

  private func setPage(_ page: IndexPage, at positions: Range<Int>) {
    guard let directory = pointee.index.directory else { return }
    for position in positions { directory[position] = page.base }
  }

  /// Puts the page into a block of another size.
  private func resize(_ page: IndexPage, toHold count: Int, tag: UInt32, heap: ShardHeap) -> IndexPage {
    let new = makePage(holding: count, depth: page.depth, heap: heap)
    move(page.count, entriesOf: page, to: new)
    setPage(new, at: positions(of: page, tag: tag))
    free(page.base, heap: heap)
    return new
  }

  private func move(_ count: Int, entriesOf page: IndexPage, to new: IndexPage) {
    (new.tags + new.count).update(from: page.tags, count: count)
    (new.leaves + new.count).update(from: page.leaves, count: count)
    new.count += count
  }

  private func split(_ page: IndexPage, tag: UInt32, heap: ShardHeap) {
    let depth = page.depth
    if depth == pointee.index.depth { doubleDirectory(heap: heap) }
    let positions = positions(of: page, tag: tag)
    let bit = UInt32(1) << UInt32(31 - depth)
    var upperCount = 0
    for entry in 0..<page.count where page.tags[entry] & bit != 0 { upperCount += 1 }
    // Both get new blocks, of the sizes they need.
    let lower = makePage(holding: page.count - upperCount, depth: depth + 1, heap: heap)
    let upper = makePage(holding: upperCount, depth: depth + 1, heap: heap)
    for entry in 0..<page.count {
      let tag = page.tags[entry]
      if tag & bit != 0 {
        upper.append(tag, page.leaves[entry])
      } else {
        lower.append(tag, page.leaves[entry])
      }
    }
    let middle = positions.lowerBound + positions.count / 2
    setPage(lower, at: positions.lowerBound..<middle)
    setPage(upper, at: middle..<positions.upperBound)
    free(page.base, heap: heap)
    if depth + 1 == pointee.index.depth { pointee.index.deepestCount += 2 }
  }

  private func doubleDirectory(heap: ShardHeap) {
    guard let old = pointee.index.directory else { return }
    let count = 1 << pointee.index.depth
    let grown = allocate(count * 16, heap: heap).bindMemory(
      to: UnsafeMutableRawPointer.self, capacity: count * 2)
    for position in 0..<count {
      grown[position * 2] = old[position]
      grown[position * 2 + 1] = old[position]
    }
    free(old, heap: heap)
    pointee.index.directory = grown
    pointee.index.depth += 1
    pointee.index.deepestCount = 0
  }

  // MARK: Shrinking

  /// Merges the page with its sibling if both have become nearly empty, or makes it smaller.
  @inline(never)
  private func shrink(_ page: IndexPage, tag: UInt32, heap: ShardHeap) {
    guard let directory = pointee.index.directory else { return }
    if page.depth > 0 {
      let positions = positions(of: page, tag: tag)
      let siblingFirst = positions.lowerBound ^ positions.count
      let sibling = IndexPage(base: directory[siblingFirst])
      if sibling.depth == page.depth, sibling.count + page.count <= MemberIndex.mergeCount {
        merge(page, sibling, at: min(positions.lowerBound, siblingFirst), heap: heap)
        return
      }
    }
    if page.capacity > 1 { _ = resize(page, toHold: max(page.count, 1), tag: tag, heap: heap) }
  }

  private func merge(_ page: IndexPage, _ sibling: IndexPage, at first: Int, heap: ShardHeap) {
    let merged = makePage(holding: max(page.count + sibling.count, 1), depth: page.depth - 1, heap: heap)
    move(page.count, entriesOf: page, to: merged)
    move(sibling.count, entriesOf: sibling, to: merged)
    setPage(merged, at: first..<(first + 1 << (pointee.index.depth - page.depth + 1)))
    let wasDeepest = page.depth == pointee.index.depth
    free(page.base, heap: heap)
    free(sibling.base, heap: heap)
    guard wasDeepest else { return }
    pointee.index.deepestCount -= 2
    if pointee.index.deepestCount == 0 { halveDirectory(heap: heap) }
  }

  private func halveDirectory(heap: ShardHeap) {
    guard let old = pointee.index.directory else { return }
    let depth = pointee.index.depth - 1
    let count = 1 << depth
    let halved = allocate(count * 8, heap: heap).bindMemory(to: UnsafeMutableRawPointer.self, capacity: count)
    var deepestCount = 0
    for position in 0..<count {
      halved[position] = old[position * 2]
      if IndexPage(base: halved[position]).depth == depth { deepestCount += 1 }
    }
    free(old, heap: heap)
    pointee.index.directory = halved
    pointee.index.depth = depth
    pointee.index.deepestCount = deepestCount
  }

  // MARK: Going through, and the end

  /// Calls `body` with the entries whose tags lie in `range`, which one page holds: the result says where it ends.
  func forEachEntry(from first: UInt32, atMost maximum: Int, _ body: (UInt32, UInt32) -> Void) -> UInt64 {
    let page = pointee.index.page(of: first)
    let width = UInt64(1) << UInt64(32 - page.depth)
    let start = UInt64(first) & ~(width - 1)
    // As much of the page's range as holds about so many entries.
    let share = page.count <= maximum ? width : max(width * UInt64(maximum) / UInt64(page.count), 1)
    let end = min(UInt64(first) + share, start + width)
    for entry in 0..<page.count {
      let tag = page.tags[entry]
      if tag >= first, UInt64(tag) < end { body(tag, page.leaves[entry]) }
    }
    return end
  }

  /// Moves pages from that of a tag on, and with the first the directory. Returns false when time is up.
  func moveIndex(fromTag position: inout UInt64, _ mover: inout BlockMover) -> Bool {
    if position == 0, let directory = pointee.index.directory,
      let moved = mover.move(directory, for: .dataset)
    {
      pointee.index.directory = moved.assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    }
    while let tag = UInt32(exactly: position) {
      let page = pointee.index.page(of: tag)
      let width = UInt64(1) << UInt64(32 - page.depth)
      let positions = positions(of: page, tag: tag)
      if let moved = mover.move(page.base, for: .dataset) { setPage(IndexPage(base: moved), at: positions) }
      position = position & ~(width - 1) + width
      if mover.isOutOfTime { return false }
    }
    return true
  }

  /// Frees pages, as many as `blockBudget` allows. Returns whether all are gone, and the directory.
  func releaseIndex(heap: ShardHeap, blockBudget: inout Int) -> Bool {
    guard let directory = pointee.index.directory else { return true }
    while pointee.index.released < 1 << pointee.index.depth {
      if blockBudget <= 0 { return false }
      let page = IndexPage(base: directory[pointee.index.released])
      pointee.index.released += 1 << (pointee.index.depth - page.depth)
      free(page.base, heap: heap)
      blockBudget -= 1
    }
    free(directory, heap: heap)
    pointee.index.directory = nil
    return true
  }
}

import Bytes

/// Going through a table, in part or as a whole, and drawing from it.
extension UnsafeMutablePointer where Pointee == DenseTable {
  /// Calls `body` for every entry. The table must not change meanwhile.
  @inline(__always)
  func forEach(_ body: (DensePlace) -> Void) {
    for index in 0..<pageCount { forEach(inPage: index, body) }
  }

  @inline(__always)
  func forEach(inPage index: Int, _ body: (DensePlace) -> Void) {
    let page = page(index)
    for slot in 0..<page.count { body(DensePlace(page: page, pageIndex: index, slot: slot)) }
  }

  // MARK: In parts

  /// Visits the entries of some pages, until there were `entryMaximum` of them or more, and returns the cursor of the
  /// next; 0 begins and ends.
  ///
  /// The cursor is a position in the space of hashes with their bits in reverse. There, each page owns a range, a split
  /// cuts a range in two and a merge joins two, and a visit goes from a range to the next. So an entry that is there
  /// throughout is visited at least once, whatever happens between the calls, and the cursor only grows.
  func scan(from cursor: UInt64, entryMaximum: Int, _ body: (DensePlace) -> Void) -> UInt64 {
    var position = cursor
    var seen = 0
    while position <= UInt64(UInt32.max) {
      let index = pageIndex(UInt32(position).bitReversed)
      seen += page(index).count
      forEach(inPage: index, body)
      let width = UInt64(1) << UInt64(UInt32.bitWidth - pageBitCount(index))
      position = position & ~(width - 1) + width
      if seen >= entryMaximum, position <= UInt64(UInt32.max) { return position }
    }
    return 0
  }

  // MARK: Drawing

  /// An entry drawn at random, each as likely as any other.
  @inline(__always)
  func randomPlace(using generator: inout some RandomNumberGenerator) -> DensePlace {
    precondition(count > 0, "nothing to draw from")
    while true {
      for _ in 0..<Self.drawMaximum {
        let index = Int.random(in: 0..<pageCount, using: &generator)
        let page = page(index)
        // As many tickets for each page as the fullest has entries: pages are drawn in proportion to what they hold.
        let slot = Int.random(in: 0..<Int(pointee.slotMaximum), using: &generator)
        if slot < page.count { return DensePlace(page: page, pageIndex: index, slot: slot) }
      }
      findSlotMaximum()
    }
  }

  /// Draws before the fullest page is looked for anew, because there may have been fuller ones once.
  private static var drawMaximum: Int { 256 }

  @inline(never)
  private func findSlotMaximum() {
    pointee.slotMaximum = 1
    for index in 0..<pageCount { noteSlotCount(of: page(index)) }
  }

  /// Calls `body` for `wanted` different entries drawn at random, at the most as many as there are.
  func forEachSample(
    _ wanted: Int, using generator: inout some RandomNumberGenerator, _ body: (DensePlace) -> Void
  ) {
    if wanted >= count / 4 {
      return forEachSampleInOrder(wanted, using: &generator, body)
    }
    var drawn = Set<Int>(minimumCapacity: wanted)
    while drawn.count < wanted {
      let place = randomPlace(using: &generator)
      if drawn.insert(place.pageIndex << 16 | place.slot).inserted { body(place) }
    }
  }

  /// The same in one pass: each entry is taken with the probability that leaves the right number for the rest.
  private func forEachSampleInOrder(
    _ wanted: Int, using generator: inout some RandomNumberGenerator, _ body: (DensePlace) -> Void
  ) {
    var (wanted, left) = (Swift.min(wanted, count), count)
    for index in 0..<pageCount where wanted > 0 {
      let page = page(index)
      for slot in 0..<page.count {
        if Int.random(in: 0..<left, using: &generator) < wanted {
          body(DensePlace(page: page, pageIndex: index, slot: slot))
          wanted -= 1
        }
        left -= 1
      }
    }
  }
}

/// Goes through the entries of a table that does not change meanwhile.
struct DenseIterator: IteratorProtocol {
  private let table: UnsafeMutablePointer<DenseTable>
  private var pageIndex = 0
  private var page: DensePage
  private var slot = 0

  init(_ table: UnsafeMutablePointer<DenseTable>) {
    self.table = table
    page = table.page(0)
  }

  @inline(__always)
  mutating func next() -> DensePlace? {
    while slot == page.count {
      pageIndex += 1
      if pageIndex >= table.pageCount { return nil }
      page = table.page(pageIndex)
      slot = 0
    }
    slot += 1
    return DensePlace(page: page, pageIndex: pageIndex, slot: slot - 1)
  }
}

extension UInt32 {
  /// The bits in reverse order.
  @inline(__always)
  fileprivate var bitReversed: UInt32 {
    var word = byteSwapped
    word = (word & 0x0f0f_0f0f) << 4 | (word >> 4) & 0x0f0f_0f0f
    word = (word & 0x3333_3333) << 2 | (word >> 2) & 0x3333_3333
    return (word & 0x5555_5555) << 1 | (word >> 1) & 0x5555_5555
  }
}

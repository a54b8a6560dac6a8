import Heap

/// The first part of whatever a `LinkTable` holds.
struct HashLink {
  /// The next in the same bucket.
  fileprivate(set) var next: UnsafeMutablePointer<HashLink>?
  let hash: UInt64

  init(hash: UInt64) { self.hash = hash }
}

/// A hash table of blocks that somebody else owns, found by a hash: what equality means is the caller's business.
///
/// It is a linear hash table (Litwin, 1980): with every block that comes in one bucket splits, and with those that go
/// two join, so nothing is ever rehashed at once. An empty table holds no memory.
struct LinkTable {
  private var buckets: UnsafeMutablePointer<UnsafeMutablePointer<HashLink>?>?
  private var capacity = 0
  private var bucketCount = 0
  /// The smallest power of two that is not below `bucketCount`, less one.
  private var mask = 0
  private let purpose: Purpose
  /// Blocks in the table.
  private(set) var count = 0

  /// The table's own memory, as the allocator counts it.
  var allocatedBytes: Int { buckets.map { ShardHeap.usableSize($0) } ?? 0 }

  private static let bucketMinimum = 8

  init(purpose: Purpose) { self.purpose = purpose }

  /// The first block of the bucket in which one with this hash would be.
  mutating func first(_ hash: UInt64) -> UnsafeMutablePointer<HashLink>? {
    guard let buckets else { return nil }
    return buckets[place(of: hash)]
  }

  mutating func insert(_ link: UnsafeMutablePointer<HashLink>, heap: ShardHeap) {
    if buckets == nil {
      resize(to: Self.bucketMinimum, heap)
      bucketCount = Self.bucketMinimum
      mask = bucketCount - 1
      buckets?.initialize(repeating: nil, count: bucketCount)
    } else if count >= bucketCount {
      split(heap)
    }
    count += 1
    push(link)
  }

  /// Takes a block out that is in the table.
  mutating func remove(_ link: UnsafeMutablePointer<HashLink>, heap: ShardHeap) {
    guard let buckets else { preconditionFailure("a block taken out of an empty table") }
    let place = place(of: link.pointee.hash)
    if buckets[place] == link {
      buckets[place] = link.pointee.next
    } else {
      var before = buckets[place]
      while let current = before, current.pointee.next != link { before = current.pointee.next }
      guard let before else { preconditionFailure("a block that is not in its bucket") }
      before.pointee.next = link.pointee.next
    }
    count -= 1
    if count == 0 {
      heap.free(buckets, for: purpose)
      self = LinkTable(purpose: purpose)
    } else if bucketCount > Self.bucketMinimum, count * 2 < bucketCount {
      join(heap)
    }
  }

  /// Calls `body` for every block; it may not change the table.
  func forEach(_ body: (UnsafeMutablePointer<HashLink>) -> Void) {
    for place in 0..<bucketCount {
      var next = buckets?[place]
      while let link = next {
        next = link.pointee.next
        body(link)
      }
    }
  }

  /// Some block; `hash` decides which.
  mutating func any(_ hash: UInt64) -> UnsafeMutablePointer<HashLink>? {
    guard let buckets else { return nil }
    var place = place(of: hash)
    while true {
      if let link = buckets[place] { return link }
      place = place + 1 < bucketCount ? place + 1 : 0
    }
  }

  // MARK: Buckets

  @inline(__always)
  private func place(of hash: UInt64) -> Int {
    let place = Int(truncatingIfNeeded: hash) & mask
    return place < bucketCount ? place : place & (mask >> 1)
  }

  private mutating func push(_ link: UnsafeMutablePointer<HashLink>) {
    let place = place(of: link.pointee.hash)
    link.pointee.next = buckets?[place]
    buckets?[place] = link
  }

  /// Adds a bucket, which takes its share of the one that it was part of.
  private mutating func split(_ heap: ShardHeap) {
    if bucketCount == capacity { resize(to: capacity * 2, heap) }
    guard let buckets else { return }
    if bucketCount > mask { mask = mask * 2 + 1 }
    let old = bucketCount & (mask >> 1)
    buckets[bucketCount] = nil
    bucketCount += 1
    var next = buckets[old]
    buckets[old] = nil
    while let link = next {
      next = link.pointee.next
      push(link)
    }
  }

  /// Takes the last bucket away; what is in it goes to the one that it came from.
  private mutating func join(_ heap: ShardHeap) {
    guard let buckets else { return }
    bucketCount -= 1
    var next = buckets[bucketCount]
    while let link = next {
      next = link.pointee.next
      push(link)
    }
    if bucketCount == (mask + 1) / 2 { mask >>= 1 }
    if bucketCount * 4 <= capacity { resize(to: capacity / 2, heap) }
  }

  private mutating func resize(to newCapacity: Int, _ heap: ShardHeap) {
    let bytes = newCapacity * MemoryLayout<UnsafeMutablePointer<HashLink>?>.stride
    let block =
      buckets.map { heap.reallocate($0, to: bytes, for: purpose) } ?? heap.allocate(bytes, for: purpose)
    buckets = block.bindMemory(to: UnsafeMutablePointer<HashLink>?.self, capacity: newCapacity)
    capacity = newCapacity
  }
}

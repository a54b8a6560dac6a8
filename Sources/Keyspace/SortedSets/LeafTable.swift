import Heap

/// The addresses of a large sorted set's leaves by their numbers, so that the member index needs four bytes for a leaf, and
/// no change when a leaf's block moves.
///
/// The table is cut into chunks, so that it never moves as a whole; the first chunk begins small. A number that is not in
/// use holds the next such number, doubled, with the lowest bit set.
struct LeafTable: BitwiseCopyable {
  private static let chunkCount = 512
  private static let chunkBytes = chunkCount * MemoryLayout<UInt>.stride
  private static let noNumber: UInt32 = .max

  private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<UInt>>?
  /// Numbers that there is room for.
  private var capacity = 0
  /// Numbers that were ever in use: they are the lowest.
  private(set) var count = 0
  private var firstFree = LeafTable.noNumber

  @inline(__always)
  subscript(identifier: UInt32) -> ScoreLeaf {
    ScoreLeaf(
      base: UnsafeMutableRawPointer(bitPattern: entry(Int(identifier)).pointee).unsafelyUnwrapped)
  }

  /// The leaf with this number; nil if there is none.
  func leaf(_ number: Int) -> ScoreLeaf? {
    let bits = entry(number).pointee
    return bits & 1 == 0 ? ScoreLeaf(base: UnsafeMutableRawPointer(bitPattern: bits).unsafelyUnwrapped) : nil
  }

  @inline(__always)
  private func entry(_ number: Int) -> UnsafeMutablePointer<UInt> {
    chunks.unsafelyUnwrapped[number / Self.chunkCount] + number % Self.chunkCount
  }

  /// Notes where a leaf's block is now.
  func set(_ leaf: ScoreLeaf) { entry(Int(leaf.identifier)).pointee = UInt(bitPattern: leaf.base) }

  /// A number for a new leaf.
  fileprivate mutating func takeNumber(for root: UnsafeMutablePointer<LargeSortedSet>, heap: ShardHeap)
    -> UInt32
  {
    if firstFree != Self.noNumber {
      let number = firstFree
      firstFree = UInt32(truncatingIfNeeded: entry(Int(number)).pointee >> 1)
      return number
    }
    if count == capacity { grow(root, heap: heap) }
    count += 1
    return UInt32(count - 1)
  }

  fileprivate mutating func giveBack(_ number: UInt32) {
    entry(Int(number)).pointee = UInt(firstFree) << 1 | 1
    firstFree = number
  }

  private mutating func grow(_ root: UnsafeMutablePointer<LargeSortedSet>, heap: ShardHeap) {
    let chunkTotal = capacity / Self.chunkCount
    if chunkTotal == 0 {
      // The first chunk grows until it is one like all others.
      let array = chunks ?? Self.makeArray(root, heap: heap)
      let byteCount = allocationClass(capacity * 8 + 1)
      if capacity == 0 {
        array[0] = root.allocate(byteCount, heap: heap).bindMemory(to: UInt.self, capacity: byteCount / 8)
      } else {
        array[0] = root.reallocate(array[0], to: byteCount, heap: heap).assumingMemoryBound(to: UInt.self)
      }
      chunks = array
      capacity = byteCount / 8
      return
    }
    guard var array = chunks else { return }
    let arrayBytes = allocationClass((chunkTotal + 1) * 8)
    if arrayBytes > allocationClass(chunkTotal * 8) {
      array = root.reallocate(array, to: arrayBytes, heap: heap)
        .assumingMemoryBound(to: UnsafeMutablePointer<UInt>.self)
      chunks = array
    }
    array[chunkTotal] = root.allocate(Self.chunkBytes, heap: heap)
      .bindMemory(to: UInt.self, capacity: Self.chunkCount)
    capacity += Self.chunkCount
  }

  private static func makeArray(_ root: UnsafeMutablePointer<LargeSortedSet>, heap: ShardHeap)
    -> UnsafeMutablePointer<UnsafeMutablePointer<UInt>>
  {
    root.allocate(allocationClass(8), heap: heap).bindMemory(to: UnsafeMutablePointer<UInt>.self, capacity: 1)
  }

  /// Moves chunks from the one at `index` on, and with the first the array of all. Returns false when time is up.
  mutating func moveChunks(from index: inout UInt64, _ mover: inout BlockMover) -> Bool {
    if index == 0, let array = chunks, let moved = mover.move(array, for: .dataset) {
      chunks = moved.assumingMemoryBound(to: UnsafeMutablePointer<UInt>.self)
    }
    let chunkTotal = (capacity + Self.chunkCount - 1) / Self.chunkCount
    while let array = chunks, index < chunkTotal {
      if let moved = mover.move(array[Int(index)], for: .dataset) {
        array[Int(index)] = moved.assumingMemoryBound(to: UInt.self)
      }
      index += 1
      if mover.isOutOfTime { return false }
    }
    return true
  }

  /// Frees the last chunk, and after the first the table. Returns whether nothing is left.
  mutating func releaseLastChunk(of root: UnsafeMutablePointer<LargeSortedSet>, heap: ShardHeap) -> Bool {
    guard let array = chunks else { return true }
    let last = max((capacity - 1) / Self.chunkCount, 0)
    root.free(array[last], heap: heap)
    capacity = last * Self.chunkCount
    if last > 0 { return false }
    root.free(array, heap: heap)
    chunks = nil
    return true
  }
}

extension UnsafeMutablePointer<LargeSortedSet> {
  /// A new, empty leaf with room for members of `byteCount` bytes.
  func makeLeaf(holding byteCount: Int, heap: ShardHeap) -> ScoreLeaf {
    let number = pointee.leaves.takeNumber(for: self, heap: heap)
    return makeLeafBlock(holding: byteCount, identifier: number, heap: heap)
  }

  /// A new block, empty yet, for the leaf with this number.
  func makeLeafBlock(holding byteCount: Int, identifier: UInt32, heap: ShardHeap) -> ScoreLeaf {
    let capacity = allocationClass(ScoreLeaf.headerBytes + byteCount)
    let leaf = ScoreLeaf(block: allocate(capacity, heap: heap), capacity: capacity, identifier: identifier)
    pointee.leaves.set(leaf)
    return leaf
  }

  /// Frees a leaf's block and its number, but not the members' own blocks.
  func free(_ leaf: ScoreLeaf, heap: ShardHeap) {
    pointee.leaves.giveBack(leaf.identifier)
    free(leaf.base, heap: heap)
  }
}

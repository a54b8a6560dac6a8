import Heap

/// The areas of a heap that are to be emptied: a hash set of the pieces of 64 KiB that they consist of.
struct SparseAreas {
  /// A place of the set: the piece's number (its address over 64 KiB, 32 bits), how many pieces of the same area lie
  /// before it, and how many there are in all (16 bits each). All zeros is a free place.
  private let places: UnsafeMutablePointer<UInt64>
  private let mask: Int
  /// Pieces in the set.
  private(set) var count = 0

  /// The number of no piece: what is left of one that was taken out. Nothing is mapped at the end of the address space.
  private static let removed: UInt64 = 0xffff_ffff
  private static let numberMask: UInt64 = 0xffff_ffff
  private static let pieceShift: UInt = UInt(ShardHeap.areaGranularityBytes.trailingZeroBitCount)

  /// Makes an empty set with room for `pieceCount` pieces.
  init(pieceCount: Int, heap: ShardHeap) {
    let capacity = 1 << (Int.bitWidth - max(pieceCount, 8).leadingZeroBitCount + 1)
    places = heap.allocateZeroed(capacity * MemoryLayout<UInt64>.stride, for: .defragmentation)
      .bindMemory(to: UInt64.self, capacity: capacity)
    mask = capacity - 1
  }

  func release(heap: ShardHeap) { heap.free(places, for: .defragmentation) }

  /// How many pieces an area consists of.
  static func pieceCount(of area: HeapArea) -> Int {
    let last = UInt(bitPattern: area.start) + UInt(max(area.reservedBytes, 1)) - 1
    return Int(last >> pieceShift - UInt(bitPattern: area.start) >> pieceShift) + 1
  }

  /// Adds an area, if there is room for it.
  mutating func insert(_ area: HeapArea) {
    let pieces = Self.pieceCount(of: area)
    guard pieces <= Int(UInt16.max), (count + pieces) * 2 <= mask + 1 else { return }
    let first = UInt64(UInt(bitPattern: area.start) >> Self.pieceShift)
    for piece in 0..<pieces {
      let number = first + UInt64(piece)
      var index = start(number)
      while places[index] != 0 { index = (index + 1) & mask }
      places[index] = number | UInt64(piece) << 32 | UInt64(pieces) << 48
    }
    count += pieces
  }

  /// Whether the block lies in one of the areas.
  @inline(__always)
  func contains(_ block: UnsafeRawPointer) -> Bool { place(ofPiece: Self.number(block)) != nil }

  /// Takes the area in which a block lies out of the set. Returns whether it was there.
  mutating func remove(areaOf block: UnsafeRawPointer) -> Bool {
    guard let place = place(ofPiece: Self.number(block)) else { return false }
    let first = (places[place] & Self.numberMask) - (places[place] >> 32) & 0xffff
    for piece in 0..<(places[place] >> 48) {
      guard let place = self.place(ofPiece: first + piece) else { continue }
      places[place] = Self.removed
      count -= 1
    }
    return true
  }

  @inline(__always)
  private static func number(_ block: UnsafeRawPointer) -> UInt64 {
    UInt64(UInt(bitPattern: block) >> pieceShift)
  }

  @inline(__always)
  private func start(_ number: UInt64) -> Int {
    Int(truncatingIfNeeded: (number &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
  }

  @inline(__always)
  private func place(ofPiece number: UInt64) -> Int? {
    var index = start(number)
    while places[index] != 0 {
      if places[index] & Self.numberMask == number { return index }
      index = (index &+ 1) & mask
    }
    return nil
  }
}

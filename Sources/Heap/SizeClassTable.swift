/// The areas that hold blocks of one size, in one heap or in several.
public struct SizeClass: Sendable, Equatable {
  /// Bytes of a block; of the largest, where sizes beyond the allocator's classes share a row.
  public var blockBytes = 0
  public var areaCount = 0
  /// Blocks that would fit into what is backed by memory, and those in use.
  public var blockCount = 0
  public var usedCount = 0
  public var usedBytes = 0
  /// Bytes backed by memory.
  public var committedBytes = 0

  /// Bytes backed by memory in which no block lives.
  public var wastedBytes: Int { committedBytes - usedBytes }

  public init() {}

  mutating func merge(_ other: SizeClass) {
    blockBytes = max(blockBytes, other.blockBytes)
    areaCount += other.areaCount
    blockCount += other.blockCount
    usedCount += other.usedCount
    usedBytes += other.usedBytes
    committedBytes += other.committedBytes
  }
}

/// Where a heap's gaps are: its areas by the size of their blocks.
public struct SizeClassTable: Sendable, Equatable {
  /// By the allocator's own numbers of its classes.
  private var classes: [SizeClass] = []
  /// Bytes of live blocks in areas that were not visited, for lack of time. Areas without a gap come last.
  public var unvisitedBytes = 0

  public init() {}

  /// The classes that have areas, the smallest blocks first.
  public var rows: [SizeClass] { classes.filter { $0.areaCount > 0 } }

  /// All of them together.
  public var sum: SizeClass { classes.reduce(into: SizeClass()) { $0.merge($1) } }

  public mutating func add(_ area: HeapArea) {
    var row = SizeClass()
    row.blockBytes = area.blockBytes
    row.areaCount = 1
    row.blockCount = area.blockBytes > 0 ? area.committedBytes / area.blockBytes : 0
    row.usedCount = area.usedCount
    row.usedBytes = area.usedBytes
    row.committedBytes = area.committedBytes
    merge(row, into: Self.number(ofBlockBytes: area.blockBytes))
  }

  public mutating func merge(_ other: SizeClassTable) {
    for (number, row) in other.classes.enumerated() { merge(row, into: number) }
    unvisitedBytes += other.unvisitedBytes
  }

  private mutating func merge(_ row: SizeClass, into number: Int) {
    while classes.count <= number { classes.append(SizeClass()) }
    classes[number].merge(row)
  }

  /// mimalloc's sizes rise by an eighth of a power of two, as these numbers do; very large blocks have sizes of their own, of
  /// which some share a number.
  private static func number(ofBlockBytes blockBytes: Int) -> Int {
    let words = max(1, (blockBytes + 7) / 8)
    if words <= 8 { return words }
    let highest = Int.bitWidth - 1 - (words - 1).leadingZeroBitCount
    return (highest << 2) + (((words - 1) >> (highest - 2)) & 3)
  }
}

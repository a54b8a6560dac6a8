/// Where an iteration over a table stands.
///
/// An iteration goes through the segments in the order of their hash ranges, and in each through the 60 home
/// buckets. The cursor holds the start of the segment's range, the segment's depth when the cursor was made,
/// and the next home bucket. Keys never change their home bucket, so a split leaves the cursor right: the lower
/// half is continued, the upper half begun anew. If the segment merged with its sibling meanwhile, the depth shows it,
/// and the merged segment is begun anew. So a key that was there throughout is given at least once.
///
/// | bits  | content |
/// |-------|---------|
/// | 0-5   | home bucket |
/// | 6-11  | depth of the segment |
/// | 12-43 | start of the range: 32 bits of the warped hash |
/// | 44-53 | shard, for the coordinator |
///
/// 0 begins and ends an iteration.
public struct ScanCursor: Equatable, Sendable {
  public static let start = ScanCursor(bits: 0)
  public static let maximumShard = 1_023

  public var bits: UInt64

  public init(bits: UInt64) { self.bits = bits }

  init(home: Int, depth: Int, rangeStart: UInt64) {
    bits = UInt64(home) | UInt64(depth) << 6 | (rangeStart & 0xffff_ffff) << 12
  }

  var home: Int { Int(bits & 63) }
  var depth: Int { Int((bits >> 6) & 63) }
  var rangeStart: UInt64 { (bits >> 12) & 0xffff_ffff }

  /// The shard whose table the cursor is about.
  public var shard: Int { Int((bits >> 44) & 1_023) }

  /// This cursor, for the table of `shard`.
  public func on(shard: Int) -> ScanCursor {
    ScanCursor(bits: bits & ~(1_023 << 44) | UInt64(shard) << 44)
  }

  /// The same without the shard.
  public var local: ScanCursor { ScanCursor(bits: bits & ~(1_023 << 44)) }
}

extension Table {
  /// Visits the keys of one home bucket and returns where to go on; nil when that was the last.
  func scan(from cursor: ScanCursor, _ body: (Slot, Handle, UInt64) -> Void) -> ScanCursor? {
    guard let segment = segment(holding: cursor.rangeStart) else { return nil }
    let depth = segment.depth
    var home = min(cursor.home, Segment.homeCount - 1)
    if depth < cursor.depth { home = 0 }
    // The range may begin lower than the cursor says when segments merged; what matters is its end.
    let width = UInt64(1) << UInt64(32 - depth)
    let start = cursor.rangeStart & ~(width - 1)
    segment.forEach(ofHome: home, hasher: hasher) { place, handle, hash in
      body(Slot(segment: segment, place: place), handle, hash)
    }
    if home + 1 < Segment.homeCount { return ScanCursor(home: home + 1, depth: depth, rangeStart: start) }
    let next = start + width
    if next > 0xffff_ffff { return nil }
    guard let following = self.segment(holding: next) else { return nil }
    return ScanCursor(home: 0, depth: following.depth, rangeStart: next)
  }
}

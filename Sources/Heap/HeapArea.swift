#if !SYSTEM_ALLOCATOR
  import CMimalloc
#endif

/// A piece of a heap that holds blocks of one size: what mimalloc calls a page, mostly 64 KiB.
public struct HeapArea {
  public let start: UnsafeRawPointer
  /// Bytes of each block.
  public let blockBytes: Int
  /// Blocks in use.
  public let usedCount: Int
  /// Bytes that were backed by memory so far; the rest of what is reserved has never been touched.
  public let committedBytes: Int
  /// Bytes of address space.
  public let reservedBytes: Int

  public var usedBytes: Int { usedCount * blockBytes }
  /// Bytes of blocks that were used and are free now.
  public var freeBytes: Int { committedBytes - usedBytes }
}

extension ShardHeap {
  /// Areas lie on boundaries of so many bytes, and two never share what lies between two boundaries.
  public static let areaGranularityBytes = 64 << 10

  /// Whether there are areas to visit: not with the system's allocator, which a sanitizer's build has.
  public static var hasAreas: Bool {
    #if SYSTEM_ALLOCATOR
      false
    #else
      true
    #endif
  }

  /// Calls `body` with the heap's areas, those without a free block last, until it returns false. Returns whether all
  /// were visited. Costs 10 to 20 ns for each; `body` must not allocate in the heap.
  ///
  /// With the system's allocator there are none.
  @discardableResult
  public func visitAreas(_ body: (HeapArea) -> Bool) -> Bool {
    #if SYSTEM_ALLOCATOR
      return true
    #else
      return Allocator.visitAreas(of: heap, body)
    #endif
  }
}

#if !SYSTEM_ALLOCATOR
  extension Allocator {
    /// Visits the areas of one of mimalloc's heaps.
    static func visitAreas(of heap: OpaquePointer, _ body: (HeapArea) -> Bool) -> Bool {
      withoutActuallyEscaping(body) { body in
        withUnsafePointer(to: body) { body in
          // The visitor is called once for each area, with no block, because no blocks are asked for.
          mi_heap_visit_blocks(
            heap, false,
            { _, area, _, blockSize, context in
              guard let area, let context, let start = area.pointee.blocks else { return true }
              let body = context.assumingMemoryBound(to: ((HeapArea) -> Bool).self)
              // mimalloc 2.0 counts blocks, not bytes, in `used`.
              return body.pointee(
                HeapArea(
                  start: UnsafeRawPointer(start), blockBytes: blockSize, usedCount: area.pointee.used,
                  committedBytes: area.pointee.committed, reservedBytes: area.pointee.reserved))
            }, UnsafeMutableRawPointer(mutating: body))
        }
      }
    }
  }
#endif

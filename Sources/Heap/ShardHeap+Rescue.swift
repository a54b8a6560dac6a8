#if SYSTEM_ALLOCATOR
  import Glibc
#else
  import CMimalloc
#endif

/// What is tried before the process ends because the system refuses memory.
extension ShardHeap {
  /// A block that was refused at first: free pages are given back, and then the reserve, which stops further growth
  /// until there is room for it again.
  @inline(never)
  func rescued(_ byteCount: Int, zeroed: Bool) -> UnsafeMutableRawPointer? {
    tryAgain {
      #if SYSTEM_ALLOCATOR
        zeroed ? calloc(1, byteCount) : malloc(byteCount)
      #else
        zeroed ? mi_heap_zalloc(heap, byteCount) : mi_heap_malloc(heap, byteCount)
      #endif
    }
  }

  /// The same for a block that is to grow.
  @inline(never)
  func rescued(_ byteCount: Int, moving block: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    tryAgain {
      #if SYSTEM_ALLOCATOR
        realloc(block, byteCount)
      #else
        mi_heap_realloc(heap, block, byteCount)
      #endif
    }
  }

  private func tryAgain(_ allocate: () -> UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    collect(force: true)
    if let block = allocate() { return block }
    return MemoryReserve.giveUp() ? allocate() : nil
  }
}

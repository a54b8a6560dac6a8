#if SYSTEM_ALLOCATOR
  import CIntrinsics
#else
  import CMimalloc
#endif

extension ShardHeap {
  /// The allocator with its version, as INFO shows it: `mimalloc-2.0.9`.
  public static var allocatorName: String {
    #if SYSTEM_ALLOCATOR
      "libc-\(String(cString: gnu_get_libc_version()))"
    #else
      // 209 stands for 2.0.9.
      "mimalloc-\(mi_version() / 100).\(mi_version() / 10 % 10).\(mi_version() % 10)"
    #endif
  }
}

import CMimalloc

/// The allocator beneath all heaps of the process.
public enum Allocator {
  /// Its name and version.
  public static var description: String {
    #if SYSTEM_ALLOCATOR
      "the C library's allocator"
    #else
      "mimalloc \(mi_version() / 100).\(mi_version() / 10 % 10).\(mi_version() % 10)"
    #endif
  }

  /// Gives back to the system the free pages of the calling thread's default heap, in which the Swift runtime and the C
  /// library allocate, and the segments that no heap of the thread uses.
  public static func collectThisThread() {
    #if !SYSTEM_ALLOCATOR
      mi_collect(true)
    #endif
  }
}

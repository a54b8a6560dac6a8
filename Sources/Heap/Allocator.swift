#if !SYSTEM_ALLOCATOR
  import CMimalloc
  import Synchronization
#endif

/// The allocator beneath all heaps of the process.
public enum Allocator {
  /// Gives back to the system the free pages of the calling thread's default heap, in which the Swift runtime and the
  /// C library allocate.
  public static func collectThisThread() {
    #if !SYSTEM_ALLOCATOR
      givingBackAtOnce { mi_collect(true) }
    #endif
  }

  #if !SYSTEM_ALLOCATOR
    /// How long mimalloc holds on to what became free, and how many threads have asked it not to.
    private struct Delays {
      var suspendedBy = 0
      var ofPages = 0
      var ofSegments = 0
    }

    private static let delays = Mutex(Delays())

    /// Runs `body`, a collection or the freeing of much, in which free memory goes back to the system now.
    ///
    /// Otherwise what becomes free is only scheduled: pages go back 25 ms later, segments half a second, and then not
    /// before the allocator is used again, which on an idle server may be never. The delays are options
    /// of the whole process, so the first of several threads that collect at once suspends them, and the last
    /// puts them back.
    public static func givingBackAtOnce(_ body: () -> Void) {
      delays.withLock { delays in
        delays.suspendedBy += 1
        guard delays.suspendedBy == 1 else { return }
        delays.ofPages = mi_option_get(mi_option_decommit_delay)
        delays.ofSegments = mi_option_get(mi_option_segment_decommit_delay)
        mi_option_set(mi_option_decommit_delay, 0)
        mi_option_set(mi_option_segment_decommit_delay, 0)
      }
      body()
      delays.withLock { delays in
        delays.suspendedBy -= 1
        guard delays.suspendedBy == 0 else { return }
        mi_option_set(mi_option_decommit_delay, delays.ofPages)
        mi_option_set(mi_option_segment_decommit_delay, delays.ofSegments)
      }
    }
  #else
    /// Runs `body`: the system's allocator decides by itself what it gives back.
    public static func givingBackAtOnce(_ body: () -> Void) { body() }
  #endif
}

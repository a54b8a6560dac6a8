#if SYSTEM_ALLOCATOR
  import CIntrinsics
  import Glibc
#else
  import CMimalloc
#endif

/// The heap of one shard: a mimalloc heap that counts its live bytes by purpose.
///
/// The value is two pointers and is copied freely; all copies are the same heap. Only the thread that made
/// the heap may use it: allocating in another thread's mimalloc heap is undefined, and the counts are plain
/// integers. A block counts with its usable size, as the allocator rounds it, so that the sum of the counts
/// is what the allocator's own walk of the heap finds.
public struct ShardHeap {
  #if !SYSTEM_ALLOCATOR
    let heap: OpaquePointer
  #endif
  private let counts: UnsafeMutablePointer<Int>

  /// Makes a heap owned by the calling thread.
  public init() {
    #if !SYSTEM_ALLOCATOR
      guard let made = mi_heap_new() else { fatalError("no memory for a shard's heap") }
      heap = made
    #endif
    counts = .allocate(capacity: Purpose.allCases.count)
    counts.initialize(repeating: 0, count: Purpose.allCases.count)
  }

  /// Gives the heap up; its blocks should have been freed. No copy may be used afterwards.
  ///
  /// (`mi_heap_destroy` would free the blocks too, but in mimalloc 2.0.9 corrupts memory now and then when several
  /// threads destroy heaps at once.)
  public func destroy() {
    #if !SYSTEM_ALLOCATOR
      mi_heap_delete(heap)
    #endif
    counts.deallocate()
  }

  // MARK: Blocks

  /// A block of at least `byteCount` bytes, aligned to 16, its content undefined.
  ///
  /// Never fails: when the system has no memory left, the process ends with a message.
  public func allocate(_ byteCount: Int, for purpose: Purpose) -> UnsafeMutableRawPointer {
    // Blocks of 8 bytes would be aligned to 8 only; the keyspace keeps tags in the low four bits.
    let request = max(byteCount, 16)
    #if SYSTEM_ALLOCATOR
      let block = malloc(request)
    #else
      let block = mi_heap_malloc(heap, request)
    #endif
    guard let block = block ?? rescued(request, zeroed: false) else { Self.outOfMemory(request) }
    counts[purpose.rawValue] &+= Self.usableSize(block)
    return block
  }

  /// A block filled with zeros.
  public func allocateZeroed(_ byteCount: Int, for purpose: Purpose) -> UnsafeMutableRawPointer {
    let request = max(byteCount, 16)
    #if SYSTEM_ALLOCATOR
      let block = calloc(1, request)
    #else
      let block = mi_heap_zalloc(heap, request)
    #endif
    guard let block = block ?? rescued(request, zeroed: true) else { Self.outOfMemory(request) }
    counts[purpose.rawValue] &+= Self.usableSize(block)
    return block
  }

  /// Gives back a block that this heap allocated for `purpose`.
  public func free(_ block: UnsafeMutableRawPointer, for purpose: Purpose) {
    counts[purpose.rawValue] &-= Self.usableSize(block)
    #if SYSTEM_ALLOCATOR
      Glibc.free(block)
    #else
      mi_free(block)
    #endif
  }

  /// The block grown or shrunk to at least `byteCount` bytes, moved where it must be.
  public func reallocate(
    _ block: UnsafeMutableRawPointer, to byteCount: Int, for purpose: Purpose
  ) -> UnsafeMutableRawPointer {
    let request = max(byteCount, 16)
    let before = Self.usableSize(block)
    #if SYSTEM_ALLOCATOR
      let moved = realloc(block, request)
    #else
      let moved = mi_heap_realloc(heap, block, request)
    #endif
    guard let moved = moved ?? rescued(request, moving: block) else { Self.outOfMemory(request) }
    counts[purpose.rawValue] &+= Self.usableSize(moved) &- before
    return moved
  }

  /// Counts a block from one purpose to another, as when a client becomes a replica.
  public func reassign(_ block: UnsafeMutableRawPointer, from old: Purpose, to new: Purpose) {
    let size = Self.usableSize(block)
    counts[old.rawValue] &-= size
    counts[new.rawValue] &+= size
  }

  /// The bytes that `block` really has: what it counts with.
  public static func usableSize(_ block: UnsafeRawPointer) -> Int {
    #if SYSTEM_ALLOCATOR
      malloc_usable_size(UnsafeMutableRawPointer(mutating: block))
    #else
      mi_usable_size(block)
    #endif
  }

  /// The same for a block that was asked for with just the bytes of a size class.
  @inline(__always)
  public static func usableSize(_ block: UnsafeRawPointer, ofClass byteCount: Int) -> Int {
    #if SYSTEM_ALLOCATOR
      usableSize(block)
    #else
      byteCount
    #endif
  }

  // MARK: Accounts

  /// Live bytes allocated for `purpose`.
  public func liveBytes(_ purpose: Purpose) -> Int { counts[purpose.rawValue] }

  /// The same, by the purpose's number.
  @inline(__always)
  public func liveBytes(at purpose: Int) -> Int { counts[purpose] }

  /// Live bytes of keys and their tables: what grows as commands add data. Asked before each of them.
  @inline(__always)
  public var keyBytes: Int { counts[Purpose.dataset.rawValue] &+ counts[Purpose.tables.rawValue] }

  /// Live bytes of clients and of what is on its way to or from them: no reason to part with data.
  public var trafficBytes: Int { Purpose.traffic.reduce(0) { $0 &+ counts[$1.rawValue] } }

  /// Live bytes of every purpose, added up.
  public var liveBytes: Int {
    var sum = 0
    for purpose in 0..<Purpose.allCases.count { sum += counts[purpose] }
    return sum
  }

  /// Where the heap's memory is: the counts by purpose, and the allocator's view of the same heap.
  public func report() -> HeapReport {
    #if SYSTEM_ALLOCATOR
      let areas = HeapAreas(used: liveBytes, committed: liveBytes, reserved: liveBytes)
    #else
      var areas = HeapAreas()
      visitAreas { area in
        areas.add(area)
        return true
      }
    #endif
    return HeapReport(
      liveBytesByPurpose: Array(UnsafeBufferPointer(start: counts, count: Purpose.allCases.count)),
      areas: areas)
  }

  /// Gives pages without live blocks back to the system. `force` also gives back those that the allocator
  /// would keep for a while.
  public func collect(force: Bool) {
    #if !SYSTEM_ALLOCATOR
      if force {
        Allocator.givingBackAtOnce { mi_heap_collect(heap, true) }
      } else {
        mi_heap_collect(heap, false)
      }
    #endif
  }

  private static func outOfMemory(_ byteCount: Int) -> Never {
    fatalError("out of memory: the system refused \(byteCount) bytes")
  }
}

/// The allocator's own account of a heap, in bytes: the walk of its areas (mimalloc's pages).
public struct HeapAreas: Sendable, Equatable {
  /// Bytes of blocks in use, in their size class.
  public var used = 0
  /// Bytes of the areas backed by memory.
  public var committed = 0
  /// Bytes of the areas in the address space.
  public var reserved = 0

  public init(used: Int = 0, committed: Int = 0, reserved: Int = 0) {
    self.used = used
    self.committed = committed
    self.reserved = reserved
  }

  /// Adds one area.
  mutating func add(_ area: HeapArea) {
    used += area.usedBytes
    committed += area.committedBytes
    reserved += area.reservedBytes
  }

  public static func + (left: HeapAreas, right: HeapAreas) -> HeapAreas {
    HeapAreas(
      used: left.used + right.used, committed: left.committed + right.committed,
      reserved: left.reserved + right.reserved)
  }

  /// The areas of the calling thread's default heap: what the Swift runtime and the C library
  /// allocated on this thread, which no shard's purpose counts.
  public static func ofThisThread() -> HeapAreas {
    #if SYSTEM_ALLOCATOR
      HeapAreas()
    #else
      HeapAreas(of: mi_heap_get_default())
    #endif
  }

  #if !SYSTEM_ALLOCATOR
    init(of heap: OpaquePointer) {
      var areas = HeapAreas()
      _ = Allocator.visitAreas(of: heap) { area in
        areas.add(area)
        return true
      }
      self = areas
    }
  #endif
}

/// One shard heap's accounts, as a value that may cross threads.
public struct HeapReport: Sendable, Equatable {
  /// Live bytes, indexed by `Purpose.rawValue`.
  public var liveBytesByPurpose: [Int]
  /// The allocator's walk of the same heap at the same moment.
  public var areas: HeapAreas

  public init(
    liveBytesByPurpose: [Int] = Array(repeating: 0, count: Purpose.allCases.count),
    areas: HeapAreas = HeapAreas()
  ) {
    self.liveBytesByPurpose = liveBytesByPurpose
    self.areas = areas
  }

  public subscript(purpose: Purpose) -> Int { liveBytesByPurpose[purpose.rawValue] }

  public var liveBytes: Int { liveBytesByPurpose.reduce(0, +) }

  public static func + (left: HeapReport, right: HeapReport) -> HeapReport {
    HeapReport(
      liveBytesByPurpose: zip(left.liveBytesByPurpose, right.liveBytesByPurpose).map(+),
      areas: left.areas + right.areas)
  }
}

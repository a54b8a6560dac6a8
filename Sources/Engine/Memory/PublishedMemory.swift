import Heap
import Synchronization

/// What one shard's memory consists of, for other loops to read at any moment: published by its own loop at the end of each
/// turn, so that a sample of the whole server disturbs nobody.
///
/// It is a sequence lock (Lameter, 2005): the writer makes the count odd, writes, and makes it even again; a reader who sees the
/// same even count before and after has read what belongs together. The writer never waits.
public final class PublishedMemory: @unchecked Sendable {
  // Sendable is sound because the memory behind the pointer is atomic integers, which never move.
  private let words: UnsafeMutablePointer<Atomic<Int>>

  /// The sequence count, one word for each purpose, and one for the runtime.
  private static let wordCount = Purpose.allCases.count + 2
  /// Two cache lines: neighbouring lines are fetched in pairs.
  private static let alignment = 128

  public init() {
    let stride = MemoryLayout<Atomic<Int>>.stride
    let byteCount = (Self.wordCount * stride + Self.alignment - 1) & ~(Self.alignment - 1)
    words = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: Self.alignment)
      .bindMemory(to: Atomic<Int>.self, capacity: Self.wordCount)
    for index in 0..<Self.wordCount { (words + index).initialize(to: Atomic(0)) }
  }

  deinit {
    words.deinitialize(count: Self.wordCount)
    words.deallocate()
  }

  /// Publishes what the shard holds now. For the shard's own loop.
  public func store(_ heap: ShardHeap, runtimeBytes: Int) {
    let sequence = words[0].load(ordering: .relaxed)
    words[0].store(sequence &+ 1, ordering: .relaxed)
    atomicMemoryFence(ordering: .releasing)
    for purpose in 0..<Purpose.allCases.count {
      words[1 + purpose].store(heap.liveBytes(at: purpose), ordering: .relaxed)
    }
    words[Self.wordCount - 1].store(runtimeBytes, ordering: .relaxed)
    words[0].store(sequence &+ 2, ordering: .releasing)
  }

  /// Adds what was last published to a sample.
  public func add(to sample: inout MemorySample) {
    var values = [Int](repeating: 0, count: Self.wordCount)
    while true {
      let before = words[0].load(ordering: .acquiring)
      for index in 1..<Self.wordCount { values[index] = words[index].load(ordering: .relaxed) }
      atomicMemoryFence(ordering: .acquiring)
      if before & 1 == 0, words[0].load(ordering: .relaxed) == before { break }
    }
    for purpose in 0..<Purpose.allCases.count { sample.bytesByPurpose[purpose] += values[1 + purpose] }
    sample.runtimeBytes += values[Self.wordCount - 1]
  }
}

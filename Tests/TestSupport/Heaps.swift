import Heap
import Testing

/// A heap that lives as long as `body` runs, and must be empty when it returns, unless the test is about the heap itself.
public func withHeap<Result>(
  mustBeEmptied: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (ShardHeap) throws -> Result
) rethrows -> Result {
  let heap = ShardHeap()
  defer { heap.destroy() }
  let result = try body(heap)
  if mustBeEmptied {
    #expect(heap.liveBytes == 0, "memory was not given back", sourceLocation: sourceLocation)
  }
  return result
}

/// Whether shard heaps stand on mimalloc, and not, for a sanitizer, on the C library's allocator: only mimalloc rounds
/// 1,025 bytes up to 1,280.
public let heapsAreMimalloc = withHeap(mustBeEmptied: false) { heap in
  ShardHeap.usableSize(heap.allocate(1_025, for: .dataset)) == 1_280
}

/// Less than `count` under the address sanitizer, which makes every step of a random run take ten times as long: what it
/// looks for shows in the first thousands of steps, or in another run.
public func steps(_ count: Int) -> Int { heapsAreMimalloc ? count : max(count / 8, 1) }

/// Bytes of others that a heap may hold in a test process.
///
/// When a thread ends, mimalloc lets whatever heap allocates next take over its pages, blocks of others included. The
/// server's threads live as long as it does (and its integration tests expect no difference at all); here,
/// threads come and go.
public let adoptedBytesMaximum = 4 << 20

/// Runs `body` with a heap of its own, again and again, until nothing of others is in it: `body` returns false as soon as it finds more
/// by walking than was counted. One that never agrees is a fault.
public func withUnadoptedHeap(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (ShardHeap) -> Bool
) {
  for _ in 0..<10 where withHeap(sourceLocation: sourceLocation, body) { return }
  Issue.record("the walk never agreed with the counts", sourceLocation: sourceLocation)
}

/// Expects that the allocator's walk finds the bytes that were counted.
public func expectWalk(
  _ used: Int, agreesWith counted: Int, _ comment: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    used >= counted && used - counted < adoptedBytesMaximum, "\(used) against \(counted) \(comment())",
    sourceLocation: sourceLocation)
}

import Heap
import TestSupport
import Testing

extension SeededRandom {
  /// A size of any magnitude up to `maximum`, every number of bits as likely as the others.
  mutating func size(upTo maximum: Int) -> Int {
    below(maximum + 1) >> below(maximum.bitWidth - maximum.leadingZeroBitCount + 1)
  }
}

/// Bytes of others that a heap may hold in a test process.
///
/// When a thread ends, mimalloc lets whatever heap allocates next take over its pages, blocks of others included. The
/// server's threads live as long as it does (and its integration tests expect no difference at all); here,
/// threads come and go.
private let adoptedBytesMaximum = 4 << 20

/// Expects that the allocator's walk finds the bytes that were counted.
func expectWalk(
  _ used: Int, agreesWith counted: Int, _ comment: @autoclosure () -> String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    used >= counted && used - counted < adoptedBytesMaximum, "\(used) against \(counted) \(comment())",
    sourceLocation: sourceLocation)
}

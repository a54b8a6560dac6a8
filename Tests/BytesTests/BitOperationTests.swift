import Bytes
import TestSupport
import Testing

@Suite struct BitOperationTests {
  private static let operations: [BitOperation] = [
    .and, .or, .xor, .not, .difference, .reverseDifference, .andOr, .one,
  ]

  /// The definition of each operation, for one byte of each source.
  private func model(_ operation: BitOperation, _ bytes: [UInt8]) -> UInt8 {
    let others = bytes.dropFirst()
    let anyOther = others.reduce(0, |)
    switch operation {
    case .and: return bytes.reduce(0xff, &)
    case .or: return bytes.reduce(0, |)
    case .xor: return bytes.reduce(0, ^)
    case .not: return ~bytes[0]
    case .difference: return bytes[0] & ~anyOther
    case .reverseDifference: return anyOther & ~bytes[0]
    case .andOr: return bytes[0] & anyOther
    case .one:
      return (0..<8).reduce(0) { result, bit in
        bytes.filter { $0 & (1 << bit) != 0 }.count == 1 ? result | (1 << bit) : result
      }
    }
  }

  private func combine(_ operation: BitOperation, _ sources: [[UInt8]]) -> [UInt8] {
    // What lies behind the result must stay as it is.
    let count = sources.map(\.count).max() ?? 0
    var result = [UInt8](repeating: 0xee, count: count + 8)
    result.withUnsafeMutableBufferPointer { buffer in
      operation.combine(sources, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
    }
    #expect(result[count...].allSatisfy { $0 == 0xee })
    return Array(result[..<count])
  }

  @Test(arguments: operations)
  func combinesAsItsDefinition(operation: BitOperation) {
    var random = SeededRandom(seed: 5)
    for turn in 0..<200 {
      let sourceCount = operation == .not ? 1 : 1 + random.below(5)
      let countMax = turn % 10 == 0 ? 20_000 : 70
      let sources = (0..<sourceCount).map { _ in
        (0..<random.below(countMax)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
      let count = sources.map(\.count).max() ?? 0
      let expected = (0..<count).map { index in
        model(operation, sources.map { index < $0.count ? $0[index] : 0 })
      }
      let result = combine(operation, sources)
      if result != expected {
        Issue.record("\(operation) of strings of \(sources.map(\.count)) bytes, turn \(turn)")
      }
    }
  }

  @Test(arguments: operations)
  func makesNothingOfEmptyStrings(operation: BitOperation) {
    #expect(combine(operation, [[]]).isEmpty)
    #expect(combine(operation, [[], [], []]).isEmpty)
  }
}

import Bytes
import TestSupport
import Testing

@testable import Sketches

@Suite struct HyperLogLogTests {
  /// Registers and ranks that redis-server 7.0.15 gives elements of many lengths.
  @Test(arguments: [
    ("", 5938, 2), ("a", 12711, 2), ("ab", 719, 1), ("abc", 9474, 1), ("abcd", 11070, 8), ("abcde", 3726, 4),
    ("abcdef", 13647, 2), ("abcdefg", 5634, 2), ("abcdefgh", 1383, 1), ("abcdefghi", 6903, 1),
    ("abcdefghijklmno", 12377, 4), ("abcdefghijklmnop", 9328, 1), ("abcdefghijklmnopq", 4271, 1),
    ("abcdefghijklmnopqrstuvwx", 2894, 1), ("abcdefghijklmnopqrstuvwxyz", 13007, 1),
  ])
  func elementsHaveTheRegistersOfRedis(element: String, register: Int, rank: UInt8) {
    #expect(
      Array(element.utf8).withBytes { Observation(of: $0) } == Observation(register: register, rank: rank))
  }

  /// How redis-server 7.0.15 counts the numbers from 0 on, how it keeps them, and in how many bytes.
  @Test(arguments: [
    (1, 1, 21), (10, 10, 48), (100, 100, 287), (1_000, 1_001, 1_923), (2_000, 2_007, 12_304),
    (10_000, 9_987, 12_304), (100_000, 99_565, 12_304),
  ])
  func countsAsRedis(elementCount: Int, count: Int64, byteCount: Int) throws {
    var sketch = HyperLogLog()
    for number in 0..<elementCount { _ = try sketch.add("\(number)") }
    #expect(try sketch.count() == count)
    #expect(sketch.bytes.count == byteCount)
    #expect(sketch.encoding == (byteCount == HyperLogLog.denseBytes ? .dense : .sparse))
  }

  @Test func anEmptySketchIsEighteenBytes() throws {
    let sketch = HyperLogLog()
    #expect(sketch.bytes == Array("HYLL".utf8) + [1] + [UInt8](repeating: 0, count: 11) + [0x7f, 0xff])
    #expect(sketch.withView(\.storedCount) == 0)
    #expect(try sketch.count() == 0)
    #expect(sketch.withView(\.decodedText) == "Z:16384")
  }

  @Test func theCountIsStoredUntilSomethingChanges() throws {
    var sketch = HyperLogLog()
    #expect(try sketch.add("a"))
    #expect(sketch.withView(\.storedCount) == nil)
    sketch.bytes.withUnsafeMutableBufferPointer { HyperLogLogView.store(count: 1, in: $0.baseAddress!) }
    #expect(try !sketch.add("a"))
    #expect(sketch.withView(\.storedCount) == 1)
    #expect(try sketch.add("b"))
    #expect(sketch.withView(\.storedCount) == nil)
  }

  @Test func passesItsSelfTest() {
    #expect(HyperLogLog.selfTest() == nil)
  }

  // MARK: Against a model

  /// Observations as elements make them, with high ranks more often than elements have them.
  private func randomObservation(_ random: inout SeededRandom, registers: Int) -> Observation {
    let rank = random.below(20) == 0 ? 1 + random.below(51) : 1 + random.below(6)
    return Observation(register: random.below(registers), rank: UInt8(rank))
  }

  @Test func registersAreThoseOfTheModelInBothEncodings() throws {
    var random = SeededRandom(test: "registersAreThoseOfTheModelInBothEncodings")
    for _ in 0..<20 {
      var sparse = HyperLogLog()
      var dense = HyperLogLog()
      try dense.makeDense()
      var model = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
      // Few registers make long runs of ranks, many make gaps of all sizes.
      let registers = [200, 2_000, HyperLogLog.registerCount][random.below(3)]
      let isBounded = random.below(2) == 0
      for _ in 0..<1_000 {
        let observation = randomObservation(&random, registers: registers)
        let isHigher = model[observation.register] < observation.rank
        model[observation.register] = max(model[observation.register], observation.rank)
        let maximum = isBounded ? 300 : HyperLogLog.usualSparseBytes
        #expect(try sparse.add(observation, sparseBytesMaximum: maximum) == isHigher)
        #expect(try dense.add(observation, sparseBytesMaximum: maximum) == isHigher)
        if sparse.encoding == .sparse { #expect(sparse.bytes.count <= maximum) }
      }
      #expect(try sparse.ranks() == model, "\(random)")
      #expect(try dense.ranks() == model, "\(random)")
      #expect(try sparse.count() == dense.count())
      let fromRanks = model.withUnsafeBufferPointer { RankHistogram(ranks: $0.baseAddress!).estimate }
      #expect(try fromRanks == dense.count())
      try sparse.makeDense()
      #expect(sparse.bytes[16...] == dense.bytes[16...])
    }
  }

  @Test func aUnionCountsElementsOfBothOnce() throws {
    var first = HyperLogLog()
    var second = HyperLogLog()
    var both = HyperLogLog()
    for number in 0..<900 {
      if number < 600 { _ = try first.add("\(number)") }
      if number >= 300 { _ = try second.add("\(number)") }
      _ = try both.add("\(number)")
    }
    let ranks = try first.ranks()
    try ranks.withUnsafeBufferPointer {
      try second.raise(to: $0.baseAddress!, sparseBytesMaximum: HyperLogLog.usualSparseBytes)
    }
    #expect(try second.ranks() == both.ranks())
    #expect(second.encoding == .sparse)
  }

  /// A union raises registers in their order and remembers where it is; the bytes are those of single steps.
  @Test func aUnionKeepsTheBytesOfSingleSteps() throws {
    var random = SeededRandom(test: "aUnionKeepsTheBytesOfSingleSteps")
    for _ in 0..<60 {
      let registers = [60, 500, HyperLogLog.registerCount][random.below(3)]
      let maximum = [1_000, 20_000][random.below(2)]
      var union = HyperLogLog()
      for _ in 0..<random.below(400) {
        _ = try union.add(randomObservation(&random, registers: registers), sparseBytesMaximum: maximum)
      }
      var single = union
      var ranks = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
      for _ in 0..<random.below(1_000) { ranks[random.below(registers)] = UInt8(1 + random.below(3)) }
      try ranks.withUnsafeBufferPointer {
        try union.raise(to: $0.baseAddress!, sparseBytesMaximum: maximum)
      }
      for (register, rank) in ranks.enumerated() where rank > 0 {
        _ = try single.add(Observation(register: register, rank: rank), sparseBytesMaximum: maximum)
      }
      #expect(union.bytes == single.bytes, "\(random)")
    }
  }
}

import Bytes
import TestSupport
import Testing

@testable import Sketches

@Suite struct SketchFormatTests {
  private func header(_ encoding: UInt8) -> [UInt8] {
    Array("HYLL".utf8) + [encoding] + [UInt8](repeating: 0, count: 11)
  }

  /// Whether bytes are a sketch, by their header and length.
  private func isSketch(_ bytes: [UInt8]) -> Bool { bytes.withBytes { HyperLogLogView($0) != nil } }

  @Test func headerAndLengthSayWhatASketchIs() {
    #expect(isSketch(header(1)))
    #expect(isSketch(header(1) + [0x7f, 0xff]))
    #expect(isSketch(header(0) + [UInt8](repeating: 0, count: 12_288)))
    #expect(!isSketch([]))
    #expect(!isSketch(Array(header(1).dropLast())))
    #expect(!isSketch(header(0)))
    #expect(!isSketch(header(0) + [UInt8](repeating: 0, count: 12_287)))
    #expect(!isSketch(header(0) + [UInt8](repeating: 0, count: 12_289)))
    #expect(!isSketch(header(2) + [0x7f, 0xff]))
    #expect(!isSketch(Array("HYLX".utf8) + header(1)[4...]))
  }

  private func makeSketch(_ runs: [UInt8]) -> HyperLogLog? {
    (header(1) + runs).withBytes { HyperLogLogView($0).map(HyperLogLog.init) }
  }

  @Test func runsAreSplitAndJoined() throws {
    // 16,384 zeros; then a rank at the first, the second and the fourth register, and one between.
    var sketch = HyperLogLog()
    let steps: [(register: Int, rank: UInt8, text: String)] = [
      (0, 3, "v:3,1 Z:16383"), (1, 3, "v:3,2 Z:16382"), (3, 3, "v:3,2 z:1 v:3,1 Z:16380"),
      (2, 3, "v:3,4 Z:16380"), (4, 3, "v:3,4 v:3,1 Z:16379"), (1, 5, "v:3,1 v:5,1 v:3,3 Z:16379"),
      (16_383, 32, "v:3,1 v:5,1 v:3,3 Z:16378 v:32,1"),
    ]
    for step in steps {
      let observation = Observation(register: step.register, rank: step.rank)
      #expect(try sketch.add(observation, sparseBytesMaximum: 3_000))
      #expect(sketch.withView(\.decodedText) == step.text)
    }
  }

  @Test func aRankAbove32MakesItDense() throws {
    var sketch = HyperLogLog()
    #expect(try sketch.add(Observation(register: 7, rank: 32), sparseBytesMaximum: 3_000))
    #expect(sketch.encoding == .sparse)
    #expect(try sketch.add(Observation(register: 8, rank: 33), sparseBytesMaximum: 3_000))
    #expect(sketch.encoding == .dense)
    #expect(try Array(sketch.ranks()[6...9]) == [0, 32, 33, 0])
    #expect(sketch.withView(\.decodedText) == nil)
  }

  @Test(
    arguments: [
      [], [0x7f], [0x7f, 0xfe], [0x7f, 0xff, 0x00], [0x7f, 0xff, 0x80], [0x80], [0x7f, 0xfe, 0x81],
    ] as [[UInt8]])
  func runsThatDoNotAddUpAreCorrupt(runs: [UInt8]) throws {
    var sketch = try #require(makeSketch(runs))
    #expect(throws: HyperLogLog.Corruption.self) { try sketch.count() }
    #expect(throws: HyperLogLog.Corruption.self) { try sketch.ranks() }
    #expect(throws: HyperLogLog.Corruption.self) { try sketch.makeDense() }
  }

  @Test func noBytesDoHarm() {
    var random = SeededRandom(test: "noBytesDoHarm")
    for turn in 0..<3_000 {
      var runs = (0..<random.below(turn % 50 == 0 ? 2_000 : 60)).map { _ in
        UInt8(truncatingIfNeeded: random.next())
      }
      if turn % 3 == 0 { runs = runs.map { $0 | 0x40 } }
      guard var sketch = makeSketch(runs) else { continue }
      let isValid = (try? sketch.count()) != nil
      #expect(isValid == ((try? sketch.ranks()) != nil))
      _ = sketch.withView(\.decodedText)
      for _ in 0..<30 {
        let observation = Observation(
          register: random.below(HyperLogLog.registerCount), rank: UInt8(1 + random.below(40)))
        let added = try? sketch.add(observation, sparseBytesMaximum: 100 + random.below(3_000))
        if isValid { #expect(added != nil, "\(random)") }
      }
    }
  }

  /// Registers that are higher than any element makes them.
  @Test func anyDenseRegistersHaveACount() throws {
    for byte in [0x00, 0xff, 0xfb, 0xcf, 0x33] as [UInt8] {
      let bytes = header(0) + [UInt8](repeating: byte, count: 12_288)
      let sketch = try #require(bytes.withBytes { HyperLogLogView($0).map(HyperLogLog.init) })
      _ = try sketch.count()
    }
  }
}

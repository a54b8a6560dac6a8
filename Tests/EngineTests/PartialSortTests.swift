import TestSupport
import Testing

@testable import Commands

@Suite struct PartialSortTests {
  private struct Pair: Equatable {
    let value: Int
    let number: Int
  }

  @Test func wantedElementsAreThoseOfAFullSort() {
    var random = SeededRandom(test: "wantedElementsAreThoseOfAFullSort")
    for _ in 0..<3_000 {
      let count = random.below(4) == 0 ? random.below(2_000) : random.below(60)
      // Few different values make many equal elements.
      let bound = [2, 20, 1_000_000][random.below(3)]
      let pairs = (0..<count).map { Pair(value: random.below(bound), number: $0) }
      let bounds = [random.below(count + 1), random.below(count + 1)].sorted()
      let wanted = bounds[0]..<bounds[1]
      var sorted = pairs
      sorted.sortPartially(wanted) { $0.value - $1.value }
      #expect(sorted[wanted].map(\.value) == pairs.map(\.value).sorted()[wanted].map { $0 }, "\(random)")
      #expect(sorted.map(\.number).sorted() == Array(0..<count), "an element is missing, \(random)")
    }
  }

  @Test func runsThatHurtQuicksortsTakeNoLonger() {
    let count = 20_000
    let shapes: [[Int]] = [
      Array(0..<count), Array((0..<count).reversed()), [Int](repeating: 1, count: count),
      (0..<count).map { $0 % 2 }, (0..<count).map { $0 < count / 2 ? $0 : count - $0 },
    ]
    for shape in shapes {
      var comparisons = 0
      var sorted = shape
      sorted.sortPartially(0..<count) { first, second in
        comparisons += 1
        return first - second
      }
      #expect(sorted == shape.sorted())
      #expect(comparisons < 40 * count)
    }
  }
}

import Bytes
import Testing

@Suite struct FastRandomTests {
  @Test func numbersBelowABoundAreSpreadEvenly() {
    var random = FastRandom(seed: 7)
    for bound in [1, 2, 3, 7, 100] {
      var counts = [Int](repeating: 0, count: bound)
      let expected = 2_000
      for _ in 0..<bound * expected { counts[random.below(bound)] += 1 }
      // Chi-square stays near its degrees of freedom; the seed is fixed, so this never fails by chance.
      let chiSquare = counts.reduce(0.0) {
        $0 + Double(($1 - expected) * ($1 - expected)) / Double(expected)
      }
      #expect(chiSquare < Double(bound) + 4 * Double(2 * bound).squareRoot())
    }
  }

  @Test func largeBoundsAreReached() {
    var random = FastRandom(seed: 7)
    let bound = Int.max - 1
    let numbers = (0..<1_000).map { _ in random.below(bound) }
    #expect(numbers.contains { $0 > bound / 2 } && numbers.contains { $0 < bound / 2 })
    #expect(Set(numbers).count == numbers.count)
  }

  @Test func generatorsDiffer() {
    var one = FastRandom()
    var other = FastRandom()
    #expect(one.next() != other.next())
  }
}

import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Keys chosen at random")
struct RandomKeyTests {
  @Test("there is none in an empty database, nor where all have expired")
  func none() {
    var random = SeededRandom(test: "RandomKeyTests.none")
    withKeyspace { keyspace in
      #expect(keyspace.randomKey(in: 0, using: &random) == nil)
      for number in 0..<10 { keyspace.set("\(number)", "", expiry: 1_000_001) }
      #expect(keyspace.randomKey(in: 0, using: &random) != nil)
      keyspace.now += 1
      #expect(keyspace.randomKey(in: 0, using: &random) == nil)
    }
  }

  @Test("the last key of a table that was large is found")
  func lastKey() {
    var random = SeededRandom(test: "RandomKeyTests.lastKey")
    withKeyspace(hasher: random.hasher()) { keyspace in
      for number in 0..<20_000 { keyspace.set("\(number)", "") }
      for number in 0..<20_000 where number != 777 { keyspace.delete("\(number)") }
      for _ in 0..<20 { #expect(keyspace.randomKey(in: 0, using: &random)?.string == "777") }
    }
  }

  @Test("every key comes up, none of them much too often", arguments: [2, 10, 300, 3_000])
  func distribution(count: Int) {
    var random = SeededRandom(test: "RandomKeyTests.distribution \(count)")
    withKeyspace(hasher: random.hasher()) { keyspace in
      for number in 0..<count { keyspace.set("\(number)", "") }
      let drawsPerKey = 60
      var drawn = Array(repeating: 0, count: count)
      for _ in 0..<(count * drawsPerKey) {
        guard let key = keyspace.randomKey(in: 0, using: &random)?.string, let number = Int(key),
          number < count
        else {
          Issue.record("no key was found, \(random)")
          return
        }
        drawn[number] += 1
      }
      // A key alone in its bucket is up to fourteen times as likely as one in a full bucket.
      #expect(drawn.allSatisfy { $0 > 0 }, "\(random)")
      #expect((drawn.max() ?? 0) < drawsPerKey * 14, "\(random)")
      let quarters = (0..<4).map { quarter in
        drawn.enumerated().filter { $0.offset % 4 == quarter }.reduce(0) { $0 + $1.element }
      }
      if count >= 300 {
        #expect(
          quarters.allSatisfy { $0 > count * drawsPerKey / 6 && $0 < count * drawsPerKey / 3 }, "\(random)")
      }
    }
  }
}

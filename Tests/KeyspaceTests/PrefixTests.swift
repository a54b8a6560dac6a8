import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Sums by prefix")
struct PrefixTests {
  private func prefix(_ key: String, _ separator: String, _ depth: Int) -> String {
    withView(key) { PrefixRule(separator: Array(separator.utf8), depth: depth).prefix(of: $0).string }
  }

  @Test("a prefix ends with the separator that the depth says, or with the last")
  func rules() {
    #expect(prefix("user:1:name", ":", 1) == "user:")
    #expect(prefix("user:1:name", ":", 2) == "user:1:")
    #expect(prefix("user:1:name", ":", 9) == "user:1:")
    #expect(prefix("user", ":", 1) == "")
    #expect(prefix("", ":", 1) == "")
    #expect(prefix(":", ":", 1) == ":")
    #expect(prefix("a::b", ":", 1) == "a:")
    #expect(prefix("a::b", "::", 1) == "a::")
    #expect(prefix("a:::b", "::", 2) == "a::")
    #expect(prefix("ab", "abc", 1) == "")
    #expect(prefix(String(repeating: "x", count: 1_024) + ":", ":", 1) == "")
    #expect(prefix(String(repeating: "x", count: 1_023) + ":", ":", 1).utf8.count == 1_024)
  }

  @Test("a table keeps as many prefixes apart as it has room for, and loses nothing")
  func table() {
    var table = PrefixTable(hasher: KeyHasher(seed: 1, 2))
    let count = 40_000
    for _ in 0..<2 {
      for number in 0..<count {
        withView("\(number):") { table.add(PrefixSums(keys: 1, bytes: Double(number)), to: $0) }
      }
    }
    let usages = table.usages(0..<table.count)
    #expect(table.count < count && usages.count == table.count)
    for usage in usages {
      let number = Double(String(decoding: usage.prefix.dropLast(), as: UTF8.self)) ?? -1
      expectEqual([usage.sums.keys, usage.sums.bytes], [2, 2 * number], "\(number)")
    }
    #expect(table.rest.keys + usages.reduce(0) { $0 + $1.sums.keys } == Double(2 * count))
    #expect(table.largest(3).map(\.sums.bytes) == usages.map(\.sums.bytes).sorted(by: >).prefix(3).map { $0 })
    #expect(table.usages(table.count..<(table.count + 10)).isEmpty)
  }

  @Test("an estimate of few keys is a count; of many, it comes near, and adds up")
  func estimates() {
    var random = SeededRandom(test: "PrefixTests.estimates")
    withKeyspace(hasher: random.hasher(), databaseCount: 2) { keyspace in
      var truth: [String: Double] = [:]
      func expectEstimate(isExact: Bool, within error: Double) {
        let rule = PrefixRule(separator: Array(":".utf8), depth: 1)
        let estimate = keyspace.estimatePrefixes(rule, in: 0..<2, countMaximum: 10) { _ in false }
        expectEqual(estimate.isExact, isExact, "\(random)")
        expectEqual(estimate.total.bytes, truth.values.reduce(0, +), "\(random)")
        for usage in estimate.prefixes {
          let expected = truth[String(decoding: usage.prefix, as: UTF8.self)] ?? 0
          let isNear = abs(usage.sums.bytes - expected) <= error * expected
          expectEqual(isNear, true, "\(usage.sums) instead of \(expected), \(random)")
          if isExact { expectEqual(usage.sums.variance, 0, "\(random)") }
        }
        let sum = estimate.prefixes.reduce(0) { $0 + $1.sums.bytes }
        expectEqual(abs(sum - estimate.total.bytes) < 1, true, "\(sum), \(estimate.total), \(random)")
      }
      func fill(_ count: Int) {
        for number in 0..<count {
          let prefix = ["a", "b", "c"][random.below(3)]
          let size =
            prefix == "a" ? 30 : prefix == "b" ? random.below(300) : random.below(30) == 0 ? 9_000 : 5
          let name = "\(prefix):\(number)"
          let database = random.below(2)
          let before = keyspace.withEntry(name, in: database) { $0.allocatedBytes(of: $1) } ?? 0
          keyspace.set(name, String(repeating: "v", count: size), in: database)
          let after = keyspace.withEntry(name, in: database) { $0.allocatedBytes(of: $1) } ?? 0
          truth["\(prefix):", default: 0] += Double(after - before)
        }
      }
      fill(3_000)
      expectEstimate(isExact: true, within: 0)
      fill(60_000)
      expectEstimate(isExact: false, within: 0.2)
    }
  }
}

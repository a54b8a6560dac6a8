import TestSupport
import Testing

@testable import Keyspace

@Suite("Eviction")
struct EvictionTests {
  private static let allIdle = EvictionRule(order: .idle, onlyExpiring: false)

  private func use(_ keyspace: inout Keyspace, _ rule: EvictionRule, sampledBuckets: Int = 5) {
    var settings = UseSettings()
    settings.rule = rule
    settings.countsUse = rule.order == .frequency
    settings.sampledBuckets = sampledBuckets
    keyspace.adopt(settings)
  }

  /// Evicts one key and returns its name; nil if there is none to go.
  private func evict(_ keyspace: inout Keyspace, _ rule: EvictionRule) -> String? {
    guard let candidate = keyspace.chooseForEviction(rule, segmentMaximum: 64) else { return nil }
    let name = candidate.key.bytes.string
    keyspace.evict(candidate)
    return name
  }

  private func expectNothingToEvict(
    _ keyspace: inout Keyspace, _ rule: EvictionRule, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let hasSome = keyspace.hasCandidates(for: rule)
    #expect(!hasSome, sourceLocation: sourceLocation)
    let name = evict(&keyspace, rule)
    #expect(name == nil, sourceLocation: sourceLocation)
  }

  @Test(
    "takes key after key until none is left, of all databases",
    arguments: [.idle, .frequency, .random, .expiry] as [EvictionRule.Order])
  func everything(order: EvictionRule.Order) {
    withKeyspace(databaseCount: 3) { keyspace in
      let rule = EvictionRule(order: order, onlyExpiring: false)
      use(&keyspace, rule)
      expectNothingToEvict(&keyspace, rule)
      var names: Set<String> = []
      for number in 0..<3_000 {
        keyspace.set(
          "key \(number)", "value", expiry: number % 3 == 0 ? 2_000_000 : nil, in: number % 7 == 0 ? 2 : 0)
        names.insert("key \(number)")
      }
      while let name = evict(&keyspace, rule) {
        #expect(names.remove(name) != nil, "\(name) went twice")
        // Merging must not disturb where the next is looked for.
        if names.count % 100 == 0 { _ = keyspace.sweep(segmentMaximum: 3, expires: false) }
      }
      #expect(names.isEmpty)
      let evicted = keyspace.statistics.evicted
      #expect(evicted == 3_000)
      expectNothingToEvict(&keyspace, rule)
    }
  }

  @Test(
    "leaves keys alone that do not expire, if the rule says so",
    arguments: [.idle, .frequency, .random, .expiry] as [EvictionRule.Order])
  func onlyExpiring(order: EvictionRule.Order) {
    withKeyspace { keyspace in
      let rule = EvictionRule(order: order, onlyExpiring: true)
      use(&keyspace, rule)
      for number in 0..<2_000 { keyspace.set("stays \(number)", "value") }
      expectNothingToEvict(&keyspace, rule)
      // A few in many: they are found all the same.
      for number in 0..<7 { keyspace.set("goes \(number)", "value", expiry: 2_000_000) }
      for _ in 0..<7 {
        let name = evict(&keyspace, rule)
        #expect(name?.hasPrefix("goes") == true)
      }
      expectNothingToEvict(&keyspace, rule)
      let left = keyspace.count(in: 0)
      #expect(left == 2_000)
    }
  }

  @Test("takes what would expire soonest of what it looks at")
  func soonest() {
    withKeyspace { keyspace in
      let rule = EvictionRule(order: .expiry, onlyExpiring: true)
      use(&keyspace, rule, sampledBuckets: 64)
      for number in 0..<100 {
        keyspace.set("key \(number)", "value", expiry: 2_000_000 + Int64(number * 37 % 100))
      }
      for turn in 0..<100 {
        let expected = (0..<100).first { $0 * 37 % 100 == turn }
        let name = evict(&keyspace, rule)
        #expect(name == expected.map { "key \($0)" })
      }
    }
  }

  @Test(
    "keeps what is used and parts with what is not, whichever way use is counted", arguments: [false, true])
  func used(countsUse: Bool) {
    withKeyspace { keyspace in
      let rule = EvictionRule(order: countsUse ? .frequency : .idle, onlyExpiring: false)
      use(&keyspace, rule)
      for number in 0..<2_000 { keyspace.set("hot \(number)", "value") }
      // Each round uses the hot keys and adds a tenth of cold ones, in whose place others go.
      var lostHot = 0
      for round in 0..<60 {
        for number in 0..<2_000 { _ = keyspace.get("hot \(number)") }
        for number in 0..<200 {
          keyspace.set("cold \(round) \(number)", "value")
          // In the first rounds nothing tells the ones from the others.
          if keyspace.count(in: 0) > 3_000, evict(&keyspace, rule)?.hasPrefix("hot") == true, round > 20 {
            lostHot += 1
          }
        }
      }
      #expect(lostHot < 60, "\(lostHot) of some 8,000 evictions took keys in use")
    }
  }

  @Test("tells for how long keys have not been used, in time, while evictions age them")
  func idleTime() {
    withKeyspace { keyspace in
      use(&keyspace, Self.allIdle)
      for number in 0..<2_000 { keyspace.set("key \(number)", "value") }
      keyspace.set("idle", "value")
      var seconds = 0
      while keyspace.withEntry("idle", { _, _ in true }) == true, seconds < 300 {
        keyspace.now += 1_000
        seconds += 1
        for number in 0..<100 {
          keyspace.set("new \(seconds) \(number)", "value")
          _ = evict(&keyspace, Self.allIdle)
        }
        if let idle = keyspace.withEntry("idle", { $0.idleSeconds(of: $1) }) {
          #expect(idle <= seconds && idle >= seconds / 3 - 5, "\(idle) after \(seconds)")
        }
      }
      // What is given to a key is what is told of it, to within a round.
      for wanted in [0, 1, seconds / 2, seconds, 1_000_000] {
        keyspace.set("given", "value")
        let told = keyspace.withEntry("given") { keyspace, entry in
          keyspace.setIdleSeconds(Int64(wanted), of: entry)
          return keyspace.idleSeconds(of: entry)
        }
        let longest = Int(keyspace.now - keyspace.eviction.hand.roundStarts[15]) / 1_000
        #expect((told ?? -1) >= min(wanted, longest), "\(told ?? -1) for \(wanted)")
        #expect((told ?? -1) <= wanted + longest / 4, "\(told ?? -1) for \(wanted)")
      }
      // In the order of use, it goes when all that was there before has been replaced once.
      #expect(seconds > 10 && seconds < 60, "\(seconds)")
    }
  }
}

@Suite("Frequencies of use")
struct UseFrequencyTests {
  @Test("have the counts of Redis at sixteen places, those of little use all")
  func counts() {
    for age in 1..<16 { #expect(UseFrequency.count(ofAge: age) < UseFrequency.count(ofAge: age - 1)) }
    for age in 0..<16 { #expect(UseFrequency.age(ofCount: UseFrequency.count(ofAge: age)) == age) }
    for count in 0...8 { #expect(UseFrequency.count(ofAge: Int(UseFrequency.age(ofCount: count))) == count) }
    #expect(UseFrequency.age(ofCount: 255) == 0)
    #expect(UseFrequency.age(ofCount: 200) == 0 && UseFrequency.age(ofCount: 120) == 1)
  }

  /// The mean count of many keys after so many uses of each.
  private func meanCount(uses: Int, logFactor: Int) -> Double {
    let frequency = UseFrequency(logFactor: logFactor)
    var generator = SeededRandom(seed: 7)
    var sum = 0
    let keys = 400
    for _ in 0..<keys {
      var age = UseFrequency.age(ofCount: UseFrequency.newCount)
      for _ in 0..<uses where age > 0 && frequency.rises(age, generator.next()) { age -= 1 }
      sum += UseFrequency.count(ofAge: Int(age))
    }
    return Double(sum) / Double(keys)
  }

  @Test(
    "rise with use as the counts that Redis's documentation lists",
    arguments: [
      (0, 100, 104.0), (1, 100, 18), (10, 100, 10), (100, 100, 8), (10, 1_000, 18), (100, 1_000, 11),
    ]
      as [(Int, Int, Double)])
  func rising(logFactor: Int, uses: Int, expected: Double) {
    let mean = meanCount(uses: uses, logFactor: logFactor)
    #expect(mean > expected * 0.7 && mean < expected * 1.4, "\(mean)")
  }

  @Test("fall with time, by one for each period")
  func falling() {
    var generator = SweepRandom(state: 5)
    for (start, periods) in [(UInt8(5), 3), (5, 8), (0, 100), (9, 2), (3, 20)] {
      var sum = 0
      for _ in 0..<2_000 {
        var age = start
        // In pieces, as the sweep comes by.
        for _ in 0..<(periods * 10) {
          age = UseFrequency.aged(age, elapsed: 100, period: 1_000, &generator)
        }
        sum += UseFrequency.count(ofAge: Int(age))
      }
      let expected = max(0, UseFrequency.count(ofAge: Int(start)) - periods)
      let mean = Double(sum) / 2_000
      #expect(abs(mean - Double(expected)) < 6, "\(start) after \(periods): \(mean) instead of \(expected)")
    }
    #expect(UseFrequency.aged(15, elapsed: .max, period: 1, &generator) == 15)
    #expect(UseFrequency.aged(0, elapsed: .max, period: 1, &generator) == 15)
  }
}

import Bytes
import TestSupport
import Testing

@testable import Keyspace

/// The keyspace beside a model that a reader can check at a glance: two arrays, indexed by the key's number.
@Suite("A keyspace and its model", .serialized)
struct TableModelTests {
  @Test("agree through a million operations, from no key to 200,000 and back")
  func growAndShrink() {
    var random = SeededRandom(test: "TableModelTests.growAndShrink")
    let hasher = random.hasher()
    withKeyspace(hasher: hasher) { keyspace in
      var run = ModelRun(random: random, keyCount: steps(220_000), hasher: hasher)
      // Almost only new keys, then a mixture, then fewer and fewer.
      run.run(&keyspace, turns: steps(420_000), insertPercent: 90)
      run.compare(&keyspace)
      #expect(keyspace.count(in: 0) > steps(150_000))
      run.run(&keyspace, turns: steps(250_000), insertPercent: 50)
      run.compare(&keyspace)
      run.run(&keyspace, turns: steps(330_000), insertPercent: 15, sweepEvery: 1_000)
      run.compare(&keyspace)
      run.removeTheRest(&keyspace)
      #expect(keyspace.keyBytes == 0)
      #expect(
        run.hitCount > steps(80_000) && run.expiredCount > (heapsAreMimalloc ? 10_000 : 100),
        "\(run.hitCount) \(run.expiredCount)")
    }
  }

  @Test("agree while a small table grows and shrinks again and again")
  func smallTables() {
    var random = SeededRandom(test: "TableModelTests.smallTables")
    let hasher = random.hasher()
    withKeyspace(hasher: hasher) { keyspace in
      var run = ModelRun(random: random, keyCount: 4_000, hasher: hasher)
      for round in 0..<12 {
        run.run(&keyspace, turns: 8_000, insertPercent: round % 2 == 0 ? 80 : 5, sweepEvery: 200)
        run.compare(&keyspace)
      }
      run.removeTheRest(&keyspace)
      #expect(keyspace.keyBytes == 0)
    }
  }
}

/// Random operations on a keyspace and on its model.
struct ModelRun {
  private var random: SeededRandom
  private let keys: KeyPool
  private let values: ValuePool
  /// The number of each key's value; nil for a key that is not there.
  private var model: [UInt32?]
  private var expiries: [Int64?]
  private var removedCount = 0
  private var insertedCount = 0
  private(set) var hitCount = 0
  private(set) var expiredCount = 0

  init(random: SeededRandom, keyCount: Int, hasher: KeyHasher) {
    self.random = random
    keys = KeyPool(count: keyCount, hasher: hasher)
    values = ValuePool(&self.random)
    model = Array(repeating: nil, count: keyCount)
    expiries = Array(repeating: nil, count: keyCount)
  }

  mutating func run(
    _ keyspace: inout Keyspace, turns: Int, insertPercent: Int, sweepEvery: Int = .max
  ) {
    for turn in 1...turns {
      let number = random.below(model.count)
      let choice = random.below(100)
      if turn % 64 == 0 { keyspace.now += 1 }
      if choice < insertPercent {
        set(&keyspace, number)
      } else {
        switch choice % 8 {
        case 0...2: read(&keyspace, number)
        case 3...5: remove(&keyspace, number)
        case 6: expire(&keyspace, number)
        default: set(&keyspace, number)
        }
      }
      if turn % sweepEvery == 0 {
        expiredCount += keyspace.sweep(segmentMaximum: 20, expires: true).keysExpired
      }
    }
  }

  /// Whether the model has the key at the keyspace's time.
  private func isAlive(_ number: Int, _ now: Int64) -> Bool {
    guard model[number] != nil else { return false }
    if let expiry = expiries[number] { return expiry > now }
    return true
  }

  private mutating func randomExpiry(_ keyspace: borrowing Keyspace) -> Int64? {
    random.below(4) == 0 ? keyspace.now + Int64(random.below(8_000)) : nil
  }

  /// A lookup, compared with the model. An expired key is gone from both then.
  private mutating func lookup(
    _ keyspace: inout Keyspace, _ number: Int, _ purpose: LookupPurpose
  ) -> Entry? {
    let entry = keyspace.lookup(keys[number], in: 0, for: purpose)
    if (entry != nil) != isAlive(number, keyspace.now) {
      Issue.record("key \(number) is \(entry == nil ? "missing" : "there"), \(random)")
    }
    if entry == nil, model[number] != nil {
      model[number] = nil
      expiries[number] = nil
    }
    return entry
  }

  private mutating func set(_ keyspace: inout Keyspace, _ number: Int) {
    let entry = lookup(&keyspace, number, .write)
    if entry == nil { insertedCount += 1 }
    let value = UInt32(truncatingIfNeeded: random.next())
    let expiry = randomExpiry(keyspace)
    keyspace.setString(keys[number], in: 0, to: values[value], replacing: entry, expiry: expiry)
    model[number] = value
    expiries[number] = expiry
  }

  private mutating func read(_ keyspace: inout Keyspace, _ number: Int) {
    guard let entry = lookup(&keyspace, number, .read) else { return }
    hitCount += 1
    compare(entry, number)
  }

  private func compare(_ entry: Entry, _ number: Int) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
      let value = entry.text(scratch: scratch.baseAddress!)
      if value != values[model[number] ?? 0] { Issue.record("key \(number) has another value, \(random)") }
    }
    if entry.expiry != expiries[number] { Issue.record("key \(number) has another expiry time, \(random)") }
  }

  private mutating func remove(_ keyspace: inout Keyspace, _ number: Int) {
    guard let entry = lookup(&keyspace, number, .write) else { return }
    keyspace.remove(entry)
    removedCount += 1
    model[number] = nil
    expiries[number] = nil
  }

  private mutating func expire(_ keyspace: inout Keyspace, _ number: Int) {
    guard let entry = lookup(&keyspace, number, .write) else { return }
    let expiry = randomExpiry(keyspace)
    keyspace.setExpiry(entry, expiry)
    expiries[number] = expiry
  }

  /// Compares every key with the model, and checks all invariants.
  func compare(_ keyspace: inout Keyspace) {
    var seen = Array(repeating: false, count: model.count)
    var seenCount = 0
    keyspace.forEachKey(in: 0) { key, _ in
      let number = KeyPool.number(of: key)
      if seen[number] { Issue.record("key \(number) is there twice, \(random)") }
      seen[number] = true
      seenCount += 1
    }
    var aliveCount = 0
    for number in model.indices where isAlive(number, keyspace.now) {
      aliveCount += 1
      if let entry = keyspace.lookup(keys[number], in: 0, for: .peek) {
        compare(entry, number)
      } else {
        Issue.record("key \(number) is missing, \(random)")
      }
    }
    #expect(seenCount == aliveCount, "\(random)")
    // Expired keys that nobody has noticed still count.
    #expect(
      keyspace.count(in: 0) == insertedCount - removedCount - keyspace.statistics.expired, "\(random)")
    TableInvariants.expect(keyspace, "\(random)")
  }

  /// Removes what is left in a random order, and sweeps until nothing of the table remains.
  mutating func removeTheRest(_ keyspace: inout Keyspace) {
    for number in Array(model.indices).shuffled(using: &random) {
      if model[number] != nil { remove(&keyspace, number) }
    }
    expiredCount += keyspace.sweepUntilDone().map(\.keysExpired).reduce(0, +)
    TableInvariants.expect(keyspace, "\(random)")
  }
}

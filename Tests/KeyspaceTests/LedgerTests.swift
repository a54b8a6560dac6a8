import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("The ledger agrees with the keys, to the byte", .serialized)
struct LedgerTests {
  @Test("through random loads of every type and size, in several databases")
  func randomLoads() {
    let random = SeededRandom(test: "LedgerTests.randomLoads")
    withKeyspace(databaseCount: 3) { keyspace in
      var load = RandomLoad(random: random, keyCount: 400)
      for step in 0..<steps(6_000) {
        load.step(&keyspace)
        if step % 61 == 0 {
          LedgerInvariants.expect(keyspace, "step \(step), \(random)")
          LedgerInvariants.expectCandidates(keyspace, "step \(step), \(random)")
        }
      }
      for database in 0..<3 {
        keyspace.removeAll(in: database)
        LedgerInvariants.expect(keyspace, "emptying, \(random)")
      }
      keyspace.releaseRemoved(blockMaximum: .max)
      expectEqual(keyspace.usage, TypeUsage(), "\(random)")
      expectEqual(keyspace.removedBytes, 0, "\(random)")
    }
  }

  @Test("removing a key gives back just what MEMORY USAGE says, less its slot")
  func removal() {
    let random = SeededRandom(test: "LedgerTests.removal")
    withKeyspace { keyspace in
      var load = RandomLoad(random: random, keyCount: 300, databaseCount: 1)
      for _ in 0..<steps(3_000) { load.step(&keyspace) }
      for name in load.names {
        // What has expired goes first.
        _ = keyspace.withEntry(name) { _, _ in () }
        keyspace.releaseRemoved(blockMaximum: .max)
        let before = keyspace.heap.liveBytes(.dataset)
        let usage = keyspace.withEntry(name, in: 0, for: .write) { keyspace, entry in
          defer { keyspace.remove(entry) }
          return keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
        }
        // What waits to be freed is gone from the keys' account already.
        expectEqual(
          keyspace.usage.bytes + keyspace.removedBytes, keyspace.heap.liveBytes(.dataset), "\(random)")
        keyspace.releaseRemoved(blockMaximum: .max)
        expectEqual(before - keyspace.heap.liveBytes(.dataset), usage ?? 0, "\(random)")
      }
      expectEqual(keyspace.usage, TypeUsage(), "\(random)")
    }
  }

  @Test("a census finds what the ledger says, although the keys change all the time")
  func censuses() {
    let random = SeededRandom(test: "LedgerTests.censuses")
    withKeyspace(databaseCount: 3) { keyspace in
      var load = RandomLoad(random: random, keyCount: 9_000)
      for _ in 0..<steps(12_000) { load.step(&keyspace) }
      for _ in 0..<4 {
        expectEqual(keyspace.beginCensus(), true, "\(random)")
        expectEqual(keyspace.beginCensus(), false, "one at a time")
        var isDone = false
        while !isDone {
          for _ in 0..<50 { load.step(&keyspace, swaps: false) }
          _ = keyspace.sweep(segmentMaximum: 1, expires: true)
          isDone = keyspace.advanceCensus(while: { false }).isDone
        }
        for _ in 0..<500 { load.step(&keyspace, swaps: false) }
        let results = keyspace.endCensus()
        expectEqual(results.isEmpty, false, "\(random)")
        for result in results { expectEqual(result.counted, result.ledger, "\(result), \(random)") }
      }
      // Swapped databases disturb it.
      _ = keyspace.beginCensus()
      keyspace.swap(0, 1)
      let progress = keyspace.advanceCensus(while: { true })
      let results = keyspace.endCensus()
      #expect(progress.isDisturbed && results.isEmpty)
      LedgerInvariants.expect(keyspace)
      LedgerInvariants.expectCandidates(keyspace)
    }
  }

  @Test("the largest keys are known, whatever comes and goes, and found anew when few are left")
  func largest() {
    var random = SeededRandom(test: "LedgerTests.largest")
    withKeyspace { keyspace in
      for number in 0..<20_000 {
        keyspace.set("\(number)", String(repeating: "v", count: random.below(400)))
      }
      let candidates = keyspace.ledger.pointee.candidates
      expectEqual(candidates[0].threshold > 300, true, "\(random)")
      LedgerInvariants.expectCandidates(keyspace, "\(random)")
      // All of the larger ones go, and then the sweep finds those that are the largest now.
      for number in 0..<20_000 where (keyspace.get("\(number)")?.count ?? 0) > 200 {
        keyspace.delete("\(number)")
      }
      LedgerInvariants.expectCandidates(keyspace, "\(random)")
      expectEqual(candidates[0].count, 0, "\(random)")
      for _ in 0..<3 { _ = keyspace.sweep(segmentMaximum: .max, expires: true) }
      expectEqual(candidates[0].count >= Candidates.keptCount, true, "\(random)")
      expectEqual(candidates[0].threshold > 150, true, "\(random)")
      LedgerInvariants.expectCandidates(keyspace, "\(random)")
      // Small ones that come when all have gone are the largest.
      keyspace.removeAll(in: 0)
      keyspace.set("small", "v")
      expectEqual(candidates[0].count, 1, "\(random)")
    }
  }

  @Test("a walk meets every key that stays exactly once, while tables split and merge")
  func walking() {
    var random = SeededRandom(test: "LedgerTests.walking")
    withKeyspace(hasher: random.hasher(), databaseCount: 2) { keyspace in
      for round in 0..<6 {
        for database in 0..<2 { keyspace.removeAll(in: database) }
        for number in 0..<6_000 { keyspace.set("stays \(number)", "", in: number % 2) }
        let others = 30_000
        for number in 0..<others where round % 2 == 0 { keyspace.set("other \(number)", "", in: number % 2) }
        var met: [String: Int] = [:]
        var walk = KeyWalk(databases: 0..<2)
        var next = 0
        while !walk.isDone {
          keyspace.advance(&walk, while: { false }) { met[$0.key.string, default: 0] += 1 }
          // Keys go, and segments merge, or come, and segments split.
          for _ in 0..<700 where next < others {
            let name = "other \(next)"
            if round % 2 == 0 {
              keyspace.delete(name, in: next % 2)
            } else {
              keyspace.set(name, "", in: next % 2)
            }
            next += 1
          }
          _ = keyspace.sweep(segmentMaximum: 20, expires: true)
        }
        for number in 0..<6_000 { expectEqual(met["stays \(number)"], 1, "key \(number), \(random)") }
      }
    }
  }
}

/// Changes of keys as clients make them.
private struct RandomLoad {
  var random: SeededRandom
  let names: [[UInt8]]
  let databaseCount: Int

  init(random: SeededRandom, keyCount: Int, databaseCount: Int = 3) {
    self.random = random
    self.databaseCount = databaseCount
    names = (0..<keyCount).map { number in
      Array("key \(number)".utf8)
        + Array(repeating: UInt8(ascii: "."), count: number % 10 == 0 ? number % 90 : 0)
    }
  }

  mutating func step(_ keyspace: inout Keyspace, swaps: Bool = true) {
    let database = random.below(databaseCount)
    let name = random.element(of: names)
    switch random.below(40) {
    case 0..<12: keyspace.set(name, random.bytes(size()), expiry: expiry(), in: database)
    case 12..<22: place(&keyspace, name, database)
    case 22..<26:
      _ = keyspace.withEntry(name, in: database, for: .write) { keyspace, entry in keyspace.remove(entry) }
    case 26..<29:
      let time = expiry()
      _ = keyspace.withEntry(name, in: database, for: .write) { $0.setExpiry($1, time) }
    case 29..<32: moveOn(&keyspace, name, database)
    case 32..<35: grow(&keyspace, name, database)
    case 35: keyspace.now += 300
    case 36: _ = keyspace.sweep(segmentMaximum: 3, expires: true)
    case 37: keyspace.releaseRemoved(blockMaximum: 5)
    case 38 where random.below(30) == 0: keyspace.removeAll(in: database)
    case 39 where swaps && random.below(5) == 0: keyspace.swap(database, random.below(databaseCount))
    default: break
    }
  }

  private mutating func size() -> Int {
    [4, 40, 200, 500, 3_000][random.below(5)] * (1 + random.below(10)) / 10
  }

  private mutating func expiry() -> Int64? {
    random.below(3) == 0 ? 1_000_000 + Int64(random.below(90_000)) : nil
  }

  /// RENAME, COPY, MOVE.
  private mutating func moveOn(_ keyspace: inout Keyspace, _ name: [UInt8], _ database: Int) {
    let other = random.element(of: names)
    let target = random.below(databaseCount)
    let way = random.below(3)
    withView(other) { view in
      let key = Key(view, hasher: keyspace.hasher)
      let isThere = keyspace.lookup(key, in: target, for: .peek) != nil
      let ownIsThere = keyspace.withEntry(name, in: target) { _, _ in () } != nil
      _ = keyspace.withEntry(name, in: database, for: .write) { keyspace, entry in
        switch way {
        case 0 where other != name: keyspace.rename(entry, to: key)
        case 1 where other != name && !(isThere && target != database):
          keyspace.copy(entry, to: key, in: target)
        case 2 where target != database && !ownIsThere: keyspace.move(entry, to: target)
        default: break
        }
      }
    }
  }

  /// One element more, or bytes.
  private mutating func grow(_ keyspace: inout Keyspace, _ name: [UInt8], _ database: Int) {
    let number = Int64(random.below(100_000))
    let text = random.bytes(1 + random.below(80))
    withView(name) { view in
      withView(text) { text in
        let key = Key(view, hasher: keyspace.hasher)
        guard let entry = keyspace.lookup(key, in: database, for: .write) else { return }
        switch entry.kind {
        case .bytes, .integer: _ = keyspace.writeString(key, in: database, at: 100, text, existing: entry)
        case .list: _ = keyspace.pushToList(key, in: database, existing: entry, at: .head, text)
        case .hash: _ = keyspace.setField(Element(number), of: entry, to: Element(text))
        case .set: _ = keyspace.addMember(Element(text), to: entry)
        case .sortedSet: _ = keyspace.setScore(Double(number), of: Element(text), in: entry)
        case .stream: break
        }
      }
    }
  }

  private mutating func place(_ keyspace: inout Keyspace, _ name: [UInt8], _ database: Int) {
    let kind = [ValueKind.list, .hash, .set, .sortedSet, .stream][random.below(5)]
    let count = 1 + [3, 30, 200, 1_500][random.below(4)] * random.below(10) / 10
    let value = kind == .stream ? stream(count) : collection(kind, count)
    let transfer = ValueTransfer(value, expiry: expiry())
    withView(name) { view in
      let key = Key(view, hasher: keyspace.hasher)
      let existing = keyspace.lookup(key, in: database, for: .write)
      keyspace.place(transfer, at: key, in: database, replacing: existing)
    }
  }

  private mutating func collection(_ kind: ValueKind, _ count: Int) -> FlatValue {
    var value = FlatValue(kind: kind)
    let padding = random.below(3) == 0 ? random.below(60) : 0
    let isOfIntegers = random.below(3) == 0
    for number in 0..<count {
      if isOfIntegers {
        value.items.append(Int64(number) * 1_000)
      } else {
        withView("\(number)" + String(repeating: "x", count: padding) + "e") { value.items.append($0) }
      }
      if kind == .hash { value.items.append(Int64(number)) }
      if kind == .sortedSet { value.items.append(score: Double(number)) }
    }
    return value
  }

  private mutating func stream(_ count: Int) -> FlatValue {
    var writer = StreamTransfer.Writer()
    for number in 0..<count {
      writer.beginEntry(StreamID(5, UInt64(number)), fieldCount: 1)
      withView("field") { writer.append($0) }
      writer.append(Int64(number))
    }
    let last = StreamID(5, UInt64(count))
    writer.endEntries(StreamTransfer.State(lastID: last, entriesAdded: UInt64(count)))
    withView("group") { writer.beginGroup($0, lastID: last, entriesRead: -1) }
    withView("consumer") { writer.appendConsumer($0, seenTime: 1, activeTime: -1) }
    writer.endConsumers()
    for number in 0..<(count / 2) {
      writer.appendPending(
        StreamTransfer.Pending(
          id: StreamID(5, UInt64(number)), deliveryTime: 1, deliveryCount: 1,
          consumer: 0))
    }
    writer.endGroup()
    return writer.finish()
  }
}

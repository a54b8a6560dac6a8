import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// Hashes beside a dictionary, through every form, with every byte accounted for after each step.
@Suite("Hashes agree with their model", .serialized)
struct HashModelTests {
  @Test("with the usual limits")
  func usualLimits() { run("usualLimits", CollectionLimits(), stepCount: 5_000) }

  @Test("with low limits, so that forms change all the time")
  func lowLimits() {
    var limits = CollectionLimits()
    limits.hashPackedEntries = 8
    limits.hashPackedValueBytes = 10
    run("lowLimits", limits, stepCount: 6_000)
  }

  @Test("without compact forms")
  func noCompactForms() {
    var limits = CollectionLimits()
    limits.hashPackedEntries = 0
    run("noCompactForms", limits, stepCount: 3_000)
  }

  @Test("with many fields whose times come while the sweep is at work")
  func manyTimes() {
    var random = SeededRandom(test: "HashModelTests.manyTimes")
    withKeyspace { keyspace in
      let times = (0..<40_000).map { _ in keyspace.now + 1 + Int64(random.below(1_000)) }
      withView(Array("key".utf8)) { view in
        let key = Key(view, hasher: keyspace.hasher)
        let entry = keyspace.makeHash(key, in: 0, of: Element(-1), Element(0))
        for (number, time) in times.enumerated() {
          keyspace.setField(Element(Int64(number)), of: entry, to: Element(7), lifetime: .until(time))
        }
      }
      #expect(keyspace.sweep.hasFieldTimes)
      for _ in 0..<10 {
        keyspace.now += 105
        let alive = times.filter { $0 > keyspace.now }.count + 1
        // Some steps of the sweep, with changes between them that split and merge pages.
        for step in 0..<40 {
          _ = keyspace.sweep(segmentMaximum: 1, expires: true)
          keyspace.withEntry("key") { keyspace, entry in
            let field = Element(Int64(1_000_000 + step))
            if !keyspace.setField(field, of: entry, to: Element(1)) {
              _ = keyspace.removeField(field, of: entry)
            }
          }
        }
        keyspace.withEntry("key") { keyspace, entry in
          expectEqual(keyspace.keepsFieldsAfterRemovingExpired(entry), true, "\(random)")
          var seen = 0
          entry.forEachField(now: keyspace.now) { field in
            if field.name.integer < 1_000_000 { seen += 1 }
          }
          expectEqual(seen, alive, "\(random)")
          let root = entry.root(as: DenseTable.self)
          expectEqual(root.pointee.timedCount, alive - 1, "\(random)")
          expectEqual(
            keyspace.heap.liveBytes(.dataset), keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes, "")
        }
      }
      _ = keyspace.sweepUntilDone()
      _ = keyspace.sweepUntilDone()
      #expect(!keyspace.sweep.hasFieldTimes)
      keyspace.delete("key")
      while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 100) }
    }
  }

  @Test("the sweep alone removes hashes whose last field has expired")
  func sweepRemovesKeys() {
    withKeyspace { keyspace in
      for number in 0..<200 {
        withView(Array("key:\(number)".utf8)) { view in
          let key = Key(view, hasher: keyspace.hasher)
          let entry = keyspace.makeHash(key, in: 0, of: Element(1), Element(2))
          keyspace.setFieldTime(Element(1), of: entry, keyspace.now + 10)
          for field in 0..<(number % 2 == 0 ? 0 : 1_000) {
            keyspace.setField(
              Element(Int64(field)), of: entry, to: Element(3), lifetime: .until(keyspace.now + 20))
          }
        }
      }
      keyspace.now += 20
      _ = keyspace.sweepUntilDone()
      #expect(keyspace.count(in: 0) == 0)
    }
  }

  private func run(_ name: String, _ limits: CollectionLimits, stepCount: Int) {
    let random = SeededRandom(test: "HashModelTests.\(name)")
    withKeyspace { keyspace in
      keyspace.limits = limits
      var run = HashRun(random: random)
      keyspace.random = FastRandom(seed: run.random.next())
      for step in 0..<steps(stepCount) {
        run.step(&keyspace)
        keyspace.moveOneBlock()
        run.check(&keyspace, "step \(step), \(random)")
      }
      run.end(&keyspace)
    }
  }
}

private struct ModelField: Equatable {
  var value: [UInt8]
  var time: Int64 = 0
}

/// Random operations on hashes and on the model.
private struct HashRun {
  var random: SeededRandom
  private var model: [String: [[UInt8]: ModelField]] = [:]
  private var expiries: [String: Int64] = [:]
  private let names = (0..<5).map { "key:\($0)" }
  /// Fields are drawn from a range that grows and shrinks, so that hashes do.
  private var span = 10

  init(random: SeededRandom) { self.random = random }

  private mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[random.below(choices.count)] }

  private mutating func text() -> [UInt8] {
    let number = random.below(span)
    return switch random.below(20) {
    case 0..<6: Array(String(number - span / 4).utf8)
    case 6: Array(String((number - span / 2) * 1_000_000_007).utf8)
    case 7: Array(pick(["", "-0", "007", String(Int64.max), String(Int64.min)]).utf8)
    case 8: [UInt8](repeating: 0x4c, count: 60 + number % 10)
    case 9: random.below(5) == 0 ? [UInt8](repeating: 0x4d, count: number * 50) : []
    default: Array("field:\(number)".utf8)
    }
  }

  // MARK: Steps

  mutating func step(_ keyspace: inout Keyspace) {
    if random.below(150) == 0 { span = pick([3, 10, 40, 200, 900]) }
    let name = pick(names)
    switch random.below(22) {
    case 0..<8: for _ in 0..<pick([1, 1, 1, 3, 10, 60]) { set(name, .endless, &keyspace) }
    case 8: set(name, .kept, &keyspace)
    case 9: set(name, .until(keyspace.now + Int64(random.below(100) + 1)), &keyspace)
    case 10..<14: for _ in 0..<pick([1, 1, 1, 3, 10, 60]) { remove(name, &keyspace) }
    case 14, 15: for _ in 0..<pick([1, 1, 5]) { setTime(name, &keyspace) }
    case 16: pass(&keyspace)
    case 17: copy(name, to: pick(names), &keyspace)
    case 18:
      prefetch(name, &keyspace)
      draw(name, &keyspace)
    case 19: build(name, &keyspace)
    case 20:
      let expiry: Int64? = random.below(2) == 0 ? keyspace.now + 1_000_000 : nil
      if keyspace.expire(name, at: expiry) { expiries[name] = expiry }
    default:
      if random.below(4) == 0 {
        keyspace.delete(name)
        forget(name)
      }
    }
  }

  private mutating func forget(_ name: String) {
    model[name] = nil
    expiries[name] = nil
  }

  /// What `body` makes of the hash, if there is one; expired fields go, as with every command.
  private mutating func withHash<Result>(
    _ name: String, _ keyspace: inout Keyspace, _ body: (inout Keyspace, Entry) -> Result
  ) -> Result? {
    let result: Result?? = keyspace.withEntry(name) { keyspace, entry in
      keyspace.keepsFields(entry) ? body(&keyspace, entry) : nil
    }
    return result ?? nil
  }

  private mutating func set(_ name: String, _ lifetime: FieldLifetime, _ keyspace: inout Keyspace) {
    let (field, value) = (text(), text())
    let isNew = withView(field) { fieldView in
      withView(value) { valueView in
        let isNew = withHash(name, &keyspace) { keyspace, entry in
          keyspace.setField(Element(fieldView), of: entry, to: Element(valueView), lifetime: lifetime)
        }
        if let isNew { return isNew }
        withView(Array(name.utf8)) { view in
          let key = Key(view, hasher: keyspace.hasher)
          let entry = keyspace.makeHash(key, in: 0, of: Element(fieldView), Element(valueView))
          if case .until(let time) = lifetime { keyspace.setFieldTime(Element(fieldView), of: entry, time) }
        }
        return true
      }
    }
    let old = model[name]?[field]
    expectEqual(isNew, old == nil, "HSET, \(random)")
    var changed = ModelField(value: value)
    if case .until(let time) = lifetime { changed.time = time }
    if lifetime == .kept { changed.time = old?.time ?? 0 }
    model[name, default: [:]][field] = changed
  }

  private mutating func remove(_ name: String, _ keyspace: inout Keyspace) {
    let field = text()
    let removal = withView(field) { view in
      withHash(name, &keyspace) { keyspace, entry in keyspace.removeField(Element(view), of: entry) }
        ?? .missing
    }
    let wasThere = model[name]?.removeValue(forKey: field) != nil
    if removal == .missing { expectEqual(wasThere, false, "HDEL, \(random)") }
    if removal == .removed { expectEqual(wasThere, true, "HDEL, \(random)") }
    if removal == .removedLast { expectEqual(model[name]?.isEmpty, true, "HDEL of the last, \(random)") }
    if model[name]?.isEmpty == true { forgetIfGone(name, &keyspace) }
  }

  /// A large hash may still have fields that have expired when no others are left.
  private mutating func forgetIfGone(_ name: String, _ keyspace: inout Keyspace) {
    let isThere = keyspace.withEntry(name) { $0.keepsFieldsAfterRemovingExpired($1) } ?? false
    expectEqual(isThere, false, "a hash without fields, \(random)")
    forget(name)
  }

  /// Fetching ahead changes nothing, whatever the key holds.
  private mutating func prefetch(_ name: String, _ keyspace: inout Keyspace) {
    let field = text()
    withView(Array(name.utf8)) { nameView in
      withView(field) { view in
        let hash = keyspace.hasher.hash(nameView)
        keyspace.prefetchEntry(keyspace.prefetchElement(view, ofKeyWith: hash, in: 0))
      }
    }
  }

  private mutating func setTime(_ name: String, _ keyspace: inout Keyspace) {
    let field = text()
    let time = random.below(4) == 0 ? 0 : keyspace.now + 1 + Int64(random.below(200))
    guard let old = model[name]?[field] else { return }
    withView(field) { view in
      _ = withHash(name, &keyspace) { keyspace, entry in
        guard case .time(let found) = keyspace.fieldTime(Element(view), of: entry) else {
          Issue.record("no time")
          return
        }
        expectEqual(found, old.time, "HPEXPIRETIME")
        keyspace.setFieldTime(Element(view), of: entry, time)
      }
    }
    model[name]?[field]?.time = time
  }

  /// Time passes.
  private mutating func pass(_ keyspace: inout Keyspace) {
    keyspace.now += Int64(random.below(60))
    for (name, fields) in model {
      let alive = fields.filter { $0.value.time == 0 || $0.value.time > keyspace.now }
      model[name] = alive
      if alive.isEmpty { forgetIfGone(name, &keyspace) }
    }
    if random.below(3) == 0 { _ = keyspace.sweep(segmentMaximum: 3, expires: true) }
  }

  private mutating func copy(_ source: String, to target: String, _ keyspace: inout Keyspace) {
    guard source != target, let fields = model[source] else { return }
    let transfer = withHash(source, &keyspace) { keyspace, entry in keyspace.transfer(of: entry) }
    withView(Array(target.utf8)) { view in
      let key = Key(view, hasher: keyspace.hasher)
      let existing = keyspace.lookup(key, in: 0, for: .write)
      keyspace.place(transfer!, at: key, in: 0, replacing: existing)
    }
    model[target] = fields
    expiries[target] = expiries[source]
  }

  private mutating func draw(_ name: String, _ keyspace: inout Keyspace) {
    guard let fields = model[name] else { return }
    let wanted = random.below(fields.count + 2)
    var drawn: [[UInt8]] = []
    keyspace.withEntry(name) { keyspace, entry in
      expectEqual(keyspace.keepsFieldsAfterRemovingExpired(entry), true, "HRANDFIELD")
      keyspace.forEachSample(wanted, of: entry) { drawn.append($0.name.array) }
      let one = keyspace.randomField(of: entry).map { ($0.name.array, $0.value.array) }
      expectEqual(fields[one?.0 ?? [0]]?.value, one?.1, "HRANDFIELD")
    }
    expectEqual(drawn.count, min(wanted, fields.count), "HRANDFIELD with a count")
    expectEqual(Set(drawn).count, drawn.count, "HRANDFIELD repeats a field")
    expectEqual(drawn.allSatisfy { fields[$0] != nil }, true, "HRANDFIELD draws fields")
  }

  /// HSET of a key that is not there, with fields some of which may come twice.
  private mutating func build(_ name: String, _ keyspace: inout Keyspace) {
    guard model[name] == nil else { return }
    let pairs = (0..<pick([1, 5, 20])).map { _ in (text(), text()) }
    let bytes = pairs.reduce(0) { sum, pair in
      withView(pair.0) { field in withView(pair.1) { sum + Element(field).byteCount + Element($0).byteCount }
      }
    }
    withView(Array(name.utf8)) { view in
      let key = Key(view, hasher: keyspace.hasher)
      guard var builder = keyspace.beginHash(key, in: 0, fieldCount: pairs.count, byteCount: bytes) else {
        return
      }
      var fields: [[UInt8]: ModelField] = [:]
      for (field, value) in pairs {
        let isNew = withView(field) { name in withView(value) { builder.add(Element(name), Element($0)) } }
        expectEqual(isNew, fields[field] == nil, "adding to a new hash")
        if isNew { fields[field] = ModelField(value: value) }
      }
      keyspace.finish(builder)
      model[name] = fields
    }
  }

  // MARK: Checking

  mutating func check(_ keyspace: inout Keyspace, _ comment: @autoclosure () -> String) {
    let isFull = random.below(20) == 0
    var bytes = 0
    for name in names {
      let expected = model[name]
      let isThere: Bool? = keyspace.withEntry(name) { keyspace, entry in
        bytes += keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
        guard keyspace.keepsFields(entry) else { return false }
        return true
      }
      expectEqual(isThere ?? false, expected != nil, comment())
      guard isFull, let expected else { continue }
      keyspace.withEntry(name) { keyspace, entry in
        var found: [[UInt8]: ModelField] = [:]
        entry.forEachField(now: keyspace.now) {
          found[$0.name.array] = ModelField(value: $0.value.array, time: $0.time)
        }
        expectEqual(found, expected, comment())
        expectEqual(entry.expiry, expiries[name], comment())
        for (field, fact) in expected {
          withView(field) {
            expectEqual(keyspace.fieldValue(Element($0), of: entry)?.array, fact.value, comment())
          }
        }
        if entry.isLarge {
          var scanned: Set<[UInt8]> = []
          var cursor: UInt64 = 0
          repeat {
            cursor = entry.scanFields(from: cursor, count: 10, now: keyspace.now) {
              scanned.insert($0.name.array)
            }
          } while cursor != 0
          expectEqual(scanned, Set(expected.keys), comment())
        } else {
          expectEqual(entry.fieldCount, expected.count, comment())
        }
      }
    }
    while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 10) }
    var live = 0
    for name in names {
      keyspace.withEntry(name) { live += $0.allocatedBytes(of: $1) - Keyspace.slotBytes }
    }
    expectEqual(keyspace.heap.liveBytes(.dataset), live, comment())
    LedgerInvariants.expect(keyspace, comment())
  }

  mutating func end(_ keyspace: inout Keyspace) {
    for name in names {
      let before = keyspace.heap.liveBytes(.dataset)
      guard
        let bytes = keyspace.withEntry(name, { $0.allocatedBytes(of: $1) - Keyspace.slotBytes }),
        keyspace.delete(name)
      else { continue }
      while keyspace.hasRemovedValues { keyspace.releaseRemoved(blockMaximum: 10) }
      expectEqual(before - keyspace.heap.liveBytes(.dataset), bytes, "DEL of \(name), \(random)")
    }
    expectEqual(keyspace.heap.liveBytes(.dataset), 0, "\(random)")
  }
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

/// Sets beside Swift's own, through every form, with every byte accounted for after each step.
@Suite("Sets agree with their model", .serialized)
struct SetModelTests {
  @Test("with the usual limits")
  func usualLimits() { run("usualLimits", CollectionLimits(), stepCount: 4_000) }

  @Test("with low limits, so that forms change all the time")
  func lowLimits() {
    var limits = CollectionLimits()
    limits.setIntegerEntries = 12
    limits.setPackedEntries = 8
    limits.setPackedValueBytes = 10
    run("lowLimits", limits, stepCount: 8_000)
  }

  @Test("without sorted integers")
  func noIntegers() {
    var limits = CollectionLimits()
    limits.setIntegerEntries = 0
    run("noIntegers", limits, stepCount: 2_000)
  }

  @Test("without compact forms")
  func noCompactForms() {
    var limits = CollectionLimits()
    limits.setIntegerEntries = 0
    limits.setPackedEntries = 0
    run("noCompactForms", limits, stepCount: 2_000)
  }

  private func run(_ name: String, _ limits: CollectionLimits, stepCount: Int) {
    let random = SeededRandom(test: "SetModelTests.\(name)")
    withKeyspace { keyspace in
      keyspace.limits = limits
      var run = SetRun(random: random)
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

/// A set as the model knows it.
private struct ModelSet {
  var members: Set<[UInt8]> = []
  var encoding = ""
  var expiry: Int64?
}

private struct SetRun {
  var random: SeededRandom
  private var model: [String: ModelSet] = [:]
  private let names = (0..<6).map { "key:\($0)" }
  /// Members drawn from a range that grows and shrinks, so that sets do.
  private var span = 10

  init(random: SeededRandom) { self.random = random }

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[random.below(choices.count)]
  }

  private mutating func member() -> [UInt8] {
    let number = random.below(span)
    let text =
      switch random.below(20) {
      case 0..<11: String(number - span / 4)
      case 11: String((number - span / 2) * 40_000)
      case 12: String((number - span / 2) * 1_000_000_000_000)
      case 13: pick(["", "-0", "007", "9223372036854775808", String(Int64.max), String(Int64.min)])
      case 14: String(repeating: "long", count: 3 + number % 200)
      default: "text:\(number)"
      }
    return Array(text.utf8)
  }

  /// Members for one step: often integers only, so that sets stay in that form for a while.
  private mutating func members() -> [[UInt8]] {
    let count = pick([1, 1, 1, 3, 10, 60])
    if random.below(2) == 0 { return (0..<count).map { _ in member() } }
    return (0..<count).map { _ in Array(String(random.below(span * 3) - span).utf8) }
  }

  // MARK: Steps

  mutating func step(_ keyspace: inout Keyspace) {
    if random.below(200) == 0 { span = pick([3, 10, 40, 200, 700]) }
    let name = pick(names)
    switch random.below(20) {
    case 0..<8: for member in members() { add(member, to: name, &keyspace) }
    case 8..<12: for member in members() { remove(member, from: name, &keyspace) }
    case 12: pop(from: name, &keyspace)
    case 13: popSeveral(from: name, &keyspace)
    case 14: sample(name, &keyspace)
    case 15: copy(name, to: pick(names), &keyspace)
    case 16, 17: combine(into: name, &keyspace)
    case 18: expire(name, &keyspace)
    default:
      let wasThere = keyspace.delete(name)
      expectEqual(wasThere, model.removeValue(forKey: name) != nil, "DEL")
    }
  }

  private mutating func add(_ member: [UInt8], to name: String, _ keyspace: inout Keyspace) {
    let isNew = withView(Array(name.utf8)) { nameView in
      withView(member) { view in
        let key = Key(nameView, hasher: keyspace.hasher)
        let element = Element(view)
        guard let entry = keyspace.lookup(key, in: 0, for: .write) else {
          _ = keyspace.makeSet(key, in: 0, of: element)
          return true
        }
        return keyspace.addMember(element, to: entry)
      }
    }
    var set = model[name] ?? ModelSet()
    expectEqual(isNew, set.members.insert(member).inserted, "adding \(text(member))")
    if isNew { set.encoding = encoding(after: member, in: set, keyspace.limits) }
    model[name] = set
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func integer(_ member: [UInt8]) -> Int64? { withView(member) { parseInt64($0) } }

  /// The encoding that a set has when it has grown by `member`, which is in it already.
  private func encoding(after member: [UInt8], in set: ModelSet, _ limits: CollectionLimits) -> String {
    let isInteger = integer(member) != nil
    let isPackable =
      set.members.count <= limits.setPackedEntries && member.count <= limits.setPackedValueBytes
    switch set.encoding {
    case "":
      if isInteger, limits.setIntegerEntries > 0 { return "intset" }
      return isPackable ? "listpack" : "hashtable"
    case "intset":
      if isInteger { return set.members.count <= limits.setIntegerEntries ? "intset" : "hashtable" }
      let longest = set.members.map(\.count).max() ?? 0
      return isPackable && longest <= limits.setPackedValueBytes ? "listpack" : "hashtable"
    case "listpack": return isPackable ? "listpack" : "hashtable"
    default: return "hashtable"
    }
  }

  /// The encoding of a set that is made as a whole.
  private func encoding(of members: Set<[UInt8]>, _ limits: CollectionLimits) -> String {
    if members.count <= limits.setIntegerEntries, members.allSatisfy({ integer($0) != nil }) {
      return "intset"
    }
    let longest = members.map(\.count).max() ?? 0
    return members.count <= limits.setPackedEntries && longest <= limits.setPackedValueBytes
      ? "listpack" : "hashtable"
  }

  private mutating func remove(_ member: [UInt8], from name: String, _ keyspace: inout Keyspace) {
    let wasThere =
      keyspace.withEntry(name) { keyspace, entry in
        withView(member) { view in
          let wasThere = keyspace.removeMember(Element(view), from: entry)
          if entry.memberCount == 0 { keyspace.remove(entry) }
          return wasThere
        }
      } ?? false
    expectEqual(wasThere, model[name]?.members.remove(member) != nil, "removing \(text(member))")
    if model[name]?.members.isEmpty == true { model[name] = nil }
  }

  private mutating func pop(from name: String, _ keyspace: inout Keyspace) {
    let popped = keyspace.withEntry(name) { keyspace, entry in
      let member = entry.randomMember(using: &keyspace.random)
      let bytes = member.item.array
      keyspace.removeMember(member, from: entry)
      if entry.memberCount == 0 { keyspace.remove(entry) }
      return bytes
    }
    guard let popped else { return expectEqual(model[name] == nil, true, "SPOP of a key that is there") }
    expectEqual(model[name]?.members.remove(popped), popped, "SPOP")
    if model[name]?.members.isEmpty == true { model[name] = nil }
  }

  private mutating func popSeveral(from name: String, _ keyspace: inout Keyspace) {
    guard var set = model[name], set.members.count > 1 else { return }
    let count = pick([0, 1, set.members.count / 2, set.members.count - 1])
    var popped: [[UInt8]] = []
    keyspace.withEntry(name) { keyspace, entry in
      keyspace.popMembers(count, from: entry) { popped.append($0.array) }
    }
    expectEqual(popped.count, count, "SPOP with a count")
    let kept = set.members.count - count
    for member in popped { expectEqual(set.members.remove(member), member, "SPOP with a count") }
    // Where few stay of a large set, they make a new one.
    if set.encoding == "hashtable", kept * 5 <= count {
      set.encoding = encoding(of: set.members, keyspace.limits)
    }
    model[name] = set
  }

  private mutating func sample(_ name: String, _ keyspace: inout Keyspace) {
    guard let set = model[name] else { return }
    let wanted = random.below(set.members.count + 1)
    var drawn: [[UInt8]] = []
    keyspace.withEntry(name) { keyspace, entry in
      entry.forEachSample(wanted, using: &keyspace.random) { drawn.append($0.array) }
    }
    expectEqual(drawn.count, wanted, "a sample")
    expectEqual(Set(drawn).count, wanted, "a sample's members differ")
    expectEqual(set.members.isSuperset(of: drawn), true, "a sample's members are members")
  }

  private mutating func copy(_ source: String, to target: String, _ keyspace: inout Keyspace) {
    guard source != target, let set = model[source] else { return }
    let transfer = keyspace.withEntry(source) { keyspace, entry in keyspace.transfer(of: entry) }
    withView(Array(target.utf8)) { view in
      let key = Key(view, hasher: keyspace.hasher)
      let existing = keyspace.lookup(key, in: 0, for: .write)
      keyspace.place(transfer!, at: key, in: 0, replacing: existing)
    }
    model[target] = ModelSet(
      members: set.members, encoding: encoding(of: set.members, keyspace.limits), expiry: set.expiry)
  }

  private mutating func expire(_ name: String, _ keyspace: inout Keyspace) {
    let expiry: Int64? = random.below(2) == 0 ? keyspace.now + 1_000 : nil
    if keyspace.expire(name, at: expiry) { model[name]?.expiry = expiry }
  }

  // MARK: Algebra

  private mutating func combine(into name: String, _ keyspace: inout Keyspace) {
    let sources = (0...pick([0, 1, 1, 2, 4, 11])).map { _ in pick(names) }.filter { model[$0] != nil }
    guard let first = sources.first else { return }
    let sets = sources.compactMap { model[$0]?.members }
    let operation = random.below(3)
    let expected =
      switch operation {
      case 0: sets.dropFirst().reduce(sets[0]) { $0.intersection($1) }
      case 1: sets.dropFirst().reduce(sets[0]) { $0.union($1) }
      default: sets.dropFirst().reduce(sets[0]) { $0.subtracting($1) }
      }
    withEntries(sources, &keyspace) { keyspace, entries in
      var found: [[UInt8]] = []
      switch operation {
      case 0:
        SetAlgebra.forEachInIntersection(of: entries, hasher: keyspace.hasher) {
          found.append($0.array)
          return true
        }
      case 1: SetAlgebra.forEachInUnion(of: entries, keyspace: &keyspace) { found.append($0.array) }
      default:
        SetAlgebra.forEachInDifference(
          of: entries[0], without: Array(entries.dropFirst()), hasher: keyspace.hasher
        ) { found.append($0.array) }
      }
      expectEqual(Set(found), expected, "operation \(operation) on \(sources)")
      expectEqual(found.count, expected.count, "operation \(operation) repeats a member")
      checkFlat(operation, entries, expected, &keyspace)
    }
    store(expected, operation, sources, into: name, first, &keyspace)
  }

  private func checkFlat(
    _ operation: Int, _ entries: [Entry], _ expected: Set<[UInt8]>, _ keyspace: inout Keyspace
  ) {
    let flats = entries.map { SetType.flatten($0, now: 0) }
    let result =
      switch operation {
      case 0: FlatSetAlgebra.intersection(of: flats, hasher: keyspace.hasher)
      case 1: FlatSetAlgebra.union(of: flats, hasher: keyspace.hasher)
      default:
        FlatSetAlgebra.difference(of: flats[0], without: Array(flats.dropFirst()), hasher: keyspace.hasher)
      }
    var found: [[UInt8]] = []
    result.items.withReader { while let item = $0.read() { found.append(item.array) } }
    expectEqual(Set(found), expected, "operation \(operation) on copies")
    expectEqual(found.count, result.items.count, "count of copies")
    expectEqual(found.count, expected.count, "operation \(operation) on copies repeats a member")
  }

  private mutating func store(
    _ expected: Set<[UInt8]>, _ operation: Int, _ sources: [String], into name: String, _ first: String,
    _ keyspace: inout Keyspace
  ) {
    var builder = keyspace.setBuilder(mayRepeat: false)
    withEntries(sources, &keyspace) { keyspace, entries in
      switch operation {
      case 0:
        SetAlgebra.forEachInIntersection(of: entries, hasher: keyspace.hasher) {
          builder.add($0)
          return true
        }
      case 1: builder = SetAlgebra.union(of: entries, keyspace: &keyspace)
      default:
        SetAlgebra.forEachInDifference(
          of: entries[0], without: Array(entries.dropFirst()), hasher: keyspace.hasher
        ) { builder.add($0) }
      }
    }
    expectEqual(builder.count, expected.count, "what was built")
    if expected.isEmpty || random.below(4) == 0 { return keyspace.discard(&builder) }
    withView(Array(name.utf8)) { view in
      let key = Key(view, hasher: keyspace.hasher)
      let existing = keyspace.lookup(key, in: 0, for: .write)
      keyspace.place(&builder, at: key, in: 0, replacing: existing)
    }
    model[name] = ModelSet(members: expected, encoding: encoding(of: expected, keyspace.limits))
  }

  private func withEntries(
    _ names: [String], _ keyspace: inout Keyspace, _ body: (inout Keyspace, [Entry]) -> Void
  ) {
    // The keys are views, so their bytes must stay.
    let bytes = names.flatMap { Array($0.utf8) }
    bytes.withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress!
      var entries: [Entry] = []
      for name in names {
        let view = ByteView(start: start, count: name.utf8.count)
        start += name.utf8.count
        entries.append(keyspace.lookup(Key(view, hasher: keyspace.hasher), in: 0, for: .peek)!)
      }
      body(&keyspace, entries)
    }
  }

  // MARK: Checks

  mutating func check(_ keyspace: inout Keyspace, _ comment: String) {
    keyspace.releaseRemoved(blockMaximum: .max)
    var bytes = 0
    for name in names {
      let found = keyspace.withEntry(name) { keyspace, entry in
        bytes += keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
        return (entry.elementCount, "\(entry.encodingName)", entry.expiry)
      }
      expectEqual(found?.0, model[name]?.members.count, "members of \(name), \(comment)")
      expectEqual(found?.1, model[name]?.encoding, "encoding of \(name), \(comment)")
      expectEqual(found?.2, model[name]?.expiry, "expiry of \(name), \(comment)")
    }
    expectEqual(keyspace.heap.liveBytes(.dataset), bytes, "bytes, \(comment)")
    LedgerInvariants.expect(keyspace, comment)
    checkMembers(of: pick(names), &keyspace, comment)
  }

  private mutating func checkMembers(of name: String, _ keyspace: inout Keyspace, _ comment: String) {
    guard let set = model[name] else { return }
    // Going through a large set takes far longer than a step.
    if set.members.count > 64, random.below(8) != 0 { return }
    let probes = (0..<5).map { _ in member() }
    keyspace.withEntry(name) { keyspace, entry in
      var read: [[UInt8]] = []
      var reader = SetReader(entry)
      while let member = reader.next() { read.append(member.array) }
      expectEqual(Set(read), set.members, "members of \(name), \(comment)")
      expectEqual(read.count, set.members.count, "a member of \(name) is there twice, \(comment)")
      for probe in probes + read.prefix(5) {
        let isMember = withView(probe) { entry.hasMember(Element($0), hasher: keyspace.hasher) }
        expectEqual(isMember, set.members.contains(probe), "\(text(probe)) in \(name), \(comment)")
      }
      var scanned: [[UInt8]] = []
      var cursor: UInt64 = 0
      repeat {
        cursor = entry.scanMembers(from: cursor, count: 7) { scanned.append($0.array) }
      } while cursor != 0
      expectEqual(Set(scanned), set.members, "scan of \(name), \(comment)")
    }
  }

  /// Removes all keys; each gives back exactly the bytes that it was said to hold.
  mutating func end(_ keyspace: inout Keyspace) {
    for name in names {
      let before = keyspace.heap.liveBytes(.dataset)
      let bytes = keyspace.withEntry(name) { keyspace, entry in
        defer { keyspace.remove(entry) }
        return keyspace.allocatedBytes(of: entry) - Keyspace.slotBytes
      }
      keyspace.releaseRemoved(blockMaximum: .max)
      expectEqual(before - keyspace.heap.liveBytes(.dataset), bytes ?? 0, "removing \(name)")
    }
    expectEqual(keyspace.heap.liveBytes(.dataset), 0, "the end")
  }
}

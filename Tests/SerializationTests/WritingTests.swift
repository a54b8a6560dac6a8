import Bytes
import Keyspace
import TestSupport
import Testing

@testable import Serialization

@Suite struct WritingTests {
  private func written(_ value: ValueTransfer, _ limits: CollectionLimits = CollectionLimits()) -> [UInt8] {
    DumpPayload.make(value, limits: limits)
  }

  /// What is not compressed comes out as it came from Redis.
  @Test(arguments: [
    "string", "empty string", "integer of 8 bits", "integer of 16 bits", "integer of 32 bits",
    "integer of 64 bits",
    "string of 14 bits", "list of one listpack", "set of texts", "set of integers of 2 bytes",
    "set of integers of 4 bytes", "packed sorted set",
  ])
  func asRedisWrites(_ name: String) throws {
    let known = try #require(capturedPayloads.first { $0.name == name })
    let value = try readPayload(known.bytes).get()
    #expect(written(value) == known.bytes)
    if let string = value.string { #expect(withView(string) { DumpPayload.make(string: $0) } == known.bytes) }
  }

  @Test(arguments: capturedPayloads + craftedPayloads)
  func whatWasReadIsReadTheSameAfterWriting(_ known: KnownPayload) throws {
    let value = try readPayload(known.bytes).get()
    let again = try readPayload(written(value)).get()
    #expect(again.string == value.string)
    #expect(again.collection?.comparable == value.collection?.withoutActiveTimes.comparable)
  }

  @Test func packedHashesWithTimesBeginWithTheEarliest() throws {
    let texts = ["a", "1", "2000", "b", "2", "0", "c", "3", "1000"].map(\.latin1)
    let payload = written(ValueTransfer(FlatValue(kind: .hash, texts: texts, hasTimes: true)))
    #expect(payload[0] == SerialType.hashListpackWithTimes.rawValue)
    #expect(payload[1...8] == [0xe8, 0x03, 0, 0, 0, 0, 0, 0])
    #expect(payload.suffix(10).prefix(2) == [12, 0])
    #expect(
      readPayload(payload).texts == ["c", "3", "1000", "a", "1", "2000", "b", "2", "0"].map(\.latin1))
  }

  /// Which form is taken follows the limits.
  @Test func forms() {
    func type(_ kind: ValueKind, _ texts: [String], times: Bool = false, limits: CollectionLimits = .init())
      -> SerialType
    {
      let value = FlatValue(kind: kind, texts: texts.map(\.latin1), hasTimes: times)
      return SerialValue(ValueTransfer(value), limits: limits).type
    }
    var small = CollectionLimits()
    small.hashPackedEntries = 1
    small.setIntegerEntries = 1
    small.sortedSetPackedValueBytes = 2
    #expect(type(.set, ["1", "2"]) == .setIntegers)
    #expect(type(.set, ["1", "2"], limits: small) == .set)
    #expect(type(.set, ["1", "x"]) == .set)
    #expect(type(.hash, ["f", "v"], limits: small) == .hashListpack)
    #expect(type(.hash, ["f", "v", "g", "w"], limits: small) == .hash)
    #expect(type(.hash, ["f", String(repeating: "v", count: 65)]) == .hash)
    #expect(type(.hash, ["f", "v", "5"], times: true) == .hashListpackWithTimes)
    #expect(type(.hash, ["f", "v", "5", "g", "v", "0"], times: true, limits: small) == .hashWithTimes)
    #expect(type(.sortedSet, ["m", "1.5"]) == .sortedSetListpack)
    #expect(type(.sortedSet, ["mem", "1.5"], limits: small) == .sortedSet)
    #expect(type(.list, ["a"]) == .listNodes)
  }

  @Test(arguments: [-1, -2, -5, 1, 3, 1_000])
  func listsAreCutAsConfigured(_ size: Int) {
    var limits = CollectionLimits()
    limits.listPackedSize = size
    let texts =
      (0..<3_000).map { Array("element \($0 * 7_919)".utf8) } + [[UInt8](repeating: 3, count: 100_000)]
    let value = ValueTransfer(FlatValue(kind: .list, texts: texts))
    var writer = SerialWriter(compresses: false)
    writer.write(SerialValue(value, limits: limits))
    withView(writer.bytes) { view in
      do throws(SerializationError) {
        var reader = SerialReader(view)
        for _ in 0..<(try reader.readCount()) {
          #expect(try reader.readLength() == ListNode.packed.rawValue)
          let node = try reader.readBlob()
          var items = ItemArray()
          try items.appendAll(ListpackReader(node))
          if items.count > 1 {
            #expect(node.count <= (size < 0 ? 4_096 << (-size - 1) : 8_192))
            if size > 0 { #expect(items.count <= size) }
          }
        }
        #expect(try reader.isAtEnd)
      } catch {
        Issue.record(error)
      }
    }
    #expect(readPayload(written(value, limits)).texts == texts)
  }

  /// Collections of all kinds, small and large, with all that elements can be.
  @Test func anythingComesBack() throws {
    var random = SeededRandom(test: "Writing.anything")
    for round in 0..<600 {
      let value = random.collection()
      var limits = CollectionLimits()
      limits.listPackedSize = [-2, -1, 5, 128][random.below(4)]
      let outcome = readPayload(written(ValueTransfer(value), limits))
      guard case .success(let read) = outcome, let collection = read.collection else {
        Issue.record("\(random), round \(round): \(outcome)")
        continue
      }
      if value.comparable != collection.comparable {
        Issue.record("\(random), round \(round): \(value.kind) differs")
      }
    }
  }
}

extension SeededRandom {
  /// An element: text, integer, binary, empty or long.
  mutating func element() -> [UInt8] {
    switch below(8) {
    case 0...2: Array(String(Int64(truncatingIfNeeded: next() >> UInt64(below(64)))).utf8)
    case 3: Array(String(-Int64(truncatingIfNeeded: next() >> UInt64(1 + below(63)))).utf8)
    case 4: bytes(below(200))
    case 5: Array(String(repeating: "pattern", count: below(30)).utf8)
    case 6: below(20) == 0 ? bytes(3_000 + below(5_000)) : bytes(below(70))
    default: Array("element \(below(100_000))".utf8)
    }
  }

  mutating func collection() -> FlatValue {
    let count = 1 + below([5, 50, 1_000][below(3)])
    let elements = (0..<count).map { _ in element() }
    let distinct = Array(Set(elements))
    switch below(5) {
    case 0: return FlatValue(kind: .list, texts: elements)
    case 1: return FlatValue(kind: .set, texts: distinct)
    case 2: return FlatValue(kind: .hash, texts: distinct.flatMap { [$0, element()] })
    case 3:
      var texts: [[UInt8]] = []
      for field in distinct { texts += [field, element(), Array("\(below(2) * (1 + below(1 << 40)))".utf8)] }
      texts[2] = Array("1234".utf8)
      return FlatValue(kind: .hash, texts: texts, hasTimes: true)
    default:
      let scored = distinct.map { (score: score(), member: $0) }
        .sorted {
          $0.score == $1.score ? $0.member.lexicographicallyPrecedes($1.member) : $0.score < $1.score
        }
      return FlatValue(kind: .sortedSet, texts: scored.flatMap { [$0.member, Array("\($0.score)".utf8)] })
    }
  }

  private mutating func score() -> Double {
    switch below(6) {
    case 0: Double(below(10))
    case 1: Double(below(1_000)) / 8
    case 2: Double(Int64(bitPattern: next()))
    case 3:
      [.infinity, -.infinity, Double.leastNonzeroMagnitude, 1e300, 1e17, -9_007_199_254_740_994][below(6)]
    default: Double.random(in: -1e6...1e6, using: &self)
    }
  }
}

extension FlatValue {
  /// The texts, ordered where order means nothing.
  var comparable: [[[UInt8]]] {
    if kind == .stream { return streamLines }
    let stride = kind == .hash ? (hasTimes ? 3 : 2) : 1
    let texts = texts
    if kind == .sortedSet {
      // Packed ones lose the sign of zero.
      let zero = Array("0".utf8)
      let texts = texts.map { $0 == Array("-0".utf8) ? zero : $0 }
      return Swift.stride(from: 0, to: texts.count, by: 2).map { Array(texts[$0..<$0 + 2]) }
    }
    let groups = Swift.stride(from: 0, to: texts.count, by: stride).map { Array(texts[$0..<$0 + stride]) }
    if kind == .list { return groups }
    return groups.sorted { $0[0].lexicographicallyPrecedes($1[0]) }
  }
}

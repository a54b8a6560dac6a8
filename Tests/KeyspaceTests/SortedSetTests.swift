import Bytes
import Heap
import TestSupport
import Testing

@testable import Keyspace

@Suite("Sorted sets")
struct SortedSetTests {
  @Test("leave their key's block with too many members, or with one that is too long")
  func conversions() {
    withKeyspace { keyspace in
      for number in 0..<128 { keyspace.zadd("many", "m\(number)", Double(number)) }
      #expect(keyspace.encoding(of: "many") == "listpack")
      keyspace.zadd("many", "m5", 1_000)
      #expect(keyspace.encoding(of: "many") == "listpack")
      keyspace.zadd("many", "one more", 1)
      #expect(keyspace.encoding(of: "many") == "skiplist")

      keyspace.zadd("long", String(repeating: "x", count: 64), 1)
      #expect(keyspace.encoding(of: "long") == "listpack")
      keyspace.zadd("long", String(repeating: "x", count: 65), 1)
      #expect(keyspace.encoding(of: "long") == "skiplist")
      keyspace.zadd("first", String(repeating: "x", count: 65), 1)
      #expect(keyspace.encoding(of: "first") == "skiplist")
    }
  }

  @Test("order members of equal scores by the bytes of their texts, integers too", arguments: [128, 0])
  func orderOfEqualScores(packedEntries: Int) {
    withKeyspace { keyspace in
      keyspace.limits.sortedSetPackedEntries = packedEntries
      let members = [
        "10", "9", "-1", "100", "", "a", "1a", "-", "09", "ab", "\u{7f}", "9223372036854775807", "99",
      ]
      for member in members { keyspace.zadd("z", member, 1) }
      let expected = members.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
      #expect(keyspace.ranked("z").map(\.member) == expected)
    }
  }

  @Test("keep the sign of zero only in the large form")
  func negativeZero() {
    withKeyspace { keyspace in
      keyspace.zadd("z", "a", -0.0)
      #expect(keyspace.score("z", "a")?.sign == .plus)
      keyspace.limits.sortedSetPackedEntries = 0
      keyspace.zadd("z", "b", -0.0)
      #expect(keyspace.score("z", "b")?.sign == .minus)
      let copy = keyspace.withEntry("z") { keyspace, entry in keyspace.transfer(of: entry) }
      keyspace.place(copy!, at: "copy")
      #expect(keyspace.score("copy", "b")?.sign == .minus)
      keyspace.limits.sortedSetPackedEntries = 128
      keyspace.place(copy!, at: "copy")
      #expect(keyspace.score("copy", "b")?.sign == .plus)
    }
  }

  @Test("keep members of any length", arguments: [128, 0])
  func longMembers(packedEntries: Int) {
    withKeyspace { keyspace in
      keyspace.limits.sortedSetPackedEntries = packedEntries
      keyspace.limits.sortedSetPackedValueBytes = 10_000
      let lengths = [0, 1, 63, 64, 239, 240, 241, 255, 256, 4_095, 4_096, 100_000]
      for (place, length) in lengths.enumerated() {
        keyspace.zadd("z", String(repeating: "m", count: length), Double(place))
      }
      #expect(keyspace.ranked("z").map(\.member.utf8.count) == lengths)
      for length in lengths { keyspace.zadd("z", String(repeating: "m", count: length), Double(-length)) }
      #expect(keyspace.ranked("z").map(\.member.utf8.count) == lengths.reversed())
    }
  }

  @Test(
    "cost at most 46 bytes for a member of 16 bytes in any order, fewer in order",
    .enabled(if: heapsAreMimalloc))
  func bytesPerMember() {
    let count = 200_000
    var random = SeededRandom(test: "SortedSetTests.bytesPerMember")
    for (name, limit, score) in [
      ("random", 46.0, { (_: Int, random: inout SeededRandom) in Double(random.next() >> 11) }),
      ("ascending", 42.0, { (number: Int, _: inout SeededRandom) in Double(number) }),
      ("descending", 42.0, { (number: Int, _: inout SeededRandom) in Double(-number) }),
      ("equal", 46.0, { (_: Int, _: inout SeededRandom) in 1 }),
    ] as [(String, Double, (Int, inout SeededRandom) -> Double)] {
      withKeyspace(hasher: random.hasher()) { keyspace in
        for number in 0..<count {
          // Sixteen bytes, in an order that has nothing to do with the numbers.
          let text = String(UInt64(number) &* 0x9e37_79b9_7f4a_7c15 | 1 << 60, radix: 16)
          _ = keyspace.zadd(Array("z".utf8), Array(text.utf8), score(number, &random))
        }
        let bytes = keyspace.withEntry("z") { keyspace, entry in
          #expect(entry.sortedSetCount == count)
          return keyspace.allocatedBytes(of: entry)
        }
        let each = Double(bytes!) / Double(count)
        #expect(each <= limit, "\(name): \(each) bytes")
        #expect(keyspace.heap.liveBytes(.dataset) == bytes! - Keyspace.slotBytes)
      }
    }
  }

  @Test("give their memory back as they shrink", .enabled(if: heapsAreMimalloc))
  func shrinking() {
    withKeyspace { keyspace in
      for number in 0..<20_000 { keyspace.zadd("z", "member:\(number)", Double(number * 7_919 % 20_011)) }
      for number in 0..<20_000 where number % 100 != 0 {
        _ = keyspace.zrem(Array("z".utf8), Array("member:\(number)".utf8))
      }
      let bytes = keyspace.withEntry("z") { keyspace, entry in keyspace.allocatedBytes(of: entry) }
      #expect(bytes! < 200 * 100, "\(bytes!) bytes for 200 members")
      #expect(keyspace.ranked("z").count == 200)
    }
  }

  @Test("are freed in slices when they are large")
  func freeing() {
    withKeyspace { keyspace in
      for number in 0..<50_000 {
        let tail = number % 500 == 0 ? String(repeating: "l", count: 300) : ""
        keyspace.zadd("z", "member:\(number)\(tail)", Double(number % 1_000))
      }
      keyspace.delete("z")
      var slices = 0
      while keyspace.hasRemovedValues {
        let before = keyspace.heap.liveBytes(.dataset)
        keyspace.releaseRemoved(blockMaximum: 50)
        let freed = before - keyspace.heap.liveBytes(.dataset)
        #expect(freed > 0 && freed <= 64 * 4_096)
        slices += 1
      }
      #expect(slices > 50)
      #expect(keyspace.heap.liveBytes(.dataset) == 0)
    }
  }

  /// ZSCAN's promise, which matters most where members move: one that is there throughout is seen.
  @Test("show every member that stays to a scan, whatever happens to scores and to others")
  func scanning() {
    var random = SeededRandom(test: "SortedSetTests.scanning")
    withKeyspace(hasher: random.hasher()) { keyspace in
      for number in 0..<3_000 { keyspace.zadd("z", "stays:\(number)", Double(random.below(50))) }
      for round in 0..<6 {
        var seen: Set<String> = []
        var cursor: UInt64 = 0
        repeat {
          cursor =
            keyspace.withEntry("z") { _, entry in
              entry.scanScored(from: cursor, count: 1 + random.below(200)) { member, _ in
                seen.insert(String(decoding: member.array, as: UTF8.self))
              }
            } ?? 0
          // Growing in even rounds, shrinking in odd ones, and everything moves.
          for _ in 0..<200 {
            keyspace.zadd("z", "stays:\(random.below(3_000))", Double(random.below(50)))
            let other = "other:\(random.below(20_000))"
            if round % 2 == 0 {
              keyspace.zadd("z", other, Double(random.below(50)))
            } else {
              _ = keyspace.zrem(Array("z".utf8), Array(other.utf8))
            }
          }
        } while cursor != 0
        let missing = (0..<3_000).filter { !seen.contains("stays:\($0)") }
        #expect(missing.isEmpty, "\(missing.count) missing in round \(round), \(random)")
      }
    }
  }

  @Test("draw members evenly", arguments: [128, 0])
  func drawing(packedEntries: Int) {
    withKeyspace { keyspace in
      keyspace.limits.sortedSetPackedEntries = packedEntries
      keyspace.random = FastRandom(seed: 99)
      for number in 0..<60 { keyspace.zadd("z", "m\(number)", Double(number % 7)) }
      var single: [String: Int] = [:]
      var sampled: [String: Int] = [:]
      keyspace.withEntry("z") { keyspace, entry in
        for _ in 0..<6_000 {
          entry.withRandomScored(using: &keyspace.random) { member, _ in
            single[String(decoding: member.array, as: UTF8.self), default: 0] += 1
          }
        }
        for _ in 0..<2_000 {
          for count in [3, 30] {
            var drawn: Set<String> = []
            entry.forEachScoredSample(count, using: &keyspace.random) { member, _ in
              drawn.insert(String(decoding: member.array, as: UTF8.self))
            }
            expectEqual(drawn.count, count, "different members")
            for member in drawn { sampled[member, default: 0] += 1 }
          }
        }
      }
      #expect(single.count == 60 && single.values.allSatisfy { 50...160 ~= $0 })
      #expect(sampled.count == 60 && sampled.values.allSatisfy { 900...1_300 ~= $0 })
    }
  }

  // MARK: As a whole

  @Test("come back from plain items, in any order and with repetitions", arguments: [4, 40, 400])
  func placing(count: Int) {
    withKeyspace { keyspace in
      var value = FlatValue(kind: .sortedSet)
      for number in 0..<(count * 2) {
        withView(Array("m\(number % count)".utf8)) { value.items.append($0) }
        value.items.append(score: Double(number * 37 % 11))
      }
      keyspace.place(ValueTransfer(value, expiry: 2_000_000), at: "z")
      let found = keyspace.ranked("z")
      #expect(found.count == count)
      for (member, score) in found {
        let number = Int(member.dropFirst())! + count
        expectEqual(score, Double(number * 37 % 11), member)
      }
      let transfer = keyspace.withEntry("z") { keyspace, entry in keyspace.transfer(of: entry) }
      keyspace.place(transfer!, at: "copy")
      #expect(keyspace.ranked("copy").map(\.member) == found.map(\.member))
      #expect(keyspace.encoding(of: "copy") == (count > 128 ? "skiplist" : "listpack"))
      #expect(keyspace.withEntry("copy") { $1.expiry } == 2_000_000)
    }
  }

  @Test(
    "are built member by member, and combine the scores of those that come again", arguments: [10, 1_000])
  func building(count: Int) {
    withKeyspace { keyspace in
      withView(Array("z".utf8)) { key in
        var builder = SortedSetBuilder(hasher: keyspace.hasher, heap: keyspace.heap)
        for number in 0..<(3 * count) {
          withView(Array("m\(number % count)".utf8)) { view in
            builder.combineScore(Double(number), of: Element(view)) { $0 + $1 }
          }
        }
        #expect(builder.count == count)
        keyspace.place(builder, at: Key(key, hasher: keyspace.hasher), in: 0, replacing: nil)
      }
      for number in 0..<count {
        expectEqual(keyspace.score("z", "m\(number)"), Double(3 * number + 3 * count), "m\(number)")
      }
      let unused = SortedSetBuilder(hasher: keyspace.hasher, heap: keyspace.heap)
      #expect(unused.count == 0)
    }
  }
}

extension Keyspace {
  fileprivate mutating func zadd(_ key: String, _ member: String, _ score: Double) {
    _ = zadd(Array(key.utf8), Array(member.utf8), score)
  }

  fileprivate mutating func encoding(of key: String) -> String? {
    withEntry(key) { _, entry in entry.encodingName.description }
  }

  fileprivate mutating func score(_ key: String, _ member: String) -> Double? {
    withEntry(key) { _, entry in withView(Array(member.utf8)) { entry.score(of: Element($0)) } } ?? nil
  }

  fileprivate mutating func ranked(_ key: String) -> [(member: String, score: Double)] {
    var members: [(member: String, score: Double)] = []
    withEntry(key) { _, entry in
      entry.forEachScored { members.append((String(decoding: $0.array, as: UTF8.self), $1)) }
    }
    return members
  }

  fileprivate mutating func place(_ transfer: ValueTransfer, at key: String) {
    withView(Array(key.utf8)) { view in
      let key = Key(view, hasher: hasher)
      place(transfer, at: key, in: 0, replacing: lookup(key, in: 0, for: .write))
    }
  }
}

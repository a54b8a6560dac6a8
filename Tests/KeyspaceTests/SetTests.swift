import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Sets")
struct SetTests {
  @Test("of integers take 2, 4 or 8 bytes each, as the widest needs")
  func integerWidths() {
    withKeyspace { keyspace in
      for (value, width) in [(1, 2), (-32_768, 2), (32_768, 4), (7, 4), (-2_147_483_649, 8), (1 << 40, 8)] {
        keyspace.add(String(value), to: "s")
        keyspace.withEntry("s") { _, entry in
          #expect(entry.sortedIntegers.width == width)
          #expect(entry.form == .integers)
        }
      }
      #expect(
        keyspace.members(of: "s") == [
          "-2147483649", "-32768", "1", "7", "32768", String(1 << 40),
        ])
    }
  }

  @Test("of integers take the large form beyond their limit, and the packed one for a text")
  func leavingIntegers() {
    withKeyspace { keyspace in
      for value in 0..<512 { keyspace.add(String(value), to: "many") }
      #expect(keyspace.encoding(of: "many") == "intset")
      keyspace.add("512", to: "many")
      #expect(keyspace.encoding(of: "many") == "hashtable")
      for value in 0..<127 { keyspace.add(String(value), to: "few") }
      keyspace.add("text", to: "few")
      #expect(keyspace.encoding(of: "few") == "listpack")
      keyspace.add("one more", to: "few")
      #expect(keyspace.encoding(of: "few") == "hashtable")
      keyspace.add("1", to: "long")
      keyspace.add(String(repeating: "x", count: 65), to: "long")
      #expect(keyspace.encoding(of: "long") == "hashtable")
    }
  }

  @Test("keep members of any length")
  func longMembers() {
    withKeyspace { keyspace in
      let members = [0, 1, 63, 64, 65, 255, 256, 4_095, 4_096, 100_000].map {
        String(repeating: "m", count: $0)
      }
      for member in members { keyspace.add(member, to: "s") }
      #expect(Set(keyspace.members(of: "s")) == Set(members))
    }
  }

  /// What SPOP and SRANDMEMBER rest on: no member is likelier than another, in any form.
  @Test("draw members evenly", arguments: ["intset", "listpack", "hashtable"])
  func drawing(encoding: String) {
    withKeyspace { keyspace in
      keyspace.random = FastRandom(seed: 99)
      let count = 60
      for number in 0..<count { keyspace.add(encoding == "intset" ? String(number) : "m\(number)", to: "s") }
      if encoding == "hashtable" {
        keyspace.add(String(repeating: "x", count: 100), to: "s")
        keyspace.removeMember(String(repeating: "x", count: 100), from: "s")
      }
      #expect(keyspace.encoding(of: "s") == encoding)
      var single: [String: Int] = [:]
      var sampled: [String: Int] = [:]
      let expected = 200
      keyspace.withEntry("s") { keyspace, entry in
        for _ in 0..<count * expected {
          single[string(entry.randomMember(using: &keyspace.random).item), default: 0] += 1
        }
        for _ in 0..<6 * expected {
          entry.forEachSample(10, using: &keyspace.random) { sampled[string($0), default: 0] += 1 }
        }
      }
      for counts in [single, sampled] {
        #expect(counts.count == count)
        let chiSquare = counts.values.reduce(0.0) {
          $0 + Double(($1 - expected) * ($1 - expected)) / Double(expected)
        }
        // The seed is fixed, so this never fails by chance; five standard deviations.
        #expect(chiSquare < Double(count) + 5 * Double(2 * count).squareRoot())
      }
    }
  }

  @Test("of hostile copies don't get a member twice")
  func repeatedItems() {
    withKeyspace { keyspace in
      for (name, texts) in [("integers", ["1", "2", "1"]), ("packed", ["a", "1", "a", "1"])] {
        var value = FlatValue(kind: .set)
        for text in texts { withView(Array(text.utf8)) { value.items.append($0) } }
        withView(Array(name.utf8)) { view in
          keyspace.place(
            ValueTransfer(value), at: Key(view, hasher: keyspace.hasher), in: 0, replacing: nil)
        }
        #expect(Set(keyspace.members(of: name)) == Set(texts))
        #expect(keyspace.members(of: name).count == 2)
      }
    }
  }
}

private func string(_ item: Item) -> String { String(decoding: item.array, as: UTF8.self) }

extension Keyspace {
  fileprivate mutating func add(_ member: String, to name: String) {
    withView(Array(name.utf8)) { nameView in
      withView(Array(member.utf8)) { view in
        let key = Key(nameView, hasher: hasher)
        if let entry = lookup(key, in: 0, for: .write) {
          _ = addMember(Element(view), to: entry)
        } else {
          _ = makeSet(key, in: 0, of: Element(view))
        }
      }
    }
  }

  fileprivate mutating func removeMember(_ member: String, from name: String) {
    withEntry(name) { keyspace, entry in
      _ = withView(Array(member.utf8)) { keyspace.removeMember(Element($0), from: entry) }
    }
  }

  fileprivate mutating func members(of name: String) -> [String] {
    withEntry(name) { _, entry in
      var members: [String] = []
      var reader = SetReader(entry)
      while let member = reader.next() { members.append(string(member)) }
      return members
    } ?? []
  }

  fileprivate mutating func encoding(of name: String) -> String? {
    withEntry(name) { _, entry in "\(entry.encodingName)" }
  }
}

import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("String values")
struct StringValueTests {
  private static let integers = [
    "0", "1", "-1", "9", "10", "-10", "123456789", "9223372036854775807", "-9223372036854775808",
    "1000000000000000000",
  ]

  private static let otherTexts = [
    "", " 1", "1 ", "+1", "01", "-0", "00", "1.0", "1e3", "0x1", "-", "9223372036854775808",
    "-9223372036854775809", "99999999999999999999", "abc", "1\u{0}",
  ]

  @Test("that are decimal integers are kept as integers and read back as text", arguments: integers)
  func integersAreKeptAsIntegers(text: String) {
    withKeyspace { keyspace in
      keyspace.set("key", text)
      #expect(keyspace.get("key") == text)
      let facts = keyspace.withEntry("key") { _, entry in (entry.kind, entry.integer, entry.textCount) }
      #expect(facts?.0 == .integer)
      #expect(facts?.1 == Int64(text))
      #expect(facts?.2 == text.utf8.count)
    }
  }

  @Test("that only resemble integers are kept as they are", arguments: otherTexts)
  func otherTextsStay(text: String) {
    withKeyspace { keyspace in
      keyspace.set("key", text)
      #expect(keyspace.get("key") == text)
      let facts = keyspace.withEntry("key") { _, entry in (entry.kind, entry.integer, entry.textCount) }
      #expect(facts?.0 == .bytes)
      #expect(facts?.1 == nil)
      #expect(facts?.2 == text.utf8.count)
    }
  }

  @Test(
    "of integers cost no more than eight bytes, however many digits they have", .enabled(if: heapsAreMimalloc)
  )
  func integersAreSmall() {
    withKeyspace { keyspace in
      keyspace.set("12345678", "-9223372036854775808")
      #expect(keyspace.heap.liveBytes(.dataset) == 16)
    }
  }

  @Test("change between integers and bytes as they are set")
  func kindsChange() {
    withKeyspace { keyspace in
      for (number, text) in (Self.integers + Self.otherTexts + Self.integers.reversed()).enumerated() {
        keyspace.set("key", text, expiry: number % 3 == 0 ? 2_000_000 : nil)
        #expect(keyspace.get("key") == text)
      }
      #expect(keyspace.count(in: 0) == 1)
      TableInvariants.expect(keyspace)
    }
  }

  @Test("of every kind are strings")
  func typeName() {
    for kind in [ValueKind.bytes, .integer] { #expect("\(kind.typeName)" == "string") }
  }

  // MARK: Writing into a string

  /// SETRANGE or APPEND as the key's text says, in a model.
  private func write(_ keyspace: inout Keyspace, _ key: String, at offset: Int, _ bytes: [UInt8]) -> Int {
    withView(Array(key.utf8)) { keyView in
      withView(bytes) { bytesView in
        let key = Key(keyView, hasher: keyspace.hasher)
        let existing = keyspace.lookup(key, in: 0, for: .write)
        return keyspace.writeString(key, in: 0, at: offset, bytesView, existing: existing)
      }
    }
  }

  @Test("grow with zeros to where bytes are written, and keep the others")
  func writing() {
    withKeyspace { keyspace in
      #expect(write(&keyspace, "key", at: 3, Array("abc".utf8)) == 6)
      #expect(keyspace.get("key") == "\0\0\0abc")
      #expect(write(&keyspace, "key", at: 1, Array("12".utf8)) == 6)
      #expect(keyspace.get("key") == "\u{0}12abc")
      #expect(write(&keyspace, "key", at: 6, Array("!".utf8)) == 7)
      #expect(keyspace.get("key") == "\u{0}12abc!")
      #expect(write(&keyspace, "key", at: 9, []) == 9)
      #expect(keyspace.get("key") == "\u{0}12abc!\0\0")
    }
  }

  @Test("of integers become bytes when something is written into them")
  func writingIntoIntegers() {
    withKeyspace { keyspace in
      for text in Self.integers {
        keyspace.set("key", text, expiry: 2_000_000)
        #expect(write(&keyspace, "key", at: text.utf8.count, Array("0".utf8)) == text.utf8.count + 1)
        #expect(keyspace.get("key") == text + "0")
        #expect(keyspace.withEntry("key") { $1.kind } == .bytes)
        #expect(keyspace.withEntry("key") { $1.expiry } == 2_000_000)
      }
    }
  }

  @Test("are arrays of bytes, whatever is written where")
  func writingModel() {
    var random = SeededRandom(test: "StringValueTests.writingModel")
    withKeyspace { keyspace in
      for round in 0..<60 {
        let key = round % 2 == 0 ? "key" : String(repeating: "k", count: 100)
        let expiry: Int64? = round % 3 == 0 ? 2_000_000 : nil
        keyspace.set(key, "12", expiry: expiry)
        var model = Array("12".utf8)
        for _ in 0..<80 {
          let bytes = (0..<random.below(60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
          let offset = random.below(2) == 0 ? model.count : random.below(model.count + 20)
          while model.count < offset { model.append(0) }
          model.replaceSubrange(offset..<min(offset + bytes.count, model.count), with: bytes)
          let count = write(&keyspace, key, at: offset, bytes)
          expectEqual(count, model.count, "\(random)")
          expectEqual(keyspace.get(Array(key.utf8)), model, "\(random)")
        }
        #expect(keyspace.withEntry(key) { $1.expiry } == expiry)
        TableInvariants.expect(keyspace, "\(random)")
      }
    }
  }

  @Test("that grow by appending are moved seldom, and waste at the most half of their block")
  func appending() {
    withKeyspace { keyspace in
      var allocations = 0
      var held = 0
      for count in 1...20_000 {
        #expect(write(&keyspace, "key", at: count - 1, [UInt8(truncatingIfNeeded: count)]) == count)
        let now = keyspace.heap.liveBytes(.dataset)
        if now != held { allocations += 1 }
        held = now
        if count > 1_000 { expectEqual(now <= 2 * count + 64, true, "\(now) bytes for \(count)") }
      }
      #expect(allocations < 100)
      #expect(keyspace.get(Array("key".utf8))?.count == 20_000)
    }
  }
}

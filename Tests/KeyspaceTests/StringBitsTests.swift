import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Strings changed in place")
struct StringBitsTests {
  @Test("grow with zeros, keep what fits, and become bytes")
  func resize() {
    withKeyspace { keyspace in
      withView(Array("key".utf8)) { name in
        let key = Key(name, hasher: keyspace.hasher)
        var expected: [UInt8] = []
        for count in [3, 0, 40, 39, 700, 1_000, 5, 447, 449] {
          let existing = keyspace.lookup(key, in: 0, for: .write)
          let bytes = keyspace.resizeString(key, in: 0, to: count, existing: existing)
          expected = Array((expected + [UInt8](repeating: 0, count: 1_000)).prefix(count))
          #expect(Array(bytes) == expected)
          for index in 0..<count {
            bytes[index] = UInt8(truncatingIfNeeded: index &* 7 &+ count)
            expected[index] = bytes[index]
          }
          let entry = keyspace.lookup(key, in: 0, for: .peek)
          #expect(entry?.mutableBytes.map(Array.init) == expected)
        }
      }
    }
  }

  @Test("start from the text of an integer, and keep the expiry time")
  func resizeInteger() {
    withKeyspace { keyspace in
      keyspace.set("key", "-1234")
      withView(Array("key".utf8)) { name in
        let key = Key(name, hasher: keyspace.hasher)
        guard let integer = keyspace.lookup(key, in: 0, for: .write) else { return }
        #expect(integer.mutableBytes == nil)
        keyspace.setExpiry(integer, 2_000_000)
        let existing = keyspace.lookup(key, in: 0, for: .write)
        let bytes = keyspace.resizeString(key, in: 0, to: 7, existing: existing)
        #expect(Array(bytes) == Array("-1234\0\0".utf8))
        #expect(keyspace.lookup(key, in: 0, for: .peek)?.expiry == 2_000_000)
        #expect(keyspace.lookup(key, in: 0, for: .peek)?.kind == .bytes)
      }
    }
  }
}

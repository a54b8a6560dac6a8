import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Copying and moving keys")
struct KeyMovementTests {
  /// Values in every form that a block may have.
  private static let values = [
    "", "short", "12345", "-9223372036854775808", String(repeating: "v", count: 430),
    String(repeating: "v", count: 5_000),
  ]

  private func copy(
    _ keyspace: inout Keyspace, _ old: String, to new: String, in database: Int = 0, renames: Bool = false
  ) {
    withView(Array(old.utf8)) { oldView in
      withView(Array(new.utf8)) { newView in
        let target = Key(newView, hasher: keyspace.hasher)
        guard let entry = keyspace.lookup(Key(oldView, hasher: keyspace.hasher), in: 0, for: .write) else {
          Issue.record("\(old) is not there")
          return
        }
        if renames {
          keyspace.rename(entry, to: target)
        } else {
          keyspace.copy(entry, to: target, in: database)
        }
      }
    }
  }

  @Test("a copy has the value, its form and the expiry time of the original, which stays", arguments: values)
  func copying(value: String) {
    withKeyspace(databaseCount: 2) { keyspace in
      for expiry in [nil, 2_000_000] as [Int64?] {
        for existing in [nil, "x", String(repeating: "e", count: 1_000)] as [String?] {
          keyspace.set("original", value, expiry: expiry)
          for database in 0..<2 {
            if let existing { keyspace.set("copy", existing, expiry: 3_000_000, in: database) }
            copy(&keyspace, "original", to: "copy", in: database)
            #expect(keyspace.get("copy", in: database) == value && keyspace.get("original") == value)
            let facts = keyspace.withEntry("copy", in: database) { ($1.kind, $1.expiry) }
            let originals = keyspace.withEntry("original") { ($1.kind, $1.expiry) }
            #expect(facts?.0 == originals?.0 && facts?.1 == expiry)
          }
          TableInvariants.expect(keyspace)
          keyspace.delete("copy")
          keyspace.delete("copy", in: 1)
        }
      }
    }
  }

  @Test("a renamed key is gone under its old name", arguments: values)
  func renaming(value: String) {
    withKeyspace { keyspace in
      keyspace.set("old", value, expiry: 2_000_000)
      copy(&keyspace, "old", to: "new name that is longer", renames: true)
      #expect(keyspace.get("old") == nil && keyspace.get("new name that is longer") == value)
      #expect(keyspace.withEntry("new name that is longer") { $1.expiry } == 2_000_000)
      #expect(keyspace.count(in: 0) == 1 && keyspace.expiringCount(in: 0) == 1)
    }
  }

  @Test("keys are found under their new names though segments split as they are renamed")
  func renamingManyKeys() {
    var random = SeededRandom(test: "KeyMovementTests.renamingManyKeys")
    withKeyspace(hasher: random.hasher()) { keyspace in
      for number in 0..<3_000 {
        keyspace.set("old \(number)", "\(number)", expiry: number % 2 == 0 ? 2_000_000 : nil)
      }
      for number in 0..<3_000 {
        copy(&keyspace, "old \(number)", to: "new \(number)", renames: number % 3 != 0)
      }
      for number in 0..<3_000 {
        expectEqual(keyspace.get("new \(number)"), "\(number)", "\(random)")
        expectEqual(keyspace.get("old \(number)"), number % 3 == 0 ? "\(number)" : nil, "\(random)")
      }
      TableInvariants.expect(keyspace, "\(random)")
    }
  }

  @Test("a key that moves to another database keeps its block")
  func movingBetweenDatabases() {
    withKeyspace(databaseCount: 2) { keyspace in
      keyspace.set("key", "value", expiry: 2_000_000)
      let bytes = keyspace.heap.liveBytes(.dataset)
      _ = keyspace.withEntry("key") { $0.move($1, to: 1) }
      #expect(keyspace.get("key") == nil && keyspace.get("key", in: 1) == "value")
      #expect(keyspace.expiringCount(in: 0) == 0 && keyspace.expiringCount(in: 1) == 1)
      #expect(keyspace.heap.liveBytes(.dataset) == bytes)
      TableInvariants.expect(keyspace)
    }
  }

  @Test("a value that goes to another shard arrives in the form that it had there", arguments: values)
  func transfers(value: String) {
    withKeyspace { origin in
      withKeyspace { target in
        for expiry in [nil, 2_000_000] as [Int64?] {
          origin.set("key", value, expiry: expiry)
          guard let transfer = origin.withEntry("key", { $0.transfer(of: $1) }) else {
            Issue.record("nothing to transfer")
            return
          }
          withView(Array("there".utf8)) { view in
            let key = Key(view, hasher: target.hasher)
            let existing = target.lookup(key, in: 0, for: .write)
            target.place(transfer, at: key, in: 0, replacing: existing)
          }
          #expect(target.get("there") == value)
          let facts = target.withEntry("there") { ($1.kind, $1.expiry) }
          #expect(facts?.0 == origin.withEntry("key") { $1.kind } && facts?.1 == expiry)
        }
      }
    }
  }

  @Test("bytes that look like an integer stay bytes when they are transferred")
  func transferOfDigits() {
    withKeyspace { origin in
      withKeyspace { target in
        withView(Array("key".utf8)) { view in
          let key = Key(view, hasher: origin.hasher)
          withView(Array("42".utf8)) { origin.setBytes(key, in: 0, to: $0, replacing: nil, expiry: nil) }
          #expect(origin.withEntry("key") { $1.kind } == .bytes)
          if let transfer = origin.withEntry("key", { $0.transfer(of: $1) }) {
            target.place(transfer, at: key, in: 0, replacing: nil)
          }
          #expect(target.get("key") == "42" && target.withEntry("key") { $1.kind } == .bytes)
        }
      }
    }
  }
}

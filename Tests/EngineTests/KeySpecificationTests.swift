import TestSupport
import Testing

@testable import Engine

@Suite("Key specifications")
struct KeySpecificationTests {
  /// The arguments that a specification takes for keys; nil if the call does not fit it.
  private func keys(_ specification: KeySpecification, _ call: String) -> [String]? {
    withArguments(call.split(separator: " ").map(String.init)) { arguments in
      var keys: [String] = []
      let fits = specification.forEachKey(in: arguments) { keys.append(arguments[$0].string) }
      return fits ? keys : nil
    }
  }

  @Test("one key at a place")
  func oneKey() {
    #expect(keys(.key(.readOnly), "GET a") == ["a"])
    #expect(keys(.key(.readOnly), "SET a 1 EX 5") == ["a"])
    #expect(keys(.key(at: 2, .readOnly), "OBJECT ENCODING a") == ["a"])
    #expect(keys(.key(at: 2, .readOnly), "OBJECT ENCODING") == nil)
  }

  @Test("all arguments from a place on, or every second or third of them")
  func allKeys() {
    #expect(keys(.keys(.readOnly), "DEL a b c") == ["a", "b", "c"])
    #expect(keys(.keys(.readOnly), "DEL a") == ["a"])
    #expect(keys(.keys(step: 2, .overwrite), "MSET a 1 b 2 c 3") == ["a", "b", "c"])
    #expect(keys(.keys(step: 3, .readWrite), "X a 1 2 b 3 4") == ["a", "b"])
    #expect(keys(.keys(.readOnly), "DEL") == nil)
  }

  @Test("a range that ends before the last arguments")
  func rangeBeforeEnd() {
    let allButLast = KeySpecification(
      begin: .index(1), find: .range(last: -2, step: 1, limit: 0), flags: .readOnly)
    #expect(keys(allButLast, "BLPOP a b c 0") == ["a", "b", "c"])
    #expect(keys(allButLast, "BLPOP a 0") == ["a"])
    let two = KeySpecification(begin: .index(1), find: .range(last: 1, step: 1, limit: 0), flags: .readOnly)
    #expect(keys(two, "RENAME a b") == ["a", "b"])
    #expect(keys(two, "RENAME a") == nil)
  }

  @Test("the first half of what follows a word, in any case")
  func keywordAndLimit() {
    let streams = KeySpecification(
      begin: .keyword("STREAMS", start: 1), find: .range(last: -1, step: 1, limit: 2), flags: .readOnly)
    #expect(keys(streams, "XREAD COUNT 5 STREAMS a b c 0 0 0") == ["a", "b", "c"])
    #expect(keys(streams, "XREAD streams a 0") == ["a"])
    #expect(keys(streams, "XREAD Streams a b 0 0") == ["a", "b"])
    // Without the word there is no key; that is for the command to complain about.
    #expect(keys(streams, "XREAD COUNT 5") == [])
    #expect(keys(streams, "XREAD STREAMSX a 0") == [])
  }

  @Test("of a word given twice the first, but all places are looked at to find the shards")
  func keywordGivenTwice() {
    let store = KeySpecification(
      begin: .keyword("STORE", start: 2), find: .range(last: 0, step: 1, limit: 0), flags: .overwrite)
    func candidates(_ call: String) -> [String] {
      var keys: [String] = []
      withArguments(call.split(separator: " ").map(String.init)) { arguments in
        store.forEachCandidate(in: arguments) { keys.append(arguments[$0].string) }
      }
      return keys
    }
    #expect(keys(store, "GEORADIUS k STORE a store b") == ["a"])
    #expect(candidates("GEORADIUS k STORE a ASC store b") == ["a", "b"])
    #expect(candidates("GEORADIUS k STORE a") == ["a"])
    // Without an argument behind it the word names nothing.
    #expect(keys(store, "GEORADIUS k ASC STORE") == [])
    #expect(candidates("GEORADIUS k ASC STORE") == [])
    #expect(candidates("GEORADIUS STORE") == [])
  }

  @Test("a word looked for from the end")
  func keywordFromTheEnd() {
    let migrate = KeySpecification(
      begin: .keyword("KEYS", start: -2), find: .range(last: -1, step: 1, limit: 0), flags: .readWrite)
    #expect(keys(migrate, "MIGRATE host 1 x 0 5000 KEYS a b") == ["a", "b"])
    #expect(keys(migrate, "MIGRATE host 1 x 0 5000 COPY") == [])
  }

  @Test("as many keys as an argument says")
  func keyCount() {
    let eval = KeySpecification(
      begin: .index(2), find: .keyCount(countAt: 0, first: 1, step: 1), flags: .readWrite)
    #expect(keys(eval, "EVAL script 2 a b c d") == ["a", "b"])
    #expect(keys(eval, "EVAL script 0 a") == [])
    #expect(keys(eval, "EVAL script 2 a b") == ["a", "b"])
    for wrong in ["3 a b", "-1 a", "x a", "1", "01 a", "99999999999999999999 a", "9223372036854775807 a", ""]
    {
      #expect(keys(eval, "EVAL script \(wrong)") == nil, "\(wrong)")
    }
  }

  @Test("keys with a step behind a count stay within the call")
  func keyCountWithStep() {
    let pairs = KeySpecification(
      begin: .index(1), find: .keyCount(countAt: 0, first: 1, step: 2), flags: .overwrite)
    #expect(keys(pairs, "MSETEX 2 a 1 b 2") == ["a", "b"])
    #expect(keys(pairs, "MSETEX 3 a 1 b 2") == nil)
  }

  @Test("keys at an unknown place are what a finder finds, or hidden")
  func unknown() {
    let hidden = KeySpecification.unknown(.readOnly, notes: "by a pattern")
    #expect(hidden.hidesKeys)
    #expect(keys(hidden, "SORT a BY weight:*") == [])
    let last = KeySpecification.unknown(.overwrite, notes: "the last", finder: { $1($0.count - 1) })
    #expect(!last.hidesKeys)
    #expect(keys(last, "SORT a STORE b") == ["b"])
    #expect(!KeySpecification.key(.readOnly).hidesKeys)
  }

  @Test("no call whatever makes a specification name an argument that is not there")
  func bounds() {
    var random = SeededRandom(test: "KeySpecificationTests.bounds")
    let words = ["a", "1", "2", "0", "-1", "KEYS", "STREAMS", "streams", "9223372036854775807", "x"]
    for _ in 0..<20_000 {
      let begin: KeySpecification.Begin =
        random.below(2) == 0
        ? .index(1 + random.below(4))
        : .keyword(
          random.element(of: ["KEYS", "STREAMS"]), start: random.element(of: [1, 2, 4, -1, -2, -9]))
      let find: KeySpecification.Find =
        random.below(2) == 0
        ? .range(last: random.below(7) - 3, step: 1 + random.below(3), limit: random.below(4))
        : .keyCount(countAt: random.below(2), first: 1 + random.below(2), step: 1 + random.below(2))
      let specification = KeySpecification(begin: begin, find: find, flags: .readOnly)
      let call = ["X"] + (0..<random.below(8)).map { _ in random.element(of: words) }
      withArguments(call) { arguments in
        _ = specification.forEachKey(in: arguments) { index in
          if index < 1 || index >= arguments.count {
            Issue.record("\(specification) names \(index) of \(call), \(random)")
          }
        }
      }
    }
  }
}

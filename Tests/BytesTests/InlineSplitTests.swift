import Bytes
import TestSupport
import Testing

@Suite struct InlineSplitTests {
  /// The arguments of a line, or nil if its quotes are unbalanced.
  private func split(_ line: [UInt8]) -> [[UInt8]]? {
    var storage: [UInt8] = []
    var ranges: [Range<Int>] = []
    guard withView(line, { InlineSplit.split($0, into: &storage, ranges: &ranges) }) else { return nil }
    return ranges.map { Array(storage[$0]) }
  }

  private func split(_ line: String) -> [String]? {
    split(Array(line.utf8))?.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    ("", []), ("   ", []), ("PING", ["PING"]), ("  SET  a\tb \r\n", ["SET", "a", "b"]),
    ("SET a \"hello world\"", ["SET", "a", "hello world"]),
    ("SET a 'hello world'", ["SET", "a", "hello world"]),
    ("\"\" ''", ["", ""]),
    (#""a\"b\\c""#, [#"a"b\c"#]),
    (#""\n\r\t\b\a\q""#, ["\n\r\t\u{8}\u{7}q"]),
    (#""\x41\x4a\x4A\x7a""#, ["AJJz"]),
    (#""\x4" "\xg1" "\x""#, ["x4", "xg1", "x"]),
    (#"'a\'b' 'a\nb'"#, ["a'b", #"a\nb"#]),
    (#"a\nb \x41"#, [#"a\nb"#, #"\x41"#]),
    ("foo\"bar baz\" x", ["foobar baz", "x"]),
    ("a'b'", ["ab"]),
    ("'it\"s' \"it's\"", ["it\"s", "it's"]),
    ("\u{b}a\u{b}b\u{c}", ["a\u{b}b\u{c}"]),
    ("\"a\"\u{b}b", ["a", "b"]),
    ("a\0b c", ["a"]),
  ])
  func splits(line: String, expected: [String]) {
    #expect(split(line) == expected)
  }

  @Test(arguments: [
    "\"", "'", "\"abc", "'abc", "\"a\"b", "'a'b", "\"a\"\"b\"", "a\"b\"c", "x \"a\\\"", "x 'a\\'", "\"a\\",
    "\"\0\"",
  ])
  func refusesUnbalancedQuotes(line: String) {
    #expect(split(line) == nil)
  }

  @Test func appendsAndLeavesNothingBehindOnFailure() {
    var storage = Array("kept".utf8)
    var ranges = [0..<4]
    #expect(withView("a b") { InlineSplit.split($0, into: &storage, ranges: &ranges) })
    #expect(storage == Array("keptab".utf8))
    #expect(ranges == [0..<4, 4..<5, 5..<6])
    #expect(!withView("c \"d") { InlineSplit.split($0, into: &storage, ranges: &ranges) })
    #expect(storage == Array("keptab".utf8))
    #expect(ranges.count == 3)
  }

  /// Random arguments, each written in one of the ways that can hold it, come back.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomArgumentsComeBack(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<2_000 {
      let arguments = (0..<random.below(5)).map { _ in
        random.bytes(of: Array("ab\"'\\x1 \n\t".utf8) + [0xff], countMax: 8)
      }
      var line: [UInt8] = []
      for argument in arguments {
        line += random.bytes(of: Array(" \t".utf8), countMax: 2)
        line += spelled(argument, &random) + [UInt8(ascii: " ")]
      }
      expectEqual(split(line), arguments, "\(String(decoding: line, as: UTF8.self)), seed \(seed)")
    }
  }

  private func spelled(_ argument: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    let special = Array("\"' \n\t".utf8)
    let isPlain = !argument.isEmpty && !argument.contains { special.contains($0) }
    if isPlain, random.below(2) == 0 { return argument }
    let quote = UInt8(ascii: "'")
    // In single quotes a backslash stands for itself, so none may end up before a quote by accident.
    if !argument.contains(UInt8(ascii: "\\")), random.below(2) == 0 {
      return [quote] + argument.flatMap { $0 == quote ? [UInt8(ascii: "\\"), quote] : [$0] } + [quote]
    }
    let inner = argument.flatMap { byte -> [UInt8] in
      if random.below(4) == 0 { return Array("\\x".utf8) + hexadecimal(byte) }
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return [UInt8(ascii: "\\"), byte] }
      return [byte]
    }
    return [UInt8(ascii: "\"")] + inner + [UInt8(ascii: "\"")]
  }

  private func hexadecimal(_ byte: UInt8) -> [UInt8] {
    Array((byte < 16 ? "0" : "").utf8) + Array(String(byte, radix: 16).utf8)
  }

  @Test(arguments: [4, 5] as [UInt64])
  func quotedTextsComeBack(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<2_000 {
      let bytes = random.bytes(of: Array(UInt8.min...UInt8.max), countMax: 30)
      var line: [UInt8] = []
      withView(bytes) { appendQuoted($0, to: &line) }
      expectEqual(split(line), [bytes], "\(line), seed \(seed)")
    }
  }
}

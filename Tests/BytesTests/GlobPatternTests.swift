import Bytes
import TestSupport
import Testing

@Suite struct GlobPatternTests {
  private func matches(_ pattern: [UInt8], _ text: [UInt8], ignoringCase: Bool = false) -> Bool {
    withView(pattern) { patternView in
      withView(text) { GlobPattern(patternView).matches($0, ignoringCase: ignoringCase) }
    }
  }

  private func matches(_ pattern: String, _ text: String, ignoringCase: Bool = false) -> Bool {
    matches(Array(pattern.utf8), Array(text.utf8), ignoringCase: ignoringCase)
  }

  @Test(arguments: [
    ("h?llo", "hello hallo hxllo", "hllo heello"),
    ("h*llo", "hllo heeeello hllollo", "hell hlloo"),
    ("h[ae]llo", "hello hallo", "hillo h[ae]llo"),
    ("h[^e]llo", "hallo hbllo h^llo", "hello hllo"),
    ("h[a-b]llo", "hallo hbllo", "hcllo h-llo"),
    ("h[b-a]llo", "hallo hbllo", "hcllo"),
    ("*", "a abc *", ""),
    ("**", "a abc", ""),
    ("a**b", "ab axxb", "a b"),
    ("*a*b", "ab xaxbb aabab", "ba abx"),
    ("a*?", "ab abc", "a"),
    ("?", "a *", "ab"),
    ("\\*", "*", "a \\*"),
    ("a\\?", "a?", "ab"),
    ("[\\]]", "]", "\\ [\\]]"),
    ("[\\-a]", "- a", "b \\"),
    ("[^\\]]", "a \\", "]"),
    ("[a-c-e]", "a b c - e", "d"),
    ("[*?]", "* ?", "a"),
    ("[[]", "[", "]"),
    ("user:*:name", "user:1:name user::name", "user:name user:1:names"),
  ])
  func ordinaryPatterns(pattern: String, matching: String, others: String) {
    for text in matching.split(separator: " ") { #expect(matches(pattern, String(text)), "\(text)") }
    for text in others.split(separator: " ") { #expect(!matches(pattern, String(text)), "\(text)") }
  }

  /// The corners in which Redis differs from what one would write.
  @Test(arguments: [
    // Unterminated classes reach to the end.
    ("[", "[", false), ("[a", "a", true), ("[a", "b", false), ("[^", "x", true), ("[^a", "b", true),
    ("[^a", "a", false), ("x[ab", "xb", true), ("[ab", "ab", false), ("[a*", "*", true), ("[\\", "\\", true),
    // Empty classes.
    ("[]", "a", false), ("[]", "]", false), ("[^]", "a", true), ("[]a]", "a]", false), ("[^]a]", "xa]", true),
    // A range whose end is the bracket has no end.
    ("[a-]", "a", true), ("[a-]", "-", false), ("[a-]", "^", true), ("[a-]b", "b", true), ("[a-", "-", true),
    ("[a-\\]", "\\", true), ("[--a]", "5", true), ("[-a]", "-", true), ("[^-a]", "-", false),
    // An escape that has nothing to escape.
    ("\\", "\\", true), ("a\\", "a\\", true), ("a\\", "a", false), ("\\a", "a", true), ("\\\\", "\\", true),
    // The empty text.
    ("", "", true), ("*", "", false), ("**", "", false), ("?", "", false), ("", "a", false),
    ("a*", "a", true),
    ("a***", "a", true), ("a*", "", false),
  ])
  func corners(pattern: String, text: String, expected: Bool) {
    #expect(matches(pattern, text) == expected)
  }

  @Test func rangesAreOfSignedBytes() {
    #expect(matches(Array("[".utf8) + [0xe0, 0x2d, 0xf0] + Array("]".utf8), [0xe8]))
    // From -16 to 97: neither 0x70 nor 0xe0, but 0xf8 and 0x05.
    let mixed = Array("[a-".utf8) + [0xf0] + Array("]".utf8)
    #expect(matches(mixed, [0xf8]) && matches(mixed, [0x05]))
    #expect(!matches(mixed, [0x70]) && !matches(mixed, [0xe0]))
  }

  @Test func ignoresCaseOfLetters() {
    #expect(matches("MaxMemory*", "maxmemory-policy", ignoringCase: true))
    #expect(!matches("MaxMemory*", "maxmemory-policy"))
    #expect(matches("[A-C]x", "bX", ignoringCase: true))
    #expect(matches("[XYZ]", "y", ignoringCase: true))
    #expect(matches("\\A", "a", ignoringCase: true))
    #expect(!matches("[\\A]", "a", ignoringCase: true), "an escaped byte of a class keeps its case")
    #expect(!matches("[Z-a]", "z", ignoringCase: true), "Z to a is small z to a, which is empty")
    #expect(!matches("@", "`", ignoringCase: true))
  }

  @Test func tellsSpecialPatterns() {
    withView("*") { #expect(GlobPattern($0).matchesEverything && !GlobPattern($0).literal) }
    withView("**") { #expect(!GlobPattern($0).matchesEverything) }
    for text in ["", "a", "user:1", "a]b^-"] { withView(text) { #expect(GlobPattern($0).literal) } }
    for text in ["a*", "?", "[a]", "\\a"] { withView(text) { #expect(!GlobPattern($0).literal) } }
  }

  // The limit ends what never would; the machine may take long to begin.
  @Test(.timeLimit(.minutes(20)))
  func hostilePatternsTakeNoExponentialTime() {
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 5_000)
    let stars = Array(String(repeating: "a*", count: 500).utf8)
    let time = processorTime {
      #expect(!matches(stars + [UInt8(ascii: "b")], text))
      #expect(matches(stars, text))
      #expect(!matches(Array(String(repeating: "*a", count: 100).utf8) + Array("*[b]".utf8), text))
    }
    #expect(time < .seconds(30))
  }

  // MARK: Against a model

  private static let alphabets: [[UInt8]] = [
    Array("ab*".utf8), Array("ab*?[]^-\\".utf8), Array("aAzZ*?[]^-\\".utf8),
    [0x61, 0x80, 0xe0, 0x7f, 0, 0x2a, 0x5b, 0x5d, 0x5e, 0x2d],
  ]

  @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
  func randomPatternsMatchAsTheModel(seed: UInt64, ignoringCase: Bool) {
    var random = SeededRandom(seed: seed)
    for turn in 0..<10_000 {
      let alphabet = Self.alphabets[turn % Self.alphabets.count]
      let pattern = random.bytes(of: alphabet, countMax: 9)
      let text = random.bytes(of: alphabet, countMax: 6)
      expectEqual(
        matches(pattern, text, ignoringCase: ignoringCase),
        GlobModel(pattern, ignoringCase: ignoringCase).matches(text),
        "pattern \(pattern) text \(text), seed \(seed)")
    }
  }
}

/// The same semantics, slow and obvious: the pattern becomes a list of byte sets and stars, which is
/// matched by trying everything.
private struct GlobModel {
  private enum Element {
    case star
    case oneOf(Set<UInt8>)
  }

  private var elements: [Element] = []
  private let ignoringCase: Bool

  init(_ pattern: [UInt8], ignoringCase: Bool) {
    self.ignoringCase = ignoringCase
    var rest = pattern[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): elements.append(.star)
      case UInt8(ascii: "?"): elements.append(.oneOf(Set(UInt8.min...UInt8.max)))
      case UInt8(ascii: "["): elements.append(.oneOf(takeClass(&rest)))
      case UInt8(ascii: "\\"): elements.append(.oneOf(bothCases(rest.popFirst() ?? byte)))
      default: elements.append(.oneOf(bothCases(byte)))
      }
    }
  }

  private func takeClass(_ rest: inout ArraySlice<UInt8>) -> Set<UInt8> {
    let negated = rest.first == UInt8(ascii: "^")
    if negated { rest.removeFirst() }
    var members: Set<UInt8> = []
    while let byte = rest.popFirst(), byte != UInt8(ascii: "]") {
      if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() {
        members.insert(escaped)
      } else if rest.count >= 2, rest.first == UInt8(ascii: "-") {
        rest.removeFirst()
        members.formUnion(range(byte, rest.removeFirst()))
      } else {
        members.formUnion(bothCases(byte))
      }
    }
    return negated ? Set(UInt8.min...UInt8.max).subtracting(members) : members
  }

  private func range(_ first: UInt8, _ last: UInt8) -> Set<UInt8> {
    let ends = [Int8(bitPattern: first), Int8(bitPattern: last)].sorted()
    func rank(_ byte: UInt8) -> Int8 { Int8(bitPattern: ignoringCase ? lowercasedASCII(byte) : byte) }
    let low = rank(UInt8(bitPattern: ends[0]))
    let high = rank(UInt8(bitPattern: ends[1]))
    return Set((UInt8.min...UInt8.max).filter { low <= rank($0) && rank($0) <= high })
  }

  private func bothCases(_ byte: UInt8) -> Set<UInt8> {
    guard ignoringCase else { return [byte] }
    return Set((UInt8.min...UInt8.max).filter { lowercasedASCII($0) == lowercasedASCII(byte) })
  }

  func matches(_ text: [UInt8]) -> Bool {
    text.isEmpty ? elements.isEmpty : matches(elements[...], text[...])
  }

  private func matches(_ elements: ArraySlice<Element>, _ text: ArraySlice<UInt8>) -> Bool {
    guard let element = elements.first else { return text.isEmpty }
    switch element {
    case .star:
      return matches(elements.dropFirst(), text) || !text.isEmpty && matches(elements, text.dropFirst())
    case .oneOf(let members):
      guard let byte = text.first, members.contains(byte) else { return false }
      return matches(elements.dropFirst(), text.dropFirst())
    }
  }
}

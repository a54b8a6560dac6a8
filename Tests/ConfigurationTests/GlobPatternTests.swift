import Testing

@testable import Configuration

@Suite("Patterns of CONFIG GET")
struct GlobPatternTests {
  @Test(
    "patterns that match",
    arguments: [
      ("*", "port"), ("**", "port"), ("po*", "port"), ("*rt", "port"), ("p*t", "port"), ("*o*", "port"),
      ("????", "port"), ("[p]ort", "port"), ("[^a]ort", "port"), ("[a-z]ort", "port"), ("[z-a]ort", "port"),
      ("PO*", "port"), ("[P]ORT*", "port"), (#"\p*"#, "port"), ("tcp[-]*", "tcp-backlog"), ("por[t", "port"),
      ("*-*-*", "slowlog-max-len"), (#"[\p]ort"#, "port"), ("*max*len", "slowlog-max-len"),
    ])
  func matches(pattern: String, name: String) {
    #expect(GlobPattern(pattern).matches(name))
  }

  @Test(
    "patterns that do not match",
    arguments: [
      ("", "port"), ("?", "port"), ("*x", "port"), ("port?", "port"), ("[^p]ort", "port"),
      ("[a-o]ort", "port"), ("por[", "port"), (#"\*"#, "port"), ("[]ort", "port"), ("port*s", "port"),
    ])
  func doesNotMatch(pattern: String, name: String) {
    #expect(!GlobPattern(pattern).matches(name))
  }

  @Test("many stars take no exponential time", .timeLimit(.minutes(1)))
  func manyStars() {
    let pattern = String(repeating: "*a", count: 10_000) + "b"
    #expect(!GlobPattern(pattern).matches(String(repeating: "a", count: 200)))
  }
}

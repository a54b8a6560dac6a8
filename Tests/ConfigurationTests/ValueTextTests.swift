import Testing

@testable import Configuration

@Suite("Numbers in directives")
struct ValueTextTests {
  @Test(
    "a memory value has an optional unit, in upper or lower case",
    arguments: [
      ("0", 0), ("12", 12), ("12b", 12), ("12B", 12), ("1k", 1000), ("1kb", 1024), ("1Kb", 1024),
      ("2m", 2_000_000), ("2mb", 2 << 20), ("3g", 3_000_000_000), ("3gb", 3 << 30), ("3GB", 3 << 30),
      ("007kb", 7168),
    ])
  func memoryUnits(text: String, bytes: UInt64) {
    #expect(ValueText.memory(text) == bytes)
  }

  @Test("a unit without digits means 0, as in Redis", arguments: ["", "gb", "b"])
  func memoryWithoutDigits(text: String) {
    #expect(ValueText.memory(text) == 0)
  }

  @Test(
    "what is no memory value is refused",
    arguments: ["-1", "+1", "1.5gb", "10x", "1kb2", " 1", "1 kb", "10%", "1tb", "0x10", "abc", "１"])
  func memoryRefused(text: String) {
    #expect(ValueText.memory(text) == nil)
  }

  @Test(
    "a memory value that is too large saturates",
    arguments: ["99999999999999999999", "99999999999gb", String(repeating: "9", count: 1000)])
  func memorySaturates(text: String) {
    #expect(ValueText.memory(text) == .max)
  }

  @Test(
    "memory is written with the largest unit that divides it",
    arguments: [
      (0, "0"), (1, "1"), (1023, "1023"), (1024, "1kb"), (1025, "1025"), (3 << 20, "3mb"),
      (1536 << 20, "1536mb"), (5 << 30, "5gb"), (1_000_000, "1000000"),
    ])
  func memoryWritten(bytes: Int, text: String) {
    #expect(ValueText.memory(bytes) == text)
  }

  @Test("an integer is plain decimal", arguments: [("0", 0), ("-1", -1), ("42", 42)])
  func integers(text: String, value: Int) {
    #expect(ValueText.integer(text) == value)
  }

  @Test(
    "other spellings of an integer are refused",
    arguments: ["", " 12", "12 ", "012", "+12", "-0", "1.5", "1e3", "0x1", "9223372036854775808", "-"])
  func integersRefused(text: String) {
    #expect(ValueText.integer(text) == nil)
  }

  @Test("an octal number has digits only")
  func octal() {
    #expect(ValueText.octal("700") == 0o700)
    #expect(ValueText.octal("0755") == 0o755)
    for text in ["", "8", "-7", "+7", " 7", "7 ", "0o7", "999"] {
      #expect(ValueText.octal(text) == nil, "\(text)")
    }
  }

  @Test(
    "a percentile is written with up to six decimals",
    arguments: [
      (50.0, "50"), (99.9, "99.9"), (99.99999, "99.99999"), (0.5, "0.5"), (10.0, "10"), (0.0, "0"),
      (100.0, "100"), (0.000001, "0.000001"), (33.050, "33.05"),
    ])
  func percentiles(value: Double, text: String) {
    #expect(ValueText.percentile(value) == text)
  }
}

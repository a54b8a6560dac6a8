import Bytes
import TestSupport
import Testing

@Suite struct QuoteTests {
  private func quoted(_ bytes: [UInt8]) -> String {
    var output = Array("> ".utf8)
    withView(bytes) { appendQuoted($0, to: &output) }
    return String(decoding: output.dropFirst(2), as: UTF8.self)
  }

  @Test func quotesAsMonitor() {
    #expect(quoted([]) == #""""#)
    #expect(quoted(Array("GET".utf8)) == #""GET""#)
    #expect(quoted(Array("a b'c".utf8)) == #""a b'c""#)
    #expect(quoted(Array("\n\r\t\u{7}\u{8}\"\\".utf8)) == #""\n\r\t\a\b\"\\""#)
    #expect(quoted([0, 1, 0x1f, 0x7f, 0x80, 0xff]) == #""\x00\x01\x1f\x7f\x80\xff""#)
    #expect(quoted([0x20, 0x7e]) == #"" ~""#)
  }

  @Test func everyByteIsPrintable() {
    for byte in UInt8.min...UInt8.max {
      let text = quoted([byte])
      expectEqual(text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }, true, "byte \(byte)")
    }
  }

  @Test func errorsAreOneLine() {
    withView("a\r\nb\tc") { #expect($0.sanitizedForError == Array("a  b\tc".utf8)) }
    withView("") { #expect($0.sanitizedForError.isEmpty) }
  }

  private func excerpt(_ text: String, _ bytesMax: Int) -> String {
    var output: [UInt8] = []
    withView(text) { appendErrorExcerpt($0, bytesMax: bytesMax, to: &output) }
    return String(decoding: output, as: UTF8.self)
  }

  @Test func excerptsEndAtTheLimitOrANul() {
    #expect(excerpt("abcdef", 3) == "abc")
    #expect(excerpt("abc", 3) == "abc")
    #expect(excerpt("abc", 100) == "abc")
    #expect(excerpt("ab\0cd", 100) == "ab")
    #expect(excerpt("a\nb\r", 100) == "a b ")
    #expect(excerpt("abc", 0) == "")
    #expect(excerpt("abc", -1) == "")
  }

  private func unknownCommand(_ name: String, _ arguments: [String]) -> String {
    var output: [UInt8] = []
    let joined = Array(arguments.joined().utf8)
    withView(joined) { view in
      var start = 0
      let views = arguments.map { argument in
        defer { start += argument.utf8.count }
        return view[start..<start + argument.utf8.count]
      }
      withView(name) { appendUnknownCommandText(name: $0, arguments: views, to: &output) }
    }
    return String(decoding: output, as: UTF8.self)
  }

  @Test func unknownCommandsAreNamed() {
    #expect(unknownCommand("FOO", []) == "unknown command 'FOO', with args beginning with: ")
    #expect(
      unknownCommand("FOO", ["a", "", "c\r\nd"])
        == "unknown command 'FOO', with args beginning with: 'a' '' 'c  d' ")
  }

  @Test func unknownCommandsAreCut() {
    let long = String(repeating: "x", count: 200)
    let cut = String(repeating: "x", count: 128)
    #expect(
      unknownCommand(long, [long, "b"])
        == "unknown command '\(cut)', with args beginning with: '\(cut)' ")
    // 10 arguments of 13 bytes with their quotes reach 130; the tenth still had 11 bytes left.
    let arguments = (0..<12).map { _ in "0123456789" }
    let expected = String(repeating: "'0123456789' ", count: 10)
    #expect(
      unknownCommand("F", arguments) == "unknown command 'F', with args beginning with: \(expected)")
    let last = unknownCommand("F", [String(repeating: "y", count: 120), "abcdefghij", "z"])
    #expect(last.hasSuffix("yy' 'abcde' "))
  }
}

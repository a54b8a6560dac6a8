import Testing

@testable import Configuration

@Suite("Quoting in configuration lines")
struct ArgumentSplitterTests {
  @Test(
    "arguments are separated by white space and may be quoted",
    arguments: [
      ("", []),
      (" \t\r\n", []),
      ("port 7000", ["port", "7000"]),
      ("  port\t 7000  ", ["port", "7000"]),
      (#"save """#, ["save", ""]),
      (#"a "b c" d"#, ["a", "b c", "d"]),
      (#"a"b c""#, ["ab c"]),
      (#""\n\r\t\b\a\\\"\q""#, ["\n\r\t\u{8}\u{7}\\\"q"]),
      (#""\x41\x6a\xC3\xa9""#, ["Ajé"]),
      (#""\x4""#, ["x4"]),
      (#""\xzz""#, ["xzz"]),
      (#"'a b' '\'' '\n'"#, ["a b", "'", #"\n"#]),
      (#"a\nb"#, [#"a\nb"#]),
      ("a#b #c", ["a#b", "#c"]),
      ("größe \"ü ö\"", ["größe", "ü ö"]),
    ] as [(String, [String])])
  func split(line: String, arguments: [String]) throws {
    #expect(try ArgumentSplitter.split(line) == arguments)
  }

  @Test(
    "quotes that do not close, or close in the middle of a word, are an error",
    arguments: [#"a "b"#, "a 'b", #""a"b"#, "'a'b", #"""#, #""\"#, #""\""#, #"''""#])
  func unbalanced(line: String) {
    #expect(throws: ConfigurationError.invalidValue(reason: "Unbalanced quotes in configuration line")) {
      try ArgumentSplitter.split(line)
    }
  }

  @Test("bytes that are not UTF-8 are refused rather than replaced")
  func invalidUTF8() {
    #expect(
      throws: ConfigurationError.invalidValue(reason: "Argument is not valid UTF-8 in configuration line")
    ) {
      try ArgumentSplitter.split(#"requirepass "\xff""#)
    }
  }

  @Test("quoting a string and splitting it gives the string back")
  func quotingRoundTrip() throws {
    for string in ["", "a", "a b", "\"\\'", "\n\r\t\u{7}\u{8}\u{0}\u{1b}", "é\u{301}😀", "# no comment"] {
      #expect(try ArgumentSplitter.split(string.quotedForConfiguration) == [string])
      #expect(try ArgumentSplitter.split(string.quotedForConfigurationIfNeeded) == [string])
    }
  }

  @Test("quotes appear only where they are needed")
  func quotingIfNeeded() {
    #expect("-::1".quotedForConfigurationIfNeeded == "-::1")
    #expect("a b".quotedForConfigurationIfNeeded == #""a b""#)
    #expect("a\nport 1".quotedForConfigurationIfNeeded == #""a\nport 1""#)
    #expect("\u{1}é".quotedForConfiguration == #""\x01\xc3\xa9""#)
  }
}

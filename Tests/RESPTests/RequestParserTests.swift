import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("Reading requests")
struct RequestParserTests {
  private func commands(_ text: String) -> [[String]] {
    withHeap { heap in
      let parsed = Connection.parse(text, heap: heap)
      #expect(parsed.error == nil)
      #expect(parsed.restCount == 0)
      return parsed.commands.map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }
  }

  // MARK: Arrays of bulk strings

  @Test("an array of bulk strings is a command")
  func arrayOfBulkStrings() {
    #expect(commands("*1\r\n$4\r\nPING\r\n") == [["PING"]])
    #expect(commands("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n") == [["SET", "k", "value"]])
  }

  @Test("commands follow one another without anything between them")
  func pipeline() {
    #expect(
      commands("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n")
        == [["PING"], ["GET", "a"], ["PING"], ["QUIT"]])
  }

  @Test("arguments hold any bytes: line ends, NULs, what looks like protocol")
  func binaryArguments() {
    withHeap { heap in
      let arguments: [[UInt8]] = [
        Array("SET".utf8), [0, 0x0d, 0x0a, 0], Array("*1\r\n$4\r\nPING\r\n".utf8), Array(0...255), [],
      ]
      let parsed = Connection.parse([encoded(arguments)], heap: heap)
      #expect(parsed == ParsedInput(commands: [arguments]))
    }
  }

  @Test("an empty argument is an argument")
  func emptyArgument() {
    #expect(commands("*2\r\n$3\r\nGET\r\n$0\r\n\r\n") == [["GET", ""]])
  }

  @Test(
    "arrays of no or fewer elements mean nothing", arguments: ["*0", "*-1", "*-10", "*-9223372036854775808"])
  func arraysOfNothing(line: String) {
    #expect(commands(line + "\r\n") == [])
    #expect(commands(line + "\r\n*1\r\n$4\r\nPING\r\n" + line + "\r\n") == [["PING"]])
  }

  @Test("the two bytes behind an argument are passed over, whatever they are, as in Redis")
  func lineEndBehindArgument() {
    #expect(commands("*2\r\n$3\r\nGETxx$1\r\nk..PING\r\n") == [["GET", "k"], ["PING"]])
  }

  @Test("a thousand arguments are read, as the store of their ranges grows")
  func manyArguments() {
    withHeap { heap in
      let arguments = (0..<5_000).map { Array("argument \($0)".utf8) }
      let message = encoded(arguments)
      let parsed = Connection.parse([message], heap: heap, capacity: message.count)
      #expect(parsed == ParsedInput(commands: [arguments]))
    }
  }

  // MARK: Lengths

  @Test(
    "a number of arguments must be a decimal integer as Redis prints it",
    arguments: [
      "*\r\n", "*a\r\n", "*1a\r\n", "*+1\r\n", "*01\r\n", "*00\r\n", "*-0\r\n", "*-01\r\n", "*--1\r\n",
      "*-\r\n",
      "* 1\r\n", "*1 \r\n", "*1\n\r\n", "*0x1\r\n", "*1.0\r\n", "*9223372036854775808\r\n",
      "*18446744073709551617\r\n", "*99999999999999999999999999\r\n", "*-9223372036854775809\r\n",
      "*\u{0}1\r\n",
      "*1\u{0}\r\n", "*2147483648\r\n", "*10000000000\r\n", "*99999999999\r\n", "*4294967297\r\n",
    ])
  func malformedArrayLength(text: String) {
    withHeap { heap in
      let parsed = Connection.parse(text + "$4\r\nPING\r\n", heap: heap)
      #expect(parsed.error == .invalidMultibulkLength, "\(shown(text.utf8))")
      #expect(parsed.commands == [])
    }
  }

  @Test(
    "an argument's length must be a decimal integer from 0 to proto-max-bulk-len",
    arguments: [
      "$\r\n", "$a\r\n", "$4a\r\n", "$+4\r\n", "$04\r\n", "$-0\r\n", "$-1\r\n", "$-4\r\n", "$ 4\r\n",
      "$4 \r\n",
      "$4\n\r\n", "$536870913\r\n", "$4294967300\r\n", "$9223372036854775807\r\n", "$9223372036854775808\r\n",
      "$18446744073709551620\r\n", "$99999999999999999999999999\r\n", "$\u{0}4\r\n", "$4\u{0}\r\n",
    ])
  func malformedBulkLength(text: String) {
    withHeap { heap in
      let parsed = Connection.parse("*1\r\n" + text + "PING\r\n", heap: heap)
      #expect(parsed.error == .invalidBulkLength, "\(shown(text.utf8))")
    }
  }

  @Test("commands before one that breaks the protocol are read")
  func commandsBeforeAnError() {
    withHeap { heap in
      let parsed = Connection.parse("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$x\r\n", heap: heap)
      #expect(parsed.commands == [[Array("PING".utf8)]])
      #expect(parsed.error == .invalidBulkLength)
    }
  }

  @Test("an argument must begin with a dollar sign")
  func argumentWithoutDollarSign() {
    withHeap { heap in
      #expect(Connection.parse("*1\r\n:1\r\n", heap: heap).error == .expectedBulk(got: UInt8(ascii: ":")))
      #expect(Connection.parse("*1\r\n*1\r\n", heap: heap).error == .expectedBulk(got: UInt8(ascii: "*")))
      #expect(Connection.parse("*2\r\n$1\r\na\r\n\r\n", heap: heap).error == .expectedBulk(got: 0x0d))
    }
  }

  // MARK: Inline commands

  @Test("a line that does not begin with an asterisk is a command of words")
  func inlineCommand() {
    #expect(commands("PING\r\n") == [["PING"]])
    #expect(commands("PING\n") == [["PING"]])
    #expect(commands("  SET \t key   value \r\n") == [["SET", "key", "value"]])
    #expect(commands("$3\r\nabc\r\n") == [["$3"], ["abc"]])
  }

  @Test("empty lines mean nothing", arguments: ["\r\n", "\n", "   \r\n", "\t\n", "\r\n\r\n\n"])
  func emptyLines(text: String) {
    #expect(commands(text) == [])
    #expect(commands(text + "PING\r\n" + text) == [["PING"]])
  }

  @Test("words of an inline command may be quoted")
  func quotes() {
    #expect(commands("SET k \"a b\"\r\n") == [["SET", "k", "a b"]])
    #expect(commands("SET k 'a b'\r\n") == [["SET", "k", "a b"]])
    #expect(commands("SET k \"\"\r\n") == [["SET", "k", ""]])
    #expect(commands("SET k \"\\x41\\n\\\"\\\\\" ''\r\n") == [["SET", "k", "A\n\"\\", ""]])
    #expect(commands("SET k 'it\\'s'\r\n") == [["SET", "k", "it's"]])
    #expect(commands("\"PING\"\r\nPING\r\n") == [["PING"], ["PING"]])
  }

  @Test(
    "quotes that are not closed, or go on behind the closing one, break the protocol",
    arguments: ["GET \"a\r\n", "GET 'a\r\n", "GET \"a\"b\r\n", "GET 'a'b\r\n", "\"\r\n", "GET \"a\\\"\r\n"])
  func unbalancedQuotes(text: String) {
    withHeap { heap in
      #expect(Connection.parse(text, heap: heap).error == .unbalancedQuotes)
    }
  }

  @Test("a NUL ends an inline command; Redis waits for a line without one")
  func inlineWithNUL() {
    #expect(commands("GET a\u{0}b\r\n") == [["GET", "a"]])
    #expect(commands("\u{0}\r\n") == [])
  }

  @Test("unescaping in place leaves the commands behind the line as they are")
  func unescapingInPlace() {
    #expect(
      commands("SET \"\\x61\\x62\\x63\" \"\\x64\"\r\n*1\r\n$4\r\nPING\r\nECHO 'x y'\n")
        == [["SET", "abc", "d"], ["PING"], ["ECHO", "x y"]])
  }

  // MARK: Error texts

  @Test(
    "errors have the texts that Redis has",
    arguments: [
      (.invalidMultibulkLength, "invalid multibulk length"), (.invalidBulkLength, "invalid bulk length"),
      (.unauthenticatedMultibulkLength, "unauthenticated multibulk length"),
      (.unauthenticatedBulkLength, "unauthenticated bulk length"),
      (.multibulkLineTooLong, "too big mbulk count string"), (.bulkLineTooLong, "too big bulk count string"),
      (.inlineTooLong, "too big inline request"), (.unbalancedQuotes, "unbalanced quotes in request"),
    ] as [(RequestError, String)])
  func errorTexts(error: RequestError, text: String) {
    #expect(error.text == Array(text.utf8))
  }

  @Test(
    "the error of a missing dollar sign quotes the client's byte as it is",
    arguments: [0x20, 0x78, 0x7f, 0x80, 0xff])
  func quotedByte(byte: UInt8) {
    #expect(
      RequestError.expectedBulk(got: byte).text == Array("expected '$', got '".utf8) + [byte]
        + Array("'".utf8))
  }
}

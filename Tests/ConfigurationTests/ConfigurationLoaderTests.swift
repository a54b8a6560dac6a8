import TestSupport
import Testing

@testable import Configuration

@Suite("Configuration files")
struct ConfigurationLoaderTests {
  @Test("comments, blank lines, CRLF and upper case names")
  func syntax() throws {
    let loaded = try configuration(file: "# comment\r\n\r\n  PORT \t 7000 \r\n\t# more\n'timeout' \"5\"")
    #expect(loaded.settings.port == 7000)
    #expect(loaded.settings.timeoutSeconds == 5)
    #expect(loaded.filePath == "a.conf")
  }

  @Test("what comes later wins")
  func order() throws {
    #expect(try configuration(file: "port 1\nport 2\n").settings.port == 2)
  }

  @Test("a list may be one quoted argument")
  func quotedList() throws {
    let loaded = try configuration(file: #"client-output-buffer-limit "pubsub 1 2 3""#)
    #expect(loaded.settings.outputBufferLimits.pubsub.softSeconds == 3)
    #expect(try configuration(file: #"bind "::1 127.0.0.1""#).settings.bindAddresses == ["::1", "127.0.0.1"])
  }

  @Test(
    "the line at fault and the reason are shown",
    arguments: [
      ("port 7000\nnosuch 1\n", 2, "nosuch 1", "Bad directive or wrong number of arguments"),
      ("port a", 1, "port a", "argument couldn't be parsed into an integer"),
      ("\n\nport", 3, "port", "wrong number of arguments"),
      ("port 1 2", 1, "port 1 2", "wrong number of arguments"),
      ("\n  bind  \"a \n", 2, "bind  \"a", "Unbalanced quotes in configuration line"),
      ("bind \"a 'b\"", 1, "bind \"a 'b\"", "Unbalanced quotes in configuration line"),
      ("include", 1, "include", "Bad directive or wrong number of arguments"),
      ("save 3600 1", 1, "save 3600 1", "persistence is not part of this server yet"),
      ("dir \"\\xff\"", 1, "dir \"\\xff\"", "Argument is not valid UTF-8 in configuration line"),
      ("port 1\u{0}", 1, "port 1\u{0}", "NUL byte in configuration line"),
    ])
  func lineAtFault(text: String, line: Int, shown: String, reason: String) {
    let error = message { () throws(ConfigurationError) in _ = try configuration(file: text) }
    #expect(
      error == """

        *** FATAL CONFIG FILE ERROR ***
        Reading the configuration file, at line \(line)
        >>> '\(shown)'
        \(reason)
        """)
  }

  @Test("a file that can't be read")
  func unreadable() {
    let error = message { () throws(ConfigurationError) in _ = try configuration(arguments: ["b.conf"]) }
    #expect(error == "Fatal error, can't open config file 'b.conf': No such file or directory")
  }

  @Test("include reads the other file in place")
  func include() throws {
    let files = Files(contents: [
      "a": "port 1\nInclude 'b c'\ntimeout 4", "b c": "port 2\ntimeout 3\n",
    ])
    let loaded = try Configuration.load(arguments: ["a"], readFile: files.read)
    #expect(loaded.settings.port == 2)
    #expect(loaded.settings.timeoutSeconds == 4)
  }

  @Test("errors in an included file name it")
  func includeErrors() {
    let files = Files(contents: ["a": "include b", "b": "\nport x", "c": "include d"])
    let badLine = message { () throws(ConfigurationError) in
      _ = try Configuration.load(arguments: ["a"], readFile: files.read)
    }
    #expect(badLine.contains("Reading the configuration file 'b', at line 2\n>>> 'port x'\n"))
    let missing = message { () throws(ConfigurationError) in
      _ = try Configuration.load(arguments: ["c"], readFile: files.read)
    }
    #expect(missing == "Fatal error, can't open config file 'd': No such file or directory")
  }

  @Test("include nests 16 deep and no deeper")
  func includeDepth() throws {
    func files(depth: Int) -> Files {
      var contents = ["\(depth)": "port 7000"]
      for level in 0..<depth { contents["\(level)"] = "include \(level + 1)" }
      return Files(contents: contents)
    }
    #expect(
      try Configuration.load(arguments: ["0"], readFile: files(depth: 16).read).settings.port == 7000)
    let error = message { () throws(ConfigurationError) in
      _ = try Configuration.load(arguments: ["0"], readFile: files(depth: 17).read)
    }
    #expect(error.hasSuffix(">>> 'include 17'\ninclude is nested more than 16 deep"))
  }

  // The limit ends what never would; the machine may take long to begin.
  @Test("a file that includes itself many times ends soon", .timeLimit(.minutes(20)))
  func includeBomb() {
    let bomb = Files(contents: ["a": String(repeating: "include a\n", count: 1000)])
    let time = processorTime {
      #expect(throws: ConfigurationError.self) {
        try Configuration.load(arguments: ["a"], readFile: bomb.read)
      }
    }
    #expect(time < .seconds(30))
  }

  @Test("bounds on bytes, lines and line length")
  func bounds() {
    let long = "#" + String(repeating: "x", count: ConfigurationLimits.lineBytes)
    let longError = message { () throws(ConfigurationError) in _ = try configuration(file: "\n" + long) }
    #expect(longError.contains("at line 2\n>>> '#xxx"))
    #expect(longError.hasSuffix("The line is longer than 65536 bytes"))

    let lines = String(repeating: "\n", count: ConfigurationLimits.totalLines)
    let linesError = message { () throws(ConfigurationError) in _ = try configuration(file: lines) }
    #expect(linesError.hasSuffix("The configuration has more than 65536 lines"))

    let bytes = String(repeating: long.dropLast() + "\n", count: ConfigurationLimits.totalBytes >> 16)
    let bytesError = message { () throws(ConfigurationError) in _ = try configuration(file: bytes) }
    #expect(bytesError.hasSuffix("The configuration is larger than 16777216 bytes"))
  }
}

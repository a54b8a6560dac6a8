import Testing

@testable import Configuration

@Suite("The command line")
struct CommandLineRequestTests {
  @Test("help and version come first on the line")
  func helpAndVersion() throws {
    for argument in ["--help", "-h"] {
      guard
        case .help = try CommandLineRequest.parse(
          commandLine: [argument], readFile: Files(contents: [:]).read)
      else {
        Issue.record("\(argument) is not help")
        continue
      }
    }
    for argument in ["--version", "-v"] {
      guard
        case .version = try CommandLineRequest.parse(
          commandLine: [argument], readFile: Files(contents: [:]).read)
      else {
        Issue.record("\(argument) is not version")
        continue
      }
    }
  }

  @Test("anything else is a server")
  func serve() throws {
    let request = try CommandLineRequest.parse(
      commandLine: ["--port", "7000"], readFile: Files(contents: [:]).read)
    guard case .serve(let configuration) = request else {
      Issue.record("not a server")
      return
    }
    #expect(configuration.settings.port == 7000)
    #expect(configuration.filePath == nil)
  }

  @Test("no arguments give the defaults")
  func empty() throws {
    #expect(try configuration(arguments: []).settings == Settings())
  }

  @Test("a file, standard input and options, each over the one before")
  func precedence() throws {
    let files = Files(contents: ["/etc/p.conf": "port 1\nhz 11\ntimeout 1", "-": "port 2\nhz 12"])
    let loaded = try Configuration.load(
      arguments: ["/etc/p.conf", "--port", "3", "-"], readFile: files.read)
    #expect(loaded.filePath == "/etc/p.conf")
    #expect(loaded.settings.port == 3)
    #expect(loaded.settings.backgroundTurnsPerSecond == 12)
    #expect(loaded.settings.timeoutSeconds == 1)
  }

  @Test("standard input alone, first on the line")
  func standardInput() throws {
    let files = Files(contents: ["-": "port 7\nhz x"])
    let error = message { () throws(ConfigurationError) in
      _ = try Configuration.load(arguments: ["-", "--port", "8"], readFile: files.read)
    }
    #expect(error.contains("Reading the configuration from standard input, at line 2\n>>> 'hz x'\n"))
    let good = Files(contents: ["-": "port 7"])
    #expect(try Configuration.load(arguments: ["-"], readFile: good.read).settings.port == 7)
    #expect(try Configuration.load(arguments: ["-"], readFile: good.read).filePath == nil)
  }

  @Test("a name with several values, a value that begins with a dash, and both in one argument")
  func forms() throws {
    let settings = try configuration(arguments: [
      "--bind", "::1", "127.0.0.1", "--slowlog-log-slower-than", "-1", "--port 7001", "--HZ", "20",
      "--requirepass", "--secret", "--maxmemory", "2gb",
    ]).settings
    #expect(settings.bindAddresses == ["::1", "127.0.0.1"])
    #expect(settings.slowlogThresholdMicroseconds == -1)
    #expect(settings.port == 7001)
    #expect(settings.backgroundTurnsPerSecond == 20)
    #expect(settings.password == "--secret")
    #expect(settings.maxMemoryBytes == 2 << 30)
  }

  @Test("a list in one value, and a quoted value in one argument")
  func quoting() throws {
    #expect(
      try configuration(arguments: ["--client-output-buffer-limit", "normal 1 2 3"])
        .settings.outputBufferLimits.normal.hardBytes == 1)
    #expect(try configuration(arguments: [#"--requirepass "a b""#]).settings.password == "a b")
    #expect(try configuration(arguments: ["--requirepass", #""a b""#]).settings.password == #""a b""#)
  }

  @Test("save may lack its value")
  func save() throws {
    #expect(try configuration(arguments: ["--save", "--port", "7000"]).settings.port == 7000)
    #expect(try configuration(arguments: ["--port", "7000", "--save"]).settings.port == 7000)
    #expect(try configuration(arguments: ["--save", "", "--port", "7000"]).settings.port == 7000)
    #expect(throws: ConfigurationError.self) { try configuration(arguments: ["--save", "60", "1"]) }
  }

  @Test(
    "the option at fault is shown as a line",
    arguments: [
      (["--port", "x"], #"port "x""#, "argument couldn't be parsed into an integer"),
      (["--port"], "port", "wrong number of arguments"),
      (["--hz", "1", "2"], #"hz "1" "2""#, "wrong number of arguments"),
      (["--nosuch"], "nosuch", "Bad directive or wrong number of arguments"),
      (["--port=7000"], "port=7000", "Bad directive or wrong number of arguments"),
      (["-x"], #""-x""#, "Bad directive or wrong number of arguments"),
      (["--port", "--hz", "1"], #"port "--hz" "1""#, "wrong number of arguments"),
      (["--"], "--", "An option has no name"),
      ([#"--port "1"#], #"--port "1"#, "Unbalanced quotes in configuration line"),
    ] as [([String], String, String)])
  func errors(arguments: [String], line: String, reason: String) {
    let error = message { () throws(ConfigurationError) in
      _ = try configuration(arguments: arguments)
    }
    #expect(error == "\n*** FATAL CONFIG FILE ERROR ***\nReading the command line\n>>> '\(line)'\n\(reason)")
  }

  @Test("the help names every directive with its summary and default, in lines a terminal can show")
  func helpText() {
    let text = CommandLineRequest.helpText
    #expect(text.hasPrefix("Usage: pantala"))
    for directive in Configuration.directives {
      #expect(text.contains("  --\(directive.name) \(directive.kind)\n      \(directive.summary) (default: "))
    }
    #expect(text.contains("(default: 6379)"))
    #expect(text.contains("<bytes, power of two, 4kb...1mb>"))
    #expect(text.contains("(default: \"\")"))
  }
}

/// Reads configuration files and options into `Settings`, line by line, and stops at the first line at fault.
struct ConfigurationLoader {
  private let table: DirectiveTable
  private var settings = Settings()
  private var remainingBytes = ConfigurationLimits.totalBytes
  private var remainingLines = ConfigurationLimits.totalLines

  init(table: DirectiveTable) {
    self.table = table
  }

  mutating func load(
    arguments: [String], readFile: (String) throws -> String
  ) throws(ConfigurationError) -> Configuration {
    let invocation = try Invocation(arguments: arguments)
    if let path = invocation.filePath {
      try readLines(of: path, depth: 0, readFile: readFile) { .file(line: $0) }
    }
    if invocation.readsStandardInput {
      try readLines(of: "-", depth: 0, readFile: readFile) { .standardInput(line: $0) }
    }
    for option in invocation.options {
      try apply(option.arguments, of: option.text, from: .commandLine, depth: 0, readFile: readFile)
    }
    var configuration = Configuration()
    configuration.settings = settings
    configuration.filePath = invocation.filePath
    return configuration
  }

  private mutating func readLines(
    of path: String, depth: Int, readFile: (String) throws -> String,
    source: (Int) -> ConfigurationError.LineSource
  ) throws(ConfigurationError) {
    let content: String
    do {
      content = try readFile(path)
    } catch {
      throw .unreadableFile(path: path, reason: "\(error)")
    }
    remainingBytes -= content.utf8.count
    guard remainingBytes >= 0 else {
      throw .tooLarge(reason: "The configuration is larger than \(ConfigurationLimits.totalBytes) bytes")
    }
    var lineNumber = 0
    for bytes in content.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      lineNumber += 1
      remainingLines -= 1
      guard remainingLines >= 0 else {
        throw .tooLarge(reason: "The configuration has more than \(ConfigurationLimits.totalLines) lines")
      }
      try readLine(Substring(bytes), from: source(lineNumber), depth: depth, readFile: readFile)
    }
  }

  private mutating func readLine(
    _ line: Substring, from source: ConfigurationError.LineSource, depth: Int,
    readFile: (String) throws -> String
  ) throws(ConfigurationError) {
    guard line.utf8.count <= ConfigurationLimits.lineBytes else {
      throw .badLine(
        source: source, text: String(decoding: line.utf8.prefix(64), as: UTF8.self) + "...",
        reason: "The line is longer than \(ConfigurationLimits.lineBytes) bytes")
    }
    let text = ConfigurationLine.trimmed(line)
    if text.isEmpty || text.utf8.first == UInt8(ascii: "#") { return }
    if text.utf8.contains(0) {
      throw .badLine(source: source, text: text, reason: "NUL byte in configuration line")
    }
    let arguments: [String]
    do {
      arguments = try ArgumentSplitter.split(text)
    } catch {
      throw .badLine(source: source, text: text, reason: error.message)
    }
    try apply(arguments, of: text, from: source, depth: depth, readFile: readFile)
  }

  /// Applies one line, given its arguments; the first is the name.
  private mutating func apply(
    _ arguments: [String], of text: String, from source: ConfigurationError.LineSource, depth: Int,
    readFile: (String) throws -> String
  ) throws(ConfigurationError) {
    guard let name = arguments.first else { return }
    if let directive = table.directive(named: name) {
      do {
        try write(Array(arguments.dropFirst()), to: directive)
      } catch {
        throw .badLine(source: source, text: text, reason: error.message)
      }
    } else if name.asciiLowercased == ConfigurationLine.includeName, arguments.count == 2 {
      guard depth < ConfigurationLimits.includeDepth else {
        throw .badLine(
          source: source, text: text,
          reason: "include is nested more than \(ConfigurationLimits.includeDepth) deep")
      }
      let path = arguments[1]
      try readLines(of: path, depth: depth + 1, readFile: readFile) { .includedFile(path: path, line: $0) }
    } else {
      throw .badLine(source: source, text: text, reason: "Bad directive or wrong number of arguments")
    }
  }

  private mutating func write(
    _ arguments: [String], to directive: Directive
  ) throws(ConfigurationError) {
    let isOneList = directive.takesSeveralArguments && arguments.count == 1 && !arguments[0].isEmpty
    try directive.write(&settings, isOneList ? ArgumentSplitter.split(arguments[0]) : arguments)
  }
}

/// What lines of a configuration file have in common for those who read and those who rewrite it.
enum ConfigurationLine {
  /// The name of the line that reads another file. It is no directive: it has no value.
  static let includeName = "include"

  /// The line without spaces, tabs, CR and LF at its ends.
  static func trimmed(_ line: Substring) -> String {
    func isPadding(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
        || byte == UInt8(ascii: "\n")
    }
    var bytes = line.utf8[...]
    bytes = bytes.drop(while: isPadding)
    while let last = bytes.last, isPadding(last) { bytes.removeLast() }
    return String(Substring(bytes))
  }
}

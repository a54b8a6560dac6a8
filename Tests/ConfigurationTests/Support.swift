@testable import Configuration

/// A file system of a few files, for `readFile` parameters.
struct Files {
  struct Missing: Error, CustomStringConvertible {
    var description: String { "No such file or directory" }
  }

  var contents: [String: String]

  func read(_ path: String) throws -> String {
    guard let content = contents[path] else { throw Missing() }
    return content
  }
}

/// The configuration that a file with this text gives.
func configuration(file text: String) throws(ConfigurationError) -> Configuration {
  try Configuration.load(arguments: ["a.conf"], readFile: Files(contents: ["a.conf": text]).read)
}

/// The configuration that these arguments give, with no file to be read.
func configuration(arguments: [String]) throws(ConfigurationError) -> Configuration {
  try Configuration.load(arguments: arguments, readFile: Files(contents: [:]).read)
}

/// What people read when `body` throws; empty if it does not.
func message(of body: () throws(ConfigurationError) -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return error.message
  }
}

/// The reason a directive gives for refusing arguments; empty if it takes them.
func reason(_ name: String, _ arguments: String...) -> String {
  var settings = Settings()
  return message { () throws(ConfigurationError) in
    try Configuration.directive(named: name)?.write(&settings, arguments)
  }
}

extension Configuration {
  /// The value of one directive as CONFIG GET prints it.
  func value(_ name: String) -> String? {
    get(patterns: [name]).first?.value
  }
}

/// What a command line asks the program to do.
///
/// It is parsed here rather than with swift-argument-parser, which wants every option declared: here any
/// directive is an option, `--name value value ...`, with as many values as its line in a file could have.
public enum CommandLineRequest: Sendable {
  /// Start a server.
  case serve(Configuration)
  /// Print `helpText`.
  case help
  /// Print the version.
  case version

  /// Reads a command line.
  ///
  /// - Parameters:
  ///   - commandLine: what follows the program's name.
  ///   - readFile: as for `Configuration.load(arguments:readFile:)`.
  public static func parse(
    commandLine: [String], readFile: (String) throws -> String
  ) throws(ConfigurationError) -> CommandLineRequest {
    switch commandLine.first {
    case "--help", "-h": .help
    case "--version", "-v": .version
    default: .serve(try Configuration.load(arguments: commandLine, readFile: readFile))
    }
  }
}

/// The parts of a command line that starts a server.
struct Invocation {
  /// An option with its values, and how it would look as a line of a file.
  struct Option {
    var arguments: [String]
    var text: String
  }

  private(set) var filePath: String?
  private(set) var readsStandardInput = false
  private(set) var options: [Option] = []

  /// Takes a command line apart as redis-server does.
  ///
  /// The first argument is the file unless it begins with `-`. A lone `-`, first or last, asks for standard
  /// input. `--name` begins an option, and what follows belongs to it up to the next `--name`; directly after a
  /// name even a value that begins with `--` does. `"--name value"` may be a single argument.
  init(arguments: [String]) throws(ConfigurationError) {
    var lastOptionHasValue = true
    for (index, argument) in arguments.enumerated() {
      let isEdge = index == 0 || index == arguments.count - 1
      if index == 0, argument.utf8.first != UInt8(ascii: "-") {
        filePath = argument
      } else if argument == "-", isEdge {
        readsStandardInput = true
      } else if argument.hasPrefix("--"), lastOptionHasValue {
        let option = try Self.option(String(argument.dropFirst(2)))
        options.append(option)
        lastOptionHasValue = option.arguments.count > 1 || Self.mayLackValue(option)
      } else {
        appendValue(argument)
        lastOptionHasValue = true
      }
    }
  }

  /// `--save --port 7000` is what scripts produce from an empty list of save points.
  private static func mayLackValue(_ option: Option) -> Bool {
    option.arguments[0].asciiLowercased == "save"
  }

  private static func option(_ text: String) throws(ConfigurationError) -> Option {
    let arguments: [String]
    do {
      arguments = try ArgumentSplitter.split(text)
    } catch {
      throw .badLine(source: .commandLine, text: "--" + text, reason: error.message)
    }
    guard !arguments.isEmpty else {
      throw .badLine(source: .commandLine, text: "--" + text, reason: "An option has no name")
    }
    return Option(arguments: arguments, text: ConfigurationLine.trimmed(text[...]))
  }

  /// A value before any option becomes a line of its own, which no directive will take.
  private mutating func appendValue(_ value: String) {
    if options.isEmpty { options.append(Option(arguments: [], text: "")) }
    let separator = options[options.count - 1].arguments.isEmpty ? "" : " "
    options[options.count - 1].arguments.append(value)
    options[options.count - 1].text += separator + value.quotedForConfiguration
  }
}

/// Why a configuration was refused, with the text a client or the operator sees.
///
/// Texts are Redis 7's, so that tools which match on them keep working.
public enum ConfigurationError: Error, Sendable, Equatable {
  /// A directive refused its arguments. The reason alone; the callers below say where it happened.
  case invalidValue(reason: String)
  /// CONFIG SET named a directive that does not exist.
  case unknownDirective(name: String)
  /// CONFIG SET could not change a directive.
  case setFailed(name: String, reason: String)
  /// The start failed at one line of the configuration.
  case badLine(source: LineSource, text: String, reason: String)
  /// The start failed because the configuration is larger than `ConfigurationLimits` allows.
  case tooLarge(reason: String)
  /// The start failed because a configuration file could not be read.
  case unreadableFile(path: String, reason: String)

  /// Where a line of the configuration came from.
  public enum LineSource: Sendable, Equatable {
    /// The configuration file named on the command line.
    case file(line: Int)
    /// A file that another one includes.
    case includedFile(path: String, line: Int)
    /// Standard input.
    case standardInput(line: Int)
    /// A `--name value` option.
    case commandLine
  }

  /// The text for people: of an error reply (without its `ERR ` prefix), or of standard error at the start.
  public var message: String {
    switch self {
    case .invalidValue(let reason):
      reason
    case .unknownDirective(let name):
      "Unknown option or number of arguments for CONFIG SET - '\(name)'"
    case .setFailed(let name, let reason):
      "CONFIG SET failed (possibly related to argument '\(name)') - \(reason)"
    case .badLine(let source, let text, let reason):
      "\n\(Self.fatalHeader)\nReading the \(source)\n>>> '\(text)'\n\(reason)"
    case .tooLarge(let reason):
      "\n\(Self.fatalHeader)\n\(reason)"
    case .unreadableFile(let path, let reason):
      "Fatal error, can't open config file '\(path)': \(reason)"
    }
  }

  private static let fatalHeader = "*** FATAL CONFIG FILE ERROR ***"
}

extension ConfigurationError: CustomStringConvertible {
  /// The same text as `message`.
  public var description: String { message }
}

extension ConfigurationError.LineSource: CustomStringConvertible {
  /// The source in words, with the line number where there is one.
  public var description: String {
    switch self {
    case .file(let line): "configuration file, at line \(line)"
    case .includedFile(let path, let line): "configuration file '\(path)', at line \(line)"
    case .standardInput(let line): "configuration from standard input, at line \(line)"
    case .commandLine: "command line"
    }
  }
}

/// Bounds on what a configuration may consist of, all of its files together.
public enum ConfigurationLimits {
  /// Bytes of all files.
  public static let totalBytes = 16 << 20
  /// Lines of all files; this bounds the number of `include` lines as well.
  public static let totalLines = 1 << 16
  /// Bytes of one line.
  public static let lineBytes = 64 << 10
  /// How deep `include` may nest; the file on the command line is at depth 0.
  public static let includeDepth = 16
}

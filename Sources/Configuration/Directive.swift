/// One directive: its name, what values it takes, and how it reads and writes its part of `Settings`.
///
/// Each is declared once, in the `Directive+...` file of its theme; the file parser, the command line,
/// CONFIG GET, SET and REWRITE and the help text all work from that declaration.
public struct Directive: Sendable {
  /// Redis's name where Redis has the directive; lower case.
  public let name: String
  /// Further names it answers to.
  public let aliases: [String]
  /// Whether CONFIG SET may change it.
  public let isMutable: Bool
  /// Whether CONFIG SET may change it only where `enable-protected-configs` allows.
  public let isProtected: Bool
  /// Whether its value must not appear in the slow log or in MONITOR.
  public let isSensitive: Bool
  /// Whether a line may give several arguments. If so, a single one is split at its spaces.
  public let takesSeveralArguments: Bool
  /// The values it takes.
  public let kind: DirectiveKind
  /// One line of help.
  public let summary: String
  /// The value as CONFIG GET prints it.
  public let read: @Sendable (Settings) -> String
  /// Sets the value from the arguments of a line, or throws `invalidValue` and leaves the settings alone.
  public let write: @Sendable (inout Settings, [String]) throws(ConfigurationError) -> Void
  /// The lines that CONFIG REWRITE puts in the file. No line means that existing ones are removed.
  let rewrite: @Sendable (Settings) -> [RewrittenLine]

  /// The value as CONFIG GET prints it while nothing was configured.
  public var defaultValue: String { read(Settings()) }
}

/// A line of CONFIG REWRITE.
struct RewrittenLine {
  let text: String
  /// A line that says the default is written only in the place of an existing one.
  let isDefault: Bool
}

/// What values a directive takes.
public enum DirectiveKind: Sendable, Equatable {
  /// `yes` or `no`.
  case boolean
  /// A decimal number.
  case integer(ClosedRange<Int>, isPowerOfTwo: Bool)
  /// A number of bytes, with an optional unit.
  case memory(ClosedRange<Int>, isPowerOfTwo: Bool)
  /// A number in base 8.
  case octal(ClosedRange<Int>)
  /// One of several words.
  case choice([String])
  /// Any text.
  case text
  /// Arguments of the form given, as it appears in the help.
  case list(form: String)
}

extension DirectiveKind: CustomStringConvertible {
  /// The values in a form for the help.
  public var description: String {
    switch self {
    case .boolean: "yes|no"
    case .integer(let range, false): "<\(Self.describe(range))>"
    case .integer(let range, true): "<power of two, \(Self.describe(range))>"
    case .memory(let range, false): "<bytes, \(Self.describe(range, ValueText.memory))>"
    case .memory(let range, true): "<bytes, power of two, \(Self.describe(range, ValueText.memory))>"
    case .octal(let range): "<octal, \(Self.describe(range) { String($0, radix: 8) })>"
    case .choice(let words): words.joined(separator: "|")
    case .text: "<text>"
    case .list(let form): form
    }
  }

  private static func describe(
    _ range: ClosedRange<Int>, _ text: (Int) -> String = { String($0) }
  ) -> String {
    range.upperBound == .max
      ? "at least \(text(range.lowerBound))" : "\(text(range.lowerBound))...\(text(range.upperBound))"
  }
}

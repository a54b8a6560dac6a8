// The makers of directives of the common kinds. What they have in common: CONFIG GET prints the stored value,
// a value that is refused leaves the settings alone, and CONFIG REWRITE prints one line.

extension Directive {
  /// A place in `Settings` that a directive reads and writes.
  typealias Place<Value> = WritableKeyPath<Settings, Value> & Sendable

  /// A directive that is `yes` or `no`.
  static func boolean(
    _ name: String, aliases: [String] = [], _ place: Place<Bool>, isMutable: Bool = true, summary: String
  ) -> Directive {
    single(
      name, aliases: aliases, kind: .boolean, isMutable: isMutable, summary: summary,
      read: { $0[keyPath: place] ? "yes" : "no" },
      write: { (settings, argument) throws(ConfigurationError) in
        settings[keyPath: place] = try parseBoolean(argument)
      })
  }

  /// A directive that is a decimal number.
  static func integer(
    _ name: String, aliases: [String] = [], _ place: Place<Int>, _ range: ClosedRange<Int>,
    isPowerOfTwo: Bool = false, isMutable: Bool = true, summary: String
  ) -> Directive {
    single(
      name, aliases: aliases, kind: .integer(range, isPowerOfTwo: isPowerOfTwo), isMutable: isMutable,
      summary: summary,
      read: { String($0[keyPath: place]) },
      write: { (settings, argument) throws(ConfigurationError) in
        guard let value = ValueText.integer(argument) else {
          throw .invalidValue(reason: "argument couldn't be parsed into an integer")
        }
        try check(value, in: range, isPowerOfTwo: isPowerOfTwo)
        settings[keyPath: place] = value
      })
  }

  /// A directive that is a number of bytes.
  static func memory(
    _ name: String, _ place: Place<Int>, _ range: ClosedRange<Int>, isPowerOfTwo: Bool = false,
    isMutable: Bool = true, summary: String
  ) -> Directive {
    single(
      name, kind: .memory(range, isPowerOfTwo: isPowerOfTwo), isMutable: isMutable, summary: summary,
      read: { String($0[keyPath: place]) },
      write: { (settings, argument) throws(ConfigurationError) in
        guard let bytes = ValueText.memory(argument) else {
          throw .invalidValue(reason: "argument must be a memory value")
        }
        guard let value = Int(exactly: bytes) else { throw outOfRange(range) }
        try check(value, in: range, isPowerOfTwo: isPowerOfTwo)
        settings[keyPath: place] = value
      },
      format: { ValueText.memory($0[keyPath: place]) })
  }

  /// A directive that is a number in base 8.
  static func octal(
    _ name: String, _ place: Place<Int>, _ range: ClosedRange<Int>, isMutable: Bool = true, summary: String
  ) -> Directive {
    single(
      name, kind: .octal(range), isMutable: isMutable, summary: summary,
      read: { String($0[keyPath: place], radix: 8) },
      write: { (settings, argument) throws(ConfigurationError) in
        guard let value = ValueText.octal(argument) else {
          throw .invalidValue(reason: "argument couldn't be parsed as an octal number")
        }
        guard range.contains(value) else { throw outOfRange(range, radix: 8) }
        settings[keyPath: place] = value
      })
  }

  /// A directive that is one of several words.
  static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ place: Place<Value>, isMutable: Bool = true, summary: String
  ) -> Directive {
    let words = Value.allCases.map(\.rawValue)
    return single(
      name, kind: .choice(words), isMutable: isMutable, summary: summary,
      read: { $0[keyPath: place].rawValue },
      write: { (settings, argument) throws(ConfigurationError) in
        guard let value = Value(rawValue: argument.asciiLowercased) else {
          let list = words.joined(separator: ", ")
          throw .invalidValue(reason: "argument(s) must be one of the following: \(list)")
        }
        settings[keyPath: place] = value
      })
  }

  /// A directive that is any text. Empty means that there is none, so CONFIG REWRITE removes its line.
  static func text(
    _ name: String, _ place: Place<String>, isMutable: Bool = true, isProtected: Bool = false,
    isSensitive: Bool = false, summary: String,
    validate: @escaping @Sendable (String) throws(ConfigurationError) -> Void
  ) -> Directive {
    Directive(
      name: name, aliases: [], isMutable: isMutable, isProtected: isProtected, isSensitive: isSensitive,
      takesSeveralArguments: false, kind: .text, summary: summary,
      read: { $0[keyPath: place] },
      write: { (settings, arguments) throws(ConfigurationError) in
        let argument = try onlyArgument(arguments)
        try validate(argument)
        settings[keyPath: place] = argument
      },
      rewrite: { settings in
        let value = settings[keyPath: place]
        return value.isEmpty
          ? [] : [RewrittenLine(text: "\(name) \(value.quotedForConfiguration)", isDefault: false)]
      })
  }

  /// A directive that is the path of something in the file system.
  static func path(
    _ name: String, _ place: Place<String>, isMutable: Bool = false, isProtected: Bool = false,
    maximumBytes: Int = PathLimit.fileBytes, summary: String
  ) -> Directive {
    text(
      name, place, isMutable: isMutable, isProtected: isProtected, summary: summary,
      validate: { (path) throws(ConfigurationError) in
        if path.utf8.contains(0) { throw .invalidValue(reason: "a path can't contain a NUL byte") }
        if path.utf8.count > maximumBytes {
          throw .invalidValue(reason: "a path here can't be longer than \(maximumBytes) bytes")
        }
      })
  }

  /// A directive with a single argument, whose line in the file is its name and `format`, or else `read`.
  static func single(
    _ name: String, aliases: [String] = [], kind: DirectiveKind, isMutable: Bool, summary: String,
    read: @escaping @Sendable (Settings) -> String,
    write: @escaping @Sendable (inout Settings, String) throws(ConfigurationError) -> Void,
    format: (@Sendable (Settings) -> String)? = nil
  ) -> Directive {
    let format = format ?? read
    return Directive(
      name: name, aliases: aliases, isMutable: isMutable, isProtected: false, isSensitive: false,
      takesSeveralArguments: false, kind: kind, summary: summary, read: read,
      write: { (settings, arguments) throws(ConfigurationError) in
        try write(&settings, onlyArgument(arguments))
      },
      rewrite: { settings in
        let isDefault = read(settings) == read(Settings())
        return [RewrittenLine(text: "\(name) \(format(settings))", isDefault: isDefault)]
      })
  }
}

/// Lengths the kernel sets for paths, without the NUL at their end.
enum PathLimit {
  /// `PATH_MAX` - 1.
  static let fileBytes = 4095
  /// The size of `sun_path` - 1.
  static let unixSocketBytes = 107
}

extension Directive {
  static func onlyArgument(_ arguments: [String]) throws(ConfigurationError) -> String {
    guard arguments.count == 1 else { throw .invalidValue(reason: "wrong number of arguments") }
    return arguments[0]
  }

  static func parseBoolean(_ argument: String) throws(ConfigurationError) -> Bool {
    switch argument.asciiLowercased {
    case "yes": return true
    case "no": return false
    default: throw .invalidValue(reason: "argument must be 'yes' or 'no'")
    }
  }

  private static func check(
    _ value: Int, in range: ClosedRange<Int>, isPowerOfTwo: Bool
  ) throws(ConfigurationError) {
    guard range.contains(value) else { throw outOfRange(range) }
    if isPowerOfTwo, value.nonzeroBitCount != 1 {
      throw .invalidValue(reason: "argument must be a power of two")
    }
  }

  private static func outOfRange(_ range: ClosedRange<Int>, radix: Int = 10) -> ConfigurationError {
    let lower = String(range.lowerBound, radix: radix)
    let upper = String(range.upperBound, radix: radix)
    return .invalidValue(reason: "argument must be between \(lower) and \(upper) inclusive")
  }
}

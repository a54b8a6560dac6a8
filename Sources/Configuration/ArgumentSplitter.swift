/// Splits a line into arguments, with the quoting of redis.conf.
///
/// Arguments are separated by white space. Between double quotes `\xHH`, `\n`, `\r`, `\t`, `\b` and `\a` stand
/// for bytes and a backslash before anything else for the thing itself; between single quotes only `\'` is
/// special. A closing quote must be followed by white space or the end.
///
///     try ArgumentSplitter.split("requirepass \"two words\"")  // ["requirepass", "two words"]
struct ArgumentSplitter {
  private let line: [UInt8]
  private var position = 0
  private var argument: [UInt8] = []

  private init(_ line: String) {
    self.line = Array(line.utf8)
  }

  static func split(_ line: String) throws(ConfigurationError) -> [String] {
    var splitter = ArgumentSplitter(line)
    var arguments: [String] = []
    while let argument = try splitter.nextArgument() {
      arguments.append(argument)
    }
    return arguments
  }

  private mutating func nextArgument() throws(ConfigurationError) -> String? {
    while position < line.count, line[position].isASCIISpace { position += 1 }
    guard position < line.count else { return nil }
    argument.removeAll(keepingCapacity: true)
    try readUntilSeparator()
    guard let text = String(validating: argument, as: UTF8.self) else {
      throw .invalidValue(reason: "Argument is not valid UTF-8 in configuration line")
    }
    return text
  }

  private mutating func readUntilSeparator() throws(ConfigurationError) {
    while position < line.count {
      let byte = line[position]
      position += 1
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
        return
      case UInt8(ascii: "\""):
        return try readDoubleQuoted()
      case UInt8(ascii: "'"):
        return try readSingleQuoted()
      default:
        argument.append(byte)
      }
    }
  }

  private mutating func readDoubleQuoted() throws(ConfigurationError) {
    while position < line.count {
      let byte = line[position]
      position += 1
      if byte == UInt8(ascii: "\"") { return try requireSeparator() }
      if byte == UInt8(ascii: "\\"), position < line.count {
        argument.append(readEscape())
      } else {
        argument.append(byte)
      }
    }
    throw Self.unbalancedQuotes
  }

  /// Reads what follows a backslash; there is at least one byte.
  private mutating func readEscape() -> UInt8 {
    if line[position] == UInt8(ascii: "x"), position + 2 < line.count,
      let high = line[position + 1].hexDigitValue, let low = line[position + 2].hexDigitValue
    {
      position += 3
      return high << 4 | low
    }
    let byte = line[position]
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return UInt8(ascii: "\n")
    case UInt8(ascii: "r"): return UInt8(ascii: "\r")
    case UInt8(ascii: "t"): return UInt8(ascii: "\t")
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "a"): return 0x07
    default: return byte
    }
  }

  private mutating func readSingleQuoted() throws(ConfigurationError) {
    while position < line.count {
      let byte = line[position]
      position += 1
      if byte == UInt8(ascii: "'") { return try requireSeparator() }
      if byte == UInt8(ascii: "\\"), position < line.count, line[position] == UInt8(ascii: "'") {
        position += 1
        argument.append(UInt8(ascii: "'"))
      } else {
        argument.append(byte)
      }
    }
    throw Self.unbalancedQuotes
  }

  private func requireSeparator() throws(ConfigurationError) {
    if position < line.count, !line[position].isASCIISpace { throw Self.unbalancedQuotes }
  }

  private static let unbalancedQuotes = ConfigurationError.invalidValue(
    reason: "Unbalanced quotes in configuration line")
}

extension String {
  /// The string between double quotes, so that `ArgumentSplitter` gives it back unchanged.
  var quotedForConfiguration: String {
    var result: [UInt8] = [UInt8(ascii: "\"")]
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""): result += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): result += Array("\\n".utf8)
      case UInt8(ascii: "\r"): result += Array("\\r".utf8)
      case UInt8(ascii: "\t"): result += Array("\\t".utf8)
      case 0x07: result += Array("\\a".utf8)
      case 0x08: result += Array("\\b".utf8)
      case _ where byte.isASCIIPrintable: result.append(byte)
      default:
        let digits = String(byte, radix: 16)
        result += Array((digits.utf8.count == 1 ? "\\x0" : "\\x").utf8) + Array(digits.utf8)
      }
    }
    result.append(UInt8(ascii: "\""))
    return String(decoding: result, as: UTF8.self)
  }

  /// The string as it is if it reads as one argument, else between double quotes.
  var quotedForConfigurationIfNeeded: String {
    let isPlain = utf8.allSatisfy { byte in
      byte.isASCIIPrintable && byte != UInt8(ascii: " ") && byte != UInt8(ascii: "\"")
        && byte != UInt8(ascii: "'")
    }
    return isPlain && !isEmpty ? self : quotedForConfiguration
  }
}

import Bytes

/// Splits a line of redis.conf into arguments. Its quoting is that of inline commands: see `InlineSplit`.
///
///     try ArgumentSplitter.split("requirepass \"two words\"")  // ["requirepass", "two words"]
enum ArgumentSplitter {
  static func split(_ line: String) throws(ConfigurationError) -> [String] {
    var storage: [UInt8] = []
    var ranges: [Range<Int>] = []
    guard split(Array(line.utf8), into: &storage, ranges: &ranges) else {
      throw .invalidValue(reason: "Unbalanced quotes in configuration line")
    }
    var arguments: [String] = []
    for range in ranges {
      guard let argument = String(validating: storage[range], as: UTF8.self) else {
        throw .invalidValue(reason: "Argument is not valid UTF-8 in configuration line")
      }
      arguments.append(argument)
    }
    return arguments
  }

  private static func split(_ line: [UInt8], into storage: inout [UInt8], ranges: inout [Range<Int>]) -> Bool
  {
    line.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return true }
      return InlineSplit.split(ByteView(start: start, count: bytes.count), into: &storage, ranges: &ranges)
    }
  }
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

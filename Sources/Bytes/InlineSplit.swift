/// Splits an inline command, a line as a person types it into telnet, into its arguments.
///
/// Arguments are separated by spaces. One may be quoted, as a whole or from some byte on:
///
/// - `"…"` with `\n \r \t \b \a`, `\xHH`, and `\` before any other byte for that byte
/// - `'…'` with `\'` only
///
/// A closing quote ends the argument: a space or the end must follow. A NUL ends the line, as
/// it does for Redis.
public enum InlineSplit {
  /// Appends the unquoted bytes of all arguments of `line` to `storage`, and where each one lies there
  /// to `ranges`.
  ///
  /// Returns false, and leaves both as they were, if the quotes are unbalanced. An empty line has no arguments
  /// and is no error.
  public static func split(
    _ line: ByteView, into storage: inout [UInt8], ranges: inout [Range<Int>]
  ) -> Bool {
    let storageCount = storage.count
    let rangeCount = ranges.count
    var reader = Reader(line)
    while reader.skipSpaces() {
      let start = storage.count
      guard reader.appendArgument(to: &storage) else {
        storage.removeSubrange(storageCount...)
        ranges.removeSubrange(rangeCount...)
        return false
      }
      ranges.append(start..<storage.count)
    }
    return true
  }
}

/// A place in a line. Behind its end there are NULs, so that looking ahead needs no bounds.
private struct Reader {
  private let line: ByteView
  private var index = 0

  init(_ line: ByteView) {
    self.line = line
  }

  private func peek(_ distance: Int = 0) -> UInt8 {
    index + distance < line.count ? line[index + distance] : 0
  }

  /// Goes to the next argument; false if there is none.
  mutating func skipSpaces() -> Bool {
    while isSpace(peek()) { index += 1 }
    return peek() != 0
  }

  /// Reads one argument and the space behind it; false if its quotes are unbalanced.
  mutating func appendArgument(to storage: inout [UInt8]) -> Bool {
    while true {
      let byte = peek()
      switch byte {
      case 0:
        return true
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
        index += 1
        return true
      case UInt8(ascii: "\""):
        index += 1
        return appendDoubleQuoted(to: &storage)
      case UInt8(ascii: "'"):
        index += 1
        return appendSingleQuoted(to: &storage)
      default:
        storage.append(byte)
        index += 1
      }
    }
  }

  private mutating func appendDoubleQuoted(to storage: inout [UInt8]) -> Bool {
    while true {
      let byte = peek()
      switch byte {
      case 0:
        return false
      case UInt8(ascii: "\""):
        return closeQuote()
      case UInt8(ascii: "\\") where peek(1) != 0:
        if peek(1) == UInt8(ascii: "x"), let high = hexDigit(peek(2)), let low = hexDigit(peek(3)) {
          storage.append(high << 4 | low)
          index += 4
        } else {
          storage.append(unescaped(peek(1)))
          index += 2
        }
      default:
        storage.append(byte)
        index += 1
      }
    }
  }

  private mutating func appendSingleQuoted(to storage: inout [UInt8]) -> Bool {
    while true {
      let byte = peek()
      switch byte {
      case 0:
        return false
      case UInt8(ascii: "'"):
        return closeQuote()
      case UInt8(ascii: "\\") where peek(1) == UInt8(ascii: "'"):
        storage.append(UInt8(ascii: "'"))
        index += 2
      default:
        storage.append(byte)
        index += 1
      }
    }
  }

  /// Passes the closing quote; false if the argument goes on behind it.
  private mutating func closeQuote() -> Bool {
    index += 1
    return peek() == 0 || isSpace(peek())
  }
}

/// C's `isspace`: space, and tab to carriage return.
private func isSpace(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: " ") || byte &- 9 < 5
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

/// What `\` and `byte` stand for inside double quotes.
private func unescaped(_ byte: UInt8) -> UInt8 {
  switch byte {
  case UInt8(ascii: "n"): UInt8(ascii: "\n")
  case UInt8(ascii: "r"): UInt8(ascii: "\r")
  case UInt8(ascii: "t"): UInt8(ascii: "\t")
  case UInt8(ascii: "b"): 8
  case UInt8(ascii: "a"): 7
  default: byte
  }
}

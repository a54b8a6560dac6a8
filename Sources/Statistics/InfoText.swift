/// Builds the reply to INFO: titled sections of `name:value` lines, an empty line between two sections.
///
///     var info = InfoText()
///     info.beginSection(.clients)
///     info.field("connected_clients", 1)
///     info.text  // "# Clients\r\nconnected_clients:1\r\n"
public struct InfoText: Sendable {
  /// What was written so far.
  public private(set) var text = ""

  /// An empty reply.
  public init() {}

  /// Begins one of Redis's sections.
  public mutating func beginSection(_ section: InfoSection) {
    beginSection(title: section.title)
  }

  /// Begins a section of the server's own.
  public mutating func beginSection(title: String) {
    if !text.isEmpty { text += "\r\n" }
    text += "# \(title)\r\n"
  }

  /// Writes a field. Line ends within the value become `_`: a value is one line.
  public mutating func field(_ name: String, _ value: String) {
    let isOneLine = !value.utf8.contains { $0 == 13 || $0 == 10 }
    text += "\(name):\(isOneLine ? value : Self.replacing("\r\n", in: value))\r\n"
  }

  /// Writes a whole number.
  public mutating func field(_ name: String, _ value: some BinaryInteger) {
    text += "\(name):\(value)\r\n"
  }

  /// Writes 1 or 0.
  public mutating func field(_ name: String, _ value: Bool) {
    text += "\(name):\(value ? 1 : 0)\r\n"
  }

  /// Writes a number with a fixed number of decimals.
  public mutating func field(_ name: String, _ value: Double, decimals: Int) {
    text += "\(name):\(DecimalText.fixed(value, decimals: decimals))\r\n"
  }

  /// Writes a share of a hundred with two decimals and its sign: `99.76%`.
  public mutating func field(_ name: String, percentage: Double) {
    text += "\(name):\(DecimalText.fixed(percentage, decimals: 2))%\r\n"
  }

  /// Writes a number of bytes twice, for machines and for people: `used_memory` and `used_memory_human`.
  public mutating func byteFields(_ name: String, _ byteCount: UInt64) {
    field(name, byteCount)
    field("\(name)_human", Self.humanReadable(byteCount: byteCount))
  }

  /// Writes whole lines, each with its `\r\n`: `infoLine` and `infoLines` of the counters.
  public mutating func lines(_ lines: String) {
    assert(lines.isEmpty || lines.hasSuffix("\r\n"), "whole lines")
    text += lines
  }

  /// A number of bytes for people: `0B`, `968.30K`, `23.54G`.
  public static func humanReadable(byteCount: UInt64) -> String {
    if byteCount < 1024 { return "\(byteCount)B" }
    var unit = UInt64(1024)
    var letters = "KMGTP".unicodeScalars[...]
    while letters.count > 1 && byteCount / 1024 >= unit {
      unit *= 1024
      letters = letters.dropFirst()
    }
    let letter = letters[letters.startIndex]
    return "\(DecimalText.fixed(Double(byteCount) / Double(unit), decimals: 2))\(letter)"
  }

  /// A name that came from a client, with the characters that carry INFO's structure replaced by `_`.
  public static func safeName(_ name: String) -> String {
    let isSafe = !name.utf8.contains { [35, 58, 10, 13].contains($0) }
    return isSafe ? name : replacing("#:\r\n", in: name)
  }

  private static func replacing(_ unsafe: String, in text: String) -> String {
    let bytes = text.utf8.map { unsafe.utf8.contains($0) ? UInt8(ascii: "_") : $0 }
    return String(decoding: bytes, as: UTF8.self)
  }
}

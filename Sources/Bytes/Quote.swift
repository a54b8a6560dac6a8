// Bytes of clients made presentable: in MONITOR and in error texts. For slow paths: these append to arrays.

/// Appends `bytes` in double quotes, everything unprintable escaped, as MONITOR shows arguments: `"a\n\xff"`.
public func appendQuoted(_ bytes: ByteView, to output: inout [UInt8]) {
  output.append(UInt8(ascii: "\""))
  for byte in bytes.buffer {
    switch byte {
    case UInt8(ascii: "\\"), UInt8(ascii: "\""): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
    case UInt8(ascii: "\n"): output.append(contentsOf: "\\n".utf8)
    case UInt8(ascii: "\r"): output.append(contentsOf: "\\r".utf8)
    case UInt8(ascii: "\t"): output.append(contentsOf: "\\t".utf8)
    case 7: output.append(contentsOf: "\\a".utf8)
    case 8: output.append(contentsOf: "\\b".utf8)
    case 0x20...0x7e: output.append(byte)
    default:
      output.append(contentsOf: "\\x".utf8)
      output.append(lowercaseHexDigit(byte >> 4))
      output.append(lowercaseHexDigit(byte & 15))
    }
  }
  output.append(UInt8(ascii: "\""))
}

private func lowercaseHexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

extension ByteView {
  /// A copy fit for an error reply, which is one line: CR and LF are spaces.
  public var sanitizedForError: [UInt8] {
    buffer.map { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }
  }
}

/// Appends at most `bytesMax` bytes of what a client sent to an error text: up to the first NUL, as
/// C's "%.128s" prints, and CR and LF as spaces.
public func appendErrorExcerpt(_ bytes: ByteView, bytesMax: Int, to output: inout [UInt8]) {
  let length = bytes.buffer.firstIndex(of: 0) ?? bytes.count
  output.append(contentsOf: bytes[0..<min(length, max(bytesMax, 0))].sanitizedForError)
}

/// Appends Redis's text for a command that doesn't exist, without the "ERR " in front:
///
///     unknown command 'FOO', with args beginning with: 'a' 'b'
///
/// There is a space behind each argument, the last one too. The name has up to 128 bytes. Arguments are quoted one by one until 128 bytes are used; the one that
/// reaches them is cut.
public func appendUnknownCommandText(name: ByteView, arguments: [ByteView], to output: inout [UInt8]) {
  let excerptBytesMax = 128
  output.append(contentsOf: "unknown command '".utf8)
  appendErrorExcerpt(name, bytesMax: excerptBytesMax, to: &output)
  output.append(contentsOf: "', with args beginning with: ".utf8)
  let start = output.count
  for argument in arguments {
    let used = output.count - start
    guard used < excerptBytesMax else { break }
    output.append(UInt8(ascii: "'"))
    appendErrorExcerpt(argument, bytesMax: excerptBytesMax - used, to: &output)
    output.append(contentsOf: "' ".utf8)
  }
}

import Bytes
import RESP

/// The text of an error that repeats what the client sent, byte by byte; C's "%s" ends at a NUL, and so does this.
func errorText(_ before: StaticString, quoting bytes: ByteView, _ after: StaticString) -> [UInt8] {
  var text = ByteView(before).array
  appendErrorExcerpt(bytes, bytesMax: bytes.count, to: &text)
  text.append(contentsOf: ByteView(after).array)
  return text
}

extension ReplyBuffer {
  /// `-text`, as an array of bytes.
  mutating func error(_ text: [UInt8]) {
    text.withUnsafeBufferPointer { buffer in
      if let start = buffer.baseAddress { error(ByteView(start: start, count: buffer.count)) }
    }
  }
}

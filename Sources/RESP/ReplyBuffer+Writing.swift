import Bytes

/// Writing replies: one method for each type of the protocol. What RESP2 lacks is written as Redis writes it
/// to RESP2 clients.
extension ReplyBuffer {
  /// `+text`
  public mutating func simple(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    let target = reserve(count + 3)
    target[0] = UInt8(ascii: "+")
    copyBytes(from: text.utf8Start, to: target + 1, count)
    lineEnd(target + 1 + count)
    advance(count + 3)
  }

  /// `+OK`
  public mutating func ok() {
    let target = reserve(8)
    UnsafeMutableRawPointer(target).storeBytes(of: UInt64(littleEndian: 0x0a0d_4b4f_2b), as: UInt64.self)
    advance(5)
  }

  /// `-text`: the text begins with its code, as in `ERR syntax error`. Line ends in it become spaces.
  public mutating func error(_ text: StaticString) { error(ByteView(text)) }

  /// `-text`, made at run time.
  @_disfavoredOverload
  public mutating func error(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      if let start = bytes.baseAddress { error(ByteView(start: start, count: bytes.count)) }
    }
  }

  /// `-text`, as bytes.
  public mutating func error(_ text: ByteView) {
    let count = text.count
    let target = reserve(count + 3)
    target[0] = UInt8(ascii: "-")
    for index in 0..<count {
      let byte = text.start[index]
      target[1 + index] = byte == 0x0d || byte == 0x0a ? 0x20 : byte
    }
    lineEnd(target + 1 + count)
    countError(target + 1, count: count)
    advance(count + 3)
  }

  /// `:value`
  public mutating func integer(_ value: Int64) {
    let target = reserve(24)
    target[0] = UInt8(ascii: ":")
    let count = writeDecimal(value, to: target + 1)
    lineEnd(target + 1 + count)
    advance(count + 3)
  }

  public mutating func integer(_ value: Int) { integer(Int64(value)) }

  /// `$count bytes`
  public mutating func bulk(_ bytes: ByteView) {
    let target = reserve(bytes.count + 24)
    let header = writeHeader(UInt8(ascii: "$"), bytes.count, to: target)
    copyBytes(from: bytes.start, to: target + header, bytes.count)
    lineEnd(target + header + bytes.count)
    advance(header + bytes.count + 2)
  }

  public mutating func bulk(_ text: StaticString) { bulk(ByteView(text)) }

  @_disfavoredOverload
  public mutating func bulk(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      if let start = bytes.baseAddress {
        bulk(ByteView(start: start, count: bytes.count))
      } else {
        bulk(ByteView(""))
      }
    }
  }

  public mutating func bulk(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { buffer in
      if let start = buffer.baseAddress {
        bulk(ByteView(start: start, count: buffer.count))
      } else {
        bulk(ByteView(""))
      }
    }
  }

  /// A bulk string that holds the decimal form of `value`.
  public mutating func bulk(decimal value: Int64) {
    let target = reserve(32)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { digits in
      guard let start = digits.baseAddress else { return }
      let count = writeDecimal(value, to: start)
      let header = writeHeader(UInt8(ascii: "$"), count, to: target)
      copyBytes(from: start, to: target + header, count)
      lineEnd(target + header + count)
      advance(header + count + 2)
    }
  }

  /// The null of the protocol version: RESP3 `_`, RESP2 `$-1`.
  public mutating func null() {
    fixed(resp2: 0x0a0d_312d_24, 5)
  }

  /// A null in the place of an array: RESP3 `_`, RESP2 `*-1`.
  public mutating func nullArray() {
    fixed(resp2: 0x0a0d_312d_2a, 5)
  }

  /// Writes RESP3's null, or in RESP2 the first `count` bytes of a little-endian word.
  private mutating func fixed(resp2 word: UInt64, _ count: Int) {
    let target = UnsafeMutableRawPointer(reserve(8))
    if version == .resp3 {
      target.storeBytes(of: UInt64(littleEndian: 0x0a0d_5f), as: UInt64.self)
      advance(3)
    } else {
      target.storeBytes(of: UInt64(littleEndian: word), as: UInt64.self)
      advance(count)
    }
  }

  /// The head of an array of `count` elements, which follow.
  public mutating func array(_ count: Int) { header(UInt8(ascii: "*"), count) }

  /// The head of a map of `count` pairs; RESP2 clients get a flat array.
  public mutating func map(_ count: Int) {
    if version == .resp3 { header(UInt8(ascii: "%"), count) } else { header(UInt8(ascii: "*"), count * 2) }
  }

  /// The head of a set; RESP2 clients get an array.
  public mutating func set(_ count: Int) {
    header(version == .resp3 ? UInt8(ascii: "~") : UInt8(ascii: "*"), count)
  }

  /// The head of a push; RESP2 clients get an array.
  public mutating func push(_ count: Int) {
    header(version == .resp3 ? UInt8(ascii: ">") : UInt8(ascii: "*"), count)
  }

  /// A double: RESP3 `,`, RESP2 a bulk string with the same digits.
  public mutating func double(_ value: Double) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { digits in
      guard let start = digits.baseAddress else { return }
      let text = ByteView(start: start, count: writeDouble(value, to: start))
      if version == .resp3 {
        append(",")
        append(text)
        append("\r\n")
      } else {
        bulk(text)
      }
    }
  }

  /// A boolean: RESP3 `#t` or `#f`, RESP2 the integers 1 and 0.
  public mutating func boolean(_ value: Bool) {
    if version == .resp3 {
      append(value ? "#t\r\n" : "#f\r\n")
    } else {
      integer(value ? 1 : 0)
    }
  }

  /// Text for people: RESP3 a verbatim string of type `txt`, RESP2 a bulk string.
  public mutating func verbatim(_ text: String) {
    guard version == .resp3 else { return bulk(text) }
    header(UInt8(ascii: "="), text.utf8.count + 4)
    append("txt:")
    append(Array(text.utf8))
    append("\r\n")
  }

  /// Bytes that are already in the protocol's form.
  public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { buffer in
      if let start = buffer.baseAddress { append(ByteView(start: start, count: buffer.count)) }
    }
  }

  private mutating func header(_ kind: UInt8, _ count: Int) {
    let target = reserve(24)
    advance(writeHeader(kind, count, to: target))
  }
}

private func writeHeader(_ kind: UInt8, _ count: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
  target[0] = kind
  if count < 10 {
    target[1] = 0x30 &+ UInt8(truncatingIfNeeded: count)
    lineEnd(target + 2)
    return 4
  }
  if count < 100 {
    let tens = count / 10
    target[1] = 0x30 &+ UInt8(truncatingIfNeeded: tens)
    target[2] = 0x30 &+ UInt8(truncatingIfNeeded: count - tens * 10)
    lineEnd(target + 3)
    return 5
  }
  let digits = writeDecimal(Int64(count), to: target + 1)
  lineEnd(target + 1 + digits)
  return digits + 3
}

private func lineEnd(_ target: UnsafeMutablePointer<UInt8>) {
  target[0] = 0x0d
  target[1] = 0x0a
}

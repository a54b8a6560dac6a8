import Bytes
import Engine
import Keyspace
import RESP

/// Errors that several commands for streams share.
enum StreamErrorText {
  static let invalidID: StaticString = "ERR Invalid stream ID specified as stream command argument"
  static let missingKey: StaticString =
    """
    ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option \
    to create an empty stream automatically.
    """
}

/// The ID that a text spells: milliseconds, or milliseconds and sequence with a dash between; nil if it spells none.
///
/// - Parameter defaultSequence: the sequence where the text has milliseconds only.
func parseStreamID(_ text: ByteView, defaultSequence: UInt64 = 0) -> StreamID? {
  let text = terminated(text)
  guard let dash = text.buffer.firstIndex(of: UInt8(ascii: "-")) else {
    return parseStreamNumber(text).map { StreamID($0, defaultSequence) }
  }
  guard let milliseconds = parseStreamNumber(text[0..<dash]),
    let sequence = parseStreamNumber(text[dash + 1..<text.count])
  else { return nil }
  return StreamID(milliseconds, sequence)
}

/// The same for the beginning or end of a range, where `-` is the least ID of all and `+` the greatest.
func parseStreamBound(_ text: ByteView, defaultSequence: UInt64) -> StreamID? {
  let text = terminated(text)
  if text.count == 1, text[0] == UInt8(ascii: "-") { return .zero }
  if text.count == 1, text[0] == UInt8(ascii: "+") { return .maximum }
  return parseStreamID(text, defaultSequence: defaultSequence)
}

/// The milliseconds of a text `milliseconds-*`; nil for other texts.
func parseStreamIDWithoutSequence(_ text: ByteView) -> UInt64? {
  let text = terminated(text)
  guard text.count > 2, text[text.count - 1] == UInt8(ascii: "*"), text[text.count - 2] == UInt8(ascii: "-")
  else { return nil }
  let milliseconds = text[0..<text.count - 2]
  return milliseconds.buffer.contains(UInt8(ascii: "-")) ? nil : parseStreamNumber(milliseconds)
}

/// The text as C sees it, which is how Redis reads IDs: up to a NUL, and not longer than its buffer for them.
private func terminated(_ text: ByteView) -> ByteView {
  if text.count > 127 { return text[0..<0] }
  return text[0..<(text.buffer.firstIndex(of: 0) ?? text.count)]
}

/// An unsigned number as Redis reads it in IDs: what its own parser does not take is read as C's `strtoull` does.
private func parseStreamNumber(_ text: ByteView) -> UInt64? {
  if let number = parseUInt64(text) { return number }
  var start = 0
  while start < text.count, text[start] == 0x20 || 0x09...0x0d ~= text[start] { start += 1 }
  guard start < text.count else { return nil }
  let sign = text[start]
  if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { start += 1 }
  guard let number = parseUInt64(text[start..<text.count]) else { return nil }
  if sign != UInt8(ascii: "-") { return number }
  // A negative number in its plain form is refused; any other form of it wraps around.
  if let plain = parseInt64(text), plain < 0 { return nil }
  return 0 &- number
}

extension Arguments {
  /// The ID at `index`.
  func streamID(at index: Int) throws(CommandError) -> StreamID {
    guard let id = parseStreamID(self[index]) else { throw CommandError(StreamErrorText.invalidID) }
    return id
  }

  /// Whether all arguments from `first` on are IDs.
  func areStreamIDs(from first: Int) -> Bool {
    for index in first..<count where parseStreamID(self[index]) == nil { return false }
    return true
  }

  /// The beginning of a range: an ID, `-`, `+`, or an ID that is not part of it itself, behind a parenthesis.
  func streamRangeStart(at index: Int) throws(CommandError) -> StreamID {
    let (bound, isExclusive) = try streamBound(at: index, defaultSequence: 0)
    if !isExclusive { return bound }
    guard let next = bound.successor else { throw CommandError("ERR invalid start ID for the interval") }
    return next
  }

  /// The end of a range, likewise.
  func streamRangeEnd(at index: Int) throws(CommandError) -> StreamID {
    let (bound, isExclusive) = try streamBound(at: index, defaultSequence: .max)
    if !isExclusive { return bound }
    guard let previous = bound.predecessor else { throw CommandError("ERR invalid end ID for the interval") }
    return previous
  }

  private func streamBound(at index: Int, defaultSequence: UInt64) throws(CommandError) -> (StreamID, Bool) {
    let text = self[index]
    let isExclusive = text.count > 1 && text[0] == UInt8(ascii: "(")
    let bound =
      isExclusive
      ? parseStreamID(text[1..<text.count], defaultSequence: defaultSequence)
      : parseStreamBound(text, defaultSequence: defaultSequence)
    guard let bound else { throw CommandError(StreamErrorText.invalidID) }
    return (bound, isExclusive)
  }
}

/// The arguments of XADD and XTRIM that tell how to trim, as COMMAND DOCS describes them.
func streamTrimmingArgument(isOptional: Bool) -> ArgumentSpecification {
  .init(
    "trim", .block, optional: isOptional,
    [
      .init("strategy", .oneOf, [.token("MAXLEN"), .token("MINID", since: "6.2.0")]),
      .init(
        "operator", .oneOf, optional: true,
        [.init("equal", .pureToken, token: "="), .init("approximately", .pureToken, token: "~")]),
      .init("threshold", .string),
      .init("count", .integer, token: "LIMIT", since: "6.2.0", optional: true),
    ])
}

// MARK: Replies

extension ReplyBuffer {
  /// A bulk string of an ID.
  mutating func bulk(_ id: StreamID) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: StreamID.textBytesMaximum) { text in
      let start = text.baseAddress.unsafelyUnwrapped
      bulk(ByteView(start: UnsafePointer(start), count: id.write(to: start)))
    }
  }

  /// An entry: its ID, and an array of its fields and values by turns.
  mutating func entry(_ entry: StreamEntry) {
    array(2)
    bulk(entry.id)
    array(entry.fieldCount * 2)
    entry.forEachItem { bulk($0) }
  }

  /// An error about a key and a group, whose names come between the parts of the text. As in Redis, which prints them
  /// with C's `%s`, a name ends at a NUL.
  mutating func error(
    _ parts: (StaticString, StaticString, StaticString), naming first: ByteView, _ second: ByteView
  ) {
    var text: [UInt8] = []
    text += ByteView(parts.0).buffer
    text += first.buffer.prefix { $0 != 0 }
    text += ByteView(parts.1).buffer
    text += second.buffer.prefix { $0 != 0 }
    text += ByteView(parts.2).buffer
    text.withUnsafeBufferPointer {
      if let start = $0.baseAddress { error(ByteView(start: start, count: $0.count)) }
    }
  }

  /// The error of commands that need a key with a group.
  mutating func noSuchGroup(_ group: ByteView, in key: ByteView) {
    error(("NOGROUP No such key '", "' or consumer group '", "'"), naming: key, group)
  }
}

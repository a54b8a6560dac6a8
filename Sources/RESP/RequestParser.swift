import Bytes

/// The bounds that a request must keep.
public struct RequestLimits: Sendable {
  /// Bytes of one argument: `proto-max-bulk-len`.
  public var bulkBytes: Int
  /// Arguments of one command.
  public var argumentCount: Int
  /// Bytes of an inline command, and of a length line.
  public var lineBytes: Int
  /// For a stranger, the bytes of an argument that others may send; nil for others.
  private var bulkBytesOfOthers: Int?

  public init(bulkBytes: Int = 512 << 20, argumentCount: Int = Int(Int32.max), lineBytes: Int = 64 << 10) {
    self.bulkBytes = min(bulkBytes, Self.bulkBytesMaximum)
    self.argumentCount = argumentCount
    self.lineBytes = lineBytes
  }

  /// Whatever the configuration says: ranges of arguments are 32 bits wide.
  private static let bulkBytesMaximum = Int(UInt32.max) - (64 << 20)

  /// What a client may send before it has authenticated: enough for AUTH and HELLO, too little to
  /// make the server hold memory for a stranger.
  ///
  /// - Parameter bulkBytes: what others may send, beyond which the error is the same for all.
  public static func unauthenticated(bulkBytes: Int) -> RequestLimits {
    var limits = RequestLimits(bulkBytes: 16_384, argumentCount: 10)
    limits.bulkBytesOfOthers = bulkBytes
    return limits
  }

  /// Why a command may not have `count` arguments, which is over the limit.
  func errorOfArgumentCount(_ count: Int) -> RequestError {
    bulkBytesOfOthers != nil && count <= Int(Int32.max)
      ? .unauthenticatedMultibulkLength : .invalidMultibulkLength
  }

  /// Why an argument may not have `count` bytes, which is over the limit.
  func errorOfBulkBytes(_ count: Int) -> RequestError {
    count <= bulkBytesOfOthers ?? 0 ? .unauthenticatedBulkLength : .invalidBulkLength
  }
}

/// A request that breaks the protocol. The client gets the text, and the connection is closed.
public enum RequestError: Error, Equatable, Sendable {
  case invalidMultibulkLength
  case invalidBulkLength
  case unauthenticatedMultibulkLength
  case unauthenticatedBulkLength
  case expectedBulk(got: UInt8)
  case multibulkLineTooLong
  case bulkLineTooLong
  case inlineTooLong
  case unbalancedQuotes

  /// The error as Redis words it, after `-ERR Protocol error: `: bytes, because it may quote one of the client's.
  public var text: [UInt8] {
    switch self {
    case .invalidMultibulkLength: Array("invalid multibulk length".utf8)
    case .invalidBulkLength: Array("invalid bulk length".utf8)
    case .unauthenticatedMultibulkLength: Array("unauthenticated multibulk length".utf8)
    case .unauthenticatedBulkLength: Array("unauthenticated bulk length".utf8)
    case .expectedBulk(let byte): Array("expected '$', got '".utf8) + [byte] + Array("'".utf8)
    case .multibulkLineTooLong: Array("too big mbulk count string".utf8)
    case .bulkLineTooLong: Array("too big bulk count string".utf8)
    case .inlineTooLong: Array("too big inline request".utf8)
    case .unbalancedQuotes: Array("unbalanced quotes in request".utf8)
    }
  }
}

/// What came of reading one command.
public enum ParseOutcome: Equatable, Sendable {
  /// A whole command; its ranges are in the store. The next one starts at `end`.
  case command(end: Int)
  /// Bytes that mean nothing (an empty line, `*0`); the next command starts at `end`.
  case nothing(end: Int)
  /// The command is not all here. It can't be complete before the buffer holds `bytesNeeded` bytes.
  case incomplete(bytesNeeded: Int)
  case failure(RequestError)
}

/// Where reading stopped inside a command that has not all arrived. A fresh value starts a command.
public struct PartialRequest: Sendable {
  /// Arguments still to come; 0 when no command is begun.
  public private(set) var argumentsMissing = 0
  /// The next unread byte, from the start of the buffer.
  private(set) var offset = 0
  /// The length of the argument whose bytes are awaited, -1 while its length line is.
  private(set) var bulkCount = -1

  public init() {}

  public var isBegun: Bool { argumentsMissing > 0 }

  mutating func stop(at offset: Int, missing: Int, bulkCount: Int) {
    argumentsMissing = missing
    self.offset = offset
    self.bulkCount = bulkCount
  }
}

/// Reads requests in the Redis protocol: arrays of bulk strings, and inline commands.
///
/// The parser holds no bytes and does no input: it looks at a buffer and says what is there. A command that is
/// complete is read in one pass; one that is not leaves a `PartialRequest`, and reading goes on there when
/// more has arrived, so that no byte is looked at twice however the command is cut up.
public enum RequestParser {
  private static let carriageReturn: UInt8 = 0x0d
  private static let lineFeed: UInt8 = 0x0a

  /// Reads one command that starts at `start` (or, if `partial` is begun, continues it) in the first `end`
  /// bytes of `base`. The ranges of its arguments are appended to `store`, as offsets from `base`.
  ///
  /// Inline commands with quotes are unescaped in place, which is why the buffer must be writable.
  public static func parse(
    _ base: UnsafeMutablePointer<UInt8>, from start: Int, to end: Int, partial: inout PartialRequest,
    into store: inout ArgumentStore, limits: RequestLimits
  ) -> ParseOutcome {
    var offset: Int
    var missing: Int
    var bulkCount: Int
    if partial.isBegun {
      offset = partial.offset
      missing = partial.argumentsMissing
      bulkCount = partial.bulkCount
    } else {
      guard start < end else { return .incomplete(bytesNeeded: start + 1) }
      guard base[start] == UInt8(ascii: "*") else {
        return parseInline(base, from: start, to: end, into: &store, limits: limits)
      }
      var count = 0
      switch readLength(base, from: start + 1, to: end, lineBytes: limits.lineBytes) {
      case .value(let value, let next):
        count = value
        offset = next
      case .incomplete: return .incomplete(bytesNeeded: end + 1)
      case .tooLong: return .failure(.multibulkLineTooLong)
      case .malformed: return .failure(.invalidMultibulkLength)
      }
      if count > limits.argumentCount { return .failure(limits.errorOfArgumentCount(count)) }
      if count <= 0 { return .nothing(end: offset) }
      missing = count
      bulkCount = -1
    }

    while missing > 0 {
      if bulkCount < 0 {
        guard offset < end else {
          partial.stop(at: offset, missing: missing, bulkCount: -1)
          return .incomplete(bytesNeeded: end + 1)
        }
        guard base[offset] == UInt8(ascii: "$") else { return .failure(.expectedBulk(got: base[offset])) }
        switch readLength(base, from: offset + 1, to: end, lineBytes: limits.lineBytes) {
        case .value(let value, let next):
          bulkCount = value
          offset = next
        case .incomplete:
          partial.stop(at: offset, missing: missing, bulkCount: -1)
          return .incomplete(bytesNeeded: end + 1)
        case .tooLong: return .failure(.bulkLineTooLong)
        case .malformed: return .failure(.invalidBulkLength)
        }
        if bulkCount < 0 { return .failure(.invalidBulkLength) }
        if bulkCount > limits.bulkBytes { return .failure(limits.errorOfBulkBytes(bulkCount)) }
      }
      guard end - offset >= bulkCount + 2 else {
        partial.stop(at: offset, missing: missing, bulkCount: bulkCount)
        return .incomplete(bytesNeeded: offset + bulkCount + 2)
      }
      store.append(ArgumentRange(offset: UInt32(truncatingIfNeeded: offset), count: UInt32(bulkCount)))
      offset += bulkCount + 2
      bulkCount = -1
      missing -= 1
    }
    partial = PartialRequest()
    return .command(end: offset)
  }

  // MARK: Length lines

  private enum Length {
    case value(Int, next: Int)
    case incomplete
    case tooLong
    case malformed
  }

  /// Reads a decimal number and the line end after it.
  private static func readLength(
    _ base: UnsafeMutablePointer<UInt8>, from start: Int, to end: Int, lineBytes: Int
  ) -> Length {
    // Nearly every length has one to three digits; the loop ends at the line end or at the first byte
    // that is no digit, and only then is anything unusual looked at.
    var offset = start
    var value = 0
    while offset < end {
      let digit = base[offset] &- 0x30
      if digit > 9 { break }
      if offset - start >= 10 { return unusualLength(base, from: start, to: end, lineBytes: lineBytes) }
      value = value &* 10 &+ Int(digit)
      offset += 1
    }
    if offset + 1 < end, offset > start, base[offset] == carriageReturn,
      base[start] != 0x30 || offset == start + 1
    {
      return .value(value, next: offset + 2)
    }
    return unusualLength(base, from: start, to: end, lineBytes: lineBytes)
  }

  /// A length line that is negative, cut short or wrong.
  @inline(never)
  private static func unusualLength(
    _ base: UnsafeMutablePointer<UInt8>, from start: Int, to end: Int, lineBytes: Int
  ) -> Length {
    var lineEnd = start
    while lineEnd < end, base[lineEnd] != carriageReturn { lineEnd += 1 }
    guard lineEnd + 1 < end else {
      return end - start > lineBytes ? .tooLong : .incomplete
    }
    guard let value = parseInt64(ByteView(start: base + start, count: lineEnd - start)) else {
      return .malformed
    }
    return .value(Int(value), next: lineEnd + 2)
  }

  // MARK: Inline commands

  @inline(never)
  private static func parseInline(
    _ base: UnsafeMutablePointer<UInt8>, from start: Int, to end: Int, into store: inout ArgumentStore,
    limits: RequestLimits
  ) -> ParseOutcome {
    var lineEnd = start
    while lineEnd < end, base[lineEnd] != lineFeed { lineEnd += 1 }
    guard lineEnd < end else {
      return end - start > limits.lineBytes ? .failure(.inlineTooLong) : .incomplete(bytesNeeded: end + 1)
    }
    let next = lineEnd + 1
    if lineEnd > start, base[lineEnd - 1] == carriageReturn { lineEnd -= 1 }
    var storage: [UInt8] = []
    var ranges: [Range<Int>] = []
    let line = ByteView(start: base + start, count: lineEnd - start)
    guard InlineSplit.split(line, into: &storage, ranges: &ranges) else {
      return .failure(.unbalancedQuotes)
    }
    if ranges.isEmpty { return .nothing(end: next) }
    // Unescaping never lengthens, so the arguments fit where the line was.
    for index in storage.indices { base[start + index] = storage[index] }
    for range in ranges {
      store.append(
        ArgumentRange(
          offset: UInt32(truncatingIfNeeded: start + range.lowerBound), count: UInt32(range.count)))
    }
    return .command(end: next)
  }
}

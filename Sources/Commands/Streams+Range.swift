import Bytes
import Engine
import Keyspace
import RESP

private func rangeDeclaration(_ name: String, bounds: [String], summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])], group: .stream,
    since: "5.0.0", summary: summary,
    complexity: "O(log N + M), N being the number of entries in the stream and M that of those returned.",
    arguments: [
      .init("key", .key), .init(bounds[0], .string), .init(bounds[1], .string),
      .init("count", .integer, token: "COUNT", optional: true),
    ],
    history: [("6.2.0", "Bounds that are not part of the range themselves.")])
}

enum XRangeCommand: KeyCommand {
  static let declaration = rangeDeclaration(
    "xrange", bounds: ["start", "end"], summary: "Returns the entries of a stream from one ID to another.")

  static func execute(_ call: inout KeyCall) { call.replyRange(isReversed: false) }
}

enum XRevRangeCommand: KeyCommand {
  static let declaration = rangeDeclaration(
    "xrevrange", bounds: ["end", "start"],
    summary: "Returns the entries of a stream from one ID back to another.")

  static func execute(_ call: inout KeyCall) { call.replyRange(isReversed: true) }
}

extension KeyCall {
  fileprivate func replyRange(isReversed: Bool) {
    do throws(CommandError) {
      let first = try arguments.streamRangeStart(at: isReversed ? 3 : 2)
      let last = try arguments.streamRangeEnd(at: isReversed ? 2 : 3)
      let limit = try rangeLimit()
      switch find(key(1), .stream, for: .read) {
      case .missing: reply.pointee.array(0)
      case .otherType: refuseType()
      case .entry(let entry):
        if limit == 0 { return reply.pointee.nullArray() }
        keyspace.stream(entry).write(
          from: first, through: last, limit: limit, isReversed: isReversed, to: reply)
      }
    } catch {
      reply.pointee.error(error.text)
    }
  }

  private func rangeLimit() throws(CommandError) -> Int {
    var limit = Int.max
    var index = 4
    while index < arguments.count {
      guard arguments.isWord("count", at: index), arguments.hasArgument(after: index) else {
        throw CommandError(ErrorText.syntax)
      }
      guard let count = arguments.integer(at: index + 1) else { throw CommandError(ErrorText.notAnInteger) }
      limit = Int(max(count, 0))
      index += 2
    }
    return limit
  }
}

extension StreamValue {
  /// Writes the array of the entries of a range.
  func write(
    from first: StreamID, through last: StreamID, limit: Int = .max, isReversed: Bool = false,
    to reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    // Counting costs little beside writing: blocks that are in the range as a whole know their count.
    reply.pointee.array(count(from: first, through: last, limit: limit))
    if isReversed {
      forEachEntryReversed(from: first, through: last, limit: limit) { reply.pointee.entry($0) }
    } else {
      forEachEntry(from: first, through: last, limit: limit) { reply.pointee.entry($0) }
    }
  }
}

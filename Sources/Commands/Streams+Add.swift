import Bytes
import Engine
import Keyspace
import RESP

enum XAddCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xadd", arity: -5, flags: [.write, .denyOutOfMemory, .fast],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: 0, step: 1, limit: 0), flags: [.readWrite, .update],
        notes: "UPDATE instead of INSERT because of the optional trimming feature")
    ],
    tips: .nondeterministicOutput, group: .stream, since: "5.0.0",
    summary: "Adds an entry to a stream, and trims the stream if asked to.",
    complexity: "O(1) to add; O(N) to trim, N being the number of entries removed.",
    arguments: [
      .init("key", .key), .token("NOMKSTREAM", optional: true, since: "6.2.0"),
      streamTrimmingArgument(isOptional: true),
      .init("id_or_auto", .oneOf, [.init("auto_id", .pureToken, token: "*"), .init("id", .string)]),
      .init("field_value", .block, multiple: true, [.init("field", .string), .init("value", .string)]),
    ],
    history: [
      ("6.2.0", "Option `NOMKSTREAM`, strategy `MINID` and option `LIMIT`."),
      ("7.0.0", "IDs of the form `<ms>-*`."),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let options = try XAddOptions(adding: call.arguments, limits: call.keyspace.limits)
      let fieldCount = call.arguments.count - options.firstField
      guard fieldCount >= 2, fieldCount.isMultiple(of: 2) else { return refuseArity(call) }
      if options.id == .explicit(.zero) {
        throw CommandError("ERR The ID specified in XADD must be greater than 0-0")
      }
      let key = call.key(1)
      switch call.find(key, .stream, for: .write) {
      case .missing:
        guard options.makesStream else { return call.reply.pointee.null() }
        let id = try options.id.resolved(after: .zero, now: call.now)
        try checkSize(call.arguments, options.firstField)
        let stream = call.keyspace.makeStream(key, in: call.database)
        add(id, to: stream, at: key, options, call)
      case .otherType: call.refuseType()
      case .entry(let entry):
        let stream = call.keyspace.stream(entry)
        let id = try options.id.resolved(after: stream.lastID, now: call.now)
        try checkSize(call.arguments, options.firstField)
        call.keyspace.dirty += 1
        add(id, to: stream, at: key, options, call)
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  @inline(__always)
  private static func add(
    _ id: StreamID, to stream: StreamValue, at key: Key, _ options: XAddOptions, _ call: KeyCall
  ) {
    let count = call.arguments.count - options.firstField
    withUnsafeTemporaryAllocation(of: Element.self, capacity: count) { elements in
      let start = elements.baseAddress.unsafelyUnwrapped
      for index in 0..<count {
        (start + index).initialize(to: Element(call.arguments[options.firstField + index]))
      }
      stream.append(id, UnsafeBufferPointer(elements), limits: call.keyspace.limits)
    }
    call.reply.pointee.bulk(id)
    let trimmedCount = options.trimming.map { stream.trim($0) } ?? 0
    call.changed(key, .stream, "xadd")
    if trimmedCount > 0 { call.changed(key, .stream, "xtrim") }
  }

  /// Whether fields and values fit a block.
  @inline(__always)
  private static func checkSize(_ arguments: Arguments, _ first: Int) throws(CommandError) {
    // What lies between them in the input is more than they are.
    let last = arguments.ranges[arguments.count - 1]
    guard last.offset &+ last.count &- arguments.ranges[first].offset <= StreamValue.entryBytesMaximum else {
      return try addUpSize(arguments, first)
    }
  }

  @inline(never)
  private static func addUpSize(_ arguments: Arguments, _ first: Int) throws(CommandError) {
    var sum = 0
    for index in first..<arguments.count { sum += arguments[index].count }
    if sum > StreamValue.entryBytesMaximum {
      throw CommandError("ERR Elements are too large to be stored")
    }
  }

  @inline(never)
  private static func refuseArity(_ call: KeyCall) {
    call.reply.pointee.error(ErrorText.wrongArity("xadd"))
  }
}

/// The ID that a call of XADD asks for.
enum XAddID: Equatable {
  /// `*`
  case automatic
  /// `<ms>-*`
  case automaticSequence(UInt64)
  case explicit(StreamID)

  /// The ID of the entry, if the last one of the stream is `last`.
  @inline(__always)
  func resolved(after last: StreamID, now: Int64) throws(CommandError) -> StreamID {
    guard let next = last.successor else {
      throw CommandError("ERR The stream has exhausted the last possible ID, unable to add more items")
    }
    let id: StreamID
    switch self {
    case .automatic:
      let now = StreamID(UInt64(now), 0)
      return now.milliseconds > last.milliseconds ? now : next
    case .automaticSequence(let milliseconds):
      id = milliseconds == last.milliseconds ? next : StreamID(milliseconds, 0)
      if id.milliseconds == milliseconds, id > last { return id }
    case .explicit(let given):
      if given > last { return given }
    }
    throw CommandError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
  }
}

/// The options of XADD and XTRIM.
struct XAddOptions {
  private(set) var makesStream = true
  private(set) var id = XAddID.automatic
  /// Where the fields begin.
  private(set) var firstField = 3
  private(set) var trimming: StreamTrimming?

  /// The options of a call of XADD.
  @inline(__always)
  init(adding arguments: Arguments, limits: CollectionLimits) throws(CommandError) {
    let second = arguments[2]
    if second.count == 1, second[0] == UInt8(ascii: "*") { return }
    var parser = XAddParser(arguments)
    try parser.parse(adding: true)
    trimming = try parser.trimming(adding: true, limits: limits)
    makesStream = parser.makesStream
    id = parser.id
    firstField = parser.index + 1
  }

  /// The options of a call of XTRIM.
  init(trimming arguments: Arguments, limits: CollectionLimits) throws(CommandError) {
    var parser = XAddParser(arguments)
    try parser.parse(adding: false)
    trimming = try parser.trimming(adding: false, limits: limits)
  }
}

/// Reads the options of XADD and XTRIM.
private struct XAddParser {
  /// Entries that an approximate trimming removes at the most where the call does not say and the configuration has no
  /// limit of entries; and in any case.
  private static let defaultLimit = 10_000
  private static let limitMaximum = 1_000_000

  private let arguments: Arguments
  /// The argument in hand; in the end, for XADD, the ID.
  private(set) var index = 2
  private(set) var makesStream = true
  private(set) var id = XAddID.automatic
  private var threshold: StreamTrimming.Threshold?
  private var isApproximate = false
  private var limit: Int64 = 0
  private var isLimitGiven = false

  init(_ arguments: Arguments) { self.arguments = arguments }

  @inline(never)
  mutating func parse(adding: Bool) throws(CommandError) {
    while index < arguments.count {
      let hasMore = arguments.hasArgument(after: index)
      if adding, arguments.isWord("*", at: index) { return }
      if hasMore, arguments.isWord("maxlen", at: index) {
        try readStrategy()
        guard let count = arguments.integer(at: index) else { throw CommandError(ErrorText.notAnInteger) }
        if count < 0 { throw CommandError("ERR The MAXLEN argument must be >= 0.") }
        threshold = .count(Int(count))
      } else if hasMore, arguments.isWord("minid", at: index) {
        try readStrategy()
        threshold = .id(try arguments.streamID(at: index))
      } else if hasMore, arguments.isWord("limit", at: index) {
        index += 1
        guard let count = arguments.integer(at: index) else { throw CommandError(ErrorText.notAnInteger) }
        if count < 0 { throw CommandError("ERR The LIMIT argument must be >= 0.") }
        limit = count
        isLimitGiven = true
      } else if adding, arguments.isWord("nomkstream", at: index) {
        makesStream = false
      } else if adding {
        return try readID()
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 1
    }
  }

  /// Goes to the threshold behind the name of a strategy.
  private mutating func readStrategy() throws(CommandError) {
    if threshold != nil {
      throw CommandError(
        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
    }
    index += 1
    isApproximate = false
    guard arguments.hasArgument(after: index) else { return }
    if arguments.isWord("~", at: index) {
      isApproximate = true
      index += 1
    } else if arguments.isWord("=", at: index) {
      index += 1
    }
  }

  private mutating func readID() throws(CommandError) {
    if let milliseconds = parseStreamIDWithoutSequence(arguments[index]) {
      id = .automaticSequence(milliseconds)
    } else {
      id = .explicit(try arguments.streamID(at: index))
    }
  }

  /// What the options come to.
  func trimming(adding: Bool, limits: CollectionLimits) throws(CommandError) -> StreamTrimming? {
    if limit > 0, threshold == nil {
      throw CommandError(
        "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
    }
    if !adding, threshold == nil {
      throw CommandError("ERR syntax error, XTRIM must be called with a trimming strategy")
    }
    if isLimitGiven, !isApproximate {
      throw CommandError("ERR syntax error, LIMIT cannot be used without the special ~ option")
    }
    guard let threshold else { return nil }
    if !isApproximate { return StreamTrimming(threshold, isApproximate: false, limit: nil) }
    if isLimitGiven {
      return StreamTrimming(threshold, isApproximate: true, limit: limit == 0 ? nil : Int(limit))
    }
    let usual = 100 * limits.streamNodeEntries
    return StreamTrimming(
      threshold, isApproximate: true, limit: min(usual > 0 ? usual : Self.defaultLimit, Self.limitMaximum))
  }
}

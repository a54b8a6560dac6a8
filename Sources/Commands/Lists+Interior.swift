import Bytes
import Engine
import Keyspace
import RESP

enum LSetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "lset", arity: 4, flags: [.write, .denyOutOfMemory], keys: [.key([.readWrite, .update])],
    group: .list, since: "1.0.0", summary: "Replaces an element of a list by its index.",
    complexity: "O(N) for N elements between it and the nearer end of its packed block.",
    arguments: [.init("key", .key), .init("index", .integer), .init("element", .string)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    switch call.find(key, .list, for: .write) {
    case .missing: call.reply.pointee.error(ErrorText.noSuchKey)
    case .otherType: call.refuseType()
    case .entry(let entry):
      guard let index = call.arguments.integer(at: 2) else { return call.refuseInteger() }
      if call.keyspace.setListElement(entry, at: Int(index), to: call.arguments[3]) {
        call.changed(key, .list, "lset")
        call.reply.pointee.ok()
      } else {
        call.reply.pointee.error("ERR index out of range")
      }
    }
  }
}

enum LInsertCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "linsert", arity: 5, flags: [.write, .denyOutOfMemory], keys: [.key([.readWrite, .insert])],
    group: .list, since: "2.2.0", summary: "Adds an element before or after another one of a list.",
    complexity: "O(N) for N elements in front of the other one.",
    arguments: [
      .init("key", .key), .init("where", .oneOf, [.token("BEFORE"), .token("AFTER")]),
      .init("pivot", .string), .init("element", .string),
    ])

  static func execute(_ call: inout KeyCall) {
    let before = call.arguments.isWord("before", at: 2)
    guard before || call.arguments.isWord("after", at: 2) else {
      return call.reply.pointee.error(ErrorText.syntax)
    }
    let key = call.key(1)
    switch call.find(key, .list, for: .write) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let count = call.keyspace.insertIntoList(
        entry, call.arguments[4], before: before, pivot: call.arguments[3])
      if count != nil { call.changed(key, .list, "linsert") }
      call.reply.pointee.integer(count ?? -1)
    }
  }
}

enum LRemCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "lrem", arity: 4, flags: [.write], keys: [.key([.readWrite, .delete])], group: .list,
    since: "1.0.0", summary: "Removes elements of a list that have a certain value.",
    complexity: "O(N) for a list of N elements.",
    arguments: [.init("key", .key), .init("count", .integer), .init("element", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let count = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    let key = call.key(1)
    switch call.find(key, .list, for: .write) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let length = entry.listCount
      let removed = call.keyspace.removeFromList(
        entry, count == 0 ? .max : Int(clamping: count.magnitude), equalTo: call.arguments[3],
        from: count < 0 ? .tail : .head)
      if removed > 0 { call.changed(key, .list, "lrem", removedKey: removed == length) }
      call.reply.pointee.integer(removed)
    }
  }
}

enum LTrimCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "ltrim", arity: 4, flags: [.write], keys: [.key([.readWrite, .delete])], group: .list,
    since: "1.0.0", summary: "Removes the elements of a list that are not between two indices.",
    complexity: "O(N) for N elements removed, counted in packed blocks.",
    arguments: [.init("key", .key), .init("start", .integer), .init("stop", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let start = call.arguments.integer(at: 2), let stop = call.arguments.integer(at: 3) else {
      return call.refuseInteger()
    }
    let key = call.key(1)
    switch call.find(key, .list, for: .write) {
    case .missing: call.reply.pointee.ok()
    case .otherType: call.refuseType()
    case .entry(let entry):
      let range = listRange(from: start, through: stop, count: entry.listCount)
      call.keyspace.trimList(entry, to: range)
      // As in Redis, this is a change even if nothing had to go.
      call.changed(key, .list, "ltrim", removedKey: range.isEmpty)
      call.reply.pointee.ok()
    }
  }
}

enum LPosCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "lpos", arity: -3, flags: [.readOnly], keys: [.key([.readOnly, .access])], group: .list,
    since: "6.0.6", summary: "Returns at which indices a list has an element.",
    complexity: "O(N) for N elements that are compared.",
    arguments: [
      .init("key", .key), .init("element", .string), .init("rank", .integer, token: "RANK", optional: true),
      .init("num-matches", .integer, token: "COUNT", optional: true),
      .init("len", .integer, token: "MAXLEN", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    let options: ListPositionOptions
    do {
      options = try ListPositionOptions(call.arguments)
    } catch {
      return call.reply.pointee.error(error.text)
    }
    switch call.find(call.key(1), .list, for: .read) {
    case .missing:
      if options.count == nil { call.reply.pointee.null() } else { call.reply.pointee.array(0) }
    case .otherType: call.refuseType()
    case .entry(let entry): answer(&call, entry, options)
    }
  }

  private static func answer(_ call: inout KeyCall, _ entry: Entry, _ options: ListPositionOptions) {
    var search = entry.listSearch(
      for: call.arguments[2], maximum: options.comparisons, backwards: options.rank < 0)
    var passedOver: UInt64 = 1
    while passedOver < options.rank.magnitude, search.next() != nil { passedOver += 1 }
    guard let count = options.count else {
      if let position = search.next() {
        call.reply.pointee.integer(position)
      } else {
        call.reply.pointee.null()
      }
      return
    }
    // The array's head needs their number.
    var positions: [Int] = []
    while count == 0 || positions.count < count, let position = search.next() { positions.append(position) }
    call.reply.pointee.array(positions.count)
    for position in positions { call.reply.pointee.integer(position) }
  }
}

/// The options of LPOS.
private struct ListPositionOptions {
  /// Which match is the first to be told; negative: counted from the tail.
  private(set) var rank: Int64 = 1
  /// How many matches are to be told, 0 for all; nil for one, not in an array.
  private(set) var count: Int64?
  /// Elements that are compared at the most.
  private(set) var comparisons = Int.max

  init(_ arguments: Arguments) throws(CommandError) {
    var index = 3
    while index < arguments.count {
      guard arguments.hasArgument(after: index) else { throw CommandError(ErrorText.syntax) }
      let value = arguments[index + 1]
      if arguments.isWord("rank", at: index) {
        guard let number = parseInt64(value) else { throw CommandError(ErrorText.notAnInteger) }
        if number == 0 { throw CommandError(Self.rankZero) }
        // The smallest number has no opposite to count up to: Redis 7.0 passes no match over then.
        rank = number == .min ? -1 : number
      } else if arguments.isWord("count", at: index) {
        count = try Self.positive(value, orElse: "ERR COUNT can't be negative")
      } else if arguments.isWord("maxlen", at: index) {
        let maximum = try Self.positive(value, orElse: "ERR MAXLEN can't be negative")
        comparisons = maximum == 0 ? .max : Int(maximum)
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 2
    }
  }

  private static let rankZero: StaticString = """
    ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
    from the end of the list
    """

  private static func positive(_ argument: ByteView, orElse error: StaticString) throws(CommandError) -> Int64
  {
    guard let value = parseInt64(argument), value >= 0 else { throw CommandError(error) }
    return value
  }
}

import Bytes
import Engine
import Keyspace
import RESP

/// The lists family, in the order of the reference.
let listCommands: [any Command.Type] = [
  LIndexCommand.self, LInsertCommand.self, LLenCommand.self, LMoveCommand.self, LMPopCommand.self,
  LPopCommand.self, LPosCommand.self, LPushCommand.self, LPushXCommand.self, LRangeCommand.self,
  LRemCommand.self, LSetCommand.self, LTrimCommand.self, RPopCommand.self, RPopLPushCommand.self,
  RPushCommand.self, RPushXCommand.self,
]

// MARK: Pushing

enum LPushCommand: KeyCommand {
  static let declaration = pushDeclaration(
    "lpush", since: "1.0.0", severalSince: "2.4.0", summary: "Adds elements in front of a list.")

  static func execute(_ call: inout KeyCall) { call.push(at: .head, event: "lpush") }
}

enum RPushCommand: KeyCommand {
  static let declaration = pushDeclaration(
    "rpush", since: "1.0.0", severalSince: "2.4.0", summary: "Adds elements behind a list.")

  static func execute(_ call: inout KeyCall) { call.push(at: .tail, event: "rpush") }
}

enum LPushXCommand: KeyCommand {
  static let declaration = pushDeclaration(
    "lpushx", since: "2.2.0", severalSince: "4.0.0", summary: "Adds elements in front of a list that exists.")

  static func execute(_ call: inout KeyCall) { call.push(at: .head, event: "lpush", makesKey: false) }
}

enum RPushXCommand: KeyCommand {
  static let declaration = pushDeclaration(
    "rpushx", since: "2.2.0", severalSince: "4.0.0", summary: "Adds elements behind a list that exists.")

  static func execute(_ call: inout KeyCall) { call.push(at: .tail, event: "rpush", makesKey: false) }
}

private func pushDeclaration(_ name: String, since: String, severalSince: String, summary: String)
  -> CommandDeclaration
{
  CommandDeclaration(
    name: name, arity: -3, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .insert])],
    group: .list, since: since, summary: summary, complexity: "O(1) for each element.",
    arguments: [.init("key", .key), .init("element", .string, multiple: true)],
    history: [(severalSince, "Accepts multiple `element` arguments.")])
}

extension KeyCall {
  @inline(__always)
  fileprivate func push(at end: ListEnd, event: StaticString, makesKey: Bool = true) {
    let key = key(1)
    let existing = keyspace.lookup(key, in: database, for: .write)
    if let existing {
      guard existing.kind == .list else { return refuseType() }
    } else if !makesKey {
      return reply.pointee.integer(0)
    }
    let count =
      arguments.count == 3
      ? keyspace.pushToList(key, in: database, existing: existing, at: end, arguments[2])
      : pushSeveral(key, existing, at: end)
    changed(key, .list, event)
    reply.pointee.integer(count)
  }

  @inline(never)
  private func pushSeveral(_ key: Key, _ existing: Entry?, at end: ListEnd) -> Int {
    keyspace.pushToList(key, in: database, existing: existing, at: end, count: arguments.count - 2) {
      arguments[$0 + 2]
    }
  }
}

// MARK: Popping

enum LPopCommand: KeyCommand {
  static let declaration = popDeclaration(
    "lpop", summary: "Returns the first elements of a list and removes them.")

  static func execute(_ call: inout KeyCall) { call.pop(at: .head, command: "lpop") }
}

enum RPopCommand: KeyCommand {
  static let declaration = popDeclaration(
    "rpop", summary: "Returns the last elements of a list and removes them.")

  static func execute(_ call: inout KeyCall) { call.pop(at: .tail, command: "rpop") }
}

private func popDeclaration(_ name: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -2, flags: [.write, .fast], keys: [.key([.readWrite, .access, .delete])],
    group: .list, since: "1.0.0", summary: summary, complexity: "O(N) for N elements returned.",
    arguments: [.init("key", .key), .init("count", .integer, since: "6.2.0", optional: true)],
    history: [("6.2.0", "Added the `count` argument.")])
}

extension KeyCall {
  @inline(__always)
  fileprivate func pop(at end: ListEnd, command: StaticString) {
    guard arguments.count == 2 else { return popSeveral(at: end, command: command) }
    let key = key(1)
    switch find(key, .list, for: .write) {
    case .missing: reply.pointee.null()
    case .otherType: refuseType()
    case .entry(let entry):
      let isLast = entry.listCount == 1
      reply.pointee.bulk(entry.listItem(at: end))
      keyspace.popFromList(entry, at: end)
      changed(key, .list, command, removedKey: isLast)
    }
  }

  @inline(never)
  private func popSeveral(at end: ListEnd, command: StaticString) {
    guard arguments.count == 3 else { return refuseArity(of: command) }
    guard let count = arguments.integer(at: 2), count >= 0 else {
      return reply.pointee.error("ERR value is out of range, must be positive")
    }
    let key = key(1)
    switch find(key, .list, for: .write) {
    case .missing: reply.pointee.nullArray()
    case .otherType: refuseType()
    case .entry(let entry): popFromList(key, entry, at: end, maximum: count)
    }
  }

  @inline(never)
  private func refuseArity(of command: StaticString) {
    reply.pointee.error(ErrorText.wrongArity("\(command)"))
  }

  /// Replies with an array of up to `maximum` elements from an end of a list, which are removed from it.
  func popFromList(_ key: Key, _ entry: Entry, at end: ListEnd, maximum: Int64) {
    let length = entry.listCount
    let count = Int(min(maximum, Int64(length)))
    reply.pointee.array(count)
    if count == 0 { return }
    var reader = entry.listReader(
      from: end == .head ? 0 : length - 1, count: count, backwards: end == .tail)
    while let item = reader.next() { reply.pointee.bulk(item) }
    keyspace.popFromList(entry, at: end, count: count)
    changed(key, .list, end.popEvent, removedKey: count == length)
  }
}

extension ListEnd {
  /// The event of pushing elements to this end.
  var pushEvent: StaticString { self == .head ? "lpush" : "rpush" }
  /// The event of popping elements from this end.
  var popEvent: StaticString { self == .head ? "lpop" : "rpop" }
}

// MARK: Reading

enum LLenCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "llen", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])], group: .list,
    since: "1.0.0", summary: "Returns how many elements a list has.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .list, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(entry.listCount)
    }
  }
}

enum LIndexCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "lindex", arity: 3, flags: [.readOnly], keys: [.key([.readOnly, .access])], group: .list,
    since: "1.0.0", summary: "Returns an element of a list by its index.",
    complexity: "O(N) for N elements between the one asked for and the nearer end of its packed block; "
      + "O(1) for the first and the last one.",
    arguments: [.init("key", .key), .init("index", .integer)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .list, for: .read) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry):
      guard let index = call.arguments.integer(at: 2) else { return call.refuseInteger() }
      guard let item = entry.listItem(at: Int(index)) else { return call.reply.pointee.null() }
      call.reply.pointee.bulk(item)
    }
  }
}

enum LRangeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "lrange", arity: 4, flags: [.readOnly], keys: [.key([.readOnly, .access])], group: .list,
    since: "1.0.0", summary: "Returns the elements of a list between two indices.",
    complexity: "O(S+N) for N elements returned, the first of which is S elements from the nearer end.",
    arguments: [.init("key", .key), .init("start", .integer), .init("stop", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let start = call.arguments.integer(at: 2), let stop = call.arguments.integer(at: 3) else {
      return call.refuseInteger()
    }
    switch call.find(call.key(1), .list, for: .read) {
    case .missing: call.reply.pointee.array(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      let range = listRange(from: start, through: stop, count: entry.listCount)
      call.reply.pointee.array(range.count)
      if range.isEmpty { return }
      var reader = entry.listReader(from: range.lowerBound, count: range.count)
      while let item = reader.next() { call.reply.pointee.bulk(item) }
    }
  }
}

/// The elements of a list of `count` that two indices mean, both included; negative ones count from the tail.
func listRange(from start: Int64, through stop: Int64, count: Int) -> Range<Int> {
  let count = Int64(count)
  let first = max(start < 0 ? start + count : start, 0)
  let last = min(stop < 0 ? stop + count : stop, count - 1)
  return first <= last ? Int(first)..<Int(last + 1) : 0..<0
}

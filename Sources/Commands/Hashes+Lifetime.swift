import Bytes
import Engine
import Keyspace
import RESP

// Reading and writing fields together with their expiry times: what Redis 8 added.

enum HGetDelCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hgetdel", arity: -5, flags: [.write, .fast], keys: [.key([.readWrite, .access, .delete])],
    group: .hash, since: "8.0.0", summary: "Returns the values of fields of a hash and removes the fields.",
    complexity: "O(N) for N fields.", arguments: [.init("key", .key), fieldsArgument])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let found = call.find(key, .hash, for: .write)
    if case .otherType = found { return call.refuseType() }
    guard let first = call.firstField(wordAt: 2, countError: fieldCountError) else { return }
    let call = call
    var removals = FieldRemovals()
    call.replyValues(from: first, found) { field, entry in
      removals.note(call.keyspace.removeField(field, of: entry))
    }
    removals.report(key, call)
  }
}

/// What removing fields, one after the other, came to.
private struct FieldRemovals {
  private(set) var hasRemoved = false
  private(set) var isEmptied = false

  mutating func note(_ removal: FieldRemoval) -> FieldRemoval {
    if removal != .missing { hasRemoved = true }
    if removal == .removedLast { isEmptied = true }
    return removal
  }

  /// Reports it, if there was any.
  func report(_ key: Key, _ call: KeyCall) {
    if hasRemoved { call.changed(key, .hash, "hdel", removedKey: isEmptied) }
  }
}

extension KeyCall {
  /// Answers with the value of each field from argument `first` on, and does something with those that are there.
  @inline(__always)
  fileprivate func replyValues(from first: Int, _ found: Found, _ body: (Element, Entry) -> FieldRemoval) {
    reply.pointee.array(arguments.count - first)
    var entry: Entry?
    if case .entry(let there) = found { entry = there }
    for index in first..<arguments.count {
      guard let there = entry else {
        reply.pointee.null()
        continue
      }
      let field = Element(arguments[index])
      guard replyValue(of: field, in: there) else { continue }
      if body(field, there) == .removedLast { entry = nil }
    }
  }
}

enum HGetExCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hgetex", arity: -5, flags: [.write, .fast],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: 0, step: 1, limit: 0), flags: [.readWrite, .access, .update],
        notes: "RW and UPDATE because it changes the TTL")
    ],
    group: .hash, since: "8.0.0",
    summary: "Returns the values of fields of a hash, and may set or clear their expiry times.",
    complexity: "O(N) for N fields.",
    arguments: [
      .init("key", .key),
      .init(
        "expiration", .oneOf, optional: true, expirationArguments + [.token("PERSIST")]),
      fieldsArgument,
    ])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let found = call.find(key, .hash, for: .write)
    if case .otherType = found { return call.refuseType() }
    let form = ExpiryForm(option: call.arguments[2])
    let persists = call.arguments.isWord("persist", at: 2)
    guard
      let first = call.firstField(
        wordAt: form != nil ? 4 : persists ? 3 : 2, countError: fieldCountError)
    else { return }
    var time: Int64 = 0
    if let form {
      guard let given = fieldMilliseconds(call, at: 3, as: form, command: "hgetex") else { return }
      time = given
    }
    let call = call
    var removals = FieldRemovals()
    var hasChanged = false
    call.replyValues(from: first, found) { field, entry in
      if form != nil, time <= call.now { return removals.note(call.keyspace.removeField(field, of: entry)) }
      if form != nil || persists, case .time(let old) = call.keyspace.fieldTime(field, of: entry), old != time
      {
        call.keyspace.setFieldTime(field, of: entry, time)
        hasChanged = true
      } else if form != nil {
        // As the time was before: for others it was set nevertheless.
        hasChanged = true
      }
      return .missing
    }
    removals.report(key, call)
    if hasChanged { call.changed(key, .hash, persists ? "hpersist" : "hexpire") }
  }
}

private let expirationArguments: [ArgumentSpecification] = [
  .init("seconds", .integer, token: "EX"), .init("milliseconds", .integer, token: "PX"),
  .init("unix-time-seconds", .unixTime, token: "EXAT"),
  .init("unix-time-milliseconds", .unixTime, token: "PXAT"),
]

enum HSetExCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hsetex", arity: -6, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .update])],
    group: .hash, since: "8.0.0", summary: "Sets fields of a hash, and perhaps their expiry times.",
    complexity: "O(N) for N fields.",
    arguments: [
      .init("key", .key), .init("condition", .oneOf, optional: true, [.token("FNX"), .token("FXX")]),
      .init("expiration", .oneOf, optional: true, expirationArguments + [.token("KEEPTTL")]),
      .init(
        "fields", .block, token: "FIELDS",
        [
          .init("numfields", .integer),
          .init("data", .block, multiple: true, [.init("field", .string), .init("value", .string)]),
        ]),
    ])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let found = call.find(key, .hash, for: .write)
    if case .otherType = found { return call.refuseType() }
    guard let options = HSetExOptions(call) else { return }
    guard options.condition.isMet(by: found, call, from: options.first) else {
      return call.reply.pointee.integer(0)
    }
    var entry: Entry?
    if case .entry(let there) = found { entry = there }
    var removals = FieldRemovals()
    var index = options.first
    while index < call.arguments.count {
      let field = Element(call.arguments[index])
      let value = Element(call.arguments[index + 1])
      if case .until(let time) = options.lifetime, time <= call.now {
        // What is set to expire in the past is gone at once.
        if let there = entry, removals.note(call.keyspace.removeField(field, of: there)) == .removedLast {
          entry = nil
        }
      } else if let there = entry {
        call.keyspace.setField(field, of: there, to: value, lifetime: options.lifetime)
      } else {
        let made = call.keyspace.makeHash(key, in: call.database, of: field, value)
        if case .until(let time) = options.lifetime { call.keyspace.setFieldTime(field, of: made, time) }
        entry = made
      }
      index += 2
    }
    options.report(key, removals, call)
    call.reply.pointee.integer(1)
  }
}

/// The options of HSETEX.
private struct HSetExOptions {
  enum Condition {
    case none
    /// None of the fields may exist.
    case fnx
    /// All of them must.
    case fxx

    func isMet(by found: Found, _ call: KeyCall, from first: Int) -> Bool {
      if self == .none { return true }
      guard case .entry(let entry) = found else { return self == .fnx }
      for index in stride(from: first, to: call.arguments.count, by: 2) {
        let isThere = call.keyspace.fieldValue(Element(call.arguments[index]), of: entry) != nil
        if isThere != (self == .fxx) { return false }
      }
      return true
    }
  }

  private(set) var condition = Condition.none
  private(set) var lifetime = FieldLifetime.endless
  /// The argument that is the first field.
  private(set) var first = 0
  private var hasLifetime = false

  /// Reports what was done to the fields: they were set, and then perhaps got a time or were removed for one that is past.
  func report(_ key: Key, _ removals: FieldRemovals, _ call: KeyCall) {
    call.changed(key, .hash, "hset")
    guard case .until(let time) = lifetime else { return }
    if time > call.now { call.changed(key, .hash, "hexpire") } else { removals.report(key, call) }
  }

  /// Reads the options; nil, with the error written, if they are none, or exclude each other.
  init?(_ call: KeyCall) {
    let arguments = call.arguments
    var index = 2
    while index < arguments.count {
      let word = arguments[index]
      if word.equalsIgnoringCase("fields") {
        guard readFieldCount(call, at: index + 1) else { return nil }
        return
      }
      if word.equalsIgnoringCase("fnx") || word.equalsIgnoringCase("fxx") {
        guard condition == .none else {
          call.reply.pointee.error("ERR Only one of FXX or FNX arguments can be specified")
          return nil
        }
        condition = word.equalsIgnoringCase("fnx") ? .fnx : .fxx
        index += 1
      } else if word.equalsIgnoringCase("keepttl") || ExpiryForm(option: word) != nil {
        guard !hasLifetime else {
          call.reply.pointee.error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
          return nil
        }
        hasLifetime = true
        guard let next = readLifetime(call, at: index) else { return nil }
        index = next
      } else {
        call.reply.pointee.error("ERR unknown argument: \(word.string)")
        return nil
      }
    }
    call.reply.pointee.error(ErrorText.wrongArity("hsetex"))
    return nil
  }

  /// Reads KEEPTTL, or EX and its like; returns the index of what follows.
  private mutating func readLifetime(_ call: KeyCall, at index: Int) -> Int? {
    guard let form = ExpiryForm(option: call.arguments[index]) else {
      lifetime = .kept
      return index + 1
    }
    guard call.arguments.hasArgument(after: index) else {
      call.reply.pointee.error("ERR missing expire time")
      return nil
    }
    guard let time = fieldMilliseconds(call, at: index + 1, as: form, command: "hsetex") else { return nil }
    lifetime = .until(time)
    return index + 2
  }

  private mutating func readFieldCount(_ call: KeyCall, at index: Int) -> Bool {
    let arguments = call.arguments
    guard index + 2 < arguments.count else {
      call.reply.pointee.error(ErrorText.wrongArity("hsetex"))
      return false
    }
    guard let count = arguments.integer(at: index), 1...Int64(Int32.max) ~= count else {
      call.reply.pointee.error("ERR invalid number of fields")
      return false
    }
    guard Int64(arguments.count - index - 1) == count * 2 else {
      call.reply.pointee.error(ErrorText.wrongArity("hsetex"))
      return false
    }
    first = index + 1
    return true
  }
}

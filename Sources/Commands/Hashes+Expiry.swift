import Bytes
import Engine
import Keyspace
import RESP

// MARK: Setting

enum HExpireCommand: KeyCommand {
  static let declaration = expireFieldsDeclaration(
    "hexpire", time: .init("seconds", .integer),
    summary: "Lets fields of a hash expire after so many seconds.")

  static func execute(_ call: inout KeyCall) { call.expireFields(as: .seconds, command: "hexpire") }
}

enum HPExpireCommand: KeyCommand {
  static let declaration = expireFieldsDeclaration(
    "hpexpire", time: .init("milliseconds", .integer),
    summary: "Lets fields of a hash expire after so many milliseconds.")

  static func execute(_ call: inout KeyCall) { call.expireFields(as: .milliseconds, command: "hpexpire") }
}

enum HExpireAtCommand: KeyCommand {
  static let declaration = expireFieldsDeclaration(
    "hexpireat", time: .init("unix-time-seconds", .unixTime),
    summary: "Lets fields of a hash expire at a Unix time given in seconds.")

  static func execute(_ call: inout KeyCall) { call.expireFields(as: .unixSeconds, command: "hexpireat") }
}

enum HPExpireAtCommand: KeyCommand {
  static let declaration = expireFieldsDeclaration(
    "hpexpireat", time: .init("unix-time-milliseconds", .unixTime),
    summary: "Lets fields of a hash expire at a Unix time given in milliseconds.")

  static func execute(_ call: inout KeyCall) {
    call.expireFields(as: .unixMilliseconds, command: "hpexpireat")
  }
}

/// `FIELDS numfields field [field ...]`
let fieldsArgument = ArgumentSpecification(
  "fields", .block, token: "FIELDS", [.init("numfields", .integer), .init("field", .string, multiple: true)])

private func expireFieldsDeclaration(_ name: String, time: ArgumentSpecification, summary: String)
  -> CommandDeclaration
{
  CommandDeclaration(
    name: name, arity: -6, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .update])],
    group: .hash, since: "7.4.0", summary: summary, complexity: "O(N) for N fields.",
    arguments: [
      .init("key", .key), time,
      .init("condition", .oneOf, optional: true, [.token("NX"), .token("XX"), .token("GT"), .token("LT")]),
      fieldsArgument,
    ])
}

/// Under which condition HEXPIRE and its kin set a field's expiry time.
private enum FieldCondition {
  case none
  /// Only if the field has none.
  case nx
  /// Only if it has one.
  case xx
  /// Only if the new one is later. No expiry time is later than any.
  case gt
  /// Only if it is earlier.
  case lt

  init?(_ word: ByteView) {
    if word.equalsIgnoringCase("nx") {
      self = .nx
    } else if word.equalsIgnoringCase("xx") {
      self = .xx
    } else if word.equalsIgnoringCase("gt") {
      self = .gt
    } else if word.equalsIgnoringCase("lt") {
      self = .lt
    } else {
      return nil
    }
  }

  /// `current` is 0 for a field that does not expire.
  func allows(_ time: Int64, insteadOf current: Int64) -> Bool {
    switch self {
    case .none: true
    case .nx: current == 0
    case .xx: current != 0
    case .gt: current != 0 && time > current
    case .lt: current == 0 || time < current
    }
  }
}

/// The latest time at which a field may expire: 2^46 milliseconds after 1970, in the year 4199.
private let fieldTimeMaximum = Int64(1) << 46 - 1

/// The time that an argument gives a field, in milliseconds since 1970; nil, with the error written, if it gives none.
func fieldMilliseconds(_ call: KeyCall, at index: Int, as form: ExpiryForm, command: StaticString) -> Int64? {
  guard let amount = call.arguments.integer(at: index) else {
    call.refuseInteger()
    return nil
  }
  guard amount >= 0 else {
    call.reply.pointee.error("ERR invalid expire time, must be >= 0")
    return nil
  }
  let scale: Int64 = form.isInSeconds ? 1_000 : 1
  let base = form.isRelative ? call.now : 0
  guard amount <= fieldTimeMaximum / scale, amount * scale <= fieldTimeMaximum - base else {
    call.reply.pointee.error(.outOfRange, in: command)
    return nil
  }
  return amount * scale + base
}

extension KeyCall {
  fileprivate func expireFields(as form: ExpiryForm, command: StaticString) {
    let key = key(1)
    let found = find(key, .hash, for: .write)
    if case .otherType = found { return refuseType() }
    guard let time = fieldMilliseconds(self, at: 2, as: form, command: command) else { return }
    let condition = FieldCondition(arguments[3])
    guard
      let first = firstField(
        wordAt: condition == nil ? 3 : 4, countError: "ERR Parameter `numFields` should be greater than 0")
    else { return }
    var hasChanged = false
    var isEmptied = false
    replyFields(from: first, found) { field, entry in
      let (answer, isThere) = expire(field, of: entry, at: time, condition ?? .none)
      if answer > 0 { hasChanged = true }
      if !isThere { isEmptied = true }
      return (answer, isThere)
    }
    guard hasChanged else { return }
    changed(key, .hash, time <= now ? "hdel" : "hexpire", removedKey: isEmptied)
  }

  /// Sets the time of one field: 1 if that was done, 2 if the time has passed and the field is gone, 0 if the condition
  /// forbids it, -2 if there is no such field. Also says whether the hash is still there.
  private func expire(_ field: Element, of entry: Entry, at time: Int64, _ condition: FieldCondition)
    -> (answer: Int64, isThere: Bool)
  {
    guard case .time(let current) = keyspace.fieldTime(field, of: entry) else { return (-2, true) }
    guard condition.allows(time, insteadOf: current) else { return (0, true) }
    if time <= now { return (2, keyspace.removeField(field, of: entry) != .removedLast) }
    keyspace.setFieldTime(field, of: entry, time)
    return (1, true)
  }

  /// Reads `FIELDS numfields`, the word being argument `index`, and returns the index of the first field; nil, with the
  /// error written, if the word is missing or the number is not that of the arguments that follow.
  func firstField(wordAt index: Int, countError: StaticString) -> Int? {
    guard index + 1 < arguments.count, arguments.isWord("fields", at: index) else {
      reply.pointee.error("ERR Mandatory argument FIELDS is missing or not at the right position")
      return nil
    }
    guard let count = arguments.integer(at: index + 1), count > 0 else {
      reply.pointee.error(countError)
      return nil
    }
    guard count == Int64(arguments.count - index - 2) else {
      reply.pointee.error("ERR The `numfields` parameter must match the number of arguments")
      return nil
    }
    return index + 2
  }

  /// Answers with an integer for each field from argument `first` on; -2 for all if there is no hash.
  @inline(__always)
  fileprivate func replyFields(
    from first: Int, _ found: Found, _ body: (Element, Entry) -> (answer: Int64, isThere: Bool)
  ) {
    reply.pointee.array(arguments.count - first)
    var entry: Entry?
    if case .entry(let there) = found { entry = there }
    for index in first..<arguments.count {
      guard let there = entry else {
        reply.pointee.integer(-2)
        continue
      }
      let (answer, isThere) = body(Element(arguments[index]), there)
      reply.pointee.integer(answer)
      if !isThere { entry = nil }
    }
  }
}

enum HPersistCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hpersist", arity: -5, flags: [.write, .fast], keys: [.key([.readWrite, .update])],
    group: .hash, since: "7.4.0", summary: "Takes the expiry times of fields away.",
    complexity: "O(N) for N fields.", arguments: [.init("key", .key), fieldsArgument])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let found = call.find(key, .hash, for: .write)
    if case .otherType = found { return call.refuseType() }
    guard let first = call.firstField(wordAt: 2, countError: fieldCountError) else { return }
    let call = call
    var hasChanged = false
    call.replyFields(from: first, found) { field, entry in
      guard case .time(let current) = call.keyspace.fieldTime(field, of: entry) else { return (-2, true) }
      if current == 0 { return (-1, true) }
      call.keyspace.setFieldTime(field, of: entry, 0)
      hasChanged = true
      return (1, true)
    }
    if hasChanged { call.changed(key, .hash, "hpersist") }
  }
}

let fieldCountError: StaticString = "ERR Number of fields must be a positive integer"

// MARK: Asking

enum HTTLCommand: KeyCommand {
  static let declaration = fieldTimeDeclaration(
    "httl", tips: .nondeterministicOutput, summary: "Answers in how many seconds fields expire.")

  static func execute(_ call: inout KeyCall) {
    call.replyFieldTimes { time, now in roundedUpSeconds(time - now) }
  }
}

enum HPTTLCommand: KeyCommand {
  static let declaration = fieldTimeDeclaration(
    "hpttl", tips: .nondeterministicOutput, summary: "Answers in how many milliseconds fields expire.")

  static func execute(_ call: inout KeyCall) { call.replyFieldTimes { time, now in time - now } }
}

enum HExpireTimeCommand: KeyCommand {
  static let declaration = fieldTimeDeclaration(
    "hexpiretime", summary: "Answers at which Unix times, in seconds, fields expire.")

  static func execute(_ call: inout KeyCall) { call.replyFieldTimes { time, _ in roundedUpSeconds(time) } }
}

enum HPExpireTimeCommand: KeyCommand {
  static let declaration = fieldTimeDeclaration(
    "hpexpiretime", summary: "Answers at which Unix times, in milliseconds, fields expire.")

  static func execute(_ call: inout KeyCall) { call.replyFieldTimes { time, _ in time } }
}

private func fieldTimeDeclaration(_ name: String, tips: CommandTips = [], summary: String)
  -> CommandDeclaration
{
  CommandDeclaration(
    name: name, arity: -5, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])], tips: tips,
    group: .hash, since: "7.4.0", summary: summary, complexity: "O(N) for N fields.",
    arguments: [.init("key", .key), fieldsArgument])
}

/// Milliseconds as seconds, any fraction counting as a whole one.
private func roundedUpSeconds(_ milliseconds: Int64) -> Int64 { (milliseconds + 999) / 1_000 }

extension KeyCall {
  /// Answers for each field what `form` makes of its expiry time and the clock; -1 if it does not expire, -2 if there is
  /// no such field.
  fileprivate func replyFieldTimes(_ form: (_ time: Int64, _ now: Int64) -> Int64) {
    let found = find(key(1), .hash, for: .read)
    if case .otherType = found { return refuseType() }
    guard let first = firstField(wordAt: 2, countError: fieldCountError) else { return }
    replyFields(from: first, found) { field, entry in
      guard case .time(let time) = keyspace.fieldTime(field, of: entry) else { return (-2, true) }
      return (time == 0 ? -1 : form(time, now), true)
    }
  }
}

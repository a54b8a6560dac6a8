import Bytes
import Engine
import Keyspace
import RESP

// MARK: Setting

enum ExpireCommand: KeyCommand {
  static let declaration = expireDeclaration(
    "expire", since: "1.0.0", time: .init("seconds", .integer),
    summary: "Lets a key expire after so many seconds.")

  static func execute(_ call: inout KeyCall) { expire(&call, as: .seconds, command: "expire") }
}

enum PExpireCommand: KeyCommand {
  static let declaration = expireDeclaration(
    "pexpire", since: "2.6.0", time: .init("milliseconds", .integer),
    summary: "Lets a key expire after so many milliseconds.")

  static func execute(_ call: inout KeyCall) { expire(&call, as: .milliseconds, command: "pexpire") }
}

enum ExpireAtCommand: KeyCommand {
  static let declaration = expireDeclaration(
    "expireat", since: "1.2.0", time: .init("unix-time-seconds", .unixTime),
    summary: "Lets a key expire at a Unix time given in seconds.")

  static func execute(_ call: inout KeyCall) { expire(&call, as: .unixSeconds, command: "expireat") }
}

enum PExpireAtCommand: KeyCommand {
  static let declaration = expireDeclaration(
    "pexpireat", since: "2.6.0", time: .init("unix-time-milliseconds", .unixTime),
    summary: "Lets a key expire at a Unix time given in milliseconds.")

  static func execute(_ call: inout KeyCall) { expire(&call, as: .unixMilliseconds, command: "pexpireat") }
}

private func expireDeclaration(
  _ name: String, since: String, time: ArgumentSpecification, summary: String
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -3, flags: [.write, .fast], keys: [.key([.readWrite, .update])],
    group: .generic, since: since, summary: summary, complexity: "O(1)",
    arguments: [
      .init("key", .key), time,
      .init(
        "condition", .oneOf, since: "7.0.0", optional: true,
        [.token("NX"), .token("XX"), .token("GT"), .token("LT")]),
    ],
    history: [("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")])
}

/// Under which conditions EXPIRE and its kin set an expiry time.
private struct ExpireConditions: OptionSet {
  let rawValue: UInt8

  /// Only if the key has none.
  static let nx = ExpireConditions(rawValue: 1)
  /// Only if it has one.
  static let xx = ExpireConditions(rawValue: 2)
  /// Only if the new one is later. No expiry time is later than any.
  static let gt = ExpireConditions(rawValue: 4)
  /// Only if it is earlier.
  static let lt = ExpireConditions(rawValue: 8)

  @inline(__always)
  func allow(_ time: Int64, insteadOf current: Int64?) -> Bool {
    if isEmpty { return true }
    guard let current else { return isDisjoint(with: [.xx, .gt]) }
    if contains(.nx) { return false }
    if contains(.gt) { return time > current }
    if contains(.lt) { return time < current }
    return true
  }
}

private func expire(_ call: inout KeyCall, as form: ExpiryForm, command: StaticString) {
  var conditions: ExpireConditions = []
  if call.arguments.count > 3 {
    guard let given = readConditions(call) else { return }
    conditions = given
  }
  let time: Int64
  do throws(ExpiryError) {
    time = try expiryMilliseconds(call.arguments[2], as: form, now: call.now, allowingZeroAndBelow: true)
  } catch {
    return call.reply.pointee.error(error, in: command)
  }
  let key = call.key(1)
  guard let entry = call.keyspace.lookup(key, in: call.database, for: .write),
    conditions.allow(time, insteadOf: entry.expiry)
  else {
    return call.reply.pointee.integer(0)
  }
  if time <= call.now {
    call.keyspace.remove(entry)
    call.changed(key, .generic, "del")
  } else {
    call.keyspace.setExpiry(entry, time)
    call.changed(key, .generic, "expire")
  }
  call.reply.pointee.integer(1)
}

/// Reads the options from argument 3 on; nil, with the error written, if they are none or exclude each other.
@inline(never)
private func readConditions(_ call: KeyCall) -> ExpireConditions? {
  var conditions: ExpireConditions = []
  for index in 3..<call.arguments.count {
    if call.arguments.isWord("nx", at: index) {
      conditions.insert(.nx)
    } else if call.arguments.isWord("xx", at: index) {
      conditions.insert(.xx)
    } else if call.arguments.isWord("gt", at: index) {
      conditions.insert(.gt)
    } else if call.arguments.isWord("lt", at: index) {
      conditions.insert(.lt)
    } else {
      call.reply.pointee.error(quoting: call.arguments[index], after: "ERR Unsupported option ")
      return nil
    }
  }
  if conditions.contains(.nx), !conditions.isDisjoint(with: [.xx, .gt, .lt]) {
    call.reply.pointee.error("ERR NX and XX, GT or LT options at the same time are not compatible")
    return nil
  }
  if conditions.isSuperset(of: [.gt, .lt]) {
    call.reply.pointee.error("ERR GT and LT options at the same time are not compatible")
    return nil
  }
  return conditions
}

extension ReplyBuffer {
  /// An error that ends in bytes of the client's, up to the first NUL as Redis shows them.
  fileprivate mutating func error(quoting bytes: ByteView, after text: String) {
    let line = Array(text.utf8) + bytes.buffer.prefix { $0 != 0 }
    line.withUnsafeBufferPointer { buffer in
      if let start = buffer.baseAddress { error(ByteView(start: start, count: buffer.count)) }
    }
  }
}

enum PersistCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "persist", arity: 2, flags: [.write, .fast], keys: [.key([.readWrite, .update])],
    group: .generic, since: "2.2.0", summary: "Takes a key's expiry time away.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .write), entry.expiry != nil
    else {
      return call.reply.pointee.integer(0)
    }
    call.keyspace.setExpiry(entry, nil)
    call.changed(key, .generic, "persist")
    call.reply.pointee.integer(1)
  }
}

// MARK: Asking

enum TTLCommand: KeyCommand {
  static let declaration = timeDeclaration(
    "ttl", since: "1.0.0", tips: .nondeterministicOutput, history: negativeReplies,
    summary: "Answers in how many seconds a key expires.")

  static func execute(_ call: inout KeyCall) {
    answerExpiry(&call) { expiry, now in roundedSeconds(max(expiry - now, 0)) }
  }
}

enum PTTLCommand: KeyCommand {
  static let declaration = timeDeclaration(
    "pttl", since: "2.6.0", tips: .nondeterministicOutput, history: negativeReplies,
    summary: "Answers in how many milliseconds a key expires.")

  static func execute(_ call: inout KeyCall) {
    answerExpiry(&call) { expiry, now in max(expiry - now, 0) }
  }
}

enum ExpireTimeCommand: KeyCommand {
  static let declaration = timeDeclaration(
    "expiretime", since: "7.0.0", summary: "Answers at which Unix time, in seconds, a key expires.")

  static func execute(_ call: inout KeyCall) {
    answerExpiry(&call) { expiry, _ in roundedSeconds(expiry) }
  }
}

enum PExpireTimeCommand: KeyCommand {
  static let declaration = timeDeclaration(
    "pexpiretime", since: "7.0.0", summary: "Answers at which Unix time, in milliseconds, a key expires.")

  static func execute(_ call: inout KeyCall) {
    answerExpiry(&call) { expiry, _ in expiry }
  }
}

private let negativeReplies = [(version: "2.8.0", change: "Added the -2 reply.")]

private func timeDeclaration(
  _ name: String, since: String, tips: CommandTips = [], history: [(version: String, change: String)] = [],
  summary: String
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])], tips: tips,
    group: .generic, since: since, summary: summary, complexity: "O(1)", arguments: [.init("key", .key)],
    history: history)
}

/// Answers what `form` makes of the key's expiry time and the clock; -2 if there is no key, -1 if it does not expire.
@inline(__always)
private func answerExpiry(_ call: inout KeyCall, _ form: (_ expiry: Int64, _ now: Int64) -> Int64) {
  guard let entry = call.lookupUntouched(call.key(1)) else { return call.reply.pointee.integer(-2) }
  guard let expiry = entry.expiry else { return call.reply.pointee.integer(-1) }
  call.reply.pointee.integer(form(expiry, call.now))
}

/// Milliseconds as seconds, a half rounded up.
@inline(__always)
private func roundedSeconds(_ milliseconds: Int64) -> Int64 {
  milliseconds / 1_000 + (milliseconds % 1_000 >= 500 ? 1 : 0)
}

import Bytes
import Engine
import Keyspace
import RESP

enum SetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "set", arity: -3, flags: [.write, .denyOutOfMemory],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: 0, step: 1, limit: 0),
        flags: [.readWrite, .access, .update, .variableFlags],
        notes: "RW and ACCESS because of the optional `GET` argument")
    ],
    group: .string, since: "1.0.0",
    summary: "Sets a key to a string, whatever it held before, under conditions if asked to.",
    complexity: "O(1)",
    arguments: [
      .init("key", .key), .init("value", .string),
      .init(
        "condition", .oneOf, since: "2.6.12", optional: true,
        [.token("NX"), .token("XX"), .init("comparison-value", .string, token: "IFEQ", since: "8.1.0")]),
      .token("GET", optional: true, since: "6.2.0"),
      .init(
        "expiration", .oneOf, optional: true,
        [
          .init("seconds", .integer, token: "EX", since: "2.6.12"),
          .init("milliseconds", .integer, token: "PX", since: "2.6.12"),
          .init("unix-time-seconds", .unixTime, token: "EXAT", since: "6.2.0"),
          .init("unix-time-milliseconds", .unixTime, token: "PXAT", since: "6.2.0"),
          .token("KEEPTTL", since: "6.0.0"),
        ]),
    ],
    history: [
      ("2.6.12", "Options `EX`, `PX`, `NX` and `XX`."), ("6.0.0", "Option `KEEPTTL`."),
      ("6.2.0", "Options `GET`, `EXAT` and `PXAT`."), ("7.0.0", "`NX` and `GET` may be given together."),
      ("8.1.0", "Option `IFEQ`, as Valkey has it."),
    ])

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count == 3 else { return executeWithOptions(call) }
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: .write)
    call.keyspace.setString(key, in: call.database, to: call.arguments[2], replacing: existing, expiry: nil)
    call.changed(key, .string, "set")
    call.reply.pointee.ok()
  }

  @inline(never)
  private static func executeWithOptions(_ call: KeyCall) {
    guard let options = SetOptions(call.arguments) else { return call.reply.pointee.error(ErrorText.syntax) }
    var expiry: Int64?
    if case .until(let form, let argument) = options.lifetime {
      do {
        expiry = try expiryMilliseconds(
          call.arguments[argument], as: form, now: call.now, allowingZeroAndBelow: false)
      } catch {
        return call.reply.pointee.error(error, in: "set")
      }
    }
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: options.returnsOldValue ? .read : .write)
    if options.returnsOldValue, !call.replyString(of: existing) { return }
    guard let isMet = call.isMet(options.condition, by: existing) else { return call.refuseType() }
    guard isMet else {
      if !options.returnsOldValue { call.reply.pointee.null() }
      return
    }
    let setsExpiry = expiry != nil
    if options.lifetime == .kept { expiry = existing?.expiry }
    call.setString(
      key, to: call.arguments[2], replacing: existing, expiry: expiry, reportsExpiry: setsExpiry)
    if !options.returnsOldValue { call.reply.pointee.ok() }
  }
}

enum SetNxCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "setnx", arity: 3, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.overwrite, .insert])],
    group: .string, since: "1.0.0", summary: "Sets a key to a string unless the key exists.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("value", .string)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    guard call.keyspace.lookup(key, in: call.database, for: .write) == nil else {
      return call.reply.pointee.integer(0)
    }
    call.keyspace.setString(key, in: call.database, to: call.arguments[2], replacing: nil, expiry: nil)
    call.changed(key, .string, "set")
    call.reply.pointee.integer(1)
  }
}

enum SetExCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "setex", arity: 4, flags: [.write, .denyOutOfMemory], keys: [.key([.overwrite, .update])],
    group: .string, since: "2.0.0", summary: "Sets a key to a string that expires after some seconds.",
    complexity: "O(1)",
    arguments: [.init("key", .key), .init("seconds", .integer), .init("value", .string)])

  static func execute(_ call: inout KeyCall) { call.setExpiringString(.seconds, command: "setex") }
}

enum PSetExCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "psetex", arity: 4, flags: [.write, .denyOutOfMemory], keys: [.key([.overwrite, .update])],
    group: .string, since: "2.6.0", summary: "Sets a key to a string that expires after some milliseconds.",
    complexity: "O(1)",
    arguments: [.init("key", .key), .init("milliseconds", .integer), .init("value", .string)])

  static func execute(_ call: inout KeyCall) { call.setExpiringString(.milliseconds, command: "psetex") }
}

enum GetSetCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "getset", arity: 3, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .string, since: "1.0.0", summary: "Sets a key to a string and returns the one it held before.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("value", .string)],
    deprecation: .init(since: "6.2.0", replacement: "`SET` with the `!GET` argument"))

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: .read)
    guard call.replyString(of: existing) else { return }
    call.keyspace.setString(key, in: call.database, to: call.arguments[2], replacing: existing, expiry: nil)
    call.changed(key, .string, "set")
  }
}

enum GetExCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "getex", arity: -2, flags: [.write, .fast],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: 0, step: 1, limit: 0), flags: [.readWrite, .access, .update],
        notes: "RW and UPDATE because the expiry time may change")
    ],
    group: .string, since: "6.2.0",
    summary: "Returns the string value of a key, and sets or removes its expiry time if asked to.",
    complexity: "O(1)",
    arguments: [
      .init("key", .key),
      .init(
        "expiration", .oneOf, optional: true,
        [
          .init("seconds", .integer, token: "EX"), .init("milliseconds", .integer, token: "PX"),
          .init("unix-time-seconds", .unixTime, token: "EXAT"),
          .init("unix-time-milliseconds", .unixTime, token: "PXAT"), .token("PERSIST"),
        ]),
    ])

  static func execute(_ call: inout KeyCall) {
    guard let lifetime = GetExLifetime(call.arguments) else {
      return call.reply.pointee.error(ErrorText.syntax)
    }
    let key = call.key(1)
    guard let entry = call.keyspace.lookup(key, in: call.database, for: .read) else {
      return call.reply.pointee.null()
    }
    guard entry.isString else { return call.refuseType() }
    switch lifetime {
    case .unchanged:
      call.replyString(of: entry)
    case .endless:
      call.replyString(of: entry)
      if entry.expiry != nil {
        call.keyspace.setExpiry(entry, nil)
        call.changed(key, .generic, "persist")
      }
    case .until(let form, let argument):
      let expiry: Int64
      do {
        expiry = try expiryMilliseconds(
          call.arguments[argument], as: form, now: call.now, allowingZeroAndBelow: false)
      } catch {
        return call.reply.pointee.error(error, in: "getex")
      }
      call.replyString(of: entry)
      if expiry <= call.now {
        call.keyspace.remove(entry)
        call.changed(key, .generic, "del")
      } else {
        call.keyspace.setExpiry(entry, expiry)
        call.changed(key, .generic, "expire")
      }
    }
  }
}

extension KeyCall {
  /// Whether a key meets a condition of SET; nil if it holds no string to compare.
  fileprivate func isMet(_ condition: SetOptions.Condition, by existing: Entry?) -> Bool? {
    switch condition {
    case .none: true
    case .absent: existing == nil
    case .present: existing != nil
    case .equal(let argument): existing.map { $0.holds(arguments[argument]) } ?? false
    }
  }

  /// Sets a key to a string. One whose time has come already is not kept: the key is gone afterwards.
  @inline(__always)
  fileprivate func setString(
    _ key: Key, to value: ByteView, replacing existing: Entry?, expiry: Int64?, reportsExpiry: Bool
  ) {
    if let expiry, expiry <= now { return setExpiredString(key, replacing: existing) }
    keyspace.setString(key, in: database, to: value, replacing: existing, expiry: expiry)
    changed(key, .string, "set")
    if reportsExpiry { changed(key, .generic, "expire") }
  }

  /// What others see is that the key was set and has expired at once.
  @inline(never)
  private func setExpiredString(_ key: Key, replacing existing: Entry?) {
    keyspace.statistics.expired += 1
    if let existing { keyspace.remove(existing) } else { noticed(key, .new, "new") }
    changed(key, .string, "set")
    changed(key, .generic, "expire")
    changed(key, .expired, "expired")
  }

  /// SETEX and PSETEX.
  @inline(__always)
  fileprivate func setExpiringString(_ form: ExpiryForm, command: StaticString) {
    let expiry: Int64
    do {
      expiry = try expiryMilliseconds(arguments[2], as: form, now: now, allowingZeroAndBelow: false)
    } catch {
      return reply.pointee.error(error, in: command)
    }
    let key = key(1)
    let existing = keyspace.lookup(key, in: database, for: .write)
    keyspace.setString(key, in: database, to: arguments[3], replacing: existing, expiry: expiry)
    changed(key, .string, "set")
    changed(key, .generic, "expire")
    reply.pointee.ok()
  }
}

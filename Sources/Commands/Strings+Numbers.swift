import Bytes
import Engine
import Keyspace
import RESP

enum IncrCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "incr", arity: 2, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .string, since: "1.0.0", summary: "Adds one to the integer of a key; a missing key counts as 0.",
    complexity: "O(1)", arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) { call.add(1) }
}

enum DecrCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "decr", arity: 2, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .string, since: "1.0.0",
    summary: "Subtracts one from the integer of a key; a missing key counts as 0.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) { call.add(-1) }
}

enum IncrByCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "incrby", arity: 3, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .string, since: "1.0.0",
    summary: "Adds a number to the integer of a key; a missing key counts as 0.", complexity: "O(1)",
    arguments: [.init("key", .key), .init("increment", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let amount = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    call.add(amount)
  }
}

enum DecrByCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "decrby", arity: 3, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .string, since: "1.0.0",
    summary: "Subtracts a number from the integer of a key; a missing key counts as 0.", complexity: "O(1)",
    arguments: [.init("key", .key), .init("decrement", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let amount = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    // The smallest integer has no counterpart that could be added.
    guard amount != .min else { return call.reply.pointee.error("ERR decrement would overflow") }
    call.add(-amount)
  }
}

enum IncrByFloatCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "incrbyfloat", arity: 3, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .string, since: "2.6.0",
    summary: "Adds a floating-point number to the number of a key; a missing key counts as 0.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("increment", .double)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: .write)
    if let existing, !existing.isString { return call.refuseType() }
    guard let old = number(of: existing), let increment = LongDouble(call.arguments[2]) else {
      return call.reply.pointee.error(ErrorText.notAFloat)
    }
    let sum = old + increment
    guard sum.isFinite else {
      return call.reply.pointee.error("ERR increment would produce NaN or Infinity")
    }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: LongDouble.bytesMax) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      let text = ByteView(start: start, count: sum.write(to: start))
      call.keyspace.setBytes(key, in: call.database, to: text, replacing: existing, expiry: existing?.expiry)
      call.changed(key, .string, "incrbyfloat")
      call.reply.pointee.bulk(text)
    }
  }

  private static func number(of entry: Entry?) -> LongDouble? {
    guard let entry else { return LongDouble(0) }
    if let integer = entry.integer { return LongDouble(integer) }
    return entry.withText { $0.flatMap { LongDouble($0) } }
  }
}

extension KeyCall {
  /// Adds to the integer of the key and replies with the sum. The key keeps its expiry time.
  @inline(__always)
  fileprivate func add(_ amount: Int64) {
    let key = key(1)
    guard let entry = keyspace.lookup(key, in: database, for: .write) else {
      keyspace.setInteger(key, in: database, to: amount, replacing: nil, expiry: nil)
      changed(key, .string, "incrby")
      return reply.pointee.integer(amount)
    }
    guard let old = entry.integer else { return addToText(of: entry, amount) }
    let (sum, overflow) = old.addingReportingOverflow(amount)
    if overflow { return refuseOverflow() }
    keyspace.replaceInteger(of: entry, by: sum)
    changed(key, .string, "incrby")
    reply.pointee.integer(sum)
  }

  /// The same for a value kept as bytes, which spell an integer when APPEND or SETRANGE put them together.
  @inline(never)
  private func addToText(of entry: Entry, _ amount: Int64) {
    guard entry.isString else { return refuseType() }
    guard let old = entry.withText({ $0.flatMap(parseInt64) }) else { return refuseInteger() }
    let (sum, overflow) = old.addingReportingOverflow(amount)
    if overflow { return refuseOverflow() }
    keyspace.setInteger(entry.key, in: database, to: sum, replacing: entry, expiry: entry.expiry)
    changed(entry.key, .string, "incrby")
    reply.pointee.integer(sum)
  }

  @inline(never)
  private func refuseOverflow() { reply.pointee.error("ERR increment or decrement would overflow") }
}

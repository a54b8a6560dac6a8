import Bytes
import Engine
import Keyspace
import RESP

enum AppendCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "append", arity: 3, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .insert])],
    group: .string, since: "2.0.0",
    summary: "Appends bytes to the string value of a key, which is made if it is missing.",
    complexity: "O(N) in the bytes appended, on average: a string that grows gets room ahead.",
    arguments: [.init("key", .key), .init("value", .string)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    let suffix = call.arguments[2]
    guard let existing = call.keyspace.lookup(key, in: call.database, for: .write) else {
      call.keyspace.setString(key, in: call.database, to: suffix, replacing: nil, expiry: nil)
      call.changed(key, .string, "append")
      return call.reply.pointee.integer(suffix.count)
    }
    guard let oldCount = existing.textCount else { return call.refuseType() }
    guard call.allowsString(of: Int64(oldCount), plus: suffix.count) else { return call.refuseLength() }
    let newCount = call.keyspace.writeString(
      key, in: call.database, at: oldCount, suffix, existing: existing)
    call.changed(key, .string, "append")
    call.reply.pointee.integer(newCount)
  }
}

enum SetRangeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "setrange", arity: 4, flags: [.write, .denyOutOfMemory], keys: [.key([.readWrite, .update])],
    group: .string, since: "2.2.0",
    summary: "Overwrites part of the string value of a key from an offset on, filling a gap with zero bytes.",
    complexity: "O(N) in the bytes written, and in those of the value when it must grow.",
    arguments: [.init("key", .key), .init("offset", .integer), .init("value", .string)])

  static func execute(_ call: inout KeyCall) {
    guard let offset = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    guard offset >= 0 else { return call.reply.pointee.error("ERR offset is out of range") }
    let key = call.key(1)
    let bytes = call.arguments[3]
    let existing = call.keyspace.lookup(key, in: call.database, for: .write)
    if let existing, !existing.isString { return call.refuseType() }
    guard !bytes.isEmpty else {
      return call.reply.pointee.integer(existing?.textCount ?? 0)
    }
    guard call.allowsString(of: offset, plus: bytes.count) else { return call.refuseLength() }
    let newCount = call.keyspace.writeString(
      key, in: call.database, at: Int(offset), bytes, existing: existing)
    call.changed(key, .string, "setrange")
    call.reply.pointee.integer(newCount)
  }
}

enum GetRangeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "getrange", arity: 4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .string, since: "2.4.0", summary: "Returns part of the string value of a key.",
    complexity: "O(N) in the bytes returned.",
    arguments: [.init("key", .key), .init("start", .integer), .init("end", .integer)])

  static func execute(_ call: inout KeyCall) { call.replyRange() }
}

enum SubstrCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "substr", arity: 4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .string, since: "1.0.0", summary: "Returns part of the string value of a key.",
    complexity: "O(N) in the bytes returned.",
    arguments: [.init("key", .key), .init("start", .integer), .init("end", .integer)],
    deprecation: .init(since: "2.0.0", replacement: "`GETRANGE`"))

  static func execute(_ call: inout KeyCall) { call.replyRange() }
}

/// The bytes of a text of `count` bytes that GETRANGE's two offsets name.
///
/// Negative offsets count from the end, and one before the beginning means the beginning: for `start` and for
/// `end`, so that `GETRANGE k 0 -100` has one byte.
func byteRange(from start: Int64, through end: Int64, count: Int) -> Range<Int> {
  if start < 0, end < 0, start > end { return 0..<0 }
  let first = start < 0 ? max(start + Int64(count), 0) : start
  let last = min(end < 0 ? max(end + Int64(count), 0) : end, Int64(count) - 1)
  return first <= last ? Int(first)..<(Int(last) + 1) : 0..<0
}

extension KeyCall {
  /// GETRANGE and SUBSTR.
  @inline(__always)
  fileprivate func replyRange() {
    guard let start = arguments.integer(at: 2), let end = arguments.integer(at: 3) else {
      return refuseInteger()
    }
    guard let entry = keyspace.lookup(key(1), in: database, for: .read) else {
      return reply.pointee.bulk("")
    }
    entry.withText { text in
      guard let text else { return refuseType() }
      reply.pointee.bulk(text[byteRange(from: start, through: end, count: text.count)])
    }
  }

  /// Whether a string of `count` bytes, and `added` more, may be kept.
  @inline(__always)
  fileprivate func allowsString(of count: Int64, plus added: Int) -> Bool {
    let (total, overflow) = count.addingReportingOverflow(Int64(added))
    return !overflow && total <= min(shard.pointee.settings.protoMaxBulkBytes, Keyspace.stringBytesMaximum)
  }

  @inline(never)
  fileprivate func refuseLength() { reply.pointee.error(ErrorText.stringTooLong) }
}

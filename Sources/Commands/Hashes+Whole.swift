import Bytes
import Engine
import Keyspace
import RESP

private func wholeDeclaration(_ name: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: 2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutputOrder, group: .hash, since: "2.0.0", summary: summary,
    complexity: "O(N) for a hash of N fields.", arguments: [.init("key", .key)])
}

enum HGetAllCommand: KeyCommand {
  static let declaration = wholeDeclaration(
    "hgetall", summary: "Returns all fields of a hash and their values.")

  static func execute(_ call: inout KeyCall) {
    switch call.findWhole(call.key(1)) {
    case .missing: call.reply.pointee.map(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      call.reply.pointee.map(entry.fieldCount)
      let reply = call.reply
      entry.forEachField(now: call.now) { field in
        reply.pointee.bulk(field.name)
        reply.pointee.bulk(field.value)
      }
    }
  }
}

enum HKeysCommand: KeyCommand {
  static let declaration = wholeDeclaration("hkeys", summary: "Returns all fields of a hash.")

  static func execute(_ call: inout KeyCall) {
    call.replyEach { reply, field in reply.pointee.bulk(field.name) }
  }
}

enum HValsCommand: KeyCommand {
  static let declaration = wholeDeclaration("hvals", summary: "Returns the values of all fields of a hash.")

  static func execute(_ call: inout KeyCall) {
    call.replyEach { reply, field in reply.pointee.bulk(field.value) }
  }
}

extension KeyCall {
  /// Looks for a hash that is to be gone through as a whole: none of its fields has expired then.
  fileprivate func findWhole(_ key: Key) -> Found {
    let found = find(key, .hash, for: .read)
    if case .entry(let entry) = found, !keyspace.keepsFieldsAfterRemovingExpired(entry) { return .missing }
    return found
  }

  /// Answers with an array of something from each field.
  @inline(__always)
  fileprivate func replyEach(_ body: (UnsafeMutablePointer<ReplyBuffer>, HashField) -> Void) {
    switch findWhole(key(1)) {
    case .missing: reply.pointee.array(0)
    case .otherType: refuseType()
    case .entry(let entry):
      reply.pointee.array(entry.fieldCount)
      entry.forEachField(now: now) { body(reply, $0) }
    }
  }
}

enum HScanCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hscan", arity: -3, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .hash, since: "2.8.0",
    summary: "Goes through the fields of a hash, some with each call.",
    complexity: "O(COUNT) for each call, O(N) for all N fields.",
    arguments: [
      .init("key", .key), .init("cursor", .integer),
      .init("pattern", .pattern, token: "MATCH", optional: true),
      .init("count", .integer, token: "COUNT", optional: true),
      .token("NOVALUES", optional: true, since: "7.4.0"),
    ],
    history: [("7.4.0", "Added the `NOVALUES` flag.")])

  static func execute(_ call: inout KeyCall) {
    let now = call.now
    call.scanElements(of: .hash, knowsNoValues: true) { entry, cursor, request, list in
      entry.scanFields(from: cursor, count: request.count, now: now) { field in
        guard request.accepts(field.name) else { return }
        list.append(field.name)
        if !request.omitsValues { list.append(field.value) }
      }
    }
  }
}

enum HRandFieldCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hrandfield", arity: -2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .hash, since: "6.2.0",
    summary: "Answers with fields of a hash chosen at random.",
    complexity: "O(N) for N fields in the answer.",
    arguments: [
      .init("key", .key),
      .init(
        "options", .block, optional: true,
        [.init("count", .integer), .token("WITHVALUES", optional: true)]),
    ])

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count == 2 else { return executeWithCount(call) }
    switch call.find(call.key(1), .hash, for: .read) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry):
      guard let field = call.keyspace.randomField(of: entry) else { return call.reply.pointee.null() }
      call.reply.pointee.bulk(field.name)
    }
  }

  private static func executeWithCount(_ call: KeyCall) {
    guard let count = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    guard count > Int64.min else {
      return call.reply.pointee.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
    }
    let withValues = call.arguments.count > 3
    if withValues {
      guard call.arguments.count == 4, call.arguments.isWord("withvalues", at: 3) else {
        return call.reply.pointee.error(ErrorText.syntax)
      }
      guard -Int64.max / 2...Int64.max / 2 ~= count else {
        return call.reply.pointee.error("ERR value is out of range")
      }
    }
    switch call.findWhole(call.key(1)) {
    case .missing: call.reply.pointee.array(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.replyFields(Int(count), of: entry, withValues: withValues)
    }
  }
}

extension KeyCall {
  /// Answers with `count` different fields drawn at random, or with `-count` that may come again.
  fileprivate func replyFields(_ count: Int, of entry: Entry, withValues: Bool) {
    let wanted = count < 0 ? -count : min(count, entry.fieldCount)
    let inPairs = withValues && reply.pointee.version == .resp3
    reply.pointee.array(withValues && !inPairs ? wanted * 2 : wanted)
    let reply = reply
    func write(_ field: HashField) {
      if inPairs { reply.pointee.array(2) }
      reply.pointee.bulk(field.name)
      if withValues { reply.pointee.bulk(field.value) }
    }
    if count >= 0 { return keyspace.forEachSample(wanted, of: entry, write) }
    var left = wanted
    while left > 0, !reply.pointee.isOverLimit, let field = keyspace.randomField(of: entry) {
      write(field)
      left -= 1
    }
  }
}

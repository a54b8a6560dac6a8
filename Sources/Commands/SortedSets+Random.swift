import Bytes
import Engine
import Keyspace
import RESP

enum ZRandMemberCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrandmember", arity: -2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .sortedSet, since: "6.2.0",
    summary: "Answers with members of a sorted set chosen at random.",
    complexity: "O(log(N)) for each member of a set of N; for a large part of the set O(N).",
    arguments: [
      .init("key", .key),
      .init(
        "options", .block, optional: true,
        [.init("count", .integer), .token("WITHSCORES", optional: true)]),
    ])

  static func execute(_ call: inout KeyCall) {
    guard call.arguments.count == 2 else { return executeWithCount(call) }
    switch call.find(call.key(1), .sortedSet, for: .read) {
    case .missing: call.reply.pointee.null()
    case .otherType: call.refuseType()
    case .entry(let entry):
      entry.withRandomScored(using: &call.keyspace.random) { member, _ in call.reply.pointee.bulk(member) }
    }
  }

  @inline(never)
  private static func executeWithCount(_ call: KeyCall) {
    guard let count = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    guard count > Int64.min else {
      return call.reply.pointee.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
    }
    let withScores = call.arguments.count == 4 && call.arguments.isWord("withscores", at: 3)
    if call.arguments.count > 3, !withScores { return call.reply.pointee.error(ErrorText.syntax) }
    if withScores, count.magnitude > Int64.max / 2 {
      return call.reply.pointee.error("ERR value is out of range")
    }
    switch call.find(call.key(1), .sortedSet, for: .read) {
    case .missing: call.reply.pointee.array(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.answerSample(Int(count), of: entry, withScores: withScores)
    }
  }
}

extension KeyCall {
  /// Answers with `count` different members, or with `-count` that may come again.
  fileprivate func answerSample(_ count: Int, of entry: Entry, withScores: Bool) {
    let wanted = count < 0 ? -count : min(count, entry.sortedSetCount)
    reply.pointee.scoredHead(wanted, withScores: withScores)
    if count < 0 {
      for _ in 0..<wanted {
        if reply.pointee.isOverLimit { break }
        entry.withRandomScored(using: &keyspace.random) {
          reply.pointee.scored($0, $1, withScores: withScores)
        }
      }
    } else {
      entry.forEachScoredSample(wanted, using: &keyspace.random) {
        reply.pointee.scored($0, $1, withScores: withScores)
      }
    }
  }
}

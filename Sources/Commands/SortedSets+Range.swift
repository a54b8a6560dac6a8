import Bytes
import Engine
import Keyspace
import RESP

enum ZRangeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrange", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])], group: .sortedSet,
    since: "1.2.0", summary: "Lists the members of a sorted set within a range of places, scores or texts.",
    complexity: rangeComplexity,
    arguments: [
      .init("key", .key), .init("start", .string), .init("stop", .string), sortBy(since: "6.2.0"),
      .token("REV", optional: true, since: "6.2.0"), offsetCount(since: "6.2.0"),
      .token("WITHSCORES", optional: true),
    ],
    history: [("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")])

  static func execute(_ call: inout KeyCall) { call.answerRange(by: nil, reversed: nil) }
}

enum ZRevRangeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrevrange", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])], group: .sortedSet,
    since: "1.2.0",
    summary: "Lists the members of a sorted set within a range of places, highest score first.",
    complexity: rangeComplexity,
    arguments: [
      .init("key", .key), .init("start", .integer), .init("stop", .integer),
      .token("WITHSCORES", optional: true),
    ],
    deprecation: .init(since: "6.2.0", replacement: "`ZRANGE` with the `REV` argument"))

  static func execute(_ call: inout KeyCall) { call.answerRange(by: .rank, reversed: true) }
}

enum ZRangeByScoreCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrangebyscore", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "1.0.5", summary: "Lists the members of a sorted set within a range of scores.",
    complexity: rangeComplexity,
    arguments: [
      .init("key", .key), .init("min", .double), .init("max", .double),
      .token("WITHSCORES", optional: true, since: "2.0.0"), offsetCount(),
    ],
    history: [("2.0.0", "Added the `WITHSCORES` modifier.")],
    deprecation: .init(since: "6.2.0", replacement: "`ZRANGE` with the `BYSCORE` argument"))

  static func execute(_ call: inout KeyCall) { call.answerRange(by: .score, reversed: false) }
}

enum ZRevRangeByScoreCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrevrangebyscore", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "2.2.0",
    summary: "Lists the members of a sorted set within a range of scores, highest first.",
    complexity: rangeComplexity,
    arguments: [
      .init("key", .key), .init("max", .double), .init("min", .double), .token("WITHSCORES", optional: true),
      offsetCount(),
    ],
    history: [("2.1.6", "`min` and `max` can be exclusive.")],
    deprecation: .init(since: "6.2.0", replacement: "`ZRANGE` with the `REV` and `BYSCORE` arguments"))

  static func execute(_ call: inout KeyCall) { call.answerRange(by: .score, reversed: true) }
}

enum ZRangeByLexCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrangebylex", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "2.8.9",
    summary: "Lists the members of a sorted set within a range of texts, where all scores are the same.",
    complexity: rangeComplexity,
    arguments: [.init("key", .key), .init("min", .string), .init("max", .string), offsetCount()],
    deprecation: .init(since: "6.2.0", replacement: "`ZRANGE` with the `BYLEX` argument"))

  static func execute(_ call: inout KeyCall) { call.answerRange(by: .text, reversed: false) }
}

enum ZRevRangeByLexCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zrevrangebylex", arity: -4, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .sortedSet, since: "2.8.9",
    summary:
      "Lists the members of a sorted set within a range of texts, last first, where all scores are the same.",
    complexity: rangeComplexity,
    arguments: [.init("key", .key), .init("max", .string), .init("min", .string), offsetCount()],
    deprecation: .init(since: "6.2.0", replacement: "`ZRANGE` with the `REV` and `BYLEX` arguments"))

  static func execute(_ call: inout KeyCall) { call.answerRange(by: .text, reversed: true) }
}

private let rangeComplexity = "O(log(N)+M) for M members out of N."

private func sortBy(since: String? = nil) -> ArgumentSpecification {
  .init("sortby", .oneOf, since: since, optional: true, [.token("BYSCORE"), .token("BYLEX")])
}

private func offsetCount(since: String? = nil) -> ArgumentSpecification {
  .init(
    "offset_count", .block, token: "LIMIT", since: since, optional: true,
    [.init("offset", .integer), .init("count", .integer)])
}

extension KeyCall {
  /// Answers with the members that the arguments ask for.
  @inline(__always)
  fileprivate func answerRange(by measure: SortedSetRangeRequest.Measure?, reversed: Bool?) {
    let request: SortedSetRangeRequest
    do throws(CommandError) {
      request = try SortedSetRangeRequest(arguments, keyIndex: 1, measure: measure, reversed: reversed)
    } catch {
      return reply.pointee.error(error.text)
    }
    switch find(key(1), .sortedSet, for: .read) {
    case .missing: reply.pointee.array(0)
    case .otherType: refuseType()
    case .entry(let entry):
      let ranks = request.ranks(in: entry)
      let withScores = request.withScores
      reply.pointee.scoredHead(ranks.count, withScores: withScores)
      entry.forEachScored(inRanks: ranks, reversed: request.reversed) { member, score in
        reply.pointee.scored(member, score, withScores: withScores)
      }
    }
  }
}

enum ZRangeStoreCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "zrangestore", arity: -5, flags: [.write, .denyOutOfMemory],
    keys: [.key([.overwrite, .update]), .key(at: 2, [.readOnly, .access])], group: .sortedSet, since: "6.2.0",
    summary: "Stores the members of a sorted set within a range as another sorted set.",
    complexity: rangeComplexity,
    arguments: [
      .init("dst", .key), .init("src", .key, keySpecification: 1), .init("min", .string),
      .init("max", .string), sortBy(), .token("REV", optional: true), offsetCount(),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let request = try request(call.arguments)
      let result = try result(request, call.key(2), in: call.database, of: call.shard)
      let count = result.count
      let target = call.key(1)
      let existing = call.keyspace.lookup(target, in: call.database, for: .write)
      call.keyspace.place(result, at: target, in: call.database, replacing: existing)
      call.replaced(target, .sortedSet, "zrangestore", wasThere: existing != nil, isThere: count > 0)
      call.reply.pointee.integer(count)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let request = try request(operation.arguments)
      let source = operation.arguments[2]
      let database = operation.database
      let found = await operation.onShard(operation.shard(of: source)) { shard -> FetchedValue in
        let key = Key(source, hasher: shard.pointee.keyspace.hasher)
        guard let result = try? result(request, key, in: database, of: shard) else { return .otherType }
        return .value(ValueTransfer(result.flat))
      }
      guard case .value(let value) = found else { throw CommandError(ErrorText.wrongType) }
      await operation.store(value, at: operation.arguments[1], .sortedSet, "zrangestore")
      operation.reply.pointee.integer((value.collection?.items.count ?? 0) / 2)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func request(_ arguments: Arguments) throws(CommandError) -> SortedSetRangeRequest {
    try SortedSetRangeRequest(arguments, keyIndex: 2, measure: nil, reversed: nil)
  }

  /// The members asked for, as a set of their own.
  private static func result(
    _ request: SortedSetRangeRequest, _ key: Key, in database: Int, of shard: UnsafeMutablePointer<Shard>
  ) throws(CommandError) -> SortedSetBuilder {
    let source = shard.pointee.keyspace.lookup(key, in: database, for: .read)
    if let source, source.kind != .sortedSet { throw CommandError(ErrorText.wrongType) }
    let ranks = source.map { request.ranks(in: $0) } ?? 0..<0
    let limits = shard.pointee.keyspace.limits
    // Where Redis knows in time that there will be many, it makes a large set at once.
    let isMany = request.isByRank && ranks.count > limits.sortedSetPackedEntries
    var builder = SortedSetBuilder(
      hasher: shard.pointee.keyspace.hasher, heap: shard.pointee.heap, growingWithin: isMany ? nil : limits)
    source?.forEachScored(inRanks: ranks, reversed: request.reversed) { member, score in
      builder.setScore(score, of: Element(member))
    }
    return builder
  }
}

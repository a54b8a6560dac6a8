import Bytes
import Engine
import Keyspace
import RESP

/// A command that computes a sorted set from several sets.
protocol SortedSetAlgebraCommand: KeyCommand, CoordinatedCommand {
  static var operation: SetOperation { get }
}

/// One that answers with it.
protocol SortedSetAnswerCommand: SortedSetAlgebraCommand {}

/// One that gives it to its first key.
protocol SortedSetStoreCommand: SortedSetAlgebraCommand {}

enum ZUnionCommand: SortedSetAnswerCommand {
  static let declaration = answerDeclaration(
    "zunion", since: "6.2.0", summary: "Lists the members that any of several sorted sets has.",
    complexity: "O(N)+O(M*log(M)) for N members together and M in the result.",
    options: weightOptions + [.token("WITHSCORES", optional: true)])
  static let operation = SetOperation.union
}

enum ZInterCommand: SortedSetAnswerCommand {
  static let declaration = answerDeclaration(
    "zinter", since: "6.2.0", summary: "Lists the members that several sorted sets have in common.",
    complexity: "O(N*K)+O(M*log(M)) at worst, for N members of the smallest of K sets and M in the result.",
    options: weightOptions + [.token("WITHSCORES", optional: true)])
  static let operation = SetOperation.intersection
}

enum ZDiffCommand: SortedSetAnswerCommand {
  static let declaration = answerDeclaration(
    "zdiff", since: "6.2.0", summary: "Lists the members of a sorted set that others do not have.",
    complexity: "O(N*K)+O(M*log(M)) at worst, for N members of the first of K sets and M in the result.",
    options: [.token("WITHSCORES", optional: true)])
  static let operation = SetOperation.difference
}

enum ZUnionStoreCommand: SortedSetStoreCommand {
  static let declaration = storeDeclaration(
    "zunionstore", since: "2.0.0",
    summary: "Stores the members that any of several sorted sets has as a sorted set.",
    complexity: "O(N)+O(M*log(M)) for N members together and M in the result.", options: weightOptions)
  static let operation = SetOperation.union
}

enum ZInterStoreCommand: SortedSetStoreCommand {
  static let declaration = storeDeclaration(
    "zinterstore", since: "2.0.0",
    summary: "Stores the members that several sorted sets have in common as a sorted set.",
    complexity: "O(N*K)+O(M*log(M)) at worst, for N members of the smallest of K sets and M in the result.",
    options: weightOptions)
  static let operation = SetOperation.intersection
}

enum ZDiffStoreCommand: SortedSetStoreCommand {
  static let declaration = storeDeclaration(
    "zdiffstore", since: "6.2.0",
    summary: "Stores the members of a sorted set that others do not have as a sorted set.",
    complexity: "O(N*K)+O(M*log(M)) at worst, for N members of the first of K sets and M in the result.",
    options: [])
  static let operation = SetOperation.difference
}

private let weightOptions: [ArgumentSpecification] = [
  .init("weight", .integer, token: "WEIGHTS", optional: true, multiple: true),
  .init(
    "aggregate", .oneOf, token: "AGGREGATE", optional: true, [.token("SUM"), .token("MIN"), .token("MAX")]),
]

private func answerDeclaration(
  _ name: String, since: String, summary: String, complexity: String, options: [ArgumentSpecification]
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -3, flags: [.readOnly, .movableKeys], keys: [countedKeys(at: 1)], group: .sortedSet,
    since: since, summary: summary, complexity: complexity,
    arguments: [.init("numkeys", .integer), .init("key", .key, multiple: true)] + options)
}

private func storeDeclaration(
  _ name: String, since: String, summary: String, complexity: String, options: [ArgumentSpecification]
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -4, flags: [.write, .denyOutOfMemory, .movableKeys],
    keys: [.key([.overwrite, .update]), countedKeys(at: 2)], group: .sortedSet, since: since,
    summary: summary,
    complexity: complexity,
    arguments: [
      .init("destination", .key), .init("numkeys", .integer),
      .init("key", .key, multiple: true, keySpecification: 1),
    ] + options)
}

private func countedKeys(at index: Int) -> KeySpecification {
  KeySpecification(
    begin: .index(index), find: .keyCount(countAt: 0, first: 1, step: 1), flags: [.readOnly, .access])
}

enum ZInterCardCommand: SortedSetAlgebraCommand {
  static let declaration = answerDeclaration(
    "zintercard", since: "7.0.0", summary: "Counts the members that several sorted sets have in common.",
    complexity: "O(N*K) at worst, for N members of the smallest of K sets.",
    options: [.init("limit", .integer, token: "LIMIT", optional: true)])
  static let operation = SetOperation.intersection

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let keys = try countedKeys(call.arguments, at: 1)
      let sources = try call.scoredSources(keys)
      let options = try SortedSetAlgebraOptions(call.arguments, keys: keys, .counting)
      call.reply.pointee.integer(options.intersectionCount(sources, hasher: call.keyspace.hasher))
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let keys = try countedKeys(operation.arguments, at: 1)
      let sources = try await operation.scoredSources(keys)
      let options = try SortedSetAlgebraOptions(operation.arguments, keys: keys, .counting)
      let hasher = operation.localShard.pointee.keyspace.hasher
      operation.reply.pointee.integer(options.intersectionCount(sources, hasher: hasher))
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

extension SortedSetAlgebraCommand {
  /// The places of the keys whose number stands at `index`.
  static func countedKeys(_ arguments: Arguments, at index: Int) throws(CommandError) -> Range<Int> {
    guard let count = arguments.integer(at: index) else { throw CommandError(ErrorText.notAnInteger) }
    guard count > 0 else { throw CommandError(noKeys) }
    guard count <= Int64(arguments.count - index - 1) else { throw CommandError(ErrorText.syntax) }
    return (index + 1)..<(index + 1 + Int(count))
  }

  private static var noKeys: StaticString {
    switch declaration.name {
    case "zunion": "ERR at least 1 input key is needed for 'zunion' command"
    case "zinter": "ERR at least 1 input key is needed for 'zinter' command"
    case "zdiff": "ERR at least 1 input key is needed for 'zdiff' command"
    case "zintercard": "ERR at least 1 input key is needed for 'zintercard' command"
    case "zunionstore": "ERR at least 1 input key is needed for 'zunionstore' command"
    case "zinterstore": "ERR at least 1 input key is needed for 'zinterstore' command"
    default: "ERR at least 1 input key is needed for 'zdiffstore' command"
    }
  }
}

// MARK: On one shard

extension SortedSetAnswerCommand {
  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let keys = try countedKeys(call.arguments, at: 1)
      let sources = try call.scoredSources(keys)
      let options = try SortedSetAlgebraOptions(
        call.arguments, keys: keys, operation == .difference ? .answeringPlainly : .answering)
      let result = options.result(of: operation, sources, on: call.shard)
      call.reply.pointee.scored(result, withScores: options.withScores)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ call: Operation) async {
    do throws(CommandError) {
      let keys = try countedKeys(call.arguments, at: 1)
      let sources = try await call.scoredSources(keys)
      let options = try SortedSetAlgebraOptions(
        call.arguments, keys: keys, operation == .difference ? .answeringPlainly : .answering)
      let result = options.result(of: operation, sources, on: call.localShard)
      call.reply.pointee.scored(result, withScores: options.withScores)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

extension SortedSetStoreCommand {
  /// The event of storing the result.
  private static var storeEvent: StaticString {
    switch operation {
    case .intersection: "zinterstore"
    case .union: "zunionstore"
    case .difference: "zdiffstore"
    }
  }

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let keys = try countedKeys(call.arguments, at: 2)
      let sources = try call.scoredSources(keys)
      let options = try SortedSetAlgebraOptions(
        call.arguments, keys: keys, operation == .difference ? .storingPlainly : .storing)
      let result = options.result(of: operation, sources, on: call.shard)
      let count = result.count
      let target = call.key(1)
      let existing = call.keyspace.lookup(target, in: call.database, for: .write)
      call.keyspace.place(result, at: target, in: call.database, replacing: existing)
      call.replaced(target, .sortedSet, storeEvent, wasThere: existing != nil, isThere: count > 0)
      call.reply.pointee.integer(count)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ call: Operation) async {
    do throws(CommandError) {
      let keys = try countedKeys(call.arguments, at: 2)
      let sources = try await call.scoredSources(keys)
      let options = try SortedSetAlgebraOptions(
        call.arguments, keys: keys, operation == .difference ? .storingPlainly : .storing)
      let result = options.result(of: operation, sources, on: call.localShard).flat
      await call.store(ValueTransfer(result), at: call.arguments[1], .sortedSet, storeEvent)
      call.reply.pointee.integer(result.items.count / 2)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

extension ReplyBuffer {
  /// All members of a result.
  fileprivate mutating func scored(_ result: borrowing SortedSetBuilder, withScores: Bool) {
    scoredHead(result.count, withScores: withScores)
    result.forEachScored { scored($0, $1, withScores: withScores) }
  }
}

// MARK: Sources

/// A set that a result is computed from: a sorted set, or a plain one, whose members all have the score 1.
enum ScoredSource {
  case missing
  case sortedSet(Entry)
  case set(Entry)
  /// From another shard.
  case copy(ScoredCopy)

  var count: Int {
    switch self {
    case .missing: 0
    case .sortedSet(let entry): entry.sortedSetCount
    case .set(let entry): entry.memberCount
    case .copy(let copy): copy.count
    }
  }

  /// Calls `body` with members and scores until it returns false.
  func forEach(_ body: (Item, Double) -> Bool) {
    switch self {
    case .missing: return
    case .sortedSet(let entry):
      // In pieces, so that the end comes soon when it is asked for.
      let count = entry.sortedSetCount
      var goesOn = true
      for start in stride(from: 0, to: count, by: Self.pieceCount) where goesOn {
        entry.forEachScored(inRanks: start..<min(start + Self.pieceCount, count)) { member, score in
          if goesOn { goesOn = body(member, score) }
        }
      }
    case .set(let entry):
      var reader = SetReader(entry)
      while let member = reader.next(), body(member, 1) {}
    case .copy(let copy): copy.forEach(body)
    }
  }

  private static let pieceCount = 256

  func score(of member: Element, hasher: KeyHasher) -> Double? {
    switch self {
    case .missing: nil
    case .sortedSet(let entry): entry.score(of: member)
    case .set(let entry): entry.hasMember(member, hasher: hasher) ? 1 : nil
    case .copy(let copy): copy.score(of: member)
    }
  }
}

/// A copy of a set of another shard.
final class ScoredCopy {
  private let value: FlatValue
  private let hasScores: Bool
  /// For looking up members.
  private var lookup: SortedSetBuilder

  init(_ value: FlatValue, on shard: UnsafeMutablePointer<Shard>) {
    self.value = value
    hasScores = value.kind == .sortedSet
    lookup = SortedSetBuilder(hasher: shard.pointee.keyspace.hasher, heap: shard.pointee.heap)
  }

  var count: Int { hasScores ? value.items.count / 2 : value.items.count }

  func forEach(_ body: (Item, Double) -> Bool) {
    value.items.withReader { reader in
      while let member = reader.read() {
        guard let score = hasScores ? reader.read()?.score : 1, body(member, score) else { return }
      }
    }
  }

  /// The first question makes the table that answers it.
  func score(of member: Element) -> Double? {
    if lookup.count == 0 {
      forEach { member, score in
        lookup.setScore(score, of: Element(member))
        return true
      }
    }
    return lookup.score(of: member)
  }
}

extension KeyCall {
  /// The sets at some arguments.
  fileprivate func scoredSources(_ keys: Range<Int>) throws(CommandError) -> [ScoredSource] {
    let expired = keyspace.statistics.expired
    var sources: [ScoredSource] = []
    sources.reserveCapacity(keys.count)
    for index in keys { sources.append(try scoredSource(index, for: .read)) }
    if keyspace.statistics.expired == expired { return sources }
    // A key was found expired and is gone; the entries found before are no longer valid.
    for (place, index) in keys.enumerated() { sources[place] = try scoredSource(index, for: .peek) }
    return sources
  }

  private func scoredSource(_ index: Int, for purpose: LookupPurpose) throws(CommandError) -> ScoredSource {
    guard let entry = keyspace.lookup(key(index), in: database, for: purpose) else { return .missing }
    switch entry.kind {
    case .sortedSet: return .sortedSet(entry)
    case .set: return .set(entry)
    default: throw CommandError(ErrorText.wrongType)
    }
  }
}

extension Operation {
  /// Copies of the sets at some arguments.
  fileprivate func scoredSources(_ keys: Range<Int>) async throws(CommandError) -> [ScoredSource] {
    let values = try await values(of: keys.map { arguments[$0] }, allowing: [.sortedSet, .set])
    return values.map { value in
      guard let collection = value?.collection else { return .missing }
      return .copy(ScoredCopy(collection, on: localShard))
    }
  }
}

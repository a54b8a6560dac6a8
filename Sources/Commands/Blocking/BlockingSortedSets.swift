import Bytes
import Engine
import Keyspace
import RESP

enum BZPopMinCommand: BlockingCommand {
  static let declaration = popDeclaration(
    "bzpopmin",
    summary:
      "Removes the member with the lowest score from the first sorted set that has any, or waits for one.")

  static func request(_ arguments: Arguments) throws(WaitingError) -> SortedSetPopRequest {
    try SortedSetPopRequest(arguments, end: .lowest)
  }
}

enum BZPopMaxCommand: BlockingCommand {
  static let declaration = popDeclaration(
    "bzpopmax",
    summary:
      "Removes the member with the highest score from the first sorted set that has any, or waits for one.")

  static func request(_ arguments: Arguments) throws(WaitingError) -> SortedSetPopRequest {
    try SortedSetPopRequest(arguments, end: .highest)
  }
}

private func popDeclaration(_ name: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -3, flags: [.write, .noScript, .blocking, .fast],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: -2, step: 1, limit: 0), flags: [.readWrite, .access, .delete])
    ],
    group: .sortedSet, since: "5.0.0", summary: summary,
    complexity: "O(log(N)) for N members of the sorted set.",
    arguments: [.init("key", .key, multiple: true), .blockingTimeout], history: fractionalTimeoutHistory)
}

/// A member from an end of a sorted set.
struct SortedSetPopRequest: WaitingRequest {
  let arguments: Arguments
  let end: SortedSetEnd
  let keys: Range<Int>
  let patience: Patience
  let kind = WaitedKind.sortedSet

  init(_ arguments: Arguments, end: SortedSetEnd) throws(WaitingError) {
    self.arguments = arguments
    self.end = end
    keys = 1..<arguments.count - 1
    patience = try arguments.patience(atSeconds: arguments.count - 1)
  }

  func look(at key: WaitedKey) -> WaitFinding { key.finding(of: .sortedSet) }

  func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    guard let entry = key.entry else { return }
    reply.pointee.array(3)
    reply.pointee.bulk(key.key.bytes)
    key.shard.pop(end.ranks(1, in: entry), from: entry, at: key.key, in: key.database, end) {
      reply.pointee.bulk($0)
      reply.pointee.double($1)
    }
  }
}

// MARK: Several members

enum BZMPopCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "bzmpop", arity: -5, flags: [.write, .blocking, .movableKeys],
    keys: [
      KeySpecification(
        begin: .index(2), find: .keyCount(countAt: 0, first: 1, step: 1),
        flags: [.readWrite, .access, .delete])
    ],
    group: .sortedSet, since: "7.0.0",
    summary:
      "Removes members with the lowest or highest scores from the first sorted set that has any, or waits for some.",
    complexity: "O(K) + O(log(N)+M) for K keys and M members taken out of N.",
    arguments: [
      .blockingTimeout, .init("numkeys", .integer), .init("key", .key, multiple: true),
      .init("where", .oneOf, [.token("MIN"), .token("MAX")]),
      .init("count", .integer, token: "COUNT", optional: true),
    ])

  static func request(_ arguments: Arguments) throws(WaitingError) -> Request { try Request(arguments) }

  struct Request: WaitingRequest {
    let arguments: Arguments
    let options: SortedSetPopOptions
    let patience: Patience
    let kind = WaitedKind.sortedSet
    var keys: Range<Int> { options.keys }

    init(_ arguments: Arguments) throws(WaitingError) {
      self.arguments = arguments
      do throws(CommandError) {
        options = try SortedSetPopOptions(arguments, keyCountAt: 2)
      } catch {
        throw WaitingError(error.text)
      }
      patience = try arguments.patience(atSeconds: 1)
    }

    func look(at key: WaitedKey) -> WaitFinding { key.finding(of: .sortedSet) }

    func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
      guard let entry = key.entry else { return }
      let ranks = options.end.ranks(options.count, in: entry)
      reply.pointee.poppedHead(key.key.bytes, ranks.count)
      key.shard.pop(ranks, from: entry, at: key.key, in: key.database, options.end) {
        reply.pointee.popped($0, $1)
      }
    }
  }
}

import Bytes
import Engine
import Keyspace
import RESP

/// The blocking commands, in the order of the reference.
let blockingCommands: [any Command.Type] = [
  BLMoveCommand.self, BLMPopCommand.self, BLPopCommand.self, BRPopCommand.self, BRPopLPushCommand.self,
  BZMPopCommand.self, BZPopMaxCommand.self, BZPopMinCommand.self, WaitCommand.self, WaitAofCommand.self,
]

// MARK: One element

enum BLPopCommand: BlockingCommand {
  static let declaration = popDeclaration(
    "blpop",
    summary: "Returns the first element of the first list that has one and removes it, or waits for one.")

  static func request(_ arguments: Arguments) throws(WaitingError) -> ListPopRequest {
    try ListPopRequest(arguments, end: .head)
  }
}

enum BRPopCommand: BlockingCommand {
  static let declaration = popDeclaration(
    "brpop",
    summary: "Returns the last element of the first list that has one and removes it, or waits for one.")

  static func request(_ arguments: Arguments) throws(WaitingError) -> ListPopRequest {
    try ListPopRequest(arguments, end: .tail)
  }
}

private func popDeclaration(_ name: String, summary: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -3, flags: [.write, .noScript, .blocking],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: -2, step: 1, limit: 0), flags: [.readWrite, .access, .delete])
    ],
    group: .list, since: "2.0.0", summary: summary, complexity: "O(N) for N keys.",
    arguments: [.init("key", .key, multiple: true), .blockingTimeout], history: fractionalTimeoutHistory)
}

/// An element from an end of a list.
struct ListPopRequest: WaitingRequest {
  let arguments: Arguments
  let end: ListEnd
  let keys: Range<Int>
  let patience: Patience
  let kind = WaitedKind.list

  init(_ arguments: Arguments, end: ListEnd) throws(WaitingError) {
    self.arguments = arguments
    self.end = end
    keys = 1..<arguments.count - 1
    patience = try arguments.patience(atSeconds: arguments.count - 1)
  }

  func look(at key: WaitedKey) -> WaitFinding { key.finding(of: .list) }

  func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    guard let entry = key.entry else { return }
    reply.pointee.array(2)
    reply.pointee.bulk(key.key.bytes)
    reply.pointee.bulk(entry.listItem(at: end))
    let isLast = entry.listCount == 1
    key.shard.pointee.keyspace.popFromList(entry, at: end)
    key.shard.changed(key.key, in: key.database, .list, end.popEvent, removedKey: isLast)
  }
}

extension WaitedKey {
  /// Whether there is a collection of a kind, which has elements as long as it is there.
  func finding(of kind: ValueKind) -> WaitFinding {
    guard let entry else { return .nothing }
    return entry.kind == kind ? .ready : .otherType
  }
}

// MARK: Several elements

enum BLMPopCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "blmpop", arity: -5, flags: [.write, .blocking, .movableKeys],
    keys: [
      KeySpecification(
        begin: .index(2), find: .keyCount(countAt: 0, first: 1, step: 1),
        flags: [.readWrite, .access, .delete])
    ],
    group: .list, since: "7.0.0",
    summary:
      "Returns elements of the first of several lists that has some, and removes them, or waits for some.",
    complexity: "O(N+M) for N keys and M elements returned.",
    arguments: [
      .blockingTimeout, .init("numkeys", .integer), .init("key", .key, multiple: true),
      .init("where", .oneOf, [.token("LEFT"), .token("RIGHT")]),
      .init("count", .integer, token: "COUNT", optional: true),
    ])

  static func request(_ arguments: Arguments) throws(WaitingError) -> Request { try Request(arguments) }

  struct Request: WaitingRequest {
    let arguments: Arguments
    let options: ListPopOptions
    let patience: Patience
    let kind = WaitedKind.list
    var keys: Range<Int> { options.keys }

    init(_ arguments: Arguments) throws(WaitingError) {
      self.arguments = arguments
      do throws(CommandError) {
        options = try ListPopOptions(arguments, keyCountAt: 2)
      } catch {
        throw WaitingError(error.text)
      }
      patience = try arguments.patience(atSeconds: 1)
    }

    func look(at key: WaitedKey) -> WaitFinding { key.finding(of: .list) }

    func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
      guard let entry = key.entry else { return }
      reply.pointee.array(2)
      reply.pointee.bulk(key.key.bytes)
      let call = KeyCall(shard: key.shard, arguments: arguments, reply: reply, database: key.database)
      call.popFromList(key.key, entry, at: options.end, maximum: options.count)
    }
  }
}

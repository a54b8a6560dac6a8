import Bytes
import Engine
import Keyspace
import RESP

enum BLMoveCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "blmove", arity: 6, flags: [.write, .denyOutOfMemory, .noScript, .blocking],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.readWrite, .insert])],
    group: .list, since: "6.2.0",
    summary: "Moves an element from an end of one list to an end of another, or waits for one.",
    complexity: "O(1)",
    arguments: [
      .init("source", .key), .init("destination", .key, keySpecification: 1),
      .init("wherefrom", .oneOf, [.token("LEFT"), .token("RIGHT")]),
      .init("whereto", .oneOf, [.token("LEFT"), .token("RIGHT")]), .blockingTimeout,
    ])

  static func request(_ arguments: Arguments) throws(WaitingError) -> ListMovementRequest {
    guard let from = arguments.listEnd(at: 3), let to = arguments.listEnd(at: 4) else {
      throw WaitingError(ErrorText.syntax)
    }
    return try ListMovementRequest(arguments, from: from, to: to, timeoutAt: 5)
  }

  static func writeNothing(to reply: UnsafeMutablePointer<ReplyBuffer>, afterWaiting: Bool) {
    reply.writeNoElement(afterWaiting: afterWaiting)
  }
}

enum BRPopLPushCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "brpoplpush", arity: 4, flags: [.write, .denyOutOfMemory, .noScript, .blocking],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.readWrite, .insert])],
    group: .list, since: "2.2.0",
    summary: "Moves the last element of a list to the front of another, or waits for one.",
    complexity: "O(1)",
    arguments: [
      .init("source", .key), .init("destination", .key, keySpecification: 1), .blockingTimeout,
    ],
    history: fractionalTimeoutHistory,
    deprecation: .init(since: "6.2.0", replacement: "`BLMOVE` with the `RIGHT` and `LEFT` arguments"))

  static func request(_ arguments: Arguments) throws(WaitingError) -> ListMovementRequest {
    try ListMovementRequest(arguments, from: .tail, to: .head, timeoutAt: 3)
  }

  static func writeNothing(to reply: UnsafeMutablePointer<ReplyBuffer>, afterWaiting: Bool) {
    reply.writeNoElement(afterWaiting: afterWaiting)
  }
}

extension UnsafeMutablePointer<ReplyBuffer> {
  /// There is no element: as Redis says it where it would be, and otherwise where it did not come in time.
  fileprivate func writeNoElement(afterWaiting: Bool) {
    if afterWaiting { pointee.nullArray() } else { pointee.null() }
  }
}

/// An element that is to go from one list to another.
struct ListMovementRequest: WaitingRequest {
  let arguments: Arguments
  let from: ListEnd
  let to: ListEnd
  let patience: Patience
  let kind = WaitedKind.list
  /// Only the source is waited for.
  let keys = 1..<2
  let targetKey: Int? = 2

  init(_ arguments: Arguments, from: ListEnd, to: ListEnd, timeoutAt index: Int) throws(WaitingError) {
    self.arguments = arguments
    self.from = from
    self.to = to
    patience = try arguments.patience(atSeconds: index)
  }

  private func movement(in database: Int) -> ListMovement {
    ListMovement(source: arguments[1], target: arguments[2], from: from, to: to, database: database)
  }

  func look(at key: WaitedKey) -> WaitFinding {
    let finding = key.finding(of: .list)
    guard case .ready = finding else { return finding }
    let target = key.shard.pointee.keyspace.hasher.hash(arguments[2])
    let owner = shardIndex(ofHash: target, shardCount: key.shard.pointee.server.shardCount)
    return owner == key.shard.pointee.index ? .ready : .elsewhere
  }

  func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    movement(in: key.database).run(on: key.shard, reply)
  }

  func attempt(_ operation: Operation, _ turn: WaitingTurn) async -> Bool {
    let movement = movement(in: operation.database)
    let ignoresOtherTypes = turn == .afterWaiting
    let shards = operation.keyShards
    guard shards.count == 1 else {
      return await movement.attempt(operation, ignoresOtherTypes: ignoresOtherTypes)
    }
    return await operation.write(on: shards[0]) {
      movement.attempt(on: $0, ignoresOtherTypes: ignoresOtherTypes, $1)
    }
  }
}

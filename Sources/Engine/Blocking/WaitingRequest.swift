import Bytes
import Keyspace
import RESP

/// What a blocked call waits for, and what it does when that comes.
///
/// It is a value that goes to the shards of its keys; it refers to nothing but the arguments that its call keeps.
public protocol WaitingRequest: Sendable {
  var arguments: Arguments { get }
  /// What its keys must hold to be of any use.
  var kind: WaitedKind { get }
  /// The arguments that are the keys waited for; the first of them that has something serves the call.
  var keys: Range<Int> { get }
  /// The argument that is the key into which something is put, if there is one.
  var targetKey: Int? { get }
  /// Whether it is over when a key is gone, or becomes something else.
  var needsKey: Bool { get }
  /// How long it waits at the most.
  var patience: Patience { get }

  /// Where in the value of a key the waiting begins. Asked when the call begins to wait.
  func position(at key: WaitedKey) -> WaitPosition
  /// What a key offers the call.
  func look(at key: WaitedKey) -> WaitFinding
  /// Takes from a key what `look` has just found there, and replies with it.
  func take(from key: WaitedKey, _ reply: UnsafeMutablePointer<ReplyBuffer>)

  /// Does the whole call at once where one shard owns all its keys. Returns false, with nothing written, if there is
  /// nothing to be had.
  func attempt(
    on shard: UnsafeMutablePointer<Shard>, in database: Int, _ turn: WaitingTurn,
    _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> Bool
  /// The same where several shards do.
  func attempt(_ operation: Operation, _ turn: WaitingTurn) async -> Bool
}

/// Which of its turns a call has when it tries to be served.
public enum WaitingTurn: Sendable {
  /// It has just come, and can wait: it finds nothing where a call that came earlier is about to take something.
  case first
  /// It can't wait: what it says it has not found must not be there.
  case only
  /// It has waited. Keys that hold another type are nothing to it, as they were all the time.
  case afterWaiting
}

extension WaitingRequest {
  public var targetKey: Int? { nil }
}

/// The types that calls wait for.
public enum WaitedKind: Int, Sendable, CaseIterable {
  case list
  case sortedSet
  case stream

  /// The type's calls, if a key that holds `kind` may serve them.
  init?(_ kind: ValueKind) {
    switch kind {
    case .list: self = .list
    case .sortedSet: self = .sortedSet
    case .stream: self = .stream
    default: return nil
    }
  }
}

/// How long a call waits.
public enum Patience: Sendable, Equatable {
  /// It does not wait.
  case none
  case milliseconds(Int64)
  case endless
}

/// A place in a value; what it means is the request's business. Streams keep an entry's ID here.
public struct WaitPosition: Sendable, Equatable {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64 = 0, low: UInt64 = 0) {
    self.high = high
    self.low = low
  }
}

/// A key of a call, on its shard.
public struct WaitedKey {
  public let shard: UnsafeMutablePointer<Shard>
  public let database: Int
  public let key: Key
  /// Which argument of the call it is.
  public let argument: Int
  /// Where the waiting began, if it has.
  public let position: WaitPosition

  /// What the key holds.
  public var entry: Entry? { shard.pointee.keyspace.lookup(key, in: database, for: .write) }

  init(
    _ argument: Int, of arguments: Arguments, in database: Int, on shard: UnsafeMutablePointer<Shard>,
    position: WaitPosition = WaitPosition()
  ) {
    self.shard = shard
    self.database = database
    self.argument = argument
    self.position = position
    key = Key(arguments[argument], hasher: shard.pointee.keyspace.hasher)
  }
}

/// What a key offers a call.
public enum WaitFinding: Sendable {
  case nothing
  /// The key holds another type. That is an error for a call that begins, and nothing for one that waits.
  case otherType
  /// The call can be served from it, at once.
  case ready
  /// The call can be served from it, but needs another shard for that.
  case elsewhere
  /// There is nothing more to wait for.
  case failed(StaticString)
}

extension WaitingRequest {
  /// What a key offers a call whose turn it is.
  private func offer(at key: WaitedKey, _ turn: WaitingTurn) -> WaitFinding {
    if turn == .first, key.shard.isReserved(key.key, in: key.database) { return .nothing }
    let finding = look(at: key)
    if turn == .afterWaiting, case .otherType = finding { return .nothing }
    return finding
  }

  public var needsKey: Bool { false }

  public func position(at key: WaitedKey) -> WaitPosition { WaitPosition() }

  public func attempt(
    on shard: UnsafeMutablePointer<Shard>, in database: Int, _ turn: WaitingTurn,
    _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> Bool {
    for argument in keys {
      let key = WaitedKey(argument, of: arguments, in: database, on: shard)
      switch offer(at: key, turn) {
      case .nothing: continue
      case .otherType: reply.pointee.error(ErrorText.wrongType)
      case .failed(let text): reply.pointee.error(text)
      case .ready, .elsewhere: take(from: key, reply)
      }
      return true
    }
    return false
  }
}

extension WaitingRequest {
  /// First all shards say what their keys offer, then one of them serves the call. Nobody else may touch the keys in
  /// between.
  public func attempt(_ operation: Operation, _ turn: WaitingTurn) async -> Bool {
    let argumentsOfShard = operation.argumentsOfShard(keys)
    let database = operation.database
    let findings = await operation.onShards(argumentsOfShard.keys.sorted()) { shard in
      (argumentsOfShard[shard.pointee.index] ?? []).map { argument in
        (
          argument,
          offer(at: WaitedKey(argument, of: arguments, in: database, on: shard), turn)
        )
      }
    }
    for (argument, finding) in findings.joined().sorted(by: { $0.0 < $1.0 }) {
      switch finding {
      case .nothing, .elsewhere: continue
      case .otherType: operation.reply.pointee.error(ErrorText.wrongType)
      case .failed(let text): operation.reply.pointee.error(text)
      case .ready: return await take(argument, operation, turn)
      }
      return true
    }
    return false
  }

  private func take(_ argument: Int, _ operation: Operation, _ turn: WaitingTurn) async -> Bool {
    let database = operation.database
    return await operation.write(on: operation.shard(of: arguments[argument])) { shard, reply in
      let key = WaitedKey(argument, of: arguments, in: database, on: shard)
      guard case .ready = offer(at: key, turn) else { return false }
      take(from: key, reply)
      return true
    }
  }
}

import RESP

/// A command: its declaration, and what it does, in one place.
///
/// A type that conforms is never instantiated; it is a name for two or three facts. Which of the protocols below it
/// conforms to says where it runs. Commands are called through their metatypes, which costs an indirect call and
/// no reference counting.
public protocol Command: Sendable {
  static var declaration: CommandDeclaration { get }
}

/// A command that runs on the shard of its keys (or, with `allShards`, on every shard), synchronously.
///
/// If all keys of a call live on one shard, `execute` sees the whole call. If they live on several, the request
/// policy decides: `multiShard` runs `execute` on each shard with that shard's keys and merges the replies by the
/// response policy; a command whose parts don't merge so is a `CoordinatedCommand` as well.
public protocol KeyCommand: Command {
  static func execute(_ call: inout KeyCall)
}

/// A command of one key that looks for an element of the key's collection: the memory in which the element lies is asked
/// for ahead, for all such commands of a group at once.
public protocol ElementCommand: KeyCommand {
  /// The argument that names the (first) element.
  static var elementArgument: Int { get }
}

/// A command about the connection or the server, which runs on the connection's own loop, synchronously.
public protocol ClientCommand: Command {
  static func execute(_ call: inout ClientCall)
}

/// A command that must ask several shards, or wait: it runs as a task on the connection's loop and reads from
/// top to bottom.
///
/// It holds the locks of all keys of the call from before its beginning until its end, so what it does in several hops is one
/// step in the eyes of others. A command that waits for others can't hold them so long: it says that it does not lock,
/// and does everything that must be one step by `Operation.inOneStep`.
public protocol CoordinatedCommand: Command {
  /// Whether the keys of the call are locked while it runs; true if nothing else is said.
  static var locksKeys: Bool { get }
  static func coordinate(_ operation: Operation) async
}

extension CoordinatedCommand {
  public static var locksKeys: Bool { true }
}

/// A command of which some calls wait, as an operation, though shards can execute it without: in a transaction they do.
public protocol WaitingCommand: KeyCommand, CoordinatedCommand {
  /// Whether a call may have to wait; if not, it goes the way of other commands.
  static func mayWait(_ arguments: Arguments) -> Bool
}

/// A command that delivers a message to the clients of every loop: each loop on which somebody subscribes to something executes it
/// for its own clients, and the answer is the sum of theirs.
public protocol PublishingCommand: KeyCommand {}

/// A command that a client may call while it subscribes to something and speaks RESP2, where what is published
/// can't be told from replies.
public protocol SubscriberCommand: Command {}

/// A command that is answered by pushes: CLIENT REPLY does not silence them.
public protocol PushingCommand: SubscriberCommand {}

/// A command that only holds subcommands, as CLIENT does.
public protocol CommandContainer: Command {}

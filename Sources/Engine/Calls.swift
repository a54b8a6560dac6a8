import Bytes
import Heap
import Keyspace
import RESP

/// One call of a command on the shard of its keys: what a `KeyCommand` may touch.
///
/// There is no connection here: the call may run on another thread than the connection's.
public struct KeyCall {
  public let shard: UnsafeMutablePointer<Shard>
  public let arguments: Arguments
  public let reply: UnsafeMutablePointer<ReplyBuffer>
  public let database: Int
  /// The hash of the key at `hashedArgument`, which the coordinator has computed already.
  private let hash: UInt64
  private let hashedArgument: Int

  @inline(__always)
  public init(
    shard: UnsafeMutablePointer<Shard>, arguments: Arguments, reply: UnsafeMutablePointer<ReplyBuffer>,
    database: Int, hash: UInt64 = 0, hashedArgument: Int = 0
  ) {
    self.shard = shard
    self.arguments = arguments
    self.reply = reply
    self.database = database
    self.hash = hash
    self.hashedArgument = hashedArgument
  }

  /// The keys of this shard.
  public var keyspace: Keyspace {
    @inline(__always) _read { yield shard.pointee.keyspace }
    @inline(__always) nonmutating _modify { yield &shard.pointee.keyspace }
  }

  /// The argument at `index` as a key.
  @inline(__always)
  public func key(_ index: Int) -> Key {
    let bytes = arguments[index]
    return Key(
      bytes, hash: index == hashedArgument && index > 0 ? hash : shard.pointee.keyspace.hasher.hash(bytes))
  }

  /// The clock of this turn, in milliseconds since 1970.
  public var now: Int64 { shard.pointee.keyspace.now }
}

/// One call of a command about the connection or the server: what a `ClientCommand` may touch.
public struct ClientCall {
  public let coordinator: UnsafeMutablePointer<Coordinator>
  public let client: UnsafeMutablePointer<Client>
  public let arguments: Arguments

  public init(
    coordinator: UnsafeMutablePointer<Coordinator>, client: UnsafeMutablePointer<Client>, arguments: Arguments
  ) {
    self.coordinator = coordinator
    self.client = client
    self.arguments = arguments
  }

  /// The shard of the client's loop.
  public var shard: UnsafeMutablePointer<Shard> { coordinator.pointee.shard }

  /// The client's replies.
  public var reply: UnsafeMutablePointer<ReplyBuffer> { client.reply }

  /// What all loops share.
  public var server: ServerState { coordinator.pointee.server }
}

import Bytes
import Heap
import RESP

/// Options and states of a client, a bit each.
public struct ClientFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let authenticated = ClientFlags(rawValue: 1 << 0)
  /// CLIENT REPLY OFF.
  public static let replyOff = ClientFlags(rawValue: 1 << 1)
  /// CLIENT REPLY SKIP: the next command is not answered.
  public static let replySkipNext = ClientFlags(rawValue: 1 << 2)
  /// The command being executed is not to be answered.
  public static let replySkipping = ClientFlags(rawValue: 1 << 18)
  /// Receives the commands of all other clients (MONITOR).
  public static let monitor = ClientFlags(rawValue: 1 << 3)
  /// CLIENT NO-EVICT.
  public static let noEvict = ClientFlags(rawValue: 1 << 4)
  /// CLIENT NO-TOUCH.
  public static let noTouch = ClientFlags(rawValue: 1 << 5)
  /// Replies are sent, nothing more is read, then the connection is closed.
  public static let closeAfterReply = ClientFlags(rawValue: 1 << 6)
  /// To be closed at once, as soon as nothing in flight refers to the client.
  public static let closeNow = ClientFlags(rawValue: 1 << 7)
  /// A batch or an operation is under way; input waits.
  public static let waiting = ClientFlags(rawValue: 1 << 8)
  /// Held up by CLIENT PAUSE; input waits.
  public static let paused = ClientFlags(rawValue: 1 << 9)
  /// In the loop's list of clients whose replies are to be sent.
  public static let hasOutput = ClientFlags(rawValue: 1 << 10)
  /// A send is with the kernel.
  public static let sending = ClientFlags(rawValue: 1 << 11)
  /// A multishot receive is with the kernel.
  public static let receiving = ClientFlags(rawValue: 1 << 12)
  /// The receive is being cancelled because the client sends faster than it is served.
  public static let throttled = ClientFlags(rawValue: 1 << 13)
  /// Connected through the unix socket.
  public static let unixSocket = ClientFlags(rawValue: 1 << 14)
  /// The peer's half of the connection is closed.
  public static let peerClosed = ClientFlags(rawValue: 1 << 15)
  /// The address is a loopback one, or the socket is a unix socket.
  public static let local = ClientFlags(rawValue: 1 << 16)
  /// Output grew past its limit; the connection is about to be closed.
  public static let overOutputLimit = ClientFlags(rawValue: 1 << 17)
  /// The command under way waits for something that others may bring: it can be ended at any time.
  public static let blocked = ClientFlags(rawValue: 1 << 24)

  /// Subscribes to a channel or a pattern.
  public static let subscriber = ClientFlags(rawValue: 1 << 28)
  /// MULTI: commands are queued until EXEC or DISCARD.
  public static let multi = ClientFlags(rawValue: 1 << 20)
  /// A command could not be queued: EXEC will refuse.
  public static let multiSpoiled = ClientFlags(rawValue: 1 << 21)

  /// CLIENT TRACKING: the client keeps copies of keys and is told when they change.
  public static let tracking = ClientFlags(rawValue: 1 << 29)
  /// CLIENT CACHING: it is about the next command.
  public static let cachingGiven = ClientFlags(rawValue: 1 << 30)

  /// The flags that make each command of a client be looked at alone.
  public static let careful: ClientFlags = [.replyOff, .replySkipNext, .cachingGiven]
}

/// Input that is being read as commands: a receive buffer, or a block that was a query buffer.
public struct ClientInput {
  public var base: UnsafeMutablePointer<UInt8>
  /// The next unread byte.
  public var offset: Int
  public var count: Int
  /// The provided buffer that it is, or -1 for a block of the heap.
  public var bufferIdentifier: Int
}

/// A connected client: its connection, its protocol state, and what CLIENT LIST tells about it.
///
/// It lives at a fixed address in the heap of its loop's shard and belongs to that loop. Other loops see it only
/// as values: its identifier, or a `ClientDescription`.
public struct Client {
  /// The replies not yet given to the kernel. It comes first, so that the client's address is its address too
  /// and commands can be handed a plain pointer to it.
  public var reply: ReplyBuffer
  /// Unique in the server's life, rising.
  public let identifier: UInt64
  public let descriptor: Int32
  public var flags: ClientFlags
  public var database = 0
  /// Bytes handed to the kernel, whose send is not complete.
  public var sending: ReplyBuffer
  /// Where those bytes lie, when they are in several pieces.
  public var sendVector: UnsafeMutableRawPointer?

  public var input: ClientInput?
  public var queryBuffer = InputBuffer()
  /// The command in the query buffer that has not all arrived.
  public var partial = PartialRequest()
  /// The ranges of that command's arguments, when there are many.
  public var partialArguments: UnsafeMutablePointer<ArgumentStore>?
  /// The query buffer can't hold a whole command before it has this many bytes.
  public var bytesNeeded = 0

  /// What keeps the next command waiting for a lock, or has been granted for it.
  var held: UnsafeMutablePointer<HeldCommand>?
  /// The commands since MULTI.
  var queued: QueuedCommands?
  /// The keys that WATCH named.
  var watches: WatchList?

  /// Neighbours in the loop's list of clients.
  public var next: UnsafeMutablePointer<Client>?
  public var previous: UnsafeMutablePointer<Client>?
  /// The next client with replies to send.
  public var nextWithOutput: UnsafeMutablePointer<Client>?

  /// Milliseconds since 1970.
  public let connectedAt: Int64
  public var lastInteraction: Int64
  /// The last command's place in the command table, -1 before the first.
  public var lastCommand = -1
  public var commandCount = 0
  public var inputBytes = 0
  public var outputBytes = 0
  /// When the output passed its soft limit, in milliseconds since 1970; 0 while it has not.
  public var softLimitSince: Int64 = 0
  /// The most bytes of replies that one turn handed to the kernel.
  public var replyBytesPeak = 0

  /// What the client subscribes to; nil while that is nothing.
  public var subscriptions: UnsafeMutablePointer<ClientSubscriptions>?
  /// How the client tracks keys; nil if it does not.
  public internal(set) var tracking: ClientTracking?

  public var address: String
  public var localAddress: String
  public var name = ""
  public var libraryName = ""
  public var libraryVersion = ""

  public init(
    identifier: UInt64, descriptor: Int32, flags: ClientFlags, heap: ShardHeap, now: Int64, address: String,
    localAddress: String
  ) {
    self.identifier = identifier
    self.descriptor = descriptor
    self.flags = flags
    reply = ReplyBuffer(heap: heap)
    sending = ReplyBuffer(heap: heap)
    connectedAt = now
    lastInteraction = now
    self.address = address
    self.localAddress = localAddress
  }

  public var version: ProtocolVersion { reply.version }
}

extension UnsafeMutablePointer<Client> {
  /// The client's replies.
  @inline(__always)
  public var reply: UnsafeMutablePointer<ReplyBuffer> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: ReplyBuffer.self)
  }

  /// The replies that were handed to the kernel.
  public var sending: UnsafeMutablePointer<ReplyBuffer> {
    (UnsafeMutableRawPointer(self) + MemoryLayout<Client>.offset(of: \Client.sending).unsafelyUnwrapped)
      .assumingMemoryBound(to: ReplyBuffer.self)
  }
}

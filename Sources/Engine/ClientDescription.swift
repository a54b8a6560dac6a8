import Configuration
import Heap
import RESP

/// The classes of clients that CLIENT LIST, CLIENT KILL and the output limits tell apart.
public enum ClientKind: Sendable, Equatable {
  case normal, replica, master, pubSub
}

extension Client {
  /// The class of the client. Whoever watches with MONITOR is an ordinary client.
  public var kind: ClientKind { flags.contains(.subscriber) ? .pubSub : .normal }

  /// Whether the client is about to vanish, whatever it is still owed.
  public var isLost: Bool { flags.contains(.closeNow) }
}

/// What one line of CLIENT LIST tells about a client: a value made on the client's own loop, which may travel.
///
/// Sizes of memory are those of the allocator, so the `totalBytes` of a loop's clients add up to what its heap counts
/// for clients.
public struct ClientDescription: Sendable {
  public let identifier: UInt64
  public let address: String
  public let localAddress: String
  public let descriptor: Int32
  public let name: String
  public let ageSeconds: Int64
  public let idleSeconds: Int64
  public let flags: ClientFlags
  public let database: Int
  /// Subscriptions by `ChannelKind`.
  public let subscriptionCounts: [Int]
  /// The client that is told of changed keys: 0 for this one, -1 for none.
  public let redirection: Int64
  public let isRedirectionBroken: Bool
  public let isBroadcasting: Bool
  public let input: Input
  public let output: Output
  /// All memory of the connection: its state, input, arguments and replies.
  public let totalBytes: Int
  /// The last command's place in the command table, -1 before the first.
  public let lastCommand: Int
  /// Commands queued since MULTI, -1 outside of a transaction, and their memory.
  public let queuedCount: Int
  public let queuedBytes: Int
  public let watchedCount: Int
  public let version: ProtocolVersion
  public let libraryName: String
  public let libraryVersion: String

  /// Input that a client's connection holds.
  public struct Input: Sendable, Equatable {
    /// Bytes received: those not yet read as commands, and those of the commands under way.
    public var byteCount = 0
    /// Bytes that the client's own blocks could still take.
    public var freeBytes = 0
    /// Memory of the client's own blocks; a receive buffer of the loop is not among them.
    public var allocatedBytes = 0
    /// Memory for the arguments of a command that has not all arrived.
    public var argumentBytes = 0
  }

  /// Replies that have not left.
  public struct Output: Sendable, Equatable {
    /// Memory of the first block, and the bytes that wait in it.
    public var bufferBytes = 0
    public var bufferedBytes = 0
    /// The most bytes of replies that were handed to the kernel at once.
    public var bufferedBytesPeak = 0
    /// Blocks beyond the first, and their memory.
    public var listCount = 0
    public var listBytes = 0

    public var allocatedBytes: Int { bufferBytes + listBytes }
  }

  /// Describes a client of the calling thread's loop.
  public init(of client: UnsafeMutablePointer<Client>, now: Int64) {
    identifier = client.pointee.identifier
    address = client.pointee.address
    localAddress = client.pointee.localAddress
    descriptor = client.pointee.descriptor
    name = client.pointee.name
    ageSeconds = (now - client.pointee.connectedAt) / 1_000
    idleSeconds = (now - client.pointee.lastInteraction) / 1_000
    flags = client.pointee.flags
    database = client.pointee.database
    subscriptionCounts = ChannelKind.allCases.map { client.subscriptionCount($0) }
    let tracking = client.pointee.tracking
    redirection = tracking.map { Int64($0.redirection) } ?? -1
    isRedirectionBroken = tracking?.isRedirectionBroken ?? false
    isBroadcasting = tracking?.options.contains(.broadcast) ?? false
    input = Input(of: client)
    output = Output(of: client)
    totalBytes = client.stateBytes + output.allocatedBytes
    queuedCount = flags.contains(.multi) ? client.pointee.queued?.commands.count ?? 0 : -1
    queuedBytes = client.pointee.queued?.allocatedBytes ?? 0
    watchedCount = client.pointee.watches?.keys.count ?? 0
    lastCommand = client.pointee.lastCommand
    version = client.pointee.reply.version
    libraryName = client.pointee.libraryName
    libraryVersion = client.pointee.libraryVersion
  }
}

extension ClientDescription.Input {
  fileprivate init(of client: UnsafeMutablePointer<Client>) {
    let buffer = client.pointee.queryBuffer
    byteCount = buffer.count
    freeBytes = buffer.capacity - buffer.count
    allocatedBytes = buffer.allocatedBytes
    if let input = client.pointee.input {
      byteCount += input.count
      if input.bufferIdentifier < 0 {
        let held = ShardHeap.usableSize(input.base)
        freeBytes += held - input.count
        allocatedBytes += held
      }
    }
    if let store = client.pointee.partialArguments {
      argumentBytes = ShardHeap.usableSize(store) + ShardHeap.usableSize(store.pointee.ranges)
    }
  }
}

extension ClientDescription.Output {
  fileprivate init(of client: UnsafeMutablePointer<Client>) {
    client.pointee.sending.seal()
    client.pointee.reply.seal()
    add(client.pointee.sending.head)
    add(client.pointee.reply.head)
    bufferedBytesPeak = max(client.pointee.replyBytesPeak, bufferedBytes)
  }

  private mutating func add(_ first: UnsafeMutablePointer<ReplyChunk>?) {
    var next = first
    while let chunk = next {
      if bufferBytes == 0 {
        bufferBytes = ShardHeap.usableSize(chunk)
        bufferedBytes = chunk.pointee.end - chunk.pointee.start
      } else {
        listCount += 1
        listBytes += ShardHeap.usableSize(chunk)
      }
      next = chunk.pointee.next
    }
  }
}

extension ClientDescription {
  /// Appends the line that CLIENT LIST shows, with its line feed.
  ///
  /// - Parameter commandNames: full names by the commands' places in the table.
  public func appendLine(to line: inout String, commandNames: [String]) {
    line += "id=\(identifier) addr=\(address) laddr=\(localAddress) fd=\(descriptor) name=\(name)"
    line += " age=\(ageSeconds) idle=\(idleSeconds) flags=\(flagLetters) db=\(database)"
    line += zip([" sub", " psub", " ssub"], subscriptionCounts).map { "\($0)=\($1)" }.joined()
    line += " multi=\(queuedCount) watch=\(watchedCount)"
    line +=
      " qbuf=\(input.byteCount) qbuf-free=\(input.freeBytes) argv-mem=\(input.argumentBytes)"
    line += " multi-mem=\(queuedBytes)"
    line += " rbs=\(output.bufferBytes) rbp=\(output.bufferedBytesPeak) obl=\(output.bufferedBytes)"
    line += " oll=\(output.listCount) omem=\(output.listBytes) tot-mem=\(totalBytes) events=\(eventLetters)"
    line += " cmd=\(lastCommand >= 0 ? commandNames[lastCommand] : "NULL") user=default redir=\(redirection)"
    line += " resp=\(version.rawValue) lib-name=\(libraryName) lib-ver=\(libraryVersion)\n"
  }

  /// The letters under which Redis shows the client's states; `N` for none.
  private var flagLetters: String {
    let letters: [(flag: ClientFlags, letter: Character)] = [
      (.monitor, "O"), (.subscriber, "P"), (.tracking, "t"), (.paused, "b"), (.blocked, "b"),
      (.closeAfterReply, "c"),
      (.closeNow, "A"),
      (.unixSocket, "U"),
      (.noEvict, "e"), (.noTouch, "T"), (.multi, "x"),
    ]
    var shown = String(letters.filter { flags.contains($0.flag) }.map(\.letter))
    if isRedirectionBroken { shown.append("R") }
    if isBroadcasting { shown.append("B") }
    return shown.isEmpty ? "N" : shown
  }

  /// What the loop has asked the kernel for: `r` to receive, `w` to send.
  private var eventLetters: String {
    (flags.contains(.receiving) ? "r" : "") + (flags.contains(.sending) ? "w" : "")
  }
}

extension OutputBufferLimits {
  /// The limit of a class of clients.
  public func limit(of kind: ClientKind) -> OutputBufferLimit {
    switch kind {
    case .normal: normal
    // The link to a master is this server's own: nothing is cut there.
    case .master: OutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0)
    case .replica: replica
    case .pubSub: pubsub
    }
  }
}

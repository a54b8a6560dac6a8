import RESP
import Synchronization

/// One blocked call: what the shards that it waits on and the loop of its client share.
///
/// A state machine of two states: waiting, and claimed. A shard that can serve the call, its deadline, CLIENT UNBLOCK and the end
/// of its connection compete for it; who claims it first decides how it ends, and tells the loop of its client.
final class Waiter: @unchecked Sendable {
  // Sendable is sound because all but the last two members are constant or atomic, and those are touched on the loop of the
  // client only.

  /// Rising over the whole server: who came first is served first.
  let number: UInt64
  /// The loop of the client.
  let home: Int
  let clientIdentifier: UInt64
  let database: Int
  let version: ProtocolVersion
  let request: any WaitingRequest
  /// What the request refers to: it stays as long as any shard knows the waiter.
  private let arguments: KeptArguments
  private let isClaimed = Atomic<Bool>(false)

  /// How the waiting ended, when nobody has asked yet.
  private var outcome: WaitOutcome?
  private var continuation: UnsafeContinuation<WaitOutcome, Never>?

  init(
    number: UInt64, home: Int, clientIdentifier: UInt64, database: Int, version: ProtocolVersion,
    request: any WaitingRequest, arguments: KeptArguments
  ) {
    self.number = number
    self.home = home
    self.clientIdentifier = clientIdentifier
    self.database = database
    self.version = version
    self.request = request
    self.arguments = arguments
  }

  /// Wins the right to end the waiting. Returns false if somebody else has won it.
  func claim() -> Bool { !isClaimed.exchange(true, ordering: .acquiringAndReleasing) }

  /// Gives the right back: the waiting goes on.
  func giveBack() { isClaimed.store(false, ordering: .releasing) }

  // MARK: On the loop of the client

  /// Ends the waiting, as the one who has claimed it decided.
  func end(_ outcome: WaitOutcome) {
    if let continuation {
      self.continuation = nil
      continuation.resume(returning: outcome)
    } else {
      self.outcome = outcome
    }
  }

  /// Waits until somebody ends it.
  func wait() async -> WaitOutcome {
    if let outcome {
      self.outcome = nil
      return outcome
    }
    return await withUnsafeContinuation { continuation = $0 }
  }
}

/// How the waiting of a call ended.
enum WaitOutcome: Sendable {
  /// A shard has served it.
  case served(CarriedReply, by: Int)
  /// A shard could serve it with the help of others; it keeps the call's place until that was tried.
  case offered(by: Int)
  /// Nothing came in time.
  case timedOut
  /// CLIENT UNBLOCK ended it with an error.
  case unblocked
  /// The client is going.
  case gone
}

/// A copy of a call's arguments, which lives as long as somebody refers to it.
final class KeptArguments: @unchecked Sendable {
  // Sendable is sound because nothing is written after the initialiser.
  let arguments: Arguments
  private let memory: UnsafeMutableRawPointer

  init(_ arguments: Arguments) {
    let rangeBytes = arguments.count * MemoryLayout<ArgumentRange>.stride
    let textBytes = (0..<arguments.count).reduce(0) { $0 + arguments[$1].count }
    memory = .allocate(byteCount: rangeBytes + textBytes, alignment: 8)
    let ranges = memory.bindMemory(to: ArgumentRange.self, capacity: arguments.count)
    let text = (memory + rangeBytes).bindMemory(to: UInt8.self, capacity: textBytes)
    var offset = 0
    for index in 0..<arguments.count {
      let argument = arguments[index]
      (text + offset).initialize(from: argument.start, count: argument.count)
      (ranges + index).initialize(
        to: ArgumentRange(
          offset: UInt32(truncatingIfNeeded: offset), count: UInt32(truncatingIfNeeded: argument.count)))
      offset += argument.count
    }
    self.arguments = Arguments(base: text, ranges: ranges, count: arguments.count)
  }

  deinit { memory.deallocate() }
}

import Synchronization

/// A long piece of work on all keys that is under way: how far it has come, and whether it is to stop.
public final class LongWalk: Sendable {
  public let identifier: UInt64
  /// The command, in lower case.
  public let name: String
  /// The client that waits for it.
  public let client: UInt64
  /// Keys that there were when it began.
  public let keyCount: Int
  /// When it began, by the monotonic clock.
  public let startNanoseconds: UInt64
  private let visited = Atomic<Int>(0)
  private let stopFlag = Atomic<Bool>(false)

  fileprivate init(identifier: UInt64, name: String, client: UInt64, keyCount: Int, startNanoseconds: UInt64)
  {
    self.identifier = identifier
    self.name = name
    self.client = client
    self.keyCount = keyCount
    self.startNanoseconds = startNanoseconds
  }

  /// Keys that it has met.
  public var visitedCount: Int { visited.load(ordering: .relaxed) }
  public func note(visitedCount: Int) { visited.store(visitedCount, ordering: .relaxed) }

  /// How far it has come, in hundredths. Keys that come meanwhile make it more than it was to be.
  public var percentage: Double {
    keyCount == 0 ? 0 : min(100, Double(visitedCount) * 100 / Double(keyCount))
  }

  public var isStopped: Bool { stopFlag.load(ordering: .relaxed) }
  public func stop() { stopFlag.store(true, ordering: .relaxed) }
}

/// The long walks of all clients, which anybody may look at, and stop.
public final class LongWalks: Sendable {
  private struct State {
    var lastIdentifier: UInt64 = 0
    var walks: [LongWalk] = []
  }

  private let state = Mutex(State())

  public init() {}

  public func begin(_ name: String, client: UInt64, keyCount: Int, startNanoseconds: UInt64) -> LongWalk {
    state.withLock { state in
      state.lastIdentifier += 1
      let walk = LongWalk(
        identifier: state.lastIdentifier, name: name, client: client, keyCount: keyCount,
        startNanoseconds: startNanoseconds)
      state.walks.append(walk)
      return walk
    }
  }

  public func end(_ walk: LongWalk) {
    state.withLock { state in state.walks.removeAll { $0 === walk } }
  }

  /// Those that are under way, the oldest first.
  public var all: [LongWalk] { state.withLock { $0.walks } }
}

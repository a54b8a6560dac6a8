import Bytes
import Commands
import Configuration
import Heap
import Keyspace
import RESP
import Ring
import TestSupport
import Testing

@testable import Engine

/// All shards of a server in one thread, without sockets: input is put into clients by hand, and whatever loops do,
/// messages, steps of tasks, sending, happens when a test says so and in the order that it says.
final class Cluster {
  let server: ServerState
  let shards: [UnsafeMutablePointer<Shard>]
  let coordinators: [UnsafeMutablePointer<Coordinator>]
  private let heaps: [ShardHeap]
  private let executors: [LoopExecutor]
  private(set) var clients: [TestClient] = []

  /// Turns after which a run is thought to go round in circles.
  private static let turnMaximum = 2_000_000

  /// The time that all shards' clocks show: they stand still.
  static let now: Int64 = 1_700_000_000_000

  /// - Parameter receiveBuffers: the buffers of the first loop, if it receives into some.
  fileprivate init(
    shardCount: Int, table: CommandTable, configuration: Configuration,
    receiveBuffers: UnsafeMutablePointer<ReceiveBuffers>?
  ) {
    server = ServerState(
      configuration: configuration, shardCount: shardCount, table: table, startedAt: Self.now / 1_000,
      runIdentifier: String(repeating: "0", count: 40), processIdentifier: 1, executablePath: "/pantala")
    var shards: [UnsafeMutablePointer<Shard>] = []
    var coordinators: [UnsafeMutablePointer<Coordinator>] = []
    heaps = (0..<shardCount).map { _ in ShardHeap() }
    executors = (0..<shardCount).map { _ in LoopExecutor() }
    for index in 0..<shardCount {
      let shard = UnsafeMutablePointer<Shard>.allocate(capacity: 1)
      shard.initialize(
        to: Shard(
          index: index, server: server, heap: heaps[index], hasher: KeyHasher(seed: 3, 4),
          nanosecondsPerTickFixed: 1 << 15))
      shard.pointee.keyspace.now = Self.now
      let coordinator = UnsafeMutablePointer<Coordinator>.allocate(capacity: 1)
      coordinator.initialize(
        to: Coordinator(
          shard: shard, executor: executors[index], uring: nil,
          receiveBuffers: index == 0 ? receiveBuffers : nil))
      shards.append(shard)
      coordinators.append(coordinator)
    }
    self.shards = shards
    self.coordinators = coordinators
  }

  /// Frees everything, and expects every byte to come back.
  fileprivate func destroy(_ sourceLocation: SourceLocation) {
    for client in clients { client.disconnect() }
    settle()
    for (index, heap) in heaps.enumerated() {
      // All that is left is the loop's own store of argument ranges.
      let storeBytes = ShardHeap.usableSize(coordinators[index].pointee.arguments.ranges)
      #expect(heap.liveBytes(.clients) == 0, "clients of shard \(index)", sourceLocation: sourceLocation)
      #expect(
        heap.liveBytes(.subscriptions) == 0, "subscriptions of shard \(index)", sourceLocation: sourceLocation
      )
      #expect(
        heap.liveBytes(.messages) == shards[index].pointee.locks.allocatedBytes + storeBytes,
        "messages of shard \(index)",
        sourceLocation: sourceLocation)
      #expect(
        shards[index].pointee.locks.partCount == 0, "locks of shard \(index)", sourceLocation: sourceLocation)
      #expect(coordinators[index].pointee.outstandingCount == 0, sourceLocation: sourceLocation)
    }
    for index in shards.indices {
      coordinators[index].deinitialize(count: 1)
      coordinators[index].deallocate()
      shards[index].deinitialize(count: 1)
      shards[index].deallocate()
      #expect(heaps[index].liveBytes == 0, "shard \(index)", sourceLocation: sourceLocation)
      heaps[index].destroy()
    }
  }

  /// What clients and shards know of calls that wait: clients, and keys waited for.
  var waits: (clients: Int, keys: Int) {
    shards.reduce(into: (0, 0)) { sum, shard in
      sum.0 += shard.pointee.blockedCalls.count
      sum.1 += shard.pointee.waiting.keyCount
    }
  }

  /// Lets all the time pass that anybody waits for.
  func passTime() {
    for coordinator in coordinators { coordinator.expireBlockedCalls(at: .max) }
    settle()
  }

  /// Connects a client to the loop of `shard`.
  func connect(to shard: Int = 0, flags: ClientFlags = .authenticated) -> TestClient {
    let client = TestClient(cluster: self, home: shard, flags: flags)
    clients.append(client)
    return client
  }

  /// The shard that owns a key.
  func owner(of key: String) -> Int {
    withView(key) {
      shardIndex(ofHash: shards[0].pointee.keyspace.hasher.hash($0), shardCount: shards.count)
    }
  }

  /// A key of `shard` whose name begins with `prefix`.
  func key(_ prefix: String = "key", on shard: Int) -> String {
    for number in 0... {
      let key = "\(prefix):\(number)"
      if owner(of: key) == shard { return key }
    }
    return prefix
  }

  // MARK: Turns

  /// What a loop may do next.
  enum Step: CaseIterable {
    case receive, publish, jobs, free, output
  }

  /// Has a loop do one thing. Returns whether there was anything to do.
  @discardableResult
  func take(_ step: Step, on index: Int) -> Bool {
    switch step {
    case .receive: return coordinators[index].receiveMessages()
    case .publish:
      let wasPending = coordinators[index].pointee.hasOverflow
      let hadNews = coordinators[index].deliverOutboxes()
      coordinators[index].endTurn()
      return wasPending || hadNews
    case .jobs: return executors[index].runJobs()
    case .free:
      let hadSome = shards[index].pointee.keyspace.hasRemovedValues
      shards[index].releaseRemoved(blockMaximum: 256)
      return hadSome
    case .output: return collectOutput(of: index)
    }
  }

  /// Gives out the replies of those clients that the loop would send to.
  private func collectOutput(of index: Int) -> Bool {
    let shard = shards[index]
    var any = false
    while let client = shard.pointee.firstWithOutput {
      shard.pointee.firstWithOutput = client.pointee.nextWithOutput
      client.pointee.nextWithOutput = nil
      client.pointee.flags.remove(.hasOutput)
      clients.first { $0.isConnected && $0.pointer == client }?.send()
      any = true
    }
    return any
  }

  /// Has all loops work until none has anything to do.
  func settle(_ steps: [Step] = Step.allCases) {
    var isBusy = true
    while isBusy {
      isBusy = false
      for index in shards.indices {
        for step in steps where take(step, on: index) { isBusy = true }
      }
    }
  }

  /// Delivers all clients' input in random pieces, and has loops do random things in between, until all is done.
  func run(_ random: inout SeededRandom) {
    var quietTurns = 0
    var turns = 0
    while quietTurns < 200 {
      turns += 1
      if turns > Self.turnMaximum {
        Issue.record("the cluster does not come to rest, \(random)")
        return
      }
      let index = random.below(shards.count)
      let step = random.element(of: Step.allCases)
      var isQuiet = !take(step, on: index)
      if random.below(3) == 0, let client = clients.isEmpty ? nil : random.element(of: clients),
        !client.pendingInput.isEmpty
      {
        client.deliver(1 + random.below(random.element(of: [1, 8, 40, 400, 4_000])))
        isQuiet = false
      }
      quietTurns = isQuiet && clients.allSatisfy(\.pendingInput.isEmpty) ? quietTurns + 1 : 0
    }
    settle()
    for client in clients where !client.pointer.pointee.reply.isEmpty {
      Issue.record(
        "client \(client.pointer.pointee.identifier) has replies that nobody would send, \(random)")
    }
  }
}

/// A cluster that lives as long as `body` runs. All memory must be back then.
func withCluster<Result>(
  shardCount: Int, table: CommandTable = .all(), configuration: Configuration = Configuration(),
  receiveBuffers: UnsafeMutablePointer<ReceiveBuffers>? = nil,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Cluster) throws -> Result
) rethrows -> Result {
  let cluster = Cluster(
    shardCount: shardCount, table: table, configuration: configuration, receiveBuffers: receiveBuffers)
  defer { cluster.destroy(sourceLocation) }
  return try body(cluster)
}

/// A client of a cluster, and what it has been sent.
final class TestClient {
  let pointer: UnsafeMutablePointer<Client>
  private unowned let cluster: Cluster
  private let home: Int
  fileprivate private(set) var isConnected = true
  /// Input that is still on its way.
  var pendingInput: ArraySlice<UInt8> = []
  private(set) var received: [UInt8] = []
  /// Memory that stands for buffers which the kernel fills. It stays until the client goes.
  private var receiveBuffers: [UnsafeMutablePointer<UInt8>] = []
  /// Whether input arrives in such buffers.
  var usesReceiveBuffers = false

  fileprivate init(cluster: Cluster, home: Int, flags: ClientFlags) {
    self.cluster = cluster
    self.home = home
    let shard = cluster.shards[home]
    let heap = shard.pointee.heap
    pointer = heap.allocate(MemoryLayout<Client>.stride, for: .clients).bindMemory(
      to: Client.self, capacity: 1)
    let identifier = cluster.server.nextClientIdentifier.wrappingAdd(1, ordering: .relaxed).oldValue
    pointer.initialize(
      to: Client(
        identifier: identifier, descriptor: -1, flags: flags, heap: heap, now: Cluster.now,
        address: "127.0.0.1:1", localAddress: "127.0.0.1:6379"))
    pointer.pointee.next = shard.pointee.firstClient
    shard.pointee.firstClient?.pointee.previous = pointer
    shard.pointee.firstClient = pointer
    shard.pointee.clientCount += 1
  }

  private var coordinator: UnsafeMutablePointer<Coordinator> { cluster.coordinators[home] }
  private var shard: UnsafeMutablePointer<Shard> { cluster.shards[home] }

  // MARK: Input

  /// Delivers the next bytes that are on their way, `countMaximum` at the most.
  func deliver(_ countMaximum: Int) {
    let piece = Array(pendingInput.prefix(countMaximum))
    pendingInput = pendingInput.dropFirst(countMaximum)
    deliver(piece)
  }

  /// Delivers bytes at once.
  func deliver(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    bytes.withUnsafeBufferPointer { source in
      if usesReceiveBuffers {
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        buffer.initialize(from: source.baseAddress!, count: bytes.count)
        receiveBuffers.append(buffer)
        coordinator.receive(pointer, buffer: buffer, count: bytes.count, identifier: 0)
      } else {
        pointer.pointee.queryBuffer.append(
          ByteView(start: source.baseAddress!, count: bytes.count), heap: shard.pointee.heap)
        coordinator.process(pointer)
      }
    }
  }

  /// Delivers a command, has all loops work, and returns what came back since the last call.
  func ask(_ arguments: String...) -> String {
    deliver(encoded(arguments))
    return answer()
  }

  /// The same for bytes as they stand.
  func ask(bytes text: String) -> String {
    deliver(Array(text.utf8))
    return answer()
  }

  /// What comes back when all loops have worked.
  func answer() -> String {
    cluster.settle()
    defer { received = [] }
    return shown(received)
  }

  /// The replies and pushes that came since the last call, one by one.
  func takeReplies() -> [String] {
    cluster.settle()
    defer { received = [] }
    return replies(in: received)
  }

  /// Reads on, as a loop does when a pause is over.
  func resume() {
    pointer.pointee.flags.remove(.paused)
    coordinator.process(pointer)
  }

  // MARK: Output

  /// Has the replies leave, through the buffer of bytes that the kernel has.
  fileprivate func send() {
    pointer.pointee.reply.adapt(toTurnOf: pointer.pointee.reply.count)
    pointer.pointee.sending.append(movingFrom: &pointer.pointee.reply)
    let bytes = pointer.pointee.sending.bytes()
    received += bytes
    pointer.pointee.sending.removeFirst(bytes.count)
    coordinator.sendHome(pointer.sending)
  }

  // MARK: The end

  /// Frees the client, as its loop does when nothing is under way any more.
  func disconnect() {
    guard isConnected else { return }
    shard.abandonWaiting(ofClient: pointer.pointee.identifier)
    cluster.settle()
    #expect(!pointer.pointee.flags.contains(.waiting), "a client is kept waiting for ever")
    isConnected = false
    let heap = shard.pointee.heap
    coordinator.releaseInput(pointer)
    pointer.pointee.reply.release()
    pointer.pointee.sending.release()
    coordinator.sendHome(pointer.reply)
    coordinator.sendHome(pointer.sending)
    if pointer.pointee.flags.contains(.monitor) {
      cluster.server.monitorCount.subtract(1, ordering: .relaxed)
    }
    shard.forget(pointer)
    pointer.pointee.previous?.pointee.next = pointer.pointee.next
    pointer.pointee.next?.pointee.previous = pointer.pointee.previous
    if shard.pointee.firstClient == pointer { shard.pointee.firstClient = pointer.pointee.next }
    shard.pointee.clientCount -= 1
    pointer.deinitialize(count: 1)
    heap.free(pointer, for: .clients)
    for buffer in receiveBuffers { buffer.deallocate() }
  }
}

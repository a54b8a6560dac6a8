import Foundation
import TestSupport
import Testing

@testable import Engine

/// The coordinator and its shards in one thread: a seed chooses what each client asks, when, and in which order messages
/// are delivered. Every history must be one that a single thread could have produced, in an order that respects time
/// (linearizability, decided by Wing and Gong's search: "Testing and Verifying Concurrent Objects", 1993).
@Suite("Transactions in simulated time")
struct TransactionSimulationTests {
  private static let clientCount = 4
  private static let operationsPerClient = 3
  private static let historyCount = 400
  /// Steps after which somebody is thought to wait for ever.
  private static let timeMaximum = 200_000

  @Test("are steps that others see whole or not at all", arguments: [1, 2, 3, 5])
  func linearizable(shardCount: Int) {
    var random = SeededRandom(test: "TransactionSimulationTests.linearizable \(shardCount)")
    withCluster(shardCount: shardCount) { cluster in
      let clients = (0..<Self.clientCount).map { cluster.connect(to: $0 % shardCount) }
      for number in 0..<Self.historyCount {
        let history = record(number, cluster, clients, &random)
        if let history, isLinearizable(history) { continue }
        Issue.record(
          """
          history \(number) over \(shardCount) shards, \(random):
          \(history.map { $0.map(\.description).joined(separator: "\n") } ?? "somebody gets no answer")
          """)
        return
      }
      cluster.settle()
      for shard in cluster.shards {
        #expect(shard.pointee.locks.partCount == 0, "\(random)")
        #expect(shard.pointee.watches.isEmpty, "\(random)")
      }
    }
  }

  // MARK: Recording

  /// Has every client do a few operations, one after the other, while loops take steps in random order. Nil if that does not end.
  private func record(
    _ number: Int, _ cluster: Cluster, _ clients: [TestClient], _ random: inout SeededRandom
  ) -> [SimulatedOperation]? {
    let keys = (0..<SimulatedState.keyCount).map { "history \(number):\($0)" }
    var done: [SimulatedOperation] = []
    var underWay: [SimulatedOperation?] = clients.map { _ in nil }
    var remaining = clients.map { _ in Self.operationsPerClient }
    var heard = clients.map(\.received.count)
    var time = 0
    while done.count < clients.count * Self.operationsPerClient {
      time += 1
      if time > Self.timeMaximum { return nil }
      let index = random.below(clients.count)
      if underWay[index] == nil, remaining[index] > 0, random.below(4) == 0 {
        let operation = SimulatedOperation.random(client: index, calledAt: time, &random)
        underWay[index] = operation
        remaining[index] -= 1
        clients[index].deliver(operation.input(keys))
      }
      cluster.take(random.element(of: Cluster.Step.allCases), on: random.below(cluster.shards.count))
      for (client, operation) in underWay.enumerated() {
        guard var operation else { continue }
        let answers = replies(in: Array(clients[client].received[heard[client]...]))
        guard answers.count == operation.replyCount else { continue }
        heard[client] = clients[client].received.count
        operation.answer = answers[answers.count - 1]
        operation.answeredAt = time
        done.append(operation)
        underWay[client] = nil
      }
    }
    return done
  }

  // MARK: Deciding

  private struct Position: Hashable {
    var applied: Int
    var state: SimulatedState
  }

  private func isLinearizable(_ history: [SimulatedOperation]) -> Bool {
    var seen: Set<Position> = []
    func search(_ position: Position) -> Bool {
      if position.applied == 1 << history.count - 1 { return true }
      guard seen.insert(position).inserted else { return false }
      let open = history.indices.filter { position.applied & 1 << $0 == 0 }
      let firstEnd = open.map { history[$0].answeredAt }.min() ?? 0
      for index in open where history[index].calledAt <= firstEnd {
        var next = Position(applied: position.applied | 1 << index, state: position.state)
        if history[index].apply(to: &next.state) == history[index].answer, search(next) { return true }
      }
      return false
    }
    return search(Position(applied: 0, state: SimulatedState()))
  }

  @Test("would be found out if they were not")
  func findsViolations() {
    func operation(_ kind: SimulatedOperation.Kind, _ from: Int, _ to: Int, _ answer: String)
      -> SimulatedOperation
    {
      SimulatedOperation(client: 0, kind: kind, calledAt: from, answer: answer, answeredAt: to)
    }
    let write = operation(.setAll([0, 1], 7), 1, 9, "+OK\\r\\n")
    let torn = operation(.getAll([0, 1]), 2, 8, "*2\\r\\n$1\\r\\n7\\r\\n$-1\\r\\n")
    let whole = operation(.getAll([0, 1]), 2, 8, "*2\\r\\n$1\\r\\n7\\r\\n$1\\r\\n7\\r\\n")
    let stale = operation(.getAll([0, 1]), 10, 12, "*2\\r\\n$-1\\r\\n$-1\\r\\n")
    #expect(!isLinearizable([write, torn]))
    #expect(isLinearizable([write, whole]))
    #expect(!isLinearizable([write, stale]))
  }
}

/// What the keys of a history hold.
private struct SimulatedState: Hashable {
  static let keyCount = 4
  var values: [Int?] = Array(repeating: nil, count: keyCount)
}

/// One request of one client, and what became of it.
private struct SimulatedOperation: CustomStringConvertible {
  enum Kind {
    case setAll([Int], Int)
    case getAll([Int])
    case set(Int, Int)
    case get(Int)
    case deleteAll([Int])
    case rename(Int, Int)
    /// MULTI, reads of all keys, a new value for some, EXEC.
    case transaction(reads: [Int], writes: [Int], value: Int)
  }

  let client: Int
  let kind: Kind
  let calledAt: Int
  var answer = ""
  var answeredAt = 0

  static func random(client: Int, calledAt: Int, _ random: inout SeededRandom) -> SimulatedOperation {
    func keys() -> [Int] { (0..<SimulatedState.keyCount).shuffled(using: &random).dropLast(random.below(3)) }
    let value = 1 + random.below(1_000_000)
    let kind: Kind =
      switch random.below(8) {
      case 0, 1: .setAll(keys(), value)
      case 2, 3: .getAll(keys())
      case 4: random.below(2) == 0 ? .set(random.below(4), value) : .get(random.below(4))
      case 5: .deleteAll(keys())
      case 6: .rename(random.below(4), random.below(4))
      default: .transaction(reads: keys(), writes: keys(), value: value)
      }
    return SimulatedOperation(client: client, kind: kind, calledAt: calledAt)
  }

  /// The replies that it brings: one, or one for each command of a transaction and its frame.
  var replyCount: Int {
    if case .transaction(let reads, _, _) = kind { return reads.count + 3 }
    return 1
  }

  func input(_ keys: [String]) -> [UInt8] {
    switch kind {
    case .setAll(let places, let value): encoded(["MSET"] + places.flatMap { [keys[$0], "\(value)"] })
    case .getAll(let places): encoded(["MGET"] + places.map { keys[$0] })
    case .set(let place, let value): encoded("SET", keys[place], "\(value)")
    case .get(let place): encoded("GET", keys[place])
    case .deleteAll(let places): encoded(["DEL"] + places.map { keys[$0] })
    case .rename(let from, let to): encoded("RENAME", keys[from], keys[to])
    case .transaction(let reads, let writes, let value):
      encoded("MULTI") + reads.flatMap { encoded("GET", keys[$0]) }
        + encoded(["MSET"] + writes.flatMap { [keys[$0], "\(value)"] }) + encoded("EXEC")
    }
  }

  /// Does the operation to the keys as a single thread would, and returns what that answers.
  func apply(to state: inout SimulatedState) -> String {
    func bulk(_ value: Int?) -> String { value.map { "$\("\($0)".count)\\r\\n\($0)\\r\\n" } ?? "$-1\\r\\n" }
    switch kind {
    case .setAll(let places, let value):
      for place in places { state.values[place] = value }
      return "+OK\\r\\n"
    case .getAll(let places):
      return "*\(places.count)\\r\\n" + places.map { bulk(state.values[$0]) }.joined()
    case .set(let place, let value):
      state.values[place] = value
      return "+OK\\r\\n"
    case .get(let place): return bulk(state.values[place])
    case .deleteAll(let places):
      let count = places.count { state.values[$0] != nil }
      for place in places { state.values[place] = nil }
      return ":\(count)\\r\\n"
    case .rename(let from, let to):
      guard let value = state.values[from] else { return "-ERR no such key\\r\\n" }
      state.values[from] = nil
      state.values[to] = value
      return "+OK\\r\\n"
    case .transaction(let reads, let writes, let value):
      let read = reads.map { bulk(state.values[$0]) }.joined()
      for place in writes { state.values[place] = value }
      return "*\(reads.count + 1)\\r\\n\(read)+OK\\r\\n"
    }
  }

  var description: String { "client \(client) [\(calledAt)..\(answeredAt)] \(kind) -> \(answer)" }
}

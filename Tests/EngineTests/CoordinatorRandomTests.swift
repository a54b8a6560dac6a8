import TestSupport
import Testing

@testable import Engine

/// Many clients, several shards, and loops that take turns in an order that chance decides. Whatever it is, each
/// client must get what it would get alone from a server with one shard.
@Suite("Coordinators in any order")
struct CoordinatorRandomTests {
  private static let clientCount = 6

  /// What each client sends.
  private func inputs(_ random: inout SeededRandom, commandCount: Int) -> [[UInt8]] {
    (0..<Self.clientCount).map { number in
      var workload = Workload(random: &random, prefix: "client\(number)")
      return (0..<commandCount).flatMap { _ in workload.encodedCommand() }
    }
  }

  /// The replies of a server with one shard to which all of the input comes at once.
  private func expectedReplies(_ inputs: [[UInt8]]) -> [[UInt8]] {
    withCluster(shardCount: 1) { cluster in
      let clients = inputs.map { _ in cluster.connect() }
      return zip(clients, inputs).map { client, input in
        client.deliver(input)
        cluster.settle()
        return client.received
      }
    }
  }

  @Test(
    "answer every client in the order of its requests, with what a single shard would answer",
    arguments: [(1, false), (2, false), (2, true), (4, false), (4, true), (7, true)])
  func sameAsOneShard(shardCount: Int, usesReceiveBuffers: Bool) {
    var random = SeededRandom(
      test: "CoordinatorRandomTests.sameAsOneShard \(shardCount) \(usesReceiveBuffers)")
    for _ in 0..<4 {
      let inputs = inputs(&random, commandCount: 400)
      let expected = expectedReplies(inputs)
      #expect(expected.map { replies(in: $0).count }.reduce(0, +) > 1_000, "\(random)")
      withCluster(shardCount: shardCount) { cluster in
        let clients = inputs.indices.map { cluster.connect(to: $0 % shardCount) }
        for (client, input) in zip(clients, inputs) {
          client.pendingInput = input[...]
          client.usesReceiveBuffers = usesReceiveBuffers
        }
        cluster.run(&random)
        for (number, client) in clients.enumerated() where client.received != expected[number] {
          let got = replies(in: client.received)
          let wanted = replies(in: expected[number])
          let place = zip(got, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
          Issue.record(
            """
            client \(number) got \(got.count) replies, expected \(wanted.count); the first other one is \
            \(place.map { "\($0): \(got[$0].prefix(200)) instead of \(wanted[$0].prefix(200))" } ?? "the last"), \
            \(random)
            """)
        }
        #expect(clients.allSatisfy { $0.pointer.pointee.flags.isDisjoint(with: [.waiting, .paused]) })
      }
    }
  }

  @Test("count what several clients add to the same keys, and lose nothing", arguments: [1, 2, 4])
  func sharedCounters(shardCount: Int) {
    var random = SeededRandom(test: "CoordinatorRandomTests.sharedCounters \(shardCount)")
    withCluster(shardCount: shardCount) { cluster in
      var sums = Array(repeating: 0, count: 8)
      let clients = (0..<Self.clientCount).map { cluster.connect(to: $0 % shardCount) }
      for client in clients {
        var input: [UInt8] = []
        for _ in 0..<300 {
          let counter = random.below(sums.count)
          let amount = random.below(1_000)
          sums[counter] += amount
          input += encoded("INCRBY", "counter\(counter)", "\(amount)")
          if random.below(10) == 0 { input += encoded("MGET", "counter0", "counter1", "counter2") }
        }
        client.pendingInput = input[...]
      }
      cluster.run(&random)
      let reader = cluster.connect()
      for (counter, sum) in sums.enumerated() where sum > 0 {
        #expect(reader.ask("GET", "counter\(counter)") == "$\("\(sum)".count)\\r\\n\(sum)\\r\\n", "\(random)")
      }
    }
  }

  @Test("move keys between shards without losing or doubling any", arguments: [2, 4])
  func renames(shardCount: Int) {
    var random = SeededRandom(test: "CoordinatorRandomTests.renames \(shardCount)")
    withCluster(shardCount: shardCount) { cluster in
      let setter = cluster.connect()
      for number in 0..<20 { #expect(setter.ask("SET", "key\(number)", "\(number)") == "+OK\\r\\n") }
      // Each client moves keys of its own round and round.
      let clients = (0..<5).map { cluster.connect(to: $0 % shardCount) }
      for (number, client) in clients.enumerated() {
        var input: [UInt8] = []
        for round in 0..<60 {
          for key in (number * 4)..<(number * 4 + 4) {
            input += encoded(
              "RENAME", round == 0 ? "key\(key)" : "key\(key) after \(round)", "key\(key) after \(round + 1)")
          }
        }
        client.pendingInput = input[...]
      }
      cluster.run(&random)
      for client in clients {
        #expect(client.received == Array(repeating: Array("+OK\r\n".utf8), count: 240).flatMap { $0 })
      }
      for number in 0..<20 {
        #expect(setter.ask("GET", "key\(number) after 60") == "$\("\(number)".count)\\r\\n\(number)\\r\\n")
      }
      #expect(setter.ask("DBSIZE") == ":20\\r\\n")
    }
  }
}

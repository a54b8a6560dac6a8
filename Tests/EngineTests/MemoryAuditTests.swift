import Heap
import TestSupport
import Testing

@testable import Engine

@Suite("The audit of the memory")
struct MemoryAuditTests {
  /// The comparisons of an audit that do not agree, as `MEMORY AUDIT` shows them: check, shard, difference.
  private func differences(_ cluster: Cluster) -> [String] {
    cluster.shards.flatMap { shard in
      shard.auditBooks().filter { !agrees($0) }.map { "\($0.name) \($0.shard) \($0.difference)" }
    }
  }

  private func agrees(_ check: AuditCheck) -> Bool {
    check.name == "allocator"
      ? (0..<adoptedBytesMaximum).contains(check.found - check.counted) : check.difference == 0
  }

  @Test("finds no difference after any load", arguments: [1, 2, 3])
  func clean(shardCount: Int) {
    var random = SeededRandom(test: "MemoryAuditTests.clean")
    withCluster(shardCount: shardCount) { cluster in
      let clients = (0..<4).map { cluster.connect(to: $0 % shardCount) }
      for round in 0..<30 {
        let client = random.element(of: clients)
        let key = "key:\(random.below(40))"
        switch random.below(8) {
        case 0: _ = client.ask("DEL", key)
        case 1: _ = client.ask("SET", key, String(repeating: "x", count: random.below(5_000)))
        case 2: _ = client.ask("RPUSH", "list:" + key, String(repeating: "y", count: random.below(300)))
        case 3: _ = client.ask("SUBSCRIBE", "channel:\(round)")
        case 4: _ = client.ask("UNSUBSCRIBE")
        case 5: _ = client.ask("EXPIRE", key, "100")
        case 6: _ = client.ask("MSET", key, "1", key + "a", "2", key + "b", "3")
        default: _ = client.ask("FLUSHDB")
        }
      }
      // Input that has not all arrived.
      clients[0].deliver(Array("*2\r\n$3\r\nGET\r\n$1000\r\nabc".utf8))
      cluster.settle()
      #expect(differences(cluster) == [], "\(random)")
      let reply = cluster.connect().ask("MEMORY", "AUDIT")
      #expect(reply.contains("differences"))
      #expect(reply.contains(":0"), "\(reply) \(random)")
      #expect(clientDifferences(cluster) == Array(repeating: 0, count: shardCount), "\(random)")
    }
  }

  private func clientDifferences(_ cluster: Cluster) -> [Int] {
    let parts = cluster.shards.map { ClientMemory(of: $0, asking: 0) }
    return cluster.shards.indices.map { index in
      cluster.shards[index].pointee.heap.liveBytes(.clients)
        - parts.reduce(0) { $0 + $1.bytesByShard[index] }
    }
  }

  @Test(
    "finds a block that is counted for what it is not",
    arguments: [Purpose.dataset, .tables, .statistics, .subscriptions, .tracking])
  func wrongPurpose(purpose: Purpose) {
    withCluster(shardCount: 2) { cluster in
      let heap = cluster.shards[1].pointee.heap
      let block = heap.allocate(1_000, for: purpose)
      #expect(differences(cluster) == ["\(purpose.name) 1 -\(ShardHeap.usableSize(block))"])
      heap.free(block, for: purpose)
    }
  }

  @Test("finds memory of clients that no client holds")
  func nobodysMemory() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect()
      let heap = cluster.shards[1].pointee.heap
      let block = heap.allocate(1_000, for: .clients)
      #expect(clientDifferences(cluster) == [0, ShardHeap.usableSize(block)])
      let reply = client.ask("MEMORY", "AUDIT")
      #expect(reply.contains("clients.normal"))
      #expect(reply.contains(":\(-ShardHeap.usableSize(block))"))
      heap.free(block, for: .clients)
    }
  }

  @Test("knows to whom long replies belong that other shards have written")
  func foreignReplies() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect(to: 0)
      let key = cluster.key(on: 1)
      _ = client.ask("SET", key, String(repeating: "x", count: 100_000))
      client.deliver(encoded(["GET", key]))
      // Everything but sending.
      for _ in 0..<10 {
        for index in 0..<2 {
          for step in [Cluster.Step.receive, .publish, .jobs] { cluster.take(step, on: index) }
        }
      }
      #expect(cluster.shards[1].pointee.heap.liveBytes(.clients) >= 100_000)
      #expect(clientDifferences(cluster) == [0, 0])
      cluster.settle()
      #expect(clientDifferences(cluster) == [0, 0])
    }
  }

  #if !SYSTEM_ALLOCATOR
    @Test("finds a count that does not agree with the allocator's walk")
    func walk() {
      withCluster(shardCount: 1) { cluster in
        let heap = cluster.shards[0].pointee.heap
        let block = heap.allocate(500, for: .dataset)
        // Counted twice where it is free, and once where it is not.
        heap.reassign(block, from: .tables, to: .dataset)
        #expect(cluster.shards[0].auditBooks().first { $0.name == "allocator" }.map(agrees) == true)
        #expect(differences(cluster).count == 2, "the tables have too little, and the dataset too much")
        heap.reassign(block, from: .dataset, to: .tables)
        heap.free(block, for: .dataset)
      }
    }
  #endif
}

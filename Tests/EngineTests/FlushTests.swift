import TestSupport
import Testing

@testable import Engine

@Suite("FLUSHALL and FLUSHDB")
struct FlushTests {
  /// All that loops do but freeing what was removed.
  private static let otherSteps = Cluster.Step.allCases.filter { $0 != .free }

  private let ok = "+OK\\r\\n"

  /// Fills all shards so far that their tables are not emptied at once.
  private func fill(_ cluster: Cluster, _ client: TestClient) {
    for shard in cluster.shards.indices {
      for number in 0..<20_000 { _ = client.ask("SET", cluster.key("\(shard):\(number)", on: shard), "x") }
    }
  }

  private func removedCount(_ cluster: Cluster) -> Int {
    cluster.shards.reduce(0) { $0 + $1.pointee.keyspace.removedValueCount }
  }

  @Test("answer when the memory is free, and keep nobody else waiting", arguments: [1, 2])
  func waiting(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect()
      let other = cluster.connect(to: shardCount - 1)
      for command in [["FLUSHALL"], ["FLUSHDB", "SYNC"]] {
        fill(cluster, client)
        client.deliver(encoded(command))
        other.deliver(encoded(["SET", "new", "1"]))
        cluster.settle(Self.otherSteps.filter { $0 != .jobs })
        for _ in 0..<20 {
          for step in Self.otherSteps {
            for shard in cluster.shards.indices { cluster.take(step, on: shard) }
          }
        }
        #expect(removedCount(cluster) >= shardCount * 20_000)
        #expect(client.received.isEmpty)
        #expect(replies(in: other.received) == [ok])
        #expect(client.takeReplies() == [ok])
        #expect(removedCount(cluster) == 0)
        #expect(other.takeReplies() == [ok])
        _ = client.ask("DEL", "new")
      }
    }
  }

  @Test(
    "answer at once where that is asked for, in transactions, and where there is next to nothing",
    arguments: [1, 2])
  func later(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect()
      fill(cluster, client)
      client.deliver(encoded(["FLUSHALL", "ASYNC"]))
      cluster.settle(Self.otherSteps)
      #expect(removedCount(cluster) > 0)
      #expect(client.takeReplies() == [ok])
      for shard in cluster.shards { shard.pointee.settings.flushesLater = true }
      fill(cluster, client)
      let transaction = [["MULTI"], ["FLUSHALL", "SYNC"], ["EXEC"]]
      client.deliver((transaction + [["FLUSHALL"]]).flatMap { encoded($0) })
      cluster.settle(Self.otherSteps)
      #expect(removedCount(cluster) > 0)
      #expect(replies(in: client.received) == [ok, "+QUEUED\\r\\n", "*1\\r\\n+OK\\r\\n", ok])
      _ = client.takeReplies()
      for shard in cluster.shards { shard.pointee.settings.flushesLater = false }
      cluster.settle()
      _ = client.ask("SET", "a", "1")
      client.deliver(encoded(["FLUSHALL"]))
      cluster.settle(Self.otherSteps)
      #expect(replies(in: client.received) == [ok])
    }
  }

  @Test("end with their client")
  func leaving() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect()
      fill(cluster, client)
      client.deliver(encoded(["FLUSHALL"]))
      cluster.settle(Self.otherSteps.filter { $0 != .jobs })
      client.pointer.pointee.flags.insert(.peerClosed)
      cluster.settle(Self.otherSteps)
      #expect(removedCount(cluster) > 0)
    }
  }
}

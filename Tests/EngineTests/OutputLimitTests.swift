import Heap
import TestSupport
import Testing

@testable import Engine

@Suite("A client whose replies pass their limit")
struct OutputLimitTests {
  private static let limit = 100_000
  private static let valueBytes = 40_000
  private static let requestCount = 2_000

  /// A client of shard 0 that asks for the same long value again and again, and never reads.
  private func withGreedyClient(
    valueOn owner: Int, prefix: String = "", _ body: (Cluster, TestClient) throws -> Void
  ) rethrows {
    try withCluster(shardCount: 2) { cluster in
      let key = cluster.key(on: owner)
      _ = cluster.connect().ask("SET", key, String(repeating: "x", count: Self.valueBytes))
      let client = cluster.connect()
      client.pointer.pointee.reply.byteLimit = Self.limit
      client.deliver(Array(prefix.utf8) + (0..<Self.requestCount).flatMap { _ in encoded("GET", key) })
      try body(cluster, client)
    }
  }

  /// What a loop does but for sending.
  private func exchange(_ cluster: Cluster) {
    for index in [0, 1, 0] {
      cluster.take(.publish, on: index)
      cluster.take(.receive, on: index)
      cluster.take(.publish, on: index)
    }
  }

  @Test("is shown to the loop, which cuts it off, though nothing of the replies is left", arguments: [0, 1])
  func isShown(owner: Int) {
    withGreedyClient(valueOn: owner) { cluster, client in
      for _ in 0..<8 { exchange(cluster) }
      #expect(client.pointer.pointee.reply.isOverLimit)
      #expect(cluster.shards[0].pointee.firstWithOutput == client.pointer)
    }
  }

  @Test("has nothing more done for it, so that others need not wait", arguments: [0, 1])
  func isServedNoMore(owner: Int) {
    withGreedyClient(valueOn: owner) { cluster, client in
      for _ in 0..<8 { exchange(cluster) }
      #expect(client.pointer.pointee.commandCount <= Coordinator.preparedMaximum)
      let count = client.pointer.pointee.commandCount
      client.deliver(encoded("PING"))
      exchange(cluster)
      #expect(client.pointer.pointee.commandCount == count)
    }
  }

  @Test("takes no more memory than its limit on the shard that answers, and gives that back at once")
  func memory() {
    withGreedyClient(valueOn: 1) { cluster, _ in
      let heap = cluster.shards[1].pointee.heap
      let before = heap.liveBytes(.clients)
      cluster.take(.publish, on: 0)
      cluster.take(.receive, on: 1)
      #expect(heap.liveBytes(.clients) - before < Self.limit + 2 * Self.valueBytes)
      for _ in 0..<2 { exchange(cluster) }
      cluster.take(.receive, on: 1)
      #expect(heap.liveBytes(.clients) == before)
    }
  }

  @Test("is not one that asked for no replies")
  func silent() {
    withGreedyClient(valueOn: 1, prefix: "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n") {
      cluster, client in
      for _ in 0..<(4 + Self.requestCount) { exchange(cluster) }
      #expect(!client.pointer.pointee.reply.isOverLimit)
      #expect(client.pointer.pointee.commandCount == Self.requestCount + 1)
    }
  }
}

import Bytes
import Configuration
import Keyspace
import TestSupport
import Testing

@testable import Engine

@Suite("Eviction on shards")
struct ShardEvictionTests {
  /// Gives all shards a limit and a policy.
  private func limit(_ cluster: Cluster, _ bytes: Int, _ policy: MaxMemoryPolicy) {
    for shard in cluster.shards {
      shard.pointee.settings.maxMemoryBytes = bytes
      shard.pointee.settings.maxMemoryPolicy = policy
      shard.pointee.adoptUseSettings()
    }
    for shard in cluster.shards { shard.keepWithinLimit() }
  }

  private func keyCount(_ cluster: Cluster, _ shard: Int) -> Int {
    cluster.shards[shard].pointee.keyspace.count(in: 0)
  }

  @Test("leaves keys alone that a transaction has locked", arguments: [LockMode.shared, .exclusive])
  func lockedKeys(mode: LockMode) {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      for number in 0..<50 { _ = client.ask("SET", "key:\(number)", "value") }
      let shard = cluster.shards[0]
      let fingerprint = withView("key:7") { shard.pointee.keyspace.hasher.hash($0) }
      let request = UnsafeMutablePointer<LockRequest>.allocate(capacity: 1)
      let part = UnsafeMutablePointer<LockPart>.allocate(capacity: 1)
      part.initialize(to: LockPart(serial: 1, requests: request, requestCount: 1))
      request.initialize(to: LockRequest(fingerprint: fingerprint, mode: mode, part: part))
      _ = shard.pointee.locks.request(part, holdsOthers: false)
      limit(cluster, 1, .allKeysRandom)
      for _ in 0..<100 { shard.keepWithinLimit() }
      let left = keyCount(cluster, 0)
      #expect(left == 1)
      shard.pointee.locks.release(part)
      for _ in 0..<100 { shard.keepWithinLimit() }
      #expect(keyCount(cluster, 0) == 0)
      request.deallocate()
      part.deallocate()
    }
  }

  @Test("nothing goes in the midst of a transaction on one shard, and nothing is refused there")
  func midTransaction() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      _ = client.ask("SET", "a", "1")
      let shard = cluster.shards[0]
      limit(cluster, 1, .allKeysRandom)
      shard.pointee.settings.maxMemoryPolicy = .noEviction
      _ = client.ask("SET", "a", "1")
      shard.pointee.isInTransaction = true
      let mayAdd = shard.makeRoom()
      #expect(mayAdd)
      shard.pointee.isInTransaction = false
    }
  }

  @Test("a shard with nothing to give goes on as long as another has something, and makes it give")
  func skew() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect()
      for number in 0..<400 {
        _ = client.ask(
          "SET", cluster.key("goes:\(number)", on: 1), String(repeating: "x", count: 1_000), "EX", "1000")
      }
      for shard in cluster.shards { shard.keepWithinLimit() }
      let limit = cluster.server.publishedDataBytes + 1_000
      self.limit(cluster, limit, .volatileIdle)
      var written = 0
      while written < 2_000 {
        let key = cluster.key("stays:\(written)", on: 0)
        if client.ask("SET", key, String(repeating: "y", count: 1_000)) != "+OK\\r\\n" { break }
        written += 1
        cluster.shards[0].keepWithinLimit()
        for helper in cluster.shards[0].takeHelpers() { cluster.shards[helper].keepWithinLimit() }
        #expect(cluster.server.publishedDataBytes < limit + limit / 100 + (1 << 20))
      }
      // All the room that there was has changed hands.
      #expect(keyCount(cluster, 1) == 0)
      #expect(written > 300 && written < 1_400, "\(written)")
      #expect(keyCount(cluster, 0) == written)
    }
  }

  @Test("without a policy, what is removed and not freed yet is room for writes", arguments: [1, 2])
  func freedRoom(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect()
      for shard in cluster.shards.indices {
        for number in 0..<20_000 { _ = client.ask("SET", cluster.key("\(shard):\(number)", on: shard), "x") }
      }
      for shard in cluster.shards { shard.keepWithinLimit() }
      limit(cluster, cluster.server.publishedDataBytes - 1, .noEviction)
      let isRefused = client.ask("SET", "a", "1").hasPrefix("-OOM")
      #expect(isRefused)
      client.deliver(encoded(["FLUSHALL", "ASYNC"]))
      for index in cluster.shards.indices {
        client.deliver(encoded(["SET", cluster.key("new", on: index), "1"]))
      }
      cluster.settle([.receive, .publish, .jobs, .output])
      #expect(cluster.shards.allSatisfy { $0.pointee.keyspace.hasRemovedValues })
      #expect(replies(in: client.received) == Array(repeating: "+OK\\r\\n", count: 1 + shardCount))
    }
  }

  @Test("frees a large value in slices, and takes no other key for it meanwhile")
  func largeValue() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      for number in 0..<200 {
        _ = client.ask("SADD", "large", "a member of some length, number \(number)")
        for further in 0..<50 { _ = client.ask("SADD", "large", "member \(number) \(further)") }
      }
      let shard = cluster.shards[0]
      shard.keepWithinLimit()
      let before = cluster.server.publishedDataBytes
      limit(cluster, before - 1_000, .allKeysRandom)
      #expect(keyCount(cluster, 0) == 0)
      _ = client.ask("SET", "small", "value")
      while shard.pointee.keyspace.hasRemovedValues {
        shard.pointee.keyspace.releaseRemoved(blockMaximum: 16)
        shard.keepWithinLimit()
      }
      #expect(keyCount(cluster, 0) == 1)
      #expect(shard.pointee.keyspace.removedBytes == 0)
    }
  }
}

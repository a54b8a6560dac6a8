import Foundation
import Heap
import TestSupport
import Testing

@testable import Engine

@Suite("Tracking")
struct TrackingTests {
  /// What a client that follows the protocol keeps of the keys that it read: replies fill its cache, pushes empty it.
  private struct Cache {
    var values: [String: String] = [:]

    /// - Parameter reads: the keys of each command, in order; none for a command that reads nothing.
    mutating func take(_ received: [UInt8], reads: [[String]]) {
      var next = 0
      for reply in replies(in: received) {
        let words = reply.components(separatedBy: "\\r\\n")
        if reply.hasPrefix(">") {
          if words.count > 6 { values[words[5]] = nil } else { values = [:] }
          continue
        }
        let keys = reads[next]
        next += 1
        var place = reply.hasPrefix("*") ? 1 : 0
        for key in keys {
          if words[place] == "_" {
            values[key] = "_"
            place += 1
          } else {
            values[key] = words[place + 1]
            place += 2
          }
        }
      }
      expectEqual(next, reads.count, "every command has its reply")
    }
  }

  @Test(
    "never leaves a client with a value that is out of date, however loops take turns", arguments: [1, 2, 4],
    ["", "noloop"])
  func cachesAreCoherent(shardCount: Int, option: String) {
    var random = SeededRandom(test: "TrackingTests.cachesAreCoherent \(shardCount) \(option)")
    for _ in 0..<8 {
      withCluster(shardCount: shardCount) { cluster in
        let readers = (0..<3).map { cluster.connect(to: $0 % shardCount) }
        for reader in readers {
          _ = reader.ask("hello", "3")
          let words = ["client", "tracking", "on"] + (option.isEmpty ? [] : [option])
          reader.deliver(encoded(words))
          #expect(reader.answer() == "+OK\\r\\n")
        }
        var reads = Array(repeating: [[String]](), count: readers.count)
        for (number, reader) in readers.enumerated() {
          var input: [UInt8] = []
          for _ in 0..<150 {
            switch random.below(8) {
            case 0..<4:
              let key = "k\(random.below(12))"
              input += encoded("get", key)
              reads[number].append([key])
            case 4..<6:
              let keys = (0..<3).map { _ in "k\(random.below(12))" }
              input += encoded(["mget"] + keys)
              reads[number].append(keys)
            case 6 where option.isEmpty:
              input += encoded("set", "k\(random.below(12))", "own\(random.below(1_000))")
              reads[number].append([])
            default:
              input += encoded("ping")
              reads[number].append([])
            }
          }
          reader.pendingInput = input[...]
        }
        let writers = (0..<2).map { cluster.connect(to: $0 % shardCount) }
        for (number, writer) in writers.enumerated() {
          var input: [UInt8] = []
          for step in 0..<150 {
            let key = "k\(random.below(12))"
            switch random.below(5) {
            case 0: input += encoded("del", key, "k\(random.below(12))")
            case 1: input += encoded("mset", key, "m\(number)-\(step)", "k\(random.below(12))", "n\(step)")
            default: input += encoded("set", key, "w\(number)-\(step)")
            }
          }
          writer.pendingInput = input[...]
        }
        cluster.run(&random)
        let observer = cluster.connect()
        _ = observer.ask("hello", "3")
        for (number, reader) in readers.enumerated() {
          var cache = Cache()
          cache.take(reader.received, reads: reads[number])
          for (key, value) in cache.values {
            let words = observer.ask("get", key).components(separatedBy: "\\r\\n")
            expectEqual(value, words[0] == "_" ? "_" : words[1], "\(key) of reader \(number), \(random)")
          }
        }
      }
    }
  }

  @Test("sends each change to those who read the key, once", arguments: [1, 2, 4])
  func invalidation(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let reader = cluster.connect(to: shardCount - 1)
      let other = cluster.connect(to: 0)
      let writer = cluster.connect(to: shardCount / 2)
      for client in [reader, other] {
        _ = client.ask("hello", "3")
        _ = client.ask("client", "tracking", "on")
      }
      for shard in 0..<shardCount {
        let key = cluster.key(on: shard)
        let push = ">2\\r\\n$10\\r\\ninvalidate\\r\\n*1\\r\\n$\(key.utf8.count)\\r\\n\(key)\\r\\n"
        #expect(reader.ask("get", key) == "_\\r\\n")
        _ = writer.ask("set", key, "1")
        #expect(reader.answer() == push)
        #expect(other.answer().isEmpty)
        _ = writer.ask("set", key, "2")
        #expect(reader.answer().isEmpty)
        #expect(reader.ask("get", key) == "$1\\r\\n2\\r\\n")
        #expect(reader.ask("incr", key) == ":3\\r\\n" + push)
      }
      _ = reader.ask("get", "k")
      _ = writer.ask("flushall")
      #expect(reader.answer() == ">2\\r\\n$10\\r\\ninvalidate\\r\\n_\\r\\n")
      #expect(cluster.shards.allSatisfy { $0.pointee.trackedKeys.count == 0 && $0.pointee.observers.isEmpty })
    }
  }

  @Test("keeps to the limit of remembered keys", arguments: [1, 2, 4])
  func limit(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let reader = cluster.connect()
      _ = reader.ask("hello", "3")
      _ = reader.ask("config", "set", "tracking-table-max-keys", "10")
      _ = reader.ask("client", "tracking", "on")
      var pushCount = 0
      for number in 0..<100 {
        reader.deliver(encoded("get", "key:\(number)"))
        pushCount += reader.takeReplies().filter { $0.hasPrefix(">") }.count
      }
      #expect(pushCount == 90)
      #expect(cluster.shards.reduce(0) { $0 + $1.pointee.trackedKeys.count } == 10)
    }
  }

  @Test("forgets a client that leaves: its prefixes, and that it was redirected to", arguments: [1, 4])
  func leaving(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect(to: shardCount - 1)
      let target = cluster.connect(to: 0)
      _ = client.ask("hello", "3")
      #expect(
        client.ask(
          "client", "tracking", "on", "bcast", "prefix", "a", "prefix", "b", "redirect",
          "\(target.pointer.pointee.identifier)")
          == "+OK\\r\\n")
      for shard in cluster.shards { #expect(shard.pointee.broadcastPrefixes.count == 2) }
      target.disconnect()
      _ = cluster.connect().ask("set", "a", "1")
      #expect(client.answer().contains("tracking-redir-broken"))
      client.disconnect()
      cluster.settle()
      for shard in cluster.shards {
        #expect(shard.pointee.broadcastPrefixes.isEmpty)
        #expect(shard.pointee.observers.isEmpty)
        #expect(shard.pointee.redirectionTargets.isEmpty)
        #expect(shard.pointee.heap.liveBytes(.tracking) == 0)
      }
    }
  }

  @Test("keeps trackers of a key in order, each once")
  func trackers() {
    let heap = ShardHeap()
    defer { heap.destroy() }
    var random = SeededRandom(test: "TrackingTests.trackers")
    var keys = TrackedKeys()
    var model: [String: Set<UInt64>] = [:]
    for _ in 0..<5_000 {
      let name = "key:\(random.below(300))"
      let tracker = Tracker(client: UInt64(1 + random.below(40)), loop: random.below(1_024))
      withView(name) { view in
        let hash = UInt64(truncatingIfNeeded: name.hashValue)
        if random.below(20) == 0 {
          let found = keys.find(view, hash: hash)
          expectEqual(found != nil, model[name] != nil, "\(random)")
          if let found {
            let words = (0..<Int(found.pointee.trackerCount)).map { found.pointee.trackers[$0].word }
            expectEqual(words, model[name]!.sorted(), "\(random)")
            keys.remove(found, heap: heap)
            found.free(heap: heap)
            model[name] = nil
          }
        } else {
          let isNew = keys.add(tracker, to: view, hash: hash, heap: heap)
          expectEqual(isNew, model[name] == nil, "\(random)")
          model[name, default: []].insert(tracker.word)
        }
      }
      expectEqual(keys.count, model.count, "\(random)")
      expectEqual(keys.itemCount, model.values.reduce(0) { $0 + $1.count }, "\(random)")
    }
    keys.removeAll(heap: heap)
    #expect(keys.count == 0 && keys.itemCount == 0 && heap.liveBytes == 0)
  }
}

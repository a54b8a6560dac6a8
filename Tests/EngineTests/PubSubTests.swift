import Configuration
import Foundation
import Heap
import TestSupport
import Testing

@testable import Engine

@Suite("Publishing and subscribing")
struct PubSubTests {
  /// What every client subscribes to, kept beside the server's tables.
  private struct Model {
    var subscriptions: [[ChannelKind: Set<String>]]
    /// What each client should have been sent, by the place of the client.
    var expected: [[String]]

    init(clientCount: Int) {
      subscriptions = Array(repeating: [.channel: [], .pattern: [], .shardChannel: []], count: clientCount)
      expected = Array(repeating: [], count: clientCount)
    }

    func count(_ client: Int, _ kind: ChannelKind) -> Int {
      let own = subscriptions[client]
      if kind == .shardChannel { return own[.shardChannel]!.count }
      return own[.channel]!.count + own[.pattern]!.count
    }

    /// Patterns of this test are a prefix and a star.
    mutating func publish(_ message: String, to channel: String) -> Int {
      var receivers = 0
      for client in subscriptions.indices {
        if subscriptions[client][.channel]!.contains(channel) {
          expected[client].append(frame("message", channel, message))
          receivers += 1
        }
        for pattern in subscriptions[client][.pattern]!.sorted() where channel.hasPrefix(pattern.dropLast()) {
          expected[client].append(frame("pmessage", pattern, channel, message))
          receivers += 1
        }
      }
      return receivers
    }

    mutating func publish(_ message: String, toShardChannel channel: String) -> Int {
      var receivers = 0
      for client in subscriptions.indices where subscriptions[client][.shardChannel]!.contains(channel) {
        expected[client].append(frame("smessage", channel, message))
        receivers += 1
      }
      return receivers
    }

    func frame(_ words: String...) -> String { shown(encoded(words)) }
  }

  private static let words: [ChannelKind: String] = [
    .channel: "subscribe", .pattern: "psubscribe", .shardChannel: "ssubscribe",
  ]

  @Test("deliver what a model delivers, whoever comes and goes", arguments: [1, 2, 4])
  func sameAsModel(shardCount: Int) {
    var random = SeededRandom(test: "PubSubTests.sameAsModel \(shardCount)")
    withCluster(shardCount: shardCount) { cluster in
      let clients = (0..<12).map { cluster.connect(to: $0 % shardCount) }
      let publisher = cluster.connect(to: random.below(shardCount))
      var model = Model(clientCount: clients.count)
      var received = Array(repeating: [String](), count: clients.count)
      for step in 0..<1_500 {
        let number = random.below(clients.count)
        let kind = random.element(of: ChannelKind.allCases)
        let name = "\(random.below(40))" + (kind == .pattern ? "*" : "")
        let word = Self.words[kind]!
        switch random.below(10) {
        case 0..<3:
          model.subscriptions[number][kind]!.insert(name)
          expectEqual(
            clients[number].ask(word, name),
            shown(encoded(word, name)).replacingLast(count: model.count(number, kind)), "\(random)")
        case 3..<5:
          model.subscriptions[number][kind]!.remove(name)
          _ = clients[number].ask(word.replacing("sub", with: "unsub"), name)
        case 5 where random.below(10) == 0:
          model.subscriptions[number][kind] = []
          _ = clients[number].ask(word.replacing("sub", with: "unsub"))
        case 6 where random.below(10) == 0:
          model.subscriptions[number] = [.channel: [], .pattern: [], .shardChannel: []]
          expectEqual(clients[number].ask("reset"), "+RESET\\r\\n", "\(random)")
        case 7:
          let channel = "\(random.below(40))"
          let count = model.publish("m\(step)", toShardChannel: channel)
          expectEqual(publisher.ask("spublish", channel, "m\(step)"), ":\(count)\\r\\n", "\(random)")
        default:
          let channel = "\(random.below(40))"
          let count = model.publish("m\(step)", to: channel)
          expectEqual(publisher.ask("publish", channel, "m\(step)"), ":\(count)\\r\\n", "\(random)")
        }
        for (index, client) in clients.enumerated() {
          for reply in client.takeReplies() where reply.contains("message") { received[index].append(reply) }
        }
      }
      for index in clients.indices {
        // Of one message, patterns come in the order of the subscriptions, which the model does not keep.
        expectEqual(received[index].sorted(), model.expected[index].sorted(), "client \(index), \(random)")
        expectEqual(
          received[index].map { $0.split(separator: "m").last! },
          model.expected[index].map { $0.split(separator: "m").last! }, "order, client \(index), \(random)")
      }
      let channels = Set(model.subscriptions.flatMap { $0[.channel]! })
      expectEqual(
        replies(in: Array(publisher.received)).count, 0, "\(random)")
      #expect(publisher.ask("pubsub", "channels").hasPrefix("*\(channels.count)\\r\\n"), "\(random)")
      let patterns = Set(model.subscriptions.flatMap { $0[.pattern]! })
      #expect(publisher.ask("pubsub", "numpat") == ":\(patterns.count)\\r\\n", "\(random)")
      var totals = SubscriptionTotals()
      for shard in cluster.shards { totals.merge(SubscriptionTotals(of: shard)) }
      #expect(totals.count(.channel) == channels.count)
      #expect(totals.count(.pattern) == patterns.count)
    }
  }

  @Test("keep the order of each publisher, however loops take turns", arguments: [1, 2, 4])
  func orderPerPublisher(shardCount: Int) {
    var random = SeededRandom(test: "PubSubTests.orderPerPublisher \(shardCount)")
    withCluster(shardCount: shardCount) { cluster in
      let subscribers = (0..<4).map { cluster.connect(to: $0 % shardCount) }
      for subscriber in subscribers { _ = subscriber.ask("subscribe", "a", "b") }
      let publishers = (0..<3).map { cluster.connect(to: $0 % shardCount) }
      for (number, publisher) in publishers.enumerated() {
        var input: [UInt8] = []
        for message in 0..<200 {
          input += encoded("publish", random.below(2) == 0 ? "a" : "b", "p\(number)-\(message)")
          if random.below(3) == 0 { input += encoded("set", "key:\(random.below(50))", "value") }
        }
        publisher.pendingInput = input[...]
      }
      cluster.run(&random)
      for subscriber in subscribers {
        let messages = subscriber.takeReplies()
        for number in publishers.indices {
          let own = messages.compactMap { message -> Int? in
            guard let range = message.range(of: "p\(number)-") else { return nil }
            return Int(message[range.upperBound...].prefix { $0.isNumber })
          }
          expectEqual(own, Array(0..<200), "publisher \(number), \(random)")
        }
      }
    }
  }

  @Test("reaches the subscribers of the publisher's own loop, whatever the name of the channel")
  func ownLoop() {
    withCluster(shardCount: 2) { cluster in
      let subscriber = cluster.connect()
      let publisher = cluster.connect()
      for shard in 0..<2 {
        let channel = cluster.key("channel", on: shard)
        _ = subscriber.ask("SSUBSCRIBE", channel)
        #expect(publisher.ask("SPUBLISH", channel, "news") == ":1\\r\\n")
        #expect(subscriber.answer() == shown(encoded(["smessage", channel, "news"])))
      }
    }
  }

  @Test("let a RESP2 subscriber call few commands, and a RESP3 one all")
  func subscribedMode() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      _ = client.ask("subscribe", "a")
      let refusal =
        "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
      #expect(client.ask("get", "k") == refusal + "\\r\\n")
      #expect(client.ask("ping") == "*2\\r\\n$4\\r\\npong\\r\\n$0\\r\\n\\r\\n")
      #expect(client.ask("ping", "hi") == "*2\\r\\n$4\\r\\npong\\r\\n$2\\r\\nhi\\r\\n")
      #expect(client.ask("reset") == "+RESET\\r\\n")
      #expect(client.ask("get", "k") == "$-1\\r\\n")
      _ = client.ask("hello", "3")
      #expect(client.ask("subscribe", "a") == ">3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\na\\r\\n:1\\r\\n")
      #expect(client.ask("get", "k") == "_\\r\\n")
      #expect(
        client.ask("publish", "a", "m")
          == ">3\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na\\r\\n$1\\r\\nm\\r\\n:1\\r\\n")
    }
  }

  @Test("tell subscribers of all loops what happens to keys, in order", arguments: [1, 2, 4])
  func keyEvents(shardCount: Int) throws {
    var configuration = Configuration()
    try configuration.set([("notify-keyspace-events", "KEA")])
    withCluster(shardCount: shardCount, configuration: configuration) { cluster in
      let subscribers = (0..<shardCount).map { cluster.connect(to: $0) }
      for subscriber in subscribers { _ = subscriber.ask("psubscribe", "__key*__:*") }
      let writer = cluster.connect()
      for shard in 0..<shardCount {
        let key = cluster.key(on: shard)
        _ = writer.ask("set", key, "1")
        _ = writer.ask("del", key)
        for subscriber in subscribers {
          let got = subscriber.takeReplies().map {
            $0.split(separator: "\\r\\n").suffix(3).filter { !$0.hasPrefix("$") }.joined(separator: " ")
          }
          #expect(
            got == [
              "__keyspace@0__:\(key) set", "__keyevent@0__:set \(key)", "__keyspace@0__:\(key) del",
              "__keyevent@0__:del \(key)",
            ])
        }
      }
    }
  }

  @Test("show a client its own pushes after the reply, never within it")
  func ownPushes() throws {
    var configuration = Configuration()
    try configuration.set([("notify-keyspace-events", "KEA")])
    withCluster(shardCount: 1, configuration: configuration) { cluster in
      let client = cluster.connect()
      _ = client.ask("hello", "3")
      _ = client.ask("psubscribe", "__keyspace*")
      _ = client.ask("zadd", "z", "1", "a", "2", "b")
      let answer = client.ask("zmpop", "1", "z", "min", "count", "2")
      #expect(
        answer.hasPrefix(
          "*2\\r\\n$1\\r\\nz\\r\\n*2\\r\\n*2\\r\\n$1\\r\\na\\r\\n,1\\r\\n*2\\r\\n$1\\r\\nb\\r\\n,2\\r\\n>4"))
    }
  }

  @Test("free all tables when the last subscriber leaves")
  func memory() {
    withCluster(shardCount: 2) { cluster in
      let clients = (0..<20).map { cluster.connect(to: $0 % 2) }
      for (number, client) in clients.enumerated() {
        _ = client.ask(bytes: (0..<100).map { "subscribe \(number % 5 * 50 + $0)\r\n" }.joined())
        _ = client.ask("psubscribe", "\(number)*", "all*")
        _ = client.ask("ssubscribe", "\(number)", "all")
      }
      #expect(cluster.shards[0].pointee.heap.liveBytes(.subscriptions) > 0)
      for client in clients { client.disconnect() }
      for shard in cluster.shards {
        #expect(shard.pointee.heap.liveBytes(.subscriptions) == 0)
        #expect(cluster.server.subscriptionCounts[shard.pointee.index].load() == 0)
      }
    }
  }
}

extension String {
  /// The confirmation of a subscription, from the form of the command: its last number is the count.
  fileprivate func replacingLast(count: Int) -> String {
    replacing("*2\\r\\n", with: "*3\\r\\n", maxReplacements: 1) + ":\(count)\\r\\n"
  }
}

import Bytes
import Configuration
import Ring
import TestSupport
import Testing

@testable import Engine

@Suite("A coordinator")
struct CoordinatorTests {
  // MARK: Local commands

  @Test("executes what concerns its own shard at once")
  func localCommands() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect(to: 0)
      let key = cluster.key(on: 0)
      client.deliver(encoded("SET", key, "1") + encoded("GET", key) + encoded("PING"))
      #expect(!client.pointer.pointee.flags.contains(.waiting))
      #expect(client.pointer.pointee.reply.count > 0)
      cluster.take(.output, on: 0)
      #expect(shown(client.received) == "+OK\\r\\n$1\\r\\n1\\r\\n+PONG\\r\\n")
      #expect(client.pointer.pointee.commandCount == 3)
    }
  }

  @Test("answers nothing to empty lines and empty arrays")
  func emptyCommands() {
    withCluster(shardCount: 1) { cluster in
      #expect(cluster.connect().ask(bytes: "\r\n*0\r\n*-1\r\n\n   \r\n") == "")
      #expect(cluster.connect().ask(bytes: "\r\n*0\r\nPING\r\n*-1\r\n") == "+PONG\\r\\n")
    }
  }

  // MARK: Other shards

  @Test("sends what concerns another shard there, and answers when the answer is back")
  func remoteCommand() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect(to: 0)
      let key = cluster.key(on: 1)
      client.deliver(encoded("SET", key, "1"))
      #expect(client.pointer.pointee.flags.contains(.waiting))
      #expect(cluster.coordinators[0].pointee.outstandingCount == 1)
      // Nothing is seen before the turn ends.
      #expect(cluster.coordinators[1].pointee.hasMessages == false)
      cluster.take(.publish, on: 0)
      #expect(cluster.coordinators[1].pointee.hasMessages == true)
      cluster.take(.receive, on: 1)
      #expect(cluster.shards[1].pointee.keyspace.count(in: 0) == 1)
      #expect(!cluster.coordinators[0].pointee.hasMessages && client.pointer.pointee.reply.isEmpty)
      cluster.take(.publish, on: 1)
      cluster.take(.receive, on: 0)
      #expect(!client.pointer.pointee.flags.contains(.waiting))
      #expect(cluster.coordinators[0].pointee.outstandingCount == 0)
      cluster.take(.output, on: 0)
      #expect(shown(client.received) == "+OK\\r\\n")
    }
  }

  @Test("keeps the order of the requests when a later shard answers first")
  func order() {
    withCluster(shardCount: 3) { cluster in
      let client = cluster.connect(to: 0)
      let keys = (0..<3).map { cluster.key(on: $0) }
      client.deliver([1, 2, 0, 1, 2].flatMap { encoded("SET", keys[$0], "\($0)") })
      client.deliver([2, 0, 1, 0].flatMap { encoded("GET", keys[$0]) })
      cluster.take(.publish, on: 0)
      for shard in [2, 1] {
        #expect(client.pointer.pointee.reply.isEmpty)
        cluster.take(.receive, on: shard)
        cluster.take(.publish, on: shard)
        cluster.take(.receive, on: 0)
      }
      #expect(
        client.answer()
          == String(repeating: "+OK\\r\\n", count: 5)
          + [2, 0, 1, 0].map { "$1\\r\\n\($0)\\r\\n" }.joined())
    }
  }

  @Test("does its own part of a batch while others do theirs")
  func ownPart() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect(to: 0)
      client.deliver(encoded("SET", cluster.key(on: 1), "1") + encoded("SET", cluster.key(on: 0), "0"))
      #expect(cluster.shards[0].pointee.keyspace.count(in: 0) == 1)
      #expect(client.pointer.pointee.reply.isEmpty && client.pointer.pointee.flags.contains(.waiting))
      // The others have been told before.
      #expect(cluster.coordinators[1].pointee.hasMessages == true)
      #expect(client.answer() == "+OK\\r\\n+OK\\r\\n")
    }
  }

  @Test("ends a group before a command about the connection, which is executed when all before it are done")
  func groups() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect(to: 0)
      let key = cluster.key(on: 1)
      client.deliver(
        encoded("SET", key, "in 0") + encoded("SELECT", "1") + encoded("SET", key, "in 1")
          + encoded("GET", key)
          + encoded("SELECT", "0") + encoded("GET", key))
      #expect(client.pointer.pointee.database == 0)
      #expect(client.answer() == "+OK\\r\\n+OK\\r\\n+OK\\r\\n$4\\r\\nin 1\\r\\n+OK\\r\\n$4\\r\\nin 0\\r\\n")
      #expect(cluster.shards[1].pointee.keyspace.count(in: 1) == 1)
    }
  }

  @Test("takes more commands than a batch holds, in several", arguments: [1, 2, 4])
  func longPipelines(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect(to: 0)
      let count = 3 * Coordinator.preparedMaximum + 7
      client.deliver((0..<count).flatMap { encoded("SET", "key\($0)", "\($0)") })
      #expect(client.answer() == String(repeating: "+OK\\r\\n", count: count))
      client.deliver((0..<count).flatMap { encoded("GET", "key\($0)") })
      #expect(client.answer() == (0..<count).map { "$\("\($0)".count)\\r\\n\($0)\\r\\n" }.joined())
      #expect(client.pointer.pointee.commandCount == 2 * count)
    }
  }

  @Test("keeps messages back while a mailbox is full, and loses none")
  func fullMailbox() {
    withCluster(shardCount: 2) { cluster in
      let key = cluster.key(on: 1)
      let clients = (0..<(Mailbox.capacity + 200)).map { _ in cluster.connect(to: 0) }
      for client in clients { client.deliver(encoded("INCR", key)) }
      cluster.take(.publish, on: 0)
      #expect(cluster.coordinators[0].pointee.hasOverflow == true)
      let answers = clients.map { $0.answer() }
      #expect(answers == (1...clients.count).map { ":\($0)\\r\\n" })
      #expect(cluster.coordinators[0].pointee.hasOverflow == false)
    }
  }

  @Test("answers arguments of any size from any shard", arguments: [0, 1, 4_000, 16_384, 100_000, 3_000_000])
  func largeValues(count: Int) {
    withCluster(shardCount: 2) { cluster in
      let value = String(repeating: "v", count: count)
      for shard in 0..<2 {
        let client = cluster.connect(to: 0)
        let key = cluster.key(on: shard)
        let small = cluster.key("small", on: 1)
        client.deliver(
          encoded("SET", key, value) + encoded("GET", small) + encoded("GET", key) + encoded("GET", small))
        cluster.settle()
        let bulk = "$\(count)\r\n\(value)\r\n"
        #expect(client.received == Array("+OK\r\n$-1\r\n\(bulk)$-1\r\n".utf8))
      }
    }
  }

  // MARK: Messages without an answer

  @Test("has other shards do something, in their own time")
  func notices() {
    withCluster(shardCount: 3) { cluster in
      cluster.coordinators[0].notifyOthers { $0.pointee.largestInput += 1 }
      cluster.coordinators[0].notify(2) { $0.pointee.largestInput += 10 }
      #expect(cluster.shards.map { $0.pointee.largestInput } == [0, 0, 0])
      cluster.settle()
      #expect(cluster.shards.map { $0.pointee.largestInput } == [0, 1, 11])
    }
  }

  @Test("has nobody to tell when it is alone")
  func noticesAlone() {
    withCluster(shardCount: 1) { cluster in
      cluster.coordinators[0].notifyOthers { _ in Issue.record("there is no other") }
      cluster.settle()
      #expect(cluster.coordinators[0].pointee.outstandingCount == 0)
    }
  }

  // MARK: Clients that go

  @Test(
    "has the loop look again at a client that was closed while others worked for it",
    arguments: [ClientFlags.closeNow, .closeAfterReply, .peerClosed, .throttled])
  func closedMeanwhile(flag: ClientFlags) {
    for command in ["GET", "MGET"] {
      withCluster(shardCount: 2) { cluster in
        let client = cluster.connect(to: 0)
        client.deliver(
          encoded(command, cluster.key(on: 1)) + encoded("MGET", cluster.key(on: 0), cluster.key(on: 1)))
        #expect(client.pointer.pointee.flags.contains(.waiting))
        // The loop has looked at it, and left it alone because it was waiting.
        client.pointer.pointee.flags.insert(flag)
        cluster.shards[0].pointee.clientsToRevisit = []
        cluster.settle()
        #expect(!client.pointer.pointee.flags.contains(.waiting))
        #expect(cluster.shards[0].pointee.clientsToRevisit.contains(client.pointer.pointee.identifier))
      }
    }
  }

  @Test("reads nothing more from a client that is to be closed, and gives its input's memory back")
  func closing() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      client.deliver(encoded("QUIT") + encoded("SET", "key", "value") + encoded("GET"))
      #expect(client.answer() == "+OK\\r\\n")
      #expect(client.pointer.pointee.flags.contains(.closeAfterReply))
      #expect(client.pointer.pointee.input == nil && client.pointer.pointee.queryBuffer.memory == nil)
      #expect(cluster.shards[0].pointee.keyspace.count(in: 0) == 0)
    }
  }
}

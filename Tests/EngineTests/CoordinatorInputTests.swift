import Bytes
import Configuration
import RESP
import Ring
import TestSupport
import Testing

@testable import Engine

@Suite("Reading a client's input")
struct CoordinatorInputTests {
  // MARK: Pieces

  @Test("goes on where it stopped, however input is cut up", arguments: [1, 2], [false, true])
  func pieces(shardCount: Int, usesReceiveBuffers: Bool) {
    let commands =
      encoded("SET", "key", "value") + Array("\r\nGET key\r\n".utf8) + encoded("MSET", "a", "1", "b", "2")
      + encoded("MGET", "a", "b", "key") + Array("*0\r\nECHO \"a b\"\n".utf8)
    let expected = withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      client.deliver(commands)
      return client.answer()
    }
    #expect(expected.hasSuffix("$3\\r\\na b\\r\\n"))
    withCluster(shardCount: shardCount) { cluster in
      for pieceCount in 1..<commands.count {
        let client = cluster.connect()
        client.usesReceiveBuffers = usesReceiveBuffers
        for start in stride(from: 0, to: commands.count, by: pieceCount) {
          client.deliver(Array(commands[start..<min(start + pieceCount, commands.count)]))
          if pieceCount % 2 == 0 { cluster.settle() }
        }
        expectEqual(client.answer(), expected, "pieces of \(pieceCount)")
        client.disconnect()
      }
    }
  }

  @Test("holds no memory for a client that says nothing, whatever it has said before")
  func idleMemory() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect()
      let before = cluster.shards[0].pointee.heap.liveBytes(.clients)
      let value = String(repeating: "v", count: 100_000)
      for byte in encoded("PING") { client.deliver([byte]) }
      client.deliver(encoded("SET", cluster.key(on: 1), value) + encoded("SET", cluster.key(on: 0), value))
      client.deliver(encoded("MGET", cluster.key(on: 1), cluster.key(on: 0)))
      _ = client.answer()
      #expect(cluster.shards[0].pointee.heap.liveBytes(.clients) == before)
      #expect(client.pointer.pointee.bytesNeeded == 0)
    }
  }

  @Test("reads a command of many thousand arguments in many pieces, each argument once")
  func manyArguments() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect()
      let count = 3_000
      let command = encoded(["MSET"] + (0..<count).flatMap { ["key\($0)", "\($0)"] })
      var start = 0
      while start < command.count {
        client.deliver(Array(command[start..<min(start + 700, command.count)]))
        start += 700
      }
      #expect(client.pointer.pointee.partialArguments == nil)
      #expect(client.answer() == "+OK\\r\\n")
      #expect(client.ask("MGET", "key0", "key2999") == "*2\\r\\n$1\\r\\n0\\r\\n$4\\r\\n2999\\r\\n")
    }
  }

  @Test("forgets a command of many arguments that has not all arrived when the client goes")
  func partialCommand() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      let command = encoded(["DEL"] + (0..<500).map { "key\($0)" })
      for start in stride(from: 0, to: command.count - 100, by: 100) {
        client.deliver(Array(command[start..<(start + 100)]))
      }
      #expect(client.pointer.pointee.partialArguments != nil)
      // `withCluster` looks at the heaps when the clients are gone.
    }
  }

  @Test("keeps what arrives while others work for the client, and goes on with it")
  func inputWhileWaiting() {
    withCluster(shardCount: 2) { cluster in
      for usesReceiveBuffers in [false, true] {
        let client = cluster.connect()
        client.usesReceiveBuffers = usesReceiveBuffers
        let key = cluster.key(on: 1)
        let second = encoded("GET", key)
        client.deliver(encoded("SET", key, "1") + second.prefix(5))
        client.deliver(Array(second.dropFirst(5)) + encoded("INCR", key).prefix(9))
        client.deliver(Array(encoded("INCR", key).dropFirst(9)))
        #expect(client.answer() == "+OK\\r\\n$1\\r\\n1\\r\\n:2\\r\\n")
      }
    }
  }

  // MARK: Errors

  @Test("answers what is wrong with a command, and goes on")
  func commandErrors() {
    withCluster(shardCount: 2) { cluster in
      let client = cluster.connect()
      #expect(
        client.ask("NOSUCH", "a", "b")
          == "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \\r\\n")
      #expect(client.ask("GET") == "-ERR wrong number of arguments for 'get' command\\r\\n")
      #expect(client.ask("GET", "a", "b") == "-ERR wrong number of arguments for 'get' command\\r\\n")
      #expect(client.ask("CLIENT", "NOSUCH") == "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\\r\\n")
      #expect(client.ask("CLIENT") == "-ERR wrong number of arguments for 'client' command\\r\\n")
      #expect(
        client.ask("CLIENT", "ID", "x") == "-ERR wrong number of arguments for 'client|id' command\\r\\n")
      #expect(client.ask("PING") == "+PONG\\r\\n")
      #expect(client.pointer.pointee.flags.isDisjoint(with: [.closeNow, .closeAfterReply]))
    }
  }

  @Test("answers a request that breaks the protocol, after all before it, and closes the connection")
  func protocolErrors() {
    withCluster(shardCount: 2) { cluster in
      for shard in 0..<2 {
        let client = cluster.connect()
        let key = cluster.key(on: shard)
        client.deliver(
          encoded("SET", key, "1") + encoded("GET", key) + Array("*1\r\n:1\r\n".utf8) + encoded("PING"))
        #expect(
          client.answer() == "+OK\\r\\n$1\\r\\n1\\r\\n-ERR Protocol error: expected '$', got ':'\\r\\n")
        #expect(client.pointer.pointee.flags.contains(.closeAfterReply))
        #expect(cluster.shards[0].pointee.clientsToRevisit.contains(client.pointer.pointee.identifier))
        client.deliver(encoded("SET", key, "2"))
        #expect(client.answer() == "")
      }
    }
  }

  @Test("lets a stranger do what must be possible before authentication, and nothing else")
  func authentication() throws {
    var configuration = Configuration()
    configuration.settings.password = "secret"
    withCluster(shardCount: 2, configuration: configuration) { cluster in
      let client = cluster.connect(flags: [])
      for shard in 0..<2 {
        #expect(client.ask("GET", cluster.key(on: shard)) == "-NOAUTH Authentication required.\\r\\n")
      }
      #expect(client.ask("PING") == "-NOAUTH Authentication required.\\r\\n")
      #expect(client.ask("MGET", "a", "b", "c") == "-NOAUTH Authentication required.\\r\\n")
      // Names and numbers of arguments are looked at first.
      #expect(client.ask("GET") == "-ERR wrong number of arguments for 'get' command\\r\\n")
      #expect(client.ask("NOSUCH").hasPrefix("-ERR unknown command 'NOSUCH'"))
      #expect(client.ask("AUTH", "wrong").hasPrefix("-WRONGPASS"))
      #expect(client.ask("AUTH", "secret") == "+OK\\r\\n")
      #expect(client.ask("PING") == "+PONG\\r\\n")
      let other = cluster.connect(flags: [])
      #expect(other.ask(bytes: "*11\r\n") == "-ERR Protocol error: unauthenticated multibulk length\\r\\n")
      let third = cluster.connect(flags: [])
      #expect(
        third.ask(bytes: "*2\r\n$4\r\nAUTH\r\n$16385\r\n")
          == "-ERR Protocol error: unauthenticated bulk length\\r\\n")
    }
  }

  // MARK: Silence

  @Test("CLIENT REPLY OFF and SKIP silence what they should, on whichever shard", arguments: [1, 2])
  func silence(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect()
      for shard in 0..<shardCount {
        let key = cluster.key(on: shard)
        let others = (0..<shardCount).map { cluster.key("other", on: $0) }
        for command in [
          ["SET", key, "1"], ["GET", key], ["PING"], ["GET"], ["MGET"] + others, ["NOSUCH"], ["DEL"] + others,
        ] {
          client.deliver(encoded("CLIENT", "REPLY", "SKIP") + encoded(command) + encoded("ECHO", "heard"))
          #expect(client.answer() == "$5\\r\\nheard\\r\\n", "\(command)")
        }
        client.deliver(encoded("CLIENT", "REPLY", "OFF") + encoded("SET", key, "2") + encoded("PING"))
        client.deliver(
          encoded("MGET", key, "other") + encoded("GET") + encoded("NOSUCH") + encoded("GET", key))
        #expect(client.answer() == "")
        #expect(client.ask("CLIENT", "REPLY", "ON") == "+OK\\r\\n")
        #expect(client.ask("GET", key) == "$1\\r\\n2\\r\\n")
      }
    }
  }

  @Test("a silenced client whose unsent replies pass their limit is cut off, not the server")
  func silenceOverLimit() {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      _ = client.ask("SET", "key", String(repeating: "v", count: 60_000))
      client.pointer.pointee.reply.byteLimit = 100_000
      client.deliver(encoded("GET", "key"))
      client.deliver(encoded("CLIENT", "REPLY", "OFF") + encoded("GET", "key") + encoded("GET", "key"))
      #expect(client.pointer.pointee.reply.isOverLimit)
    }
  }

  // MARK: Pauses

  /// A server on which writes are paused.
  private func withPausedWrites(_ body: (Cluster) -> Void) {
    withCluster(shardCount: 2) { cluster in
      #expect(cluster.connect().ask("CLIENT", "PAUSE", "100000", "WRITE") == "+OK\\r\\n")
      body(cluster)
    }
  }

  @Test("holds writes up while they are paused, and lets them go on as if nothing had been")
  func pausedWrites() {
    withPausedWrites { cluster in
      for shard in 0..<2 {
        let client = cluster.connect()
        let key = cluster.key(on: shard)
        client.deliver(encoded("GET", key) + encoded("SET", key, "1") + encoded("GET", key))
        #expect(client.answer() == "$-1\\r\\n")
        #expect(client.pointer.pointee.flags.contains(.paused))
        #expect(cluster.shards[shard].pointee.keyspace.count(in: 0) == 0)
        client.deliver(encoded("PING"))
        #expect(client.answer() == "")
      }
      cluster.server.pausedUntil.store(0, ordering: .relaxed)
      for client in cluster.clients.dropFirst() {
        client.resume()
        #expect(client.answer() == "+OK\\r\\n$1\\r\\n1\\r\\n+PONG\\r\\n")
      }
    }
  }

  @Test(
    "a held-up inline command is read again as it was sent", arguments: ["", "\r\n", "\r\n\n*0\r\n  \r\n"])
  func pausedInline(before: String) {
    withPausedWrites { cluster in
      let client = cluster.connect()
      client.deliver(Array((before + "SET \"ke\\x79\" \"a  b\"\r\nGET key\r\n").utf8))
      #expect(client.answer() == "")
      #expect(client.pointer.pointee.flags.contains(.paused))
      cluster.server.pausedUntil.store(0, ordering: .relaxed)
      client.resume()
      #expect(client.answer() == "+OK\\r\\n$4\\r\\na  b\\r\\n")
    }
  }

  @Test("holds everything up while all is paused")
  func pausedAll() {
    withCluster(shardCount: 1) { cluster in
      #expect(cluster.connect().ask("CLIENT", "PAUSE", "100000") == "+OK\\r\\n")
      let client = cluster.connect()
      client.deliver(encoded("PING"))
      client.deliver(encoded("GET", "key"))
      #expect(client.answer() == "" && client.pointer.pointee.flags.contains(.paused))
      // The pause ends by itself.
      cluster.shards[0].pointee.keyspace.now += 100_000
      client.resume()
      #expect(client.answer() == "+PONG\\r\\n$-1\\r\\n")
    }
  }

  // MARK: Memory

  @Test(
    "refuses what adds data when memory is full, on whichever shard, and nothing else", arguments: [1, 2])
  func memoryFull(shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect()
      for shard in cluster.shards {
        shard.pointee.settings.maxMemoryBytes = 1
        shard.keepWithinLimit()
      }
      let refusal = "-OOM command not allowed when used memory > 'maxmemory'."
      for shard in 0..<shardCount {
        let key = cluster.key(on: shard)
        #expect(client.ask("SET", key, "1").hasPrefix(refusal))
        #expect(client.ask("GET", key) == "$-1\\r\\n")
        #expect(client.ask("DEL", key) == ":0\\r\\n")
      }
      #expect(client.ask("MSET", "a", "1", "b", "2", "c", "3", "d", "4").hasPrefix(refusal))
      for shard in cluster.shards { #expect(shard.pointee.keyspace.count(in: 0) == 0) }
    }
  }
}

import Foundation
import TestSupport
import Testing

@testable import Engine

/// Blocking commands on clusters of one, two and four shards: every message is delivered by hand, and time stands still.
@Suite struct BlockingTests {
  static let shardCounts = [1, 2, 4]

  @Test(arguments: shardCounts) func whatIsThereIsServedAtOnce(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let client = cluster.connect()
      _ = client.tell("RPUSH", "list", "a", "b", "c", "d", "e")
      _ = client.tell("ZADD", "zset", "1", "a", "2", "b", "3", "c", "4", "d")
      #expect(client.tell("BLPOP", "none", "list", "0") == "*2 $list $a")
      #expect(client.tell("BRPOP", "none", "list", "0") == "*2 $list $e")
      #expect(client.tell("BLMPOP", "0", "2", "none", "list", "LEFT", "COUNT", "2") == "*2 $list *2 $b $c")
      #expect(client.tell("BLMOVE", "list", "other", "LEFT", "RIGHT", "0") == "$d")
      #expect(client.tell("BRPOPLPUSH", "other", "list", "0") == "$d")
      #expect(client.tell("BZPOPMIN", "none", "zset", "0") == "*3 $zset $a $1")
      #expect(client.tell("BZPOPMAX", "none", "zset", "0") == "*3 $zset $d $4")
      #expect(
        client.tell("BZMPOP", "0", "2", "none", "zset", "MAX", "COUNT", "9")
          == "*2 $zset *2 *2 $c $3 *2 $b $2")
      #expect(client.tell("EXISTS", "zset", "other") == ":0")
      #expect(cluster.waits == (0, 0))
    }
  }

  @Test(arguments: shardCounts) func aPushServesWhoWaits(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let waiter = cluster.connect()
      let other = cluster.connect(to: shardCount - 1)
      for owner in 0..<shardCount {
        let keys = (0..<shardCount).map { cluster.key("list", on: $0) }
        waiter.deliver(encoded(["BLPOP"] + keys + ["0"]))
        #expect(waiter.heard() == "")
        #expect(cluster.waits == (1, shardCount))
        // The element is gone before the next command of anybody: it was never to be had.
        other.deliver(encoded(["RPUSH", keys[owner], "a"]) + encoded(["LLEN", keys[owner]]))
        #expect(other.heard() == ":1 :0")
        #expect(waiter.heard() == "*2 $\(keys[owner]) $a")
        #expect(cluster.waits == (0, 0))
      }
    }
  }

  @Test(arguments: shardCounts) func whoComesFirstIsServedFirst(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let waiters = (0..<6).map { cluster.connect(to: $0 % shardCount) }
      let other = cluster.connect(to: shardCount - 1)
      for waiter in waiters {
        #expect(waiter.tell("BRPOP", "list", "none", "0") == "")
      }
      #expect(other.tell("RPUSH", "list", "a", "b", "c") == ":3")
      for (waiter, element) in zip(waiters, ["c", "b", "a"]) {
        #expect(waiter.heard() == "*2 $list $\(element)")
      }
      waiters[3].disconnect()
      #expect(other.tell("RPUSH", "list", "d") == ":1")
      #expect(waiters[4].heard() == "*2 $list $d")
      #expect(waiters[5].heard() == "")
      #expect(cluster.waits == (1, 2))
    }
  }

  /// What its own shard has for a call it gets without an operation, in the midst of a pipeline.
  @Test(arguments: shardCounts) func localElementsNeedNoOperation(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let source = cluster.key("source", on: 0)
      let target = cluster.key("target", on: 0)
      let waiter = cluster.connect(to: shardCount - 1)
      #expect(waiter.tell("BLPOP", target, "0") == "")
      let client = cluster.connect()
      let pipeline = [
        ["RPUSH", source, "a", "b", "c"], ["BLPOP", "\(source)", "0"],
        ["BLMOVE", source, target, "LEFT", "RIGHT", "0"],
        ["BRPOP", source, "never"], ["LLEN", target], ["BRPOP", source, "0"], ["BLPOP", source, "0"],
        ["LLEN", source],
      ]
      client.deliver(pipeline.flatMap { encoded($0) })
      cluster.take(.output, on: 0)
      #expect(
        replies(in: client.received) == [
          ":3\\r\\n", "*2\\r\\n$\(source.utf8.count)\\r\\n\(source)\\r\\n$1\\r\\na\\r\\n", "$1\\r\\nb\\r\\n",
          "-ERR timeout is not a float or out of range\\r\\n", ":0\\r\\n",
          "*2\\r\\n$\(source.utf8.count)\\r\\n\(source)\\r\\n$1\\r\\nc\\r\\n",
        ])
      _ = client.heard()
      #expect(waiter.heard() == "*2 $\(target) $b")
      #expect(cluster.connect().tell("RPUSH", source, "d") == ":1")
      #expect(client.heard() == "*2 $\(source) $d :0")
    }
  }

  @Test(arguments: shardCounts) func otherTypesAndEmptiedKeysWakeNobody(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let waiter = cluster.connect()
      let other = cluster.connect()
      #expect(waiter.tell("BLPOP", "key", "none", "0") == "")
      #expect(other.tell("SET", "key", "x") == "+OK")
      #expect(other.tell("DEL", "key") == ":1")
      #expect(other.tell("ZADD", "key", "1", "a") == ":1")
      #expect(waiter.heard() == "")
      #expect(other.tell("BLPOP", "none", "key", "0").hasPrefix("-WRONGTYPE"))
      #expect(other.tell("RENAME", "key", "zset") == "+OK")
      #expect(other.tell("LPUSH", "key", "a") == ":1")
      #expect(waiter.heard() == "*2 $key $a")
    }
  }

  @Test(arguments: shardCounts) func aMoveWakesTheNext(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      // A chain over all shards: each move brings the element to a list that the next one waits for.
      let keys = (0...4).map { cluster.key("link\($0)", on: $0 % shardCount) }
      var movers: [TestClient] = []
      for index in 0..<4 {
        let mover = cluster.connect(to: index % shardCount)
        #expect(mover.tell("BLMOVE", keys[index], keys[index + 1], "LEFT", "RIGHT", "0") == "")
        movers.append(mover)
      }
      let last = cluster.connect()
      #expect(last.tell("BLPOP", keys[4], "0") == "")
      let other = cluster.connect()
      #expect(other.tell("RPUSH", keys[0], "a") == ":1")
      for mover in movers { #expect(mover.heard() == "$a") }
      #expect(last.heard() == "*2 $\(keys[4]) $a")
      #expect(other.tell("DBSIZE") == ":0")
      #expect(cluster.waits == (0, 0))
    }
  }

  /// A move that was offered an element takes it when its loop gets round to it. Meanwhile those who came later wait their turn,
  /// but only those who can wait.
  @Test func nobodyMissesWhatIsThere() {
    withCluster(shardCount: 2) { cluster in
      let source = cluster.key("source", on: 0)
      let mover = cluster.connect(to: 1)
      #expect(mover.tell("BLMOVE", source, cluster.key("target", on: 1), "LEFT", "RIGHT", "0") == "")
      let other = cluster.connect()
      let late = cluster.connect()
      let hurried = cluster.connect()
      other.deliver(encoded(["RPUSH", source, "a", "b", "c"]))
      late.deliver(encoded(["BLPOP", source, "0.5"]))
      cluster.take(.jobs, on: 0)
      #expect(cluster.shards[0].pointee.blockedCalls.count == 1)
      // The mover's loop has not heard of the offer yet.
      cluster.coordinators[0].expireBlockedCalls(at: .max)
      cluster.take(.jobs, on: 0)
      hurried.deliver(encoded(["MULTI"]) + encoded(["BLPOP", source, "0"]) + encoded(["EXEC"]))
      #expect(late.heard() == "*2 $\(source) $a")
      #expect(hurried.heard() == "+OK +QUEUED *1 *2 $\(source) $b")
      #expect(mover.heard() == "$c")
      #expect(cluster.waits == (0, 0))
    }
  }

  /// What a key has become while they waited is nothing to those whose time is over.
  @Test(arguments: shardCounts) func otherTypesAreNothingAtTheEnd(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let key = cluster.key(on: 0)
      let target = cluster.key("target", on: shardCount - 1)
      let other = cluster.connect()
      let calls = [
        ["BLPOP", key, target, "0.5"], ["BLPOP", key, "0.5"], ["BZPOPMIN", key, "0.5"],
        ["BLMOVE", key, target, "LEFT", "RIGHT", "0.5"], ["XREAD", "BLOCK", "500", "STREAMS", key, "0-0"],
      ]
      let waiters = calls.map { call in
        let waiter = cluster.connect(to: shardCount - 1)
        waiter.deliver(encoded(call))
        #expect(waiter.answer() == "")
        return waiter
      }
      #expect(other.tell("SET", key, "x") == "+OK")
      cluster.passTime()
      for waiter in waiters { #expect(waiter.heard() == "*-1") }
      #expect(cluster.waits == (0, 0))
    }
  }

  @Test(arguments: shardCounts) func aMoveToAnotherTypeFailsAndLeavesTheElement(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let source = cluster.key("source", on: 0)
      let target = cluster.key("target", on: shardCount - 1)
      let mover = cluster.connect()
      let second = cluster.connect(to: shardCount - 1)
      let other = cluster.connect()
      #expect(other.tell("SET", target, "x") == "+OK")
      #expect(mover.tell("BLMOVE", source, target, "LEFT", "RIGHT", "0") == "")
      #expect(second.tell("BLPOP", source, "0") == "")
      #expect(other.tell("RPUSH", source, "a") == ":1")
      #expect(mover.heard().hasPrefix("-WRONGTYPE"))
      #expect(second.heard() == "*2 $\(source) $a")
      #expect(cluster.waits == (0, 0))
    }
  }

  @Test(arguments: shardCounts) func timeEndsTheWaiting(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let keys = (0..<shardCount).map { cluster.key(on: $0) }
      let waiters = (0..<3).map { _ in cluster.connect() }
      waiters[0].deliver(encoded(["BLPOP"] + keys + ["0.5"]))
      waiters[1].deliver(encoded(["BZPOPMAX"] + keys + ["0"]))
      waiters[2].deliver(encoded(["BRPOPLPUSH", keys[0], keys[shardCount - 1], "1000"]) + encoded(["PING"]))
      cluster.settle()
      #expect(cluster.waits == (3, shardCount))
      cluster.passTime()
      #expect(waiters.map { $0.heard() } == ["*-1", "", "*-1 +PONG"])
      #expect(cluster.waits == (1, shardCount))
    }
  }

  @Test(arguments: shardCounts) func aClientThatLeavesIsForgotten(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let keys = (0..<shardCount).map { cluster.key(on: $0) }
      for round in 0..<20 {
        let waiters = (0..<5).map { _ in cluster.connect(to: round % shardCount) }
        for waiter in waiters { waiter.deliver(encoded(["BLPOP"] + keys + [round % 2 == 0 ? "0" : "9"])) }
        cluster.settle()
        #expect(cluster.waits == (5, shardCount))
        for waiter in waiters { waiter.disconnect() }
        #expect(cluster.waits == (0, 0))
      }
    }
  }

  @Test(arguments: shardCounts) func othersCanEndTheWaiting(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let waiter = cluster.connect(to: shardCount - 1)
      let other = cluster.connect()
      let identifier = "\(waiter.pointer.pointee.identifier)"
      #expect(other.tell("CLIENT", "UNBLOCK", identifier) == ":0")
      #expect(waiter.tell("BLPOP", "list", "0") == "")
      #expect(other.tell("CLIENT", "UNBLOCK", identifier) == ":1")
      #expect(waiter.heard() == "*-1")
      #expect(waiter.tell("WAIT", "1", "0") == "")
      #expect(other.tell("CLIENT", "UNBLOCK", identifier, "ERROR") == ":1")
      #expect(waiter.heard() == "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
      #expect(waiter.tell("WAIT", "1", "100") == "")
      #expect(other.tell("CLIENT", "UNBLOCK", identifier, "TIMEOUT") == ":1")
      #expect(waiter.heard() == ":0")
      #expect(cluster.waits == (0, 0))
    }
  }

  @Test(arguments: shardCounts) func readersOfStreamsAllGetWhatComes(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let keys = (0..<shardCount).map { cluster.key("stream", on: $0) }
      let key = keys[shardCount - 1]
      let readers = (0..<3).map { cluster.connect(to: $0 % shardCount) }
      let other = cluster.connect()
      #expect(other.tell("XADD", key, "1-1", "f", "old") == "$1-1")
      for reader in readers {
        let ends = keys.map { _ in "$" }
        reader.deliver(encoded(["XREAD", "COUNT", "1", "BLOCK", "0", "STREAMS"] + keys + ends))
      }
      cluster.settle()
      #expect(cluster.waits == (3, shardCount))
      #expect(other.tell("XDEL", key, "1-1") == ":1")
      #expect(readers[0].heard() == "")
      #expect(other.tell("XADD", key, "2-1", "f", "new") == "$2-1")
      for reader in readers { #expect(reader.heard() == "*1 *2 $\(key) *1 *2 $2-1 *2 $f $new") }
      #expect(
        readers[0].tell("XREAD", "BLOCK", "0", "STREAMS", key, "1") == "*1 *2 $\(key) *1 *2 $2-1 *2 $f $new")
      #expect(readers[0].tell("XREAD", "BLOCK", "7", "STREAMS", key, "2-1") == "")
      cluster.passTime()
      #expect(readers[0].heard() == "*-1")
      #expect(cluster.waits == (0, 0))
    }
  }

  @Test(arguments: shardCounts) func aGroupsEntryGoesToOneConsumer(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let key = cluster.key("stream", on: shardCount - 1)
      let readers = (0..<4).map { cluster.connect(to: $0 % shardCount) }
      let other = cluster.connect()
      #expect(other.tell("XGROUP", "CREATE", key, "group", "$", "MKSTREAM") == "+OK")
      for (index, reader) in readers.enumerated() {
        #expect(
          reader.tell("XREADGROUP", "GROUP", "group", "c\(index)", "BLOCK", "0", "STREAMS", key, ">") == "")
      }
      #expect(other.tell("XADD", key, "1-1", "f", "a") == "$1-1")
      #expect(readers[0].heard() == "*1 *2 $\(key) *1 *2 $1-1 *2 $f $a")
      #expect(readers[1].heard() == "")
      #expect(other.tell("XPENDING", key, "group") == "*4 :1 $1-1 $1-1 *1 *2 $c0 $1")
      readers[1].disconnect()
      #expect(other.tell("XGROUP", "DESTROY", key, "group") == ":1")
      #expect(readers[2].heard() == "-NOGROUP the consumer group this client was blocked on no longer exists")
      #expect(readers[3].heard() == "-NOGROUP the consumer group this client was blocked on no longer exists")
      #expect(other.tell("XGROUP", "CREATE", key, "group", "$") == "+OK")
      #expect(readers[2].tell("XREADGROUP", "GROUP", "group", "c", "BLOCK", "0", "STREAMS", key, ">") == "")
      #expect(other.tell("DEL", key) == ":1")
      #expect(readers[2].heard() == "-UNBLOCKED the stream key no longer exists")
      #expect(cluster.waits == (0, 0))
    }
  }

  @Test(arguments: shardCounts) func inputBehindABlockingCommandWaits(_ shardCount: Int) {
    withCluster(shardCount: shardCount) { cluster in
      let waiter = cluster.connect()
      let other = cluster.connect()
      waiter.usesReceiveBuffers = true
      waiter.deliver(
        encoded(["SET", "a", "1"]) + encoded(["BLPOP", "list", "0"]) + encoded(["INCR", "a"])
          + encoded(["BLPOP", "list", "0"]))
      #expect(waiter.heard() == "+OK")
      waiter.deliver(encoded(["INCR", "a"]))
      // A blocked client holds no buffer that the kernel could use.
      #expect(waiter.pointer.pointee.input == nil)
      #expect(waiter.heard() == "")
      #expect(other.tell("RPUSH", "list", "x") == ":1")
      #expect(waiter.heard() == "*2 $list $x :2")
      #expect(other.tell("RPUSH", "list", "y") == ":1")
      #expect(waiter.heard() == "*2 $list $y :3")
    }
  }

  /// Pushers and poppers at random moments, with messages delivered in a random order: no element is lost, none is given
  /// twice, and in the end everybody who waits waits for good reason.
  @Test(arguments: shardCounts) func everyElementReachesOneClient(_ shardCount: Int) {
    for _ in 0..<20 {
      var random = SeededRandom(test: "everyElementReachesOneClient")
      withCluster(shardCount: shardCount) { cluster in
        let keys = (0..<4).map { cluster.key("list", on: $0 % shardCount) + "\($0)" }
        let clients = (0..<8).map { cluster.connect(to: $0 % shardCount) }
        var pushed = 0
        for client in clients {
          for _ in 0..<(1 + random.below(12)) {
            if random.below(2) == 0 {
              let count = 1 + random.below(3)
              let elements = (0..<count).map { "e\(pushed + $0);" }
              pushed += count
              client.pendingInput += encoded(["RPUSH", random.element(of: keys)] + elements)
            } else {
              client.pendingInput += blocking(keys, &random)
            }
          }
        }
        cluster.run(&random)
        // Who waits with pushes behind it is fed until it gets to them.
        let feeder = cluster.connect()
        while clients.contains(where: \.waitsWithInput) {
          for key in keys {
            _ = feeder.tell("RPUSH", key, "fed;")
            pushed += 1
          }
        }
        let popped = clients.reduce(0) { $0 + elementCount($1.heard()) }
        let left = cluster.connect()
        #expect(cluster.waits.clients == clients.count { $0.pointer.pointee.flags.contains(.blocked) })
        for client in clients { client.disconnect() }
        #expect(cluster.waits == (0, 0), "\(random)")
        var remaining = 0
        for key in keys {
          remaining += Int(left.tell("LLEN", key).dropFirst()) ?? 0
        }
        #expect(popped + remaining == pushed, "\(random)")
      }
    }
  }

  private func blocking(_ keys: [String], _ random: inout SeededRandom) -> [UInt8] {
    switch random.below(3) {
    case 0: encoded(["BLPOP"] + (0...random.below(3)).map { _ in random.element(of: keys) } + ["0"])
    case 1: encoded(["BLMPOP", "0", "2", random.element(of: keys), random.element(of: keys), "LEFT"])
    default: encoded(["BRPOP", random.element(of: keys), "0"])
    }
  }

  private func elementCount(_ answers: String) -> Int { answers.count { $0 == ";" } }
}

extension TestClient {
  /// Whether commands stand behind one that waits.
  fileprivate var waitsWithInput: Bool {
    pointer.pointee.flags.contains(.blocked)
      && (pointer.pointee.queryBuffer.count > 0 || pointer.pointee.input != nil)
  }

  /// Delivers a command, has all loops work, and returns what came back.
  fileprivate func tell(_ arguments: String...) -> String {
    deliver(encoded(arguments))
    return heard()
  }

  /// What came back when all loops have worked: the parts of all replies, bulk strings as `$text`.
  fileprivate func heard() -> String {
    var parts: [String] = []
    var isText = false
    for line in answer().components(separatedBy: "\\r\\n").dropLast() {
      if isText {
        parts.append("$" + line)
        isText = false
      } else if line.hasPrefix("$"), line != "$-1" {
        isText = true
      } else {
        parts.append(line)
      }
    }
    return parts.joined(separator: " ")
  }
}

import Bytes
import Commands
import RESP
import TestSupport
import Testing

@testable import Engine

// Commands that show what policies do: each answers something simple about the keys that it was given.

private func declaration(
  _ name: String, _ policy: ResponsePolicy, keys: [KeySpecification] = [.keys(.readOnly)],
  request: RequestPolicy = .multiShard, arity: Int = -2
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: arity, flags: .readOnly, keys: keys, requestPolicy: request, responsePolicy: policy,
    group: .generic, since: "1.0.0", summary: "For tests.", complexity: "O(1)")
}

/// The sum of the first bytes of the keys, or what one of them asks for.
private func answer(_ call: inout KeyCall) {
  var sum = 0
  for index in 1..<call.arguments.count {
    let key = call.arguments[index]
    if key.start[0] == UInt8(ascii: "!") { return call.reply.pointee.error("ERR \(key.string)") }
    sum += Int(key.start[0]) - 0x30
  }
  call.reply.pointee.integer(sum)
}

private enum SumCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-sum", .sum)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

private enum MinimumCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-min", .minimum)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

private enum MaximumCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-max", .maximum)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

private enum AndCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-and", .logicalAnd)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

private enum OrCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-or", .logicalOr)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

private enum AllCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-all", .allSucceeded)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

private enum OneCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-one", .oneSucceeded)
  static func execute(_ call: inout KeyCall) { answer(&call) }
}

/// An array with something for each key: the key itself in an array, a map, a set, a null, a number.
private enum EachCommand: KeyCommand {
  static let declaration = EngineTests.declaration("x-each", .byKeys)

  static func execute(_ call: inout KeyCall) {
    call.reply.pointee.array(call.arguments.count - 1)
    for index in 1..<call.arguments.count {
      let key = call.arguments[index]
      switch key.start[0] {
      case UInt8(ascii: "["):
        call.reply.pointee.array(2)
        call.reply.pointee.bulk(key)
        call.reply.pointee.array(0)
      case UInt8(ascii: "{"):
        call.reply.pointee.map(1)
        call.reply.pointee.bulk(key)
        call.reply.pointee.set(1)
        call.reply.pointee.double(1.5)
      case UInt8(ascii: "0"): call.reply.pointee.null()
      case UInt8(ascii: "1"): call.reply.pointee.integer(1)
      case UInt8(ascii: "v"): call.reply.pointee.verbatim("a\r\nb")
      default: call.reply.pointee.bulk(key)
      }
    }
  }
}

/// Runs on every shard: the sum of the shards' numbers.
private enum EverywhereCommand: KeyCommand {
  static let declaration = EngineTests.declaration(
    "x-everywhere", .sum, keys: [], request: .allShards, arity: 1)
  static func execute(_ call: inout KeyCall) { call.reply.pointee.integer(call.shard.pointee.index + 1) }
}

/// Goes to shards one after the other, to all, and to some in another order.
private enum TourCommand: CoordinatedCommand {
  static let declaration = EngineTests.declaration("x-tour", .special, keys: [], request: .special, arity: 1)

  static func coordinate(_ operation: Operation) async {
    let count = operation.server.shardCount
    var numbers: [Int] = []
    for shard in 0..<count { numbers.append(await operation.onShard(shard) { $0.pointee.index }) }
    numbers += await operation.onEveryShard { $0.pointee.index * 10 }
    numbers += await operation.onShards(Array((0..<count).reversed())) { $0.pointee.index * 100 }
    operation.reply.pointee.array(numbers.count)
    for number in numbers { operation.reply.pointee.integer(number) }
  }
}

@Suite("Operations on several shards")
struct OperationTests {
  private static let table = CommandTable([
    SumCommand.self, MinimumCommand.self, MaximumCommand.self, AndCommand.self, OrCommand.self,
    AllCommand.self,
    OneCommand.self, EachCommand.self, EverywhereCommand.self, TourCommand.self,
  ])

  /// What a command answers, with keys spread over four shards in every way that the keys' names allow.
  private func ask(_ name: String, _ keys: [String], shardCount: Int = 4, version: ProtocolVersion = .resp2)
    -> String
  {
    withCluster(shardCount: shardCount, table: Self.table) { cluster in
      let client = cluster.connect(to: shardCount - 1)
      client.pointer.pointee.reply.version = version
      client.deliver(encoded([name] + keys))
      return client.answer()
    }
  }

  private func keys(_ values: Int...) -> [String] { values.enumerated().map { "\($0.element):\($0.offset)" } }

  @Test(
    "integers of the shards are added up, or the least or largest of them is taken", arguments: [1, 2, 4, 7])
  func integers(shardCount: Int) {
    // The sum does not depend on how keys lie; with all values equal, neither do the others.
    #expect(ask("X-SUM", keys(1, 2, 3, 4, 5, 6, 7, 8, 9, 0), shardCount: shardCount) == ":45\\r\\n")
  }

  @Test("the least and the largest of the shards' integers")
  func leastAndLargest() {
    withCluster(shardCount: 4, table: Self.table) { cluster in
      // One key for each shard, so that a shard's integer is its key's.
      let keys = (0..<4).map { cluster.key("\($0 + 3)", on: $0) }
      let client = cluster.connect(to: 1)
      #expect(client.ask("X-MIN", keys[2], keys[1], keys[3], keys[0]) == ":3\\r\\n")
      #expect(client.ask("X-MAX", keys[2], keys[1], keys[3], keys[0]) == ":6\\r\\n")
      #expect(client.ask("X-MIN", keys[2], keys[1]) == ":4\\r\\n")
      #expect(client.ask("X-MAX", keys[0]) == ":3\\r\\n")
    }
  }

  @Test("the conjunction and the disjunction of the shards' integers")
  func logic() {
    withCluster(shardCount: 3, table: Self.table) { cluster in
      let zeros = (0..<3).map { cluster.key("0", on: $0) }
      let ones = (0..<3).map { cluster.key("1", on: $0) }
      let client = cluster.connect(to: 1)
      #expect(client.ask("X-AND", ones[0], ones[1], ones[2]) == ":1\\r\\n")
      #expect(client.ask("X-AND", ones[0], zeros[1], ones[2]) == ":0\\r\\n")
      #expect(client.ask("X-OR", zeros[0], zeros[1], zeros[2]) == ":0\\r\\n")
      #expect(client.ask("X-OR", zeros[0], ones[1], zeros[2]) == ":1\\r\\n")
    }
  }

  @Test("an error of any shard is the answer, unless the success of one is enough")
  func errors() {
    withCluster(shardCount: 3, table: Self.table) { cluster in
      let good = (0..<3).map { cluster.key("1", on: $0) }
      let bad = (0..<3).map { cluster.key("!", on: $0) }
      let client = cluster.connect(to: 0)
      for command in ["X-SUM", "X-MIN", "X-MAX", "X-AND", "X-OR", "X-ALL"] {
        for shard in 0..<3 {
          var keys = good
          keys[shard] = bad[shard]
          #expect(client.ask(command, keys[0], keys[1], keys[2]) == "-ERR \(bad[shard])\\r\\n", "\(command)")
        }
      }
      #expect(client.ask("X-ALL", good[0], good[1], good[2]) == ":1\\r\\n")
      #expect(client.ask("X-ONE", bad[0], good[1], bad[2]) == ":1\\r\\n")
      #expect(client.ask("X-ONE", bad[0], bad[1]).hasPrefix("-ERR !"))
      // Counted as a failure of the command, once for each call.
      let sums = cluster.shards.map { $0.pointee.counters[0] }
      #expect(sums.map(\.calls).reduce(0, +) == 3)
      #expect(sums.map(\.failedCalls).reduce(0, +) == 3)
    }
  }

  @Test(
    "arrays of the shards become one, in the order of the keys", arguments: [ProtocolVersion.resp2, .resp3])
  func keyOrder(version: ProtocolVersion) {
    var random = SeededRandom(test: "OperationTests.keyOrder")
    for _ in 0..<40 {
      let keys = (0...random.below(20)).map { _ in
        random.element(of: ["[", "{", "0", "1", "v", "key"]) + "\(random.below(50))"
      }
      let expected = ask("X-EACH", keys, shardCount: 1, version: version)
      #expect(expected.hasPrefix("*\(keys.count)\\r\\n"))
      for shardCount in [2, 4] {
        #expect(ask("X-EACH", keys, shardCount: shardCount, version: version) == expected, "\(random)")
      }
    }
  }

  @Test("a command for all shards runs on each of them", arguments: [1, 2, 4])
  func everywhere(shardCount: Int) {
    let sum = (1...shardCount).reduce(0, +)
    #expect(ask("X-EVERYWHERE", [], shardCount: shardCount) == ":\(sum)\\r\\n")
  }

  @Test(
    "hops go to the shards that are named and bring their values back in that order", arguments: [1, 2, 4])
  func hops(shardCount: Int) {
    let shards = Array(0..<shardCount)
    let numbers = shards + shards.map { $0 * 10 } + shards.reversed().map { $0 * 100 }
    let expected = "*\(numbers.count)\\r\\n" + numbers.map { ":\($0)\\r\\n" }.joined()
    #expect(ask("X-TOUR", [], shardCount: shardCount) == expected)
  }

  @Test("several operations of several clients go on side by side")
  func sideBySide() {
    var random = SeededRandom(test: "OperationTests.sideBySide")
    withCluster(shardCount: 4, table: Self.table) { cluster in
      let clients = (0..<8).map { cluster.connect(to: $0 % 4) }
      for client in clients {
        client.pendingInput = (0..<20).flatMap { _ in encoded("X-TOUR") + encoded("X-EVERYWHERE") }[...]
      }
      cluster.run(&random)
      let first = clients[0].answer()
      #expect(replies(in: clients[1].received).count == 40)
      for client in clients.dropFirst() { #expect(client.answer() == first, "\(random)") }
    }
  }
}

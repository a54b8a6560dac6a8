import Bytes
import Engine
import Keyspace
import RESP

enum KeysCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "keys", arity: 2, flags: [.readOnly], categories: [.dangerous], requestPolicy: .allShards,
    tips: .nondeterministicOutputOrder, group: .generic, since: "1.0.0",
    summary: "Lists all keys that match a pattern.",
    complexity: "O(N) for N keys in the database, if pattern and names are of limited length.",
    arguments: [.init("pattern", .pattern)])

  static func execute(_ call: inout KeyCall) {
    var list = ElementList(for: call.reply)
    collect(call.arguments[1], call.database, call.shard, &list)
    call.reply.pointee.array(list.count)
    list.move(to: call.reply)
  }

  static func coordinate(_ operation: Operation) async {
    let pattern = operation.arguments[1]
    let database = operation.database
    let lists = await operation.onEveryShard { shard in
      var list = ElementList(on: shard)
      collect(pattern, database, shard, &list)
      list.seal()
      return list
    }
    operation.reply.pointee.array(lists.reduce(0) { $0 + $1.count })
    for (shard, list) in lists.enumerated() { operation.appendElements(list, of: shard) }
  }

  private static func collect(
    _ pattern: ByteView, _ database: Int, _ shard: UnsafeMutablePointer<Shard>, _ list: inout ElementList
  ) {
    let filter = KeyFilter(pattern: pattern)
    shard.pointee.keyspace.forEachKey(in: database) { key, kind in
      if filter.accepts(key, kind) { list.append(key) }
    }
  }
}

enum ScanCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "scan", arity: -2, flags: [.readOnly], requestPolicy: .special, tips: .nondeterministicOutput,
    group: .generic, since: "2.8.0", summary: "Goes through the keys of the database, some with each call.",
    complexity: "O(COUNT) for each call, O(N) for all N keys.",
    arguments: [
      .init("cursor", .integer), .init("pattern", .pattern, token: "MATCH", optional: true),
      .init("count", .integer, token: "COUNT", optional: true),
      .init("type", .string, token: "TYPE", since: "6.0.0", optional: true),
    ],
    history: [("6.0.0", "Added the `TYPE` subcommand.")])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let request = try ScanRequest(call.arguments)
      var list = ElementList(for: call.reply)
      var budget = request.budget
      var next = ScanCursor.start
      if request.cursor.shard == 0 {
        next = request.scan(from: request.cursor, call.database, call.shard, &budget, &list)
      }
      writeHeads(next, list.count, call.reply)
      list.move(to: call.reply)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// Goes on where the cursor stands, and through the shards after that one, until enough keys were looked at.
  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let request = try ScanRequest(operation.arguments)
      let database = operation.database
      var cursor = request.cursor
      var budget = request.budget
      var lists: [(shard: Int, list: ElementList)] = []
      while cursor.shard < operation.server.shardCount, !budget.isSpent {
        let (shard, from, left) = (cursor.shard, cursor.local, budget)
        let (next, leftAfter, list) = await operation.onShard(shard) { pointer in
          var list = ElementList(on: pointer)
          var budget = left
          let next = request.scan(from: from, database, pointer, &budget, &list)
          list.seal()
          return (next, budget, list)
        }
        budget = leftAfter
        lists.append((shard, list))
        cursor = next == .start ? next.on(shard: shard + 1) : next.on(shard: shard)
      }
      if cursor.shard >= operation.server.shardCount { cursor = .start }
      writeHeads(cursor, lists.reduce(0) { $0 + $1.list.count }, operation.reply)
      for (shard, list) in lists { operation.appendElements(list, of: shard) }
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func writeHeads(
    _ cursor: ScanCursor, _ count: Int, _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    reply.pointee.array(2)
    reply.pointee.bulk(String(cursor.bits))
    reply.pointee.array(count)
  }
}

/// What a call of SCAN asks for.
private struct ScanRequest: Sendable {
  var cursor: ScanCursor
  var budget = ScanBudget(keyCount: 10)
  var filter = KeyFilter()

  init(_ arguments: Arguments) throws(CommandError) {
    cursor = ScanCursor(bits: try arguments.scanCursor(at: 1))
    var index = 2
    while index < arguments.count {
      guard arguments.hasArgument(after: index) else { throw CommandError(ErrorText.syntax) }
      if arguments.isWord("count", at: index) {
        guard let count = arguments.integer(at: index + 1) else { throw CommandError(ErrorText.notAnInteger) }
        if count < 1 { throw CommandError(ErrorText.syntax) }
        budget = ScanBudget(keyCount: Int(count))
      } else if arguments.isWord("match", at: index) {
        filter.pattern = GlobPattern(arguments[index + 1])
      } else if arguments.isWord("type", at: index) {
        filter.typeName = arguments[index + 1]
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 2
    }
  }

  /// Goes through a shard's keys until the budget is spent; returns where to go on, `.start` at the end.
  func scan(
    from start: ScanCursor, _ database: Int, _ shard: UnsafeMutablePointer<Shard>, _ budget: inout ScanBudget,
    _ list: inout ElementList
  ) -> ScanCursor {
    var cursor = start
    repeat {
      var seenCount = 0
      cursor = shard.pointee.keyspace.scan(from: cursor, in: database) { key, kind in
        seenCount += 1
        if filter.accepts(key, kind) { list.append(key) }
      }
      budget.spend(keyCount: seenCount)
    } while cursor != .start && !budget.isSpent
    return cursor
  }
}

/// How far one call of SCAN may still go.
private struct ScanBudget: Sendable {
  /// Keys to look at, about: a bucket is always finished.
  private var keyCount: Int
  /// Buckets to look at, a segment for each key, so that a call ends soon in a table that is nearly empty.
  private var bucketCount: Int

  private static let bucketsPerKey = 64

  init(keyCount: Int) {
    self.keyCount = keyCount
    bucketCount = min(keyCount, Int.max / Self.bucketsPerKey) * Self.bucketsPerKey
  }

  var isSpent: Bool { keyCount <= 0 || bucketCount <= 0 }

  mutating func spend(keyCount: Int) {
    self.keyCount -= keyCount
    bucketCount -= 1
  }
}

/// Which keys KEYS and SCAN answer with.
private struct KeyFilter: Sendable {
  var pattern: GlobPattern?
  /// The name of the type that they must have, in any case.
  var typeName: ByteView?

  init() {}

  init(pattern: ByteView) { self.pattern = GlobPattern(pattern) }

  @inline(__always)
  func accepts(_ key: ByteView, _ kind: ValueKind) -> Bool {
    if let pattern, !pattern.matchesEverything, !pattern.matches(key) { return false }
    if let typeName, !typeName.equalsIgnoringCase(kind.typeName) { return false }
    return true
  }
}

enum RandomKeyCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "randomkey", arity: 1, flags: [.readOnly], requestPolicy: .allShards, tips: .nondeterministicOutput,
    group: .generic, since: "1.0.0", summary: "Answers with a key chosen at random.", complexity: "O(1)")

  static func execute(_ call: inout KeyCall) {
    var generator = SystemRandomNumberGenerator()
    if let key = call.keyspace.randomKey(in: call.database, using: &generator) {
      call.reply.pointee.bulk(key)
    } else {
      call.reply.pointee.null()
    }
  }

  /// Each shard draws one of its keys; one of these is drawn, each as likely as its shard is large.
  static func coordinate(_ operation: Operation) async {
    let database = operation.database
    let drawn = await operation.onEveryShard { shard -> (key: [UInt8], weight: Int)? in
      var generator = SystemRandomNumberGenerator()
      guard let key = shard.pointee.keyspace.randomKey(in: database, using: &generator) else { return nil }
      return (key.array, shard.pointee.keyspace.count(in: database))
    }
    let candidates = drawn.compactMap { $0 }
    let total = candidates.reduce(0) { $0 + $1.weight }
    guard total > 0 else { return operation.reply.pointee.null() }
    var rest = Int.random(in: 0..<total)
    for (key, weight) in candidates {
      if rest < weight { return operation.reply.pointee.bulk(key) }
      rest -= weight
    }
  }
}

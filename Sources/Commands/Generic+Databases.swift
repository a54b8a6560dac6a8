import Bytes
import Engine
import Keyspace
import RESP

enum DBSizeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "dbsize", arity: 1, flags: [.readOnly, .fast], categories: [.keyspace], requestPolicy: .allShards,
    responsePolicy: .sum, group: .server, since: "1.0.0", summary: "Counts the keys of the database.",
    complexity: "O(1)")

  static func execute(_ call: inout KeyCall) {
    call.reply.pointee.integer(call.keyspace.count(in: call.database))
  }
}

/// A command that removes all keys of one database or of all. They are gone at once; the memory of many follows in slices,
/// between which others are served, and SYNC waits for the last.
private protocol FlushCommand: WaitingCommand {}

extension FlushCommand {
  static func mayWait(_ arguments: Arguments) -> Bool {
    arguments.count != 2 || !arguments.isWord("async", at: 1)
  }

  static func coordinate(_ operation: Operation) async {
    await operation.coordinateByPolicy()
    if operation.isInTransaction || !waits(operation) { return }
    operation.conclude()
    await operation.waitUntilFreed()
  }

  private static func waits(_ operation: Operation) -> Bool {
    let arguments = operation.arguments
    if arguments.count == 1 { return !operation.localShard.pointee.settings.flushesLater }
    return arguments.count == 2 && arguments.isWord("sync", at: 1)
  }
}

enum FlushDBCommand: FlushCommand {
  static let declaration = flushDeclaration(
    "flushdb", summary: "Removes all keys of the database.", complexity: "O(N) for N keys in the database.")

  static func execute(_ call: inout KeyCall) {
    guard acceptsFlushMode(call) else { return }
    call.shard.flushed(database: call.database)
    call.keyspace.removeAll(in: call.database)
    giveBack(call.shard)
    call.reply.pointee.ok()
  }
}

enum FlushAllCommand: FlushCommand {
  static let declaration = flushDeclaration(
    "flushall", summary: "Removes all keys of all databases.", complexity: "O(N) for N keys in all databases."
  )

  static func execute(_ call: inout KeyCall) {
    guard acceptsFlushMode(call) else { return }
    call.shard.flushed(database: nil)
    for database in 0..<call.keyspace.databaseCount { call.keyspace.removeAll(in: database) }
    giveBack(call.shard)
    call.reply.pointee.ok()
  }
}

/// Gives back what was freed. Where blocks are still waiting for that, each slice does it.
private func giveBack(_ shard: UnsafeMutablePointer<Shard>) {
  if !shard.pointee.keyspace.hasRemovedValues { shard.pointee.heap.collect(force: true) }
}

private func flushDeclaration(_ name: String, summary: String, complexity: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -1, flags: [.write], categories: [.keyspace, .dangerous], requestPolicy: .allShards,
    responsePolicy: .allSucceeded, group: .server, since: "1.0.0", summary: summary, complexity: complexity,
    arguments: [
      .init(
        "async", .oneOf, optional: true, [.token("ASYNC", since: "4.0.0"), .token("SYNC", since: "6.2.0")])
    ],
    history: [
      ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
      ("6.2.0", "Added the `SYNC` flushing mode modifier."),
    ])
}

/// Whether a FLUSH command has no mode or a known one; if not, the error is written.
private func acceptsFlushMode(_ call: KeyCall) -> Bool {
  let count = call.arguments.count
  if count == 1 { return true }
  if count == 2, call.arguments.isWord("async", at: 1) || call.arguments.isWord("sync", at: 1) { return true }
  call.reply.pointee.error(ErrorText.syntax)
  return false
}

enum SwapDBCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "swapdb", arity: 3, flags: [.write, .fast], categories: [.keyspace, .dangerous],
    requestPolicy: .allShards, responsePolicy: .allSucceeded, group: .server, since: "4.0.0",
    summary: "Exchanges the contents of two databases.", complexity: "O(1) on each shard.",
    arguments: [.init("index1", .integer), .init("index2", .integer)])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      // Both are read before either is looked for among the databases.
      let first = try number(call.arguments[1], orElse: "ERR invalid first DB index")
      let second = try number(call.arguments[2], orElse: "ERR invalid second DB index")
      let databases = 0..<call.keyspace.databaseCount
      guard databases.contains(first), databases.contains(second) else {
        throw CommandError(ErrorText.invalidDatabase)
      }
      call.keyspace.swap(first, second)
      call.shard.swapped(first, second)
      call.reply.pointee.ok()
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  private static func number(_ argument: ByteView, orElse error: StaticString) throws(CommandError) -> Int {
    guard let value = parseInt64(argument), let narrow = Int32(exactly: value) else {
      throw CommandError(error)
    }
    return Int(narrow)
  }
}

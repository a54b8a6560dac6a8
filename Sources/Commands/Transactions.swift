import Bytes
import Engine
import Keyspace
import RESP

/// The transactions family.
let transactionCommands: [any Command.Type] = [
  DiscardCommand.self, ExecCommand.self, MultiCommand.self, UnwatchCommand.self, WatchCommand.self,
]

private let transactionFlags: CommandFlags = [.noScript, .loading, .stale, .fast, .allowBusy]

enum MultiCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "multi", arity: 1, flags: transactionFlags, group: .transactions, since: "1.2.0",
    summary: "Begins a transaction: the commands that follow are queued.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) { call.coordinator.beginTransaction(call.client) }
}

enum ExecCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "exec", arity: 1, flags: [.noScript, .loading, .stale, .skipSlowLog, .skipMonitor],
    group: .transactions, since: "1.2.0",
    summary: "Executes the commands queued since MULTI, as one step in the eyes of others.",
    complexity: "The sum of what the queued commands take")

  static func execute(_ call: inout ClientCall) { call.coordinator.executeTransaction(call.client) }
}

enum DiscardCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "discard", arity: 1, flags: transactionFlags, group: .transactions, since: "2.0.0",
    summary: "Drops the commands queued since MULTI.", complexity: "O(N), N commands being queued")

  static func execute(_ call: inout ClientCall) { call.coordinator.discardTransaction(call.client) }
}

enum WatchCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "watch", arity: -2, flags: transactionFlags, keys: [.keys([.readOnly])], group: .transactions,
    since: "2.2.0",
    summary: "Has the client's next transaction executed only if certain keys have not been changed by then.",
    complexity: "O(1) for each key", arguments: [.init("key", .key, multiple: true)])

  /// Each key is watched from the moment its shard hears of it; the moments need not be the same.
  static var locksKeys: Bool { false }

  static func coordinate(_ operation: Operation) async {
    if operation.client.pointee.flags.contains(.multi) {
      return operation.reply.pointee.error("ERR WATCH inside MULTI is not allowed" as StaticString)
    }
    await operation.watchKeys()
    operation.reply.pointee.ok()
  }
}

enum UnwatchCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "unwatch", arity: 1, flags: transactionFlags, group: .transactions, since: "2.2.0",
    summary: "Forgets which keys the client watches.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    call.coordinator.forgetWatches(call.client)
    call.reply.pointee.ok()
  }
}

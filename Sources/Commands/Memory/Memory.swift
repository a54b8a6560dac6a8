import Bytes
import Engine
import Heap
import Keyspace
import RESP

let memoryCommands: [any Command.Type] = [MemoryCommand.self]

enum MemoryCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "memory", arity: -2, group: .server, since: "4.0.0",
    summary: "Tells where the memory is, of a key and of the server.",
    complexity: "Depends on subcommand.",
    subcommands: [
      MemoryUsageCommand.self, MemoryStatsCommand.self, MemoryDoctorCommand.self,
      MemoryMallocStatsCommand.self, MemoryPurgeCommand.self, MemoryHelpCommand.self,
      MemoryShardsCommand.self, MemoryPeakCommand.self, MemoryHistoryCommand.self,
      MemoryFragmentationCommand.self, MemoryAuditCommand.self,
      MemoryTypesCommand.self, MemoryTopCommand.self, MemoryPrefixCommand.self, MemoryWalksCommand.self,
    ])
}

/// The bytes of a key: its block as the allocator rounds it, with key, value and expiry time in it, and its
/// slot's share of the table. They are counted, not guessed, so SAMPLES changes nothing.
enum MemoryUsageCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "usage", arity: -3, flags: [.readOnly], keys: [.key(at: 2, [.readOnly])], group: .server,
    since: "4.0.0", summary: "Returns the bytes that a key and its value take, to the byte.",
    complexity: "O(1)",
    arguments: [.init("key", .key), .init("count", .integer, token: "SAMPLES", optional: true)])

  static func execute(_ call: inout KeyCall) {
    guard readsOptions(call) else { return }
    guard let entry = call.keyspace.lookup(call.key(2), in: call.database, for: .peek) else {
      return call.reply.pointee.null()
    }
    call.reply.pointee.integer(call.keyspace.allocatedBytes(of: entry))
  }

  /// Whether what follows the key is right; otherwise the error is written.
  private static func readsOptions(_ call: KeyCall) -> Bool {
    var index = 3
    while index < call.arguments.count {
      guard call.arguments.isWord("samples", at: index), call.arguments.hasArgument(after: index) else {
        call.reply.pointee.error(ErrorText.syntax)
        return false
      }
      guard let sampleCount = call.arguments.integer(at: index + 1) else {
        call.reply.pointee.error(ErrorText.notAnInteger)
        return false
      }
      if sampleCount < 0 {
        call.reply.pointee.error(ErrorText.syntax)
        return false
      }
      index += 2
    }
    return true
  }
}

enum MemoryStatsCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "stats", arity: 2, requestPolicy: .allShards, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "4.0.0",
    summary: "Returns what the memory of all shards is used for, field by field.",
    complexity: "O(N) where N is the number of shards, however many keys there are.")

  static func coordinate(_ operation: Operation) async {
    let report = await operation.memoryReport().whole
    write(report.fields, to: operation.reply)
  }

  private static func write(_ fields: [MemoryReport.Field], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.map(fields.count)
    for field in fields {
      reply.pointee.bulk(field.name)
      switch field.value {
      case .integer(let value): reply.pointee.integer(value)
      case .double(let value): reply.pointee.double(value)
      case .database(let inner): write(inner, to: reply)
      }
    }
  }
}

/// Gives back to the system what it can have: each shard the free pages of its heaps, and one of them code that has not been used for
/// some time.
enum MemoryPurgeCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "purge", arity: 2, requestPolicy: .allShards, responsePolicy: .allSucceeded, group: .server,
    since: "4.0.0", summary: "Gives memory that is allocated no more back to the system, on every shard.",
    complexity: "O(N) where N is the number of memory pages.")

  static func execute(_ call: inout KeyCall) {
    call.shard.giveBackAll()
    call.reply.pointee.ok()
  }
}

enum MemoryHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .server, since: "4.0.0",
    summary: "Lists the subcommands of MEMORY.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "MEMORY",
      [
        ("AUDIT", ["Compare what is counted of the memory with what there is, and show each difference."]),
        ("DOCTOR [JSON]", ["Look for problems with memory, and say what helps."]),
        ("FRAGMENTATION", ["Show how full the allocator's areas are, by the size of their blocks."]),
        (
          "HISTORY [COUNT <count>]",
          ["Show what the memory of the last hour consisted of, the latest <count> rows of it."]
        ),
        ("MALLOC-STATS", ["Show the accounts of every shard's heap beside the allocator's walk of it."]),
        ("PEAK", ["Show what the memory consisted of when it was at its peak, and when that was."]),
        (
          "PREFIX [SEPARATOR <text>] [DEPTH <depth>] [COUNT <count>] [DB <index>] [EXACT]",
          [
            "Show the bytes of keys by what their names begin with, estimated from a sample,",
            "or with EXACT counted in slices.",
          ]
        ),
        ("PURGE", ["Give free memory back to the system."]),
        ("SHARDS", ["Show the memory of each shard beside that of all, and how uneven they are."]),
        ("STATS", ["Show what the memory of all shards is used for."]),
        (
          "TOP [COUNT <count>] [TYPE <type>] [MATCH <pattern>] [DB <index>]",
          ["Show the <count> keys (10 by default) that take the most bytes, of all databases."]
        ),
        ("TYPES [DB <index>]", ["Show how many keys, bytes and elements there are of each type."]),
        (
          "USAGE <key> [SAMPLES <count>]",
          ["Show the bytes that <key> and its value take.", "They are counted exactly, whatever <count> is."]
        ),
        (
          "WALKS [STOP <id>]",
          ["Show how far the walks over all keys have come that are under way, or stop one."]
        ),
      ], to: call.reply)
  }
}

import Bytes
import Engine
import Keyspace
import RESP

enum RenameCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "rename", arity: 3, flags: [.write],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.overwrite, .update])],
    group: .generic, since: "1.0.0", summary: "Gives a key another name, replacing the key that has it.",
    complexity: "O(1); a value that goes to another shard is copied.", arguments: renameArguments)

  static func execute(_ call: inout KeyCall) {
    answer(movement(call.arguments, call.database).run(on: call.shard), call.reply)
  }

  static func coordinate(_ operation: Operation) async {
    answer(await movement(operation.arguments, operation.database).run(operation), operation.reply)
  }

  private static func movement(_ arguments: Arguments, _ database: Int) -> KeyMovement {
    KeyMovement(
      source: .init(key: arguments[1], database: database),
      target: .init(key: arguments[2], database: database),
      keepsSource: false, replacesTarget: true)
  }

  private static func answer(_ outcome: KeyMovement.Outcome, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    if outcome == .sourceMissing { reply.pointee.error(ErrorText.noSuchKey) } else { reply.pointee.ok() }
  }
}

enum RenameNXCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "renamenx", arity: 3, flags: [.write, .fast],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.overwrite, .insert])],
    group: .generic, since: "1.0.0", summary: "Gives a key another name if no key has it.",
    complexity: "O(1); a value that goes to another shard is copied.", arguments: renameArguments,
    history: [
      ("3.2.0", "The command no longer returns an error when source and destination names are the same.")
    ])

  static func execute(_ call: inout KeyCall) {
    answer(movement(call.arguments, call.database).run(on: call.shard), call.reply)
  }

  static func coordinate(_ operation: Operation) async {
    answer(await movement(operation.arguments, operation.database).run(operation), operation.reply)
  }

  private static func movement(_ arguments: Arguments, _ database: Int) -> KeyMovement {
    KeyMovement(
      source: .init(key: arguments[1], database: database),
      target: .init(key: arguments[2], database: database),
      keepsSource: false, replacesTarget: false)
  }

  private static func answer(_ outcome: KeyMovement.Outcome, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    switch outcome {
    case .done: reply.pointee.integer(1)
    case .targetExists: reply.pointee.integer(0)
    case .sourceMissing: reply.pointee.error(ErrorText.noSuchKey)
    }
  }
}

private let renameArguments: [ArgumentSpecification] = [
  .init("key", .key), .init("newkey", .key, keySpecification: 1),
]

enum CopyCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "copy", arity: -3, flags: [.write, .denyOutOfMemory],
    keys: [.key([.readOnly, .access]), .key(at: 2, [.overwrite, .update])],
    group: .generic, since: "6.2.0", summary: "Copies a key's value and expiry time to another key.",
    complexity: "O(1) for strings; O(N) for a collection of N elements.",
    arguments: [
      .init("source", .key), .init("destination", .key, keySpecification: 1),
      .init("destination-db", .integer, token: "DB", optional: true), .token("REPLACE", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let movement = try movement(call.arguments, call.database, databaseCount: call.keyspace.databaseCount)
      call.reply.pointee.integer(movement.run(on: call.shard) == .done ? 1 : 0)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let movement = try movement(
        operation.arguments, operation.database,
        databaseCount: operation.localShard.pointee.keyspace.databaseCount)
      operation.reply.pointee.integer(await movement.run(operation) == .done ? 1 : 0)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func movement(
    _ arguments: Arguments, _ database: Int, databaseCount: Int
  ) throws(CommandError) -> KeyMovement {
    var replaces = false
    var targetDatabase = database
    var index = 3
    while index < arguments.count {
      if arguments.isWord("replace", at: index) {
        replaces = true
      } else if arguments.isWord("db", at: index), arguments.hasArgument(after: index) {
        index += 1
        targetDatabase = try databaseIndex(arguments[index], count: databaseCount)
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 1
    }
    if targetDatabase == database, arguments[1] == arguments[2] { throw CommandError(ErrorText.sameObject) }
    return KeyMovement(
      source: .init(key: arguments[1], database: database),
      target: .init(key: arguments[2], database: targetDatabase), keepsSource: true, replacesTarget: replaces)
  }
}

/// A key lives on the same shard in every database, so MOVE never leaves it.
enum MoveCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "move", arity: 3, flags: [.write, .fast], keys: [.key([.readWrite, .access, .update])],
    group: .generic, since: "1.0.0", summary: "Moves a key to another database that does not have it.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("db", .integer)])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let target = try databaseIndex(call.arguments[2], count: call.keyspace.databaseCount)
      if target == call.database { throw CommandError(ErrorText.sameObject) }
      let key = call.key(1)
      // The target comes first: looking it up may remove it, and then no entry found before is valid.
      let targetExists = call.keyspace.lookup(key, in: target, for: .write) != nil
      guard let entry = call.keyspace.lookup(key, in: call.database, for: .write), !targetExists else {
        return call.reply.pointee.integer(0)
      }
      call.keyspace.move(entry, to: target)
      call.changed(key, .generic, "move_from")
      call.shard.changed(key, in: target, .generic, "move_to")
      call.reply.pointee.integer(1)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

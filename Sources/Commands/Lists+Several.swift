import Bytes
import Engine
import Keyspace
import RESP

enum LMoveCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "lmove", arity: 5, flags: [.write, .denyOutOfMemory],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.readWrite, .insert])],
    group: .list, since: "6.2.0", summary: "Moves an element from an end of one list to an end of another.",
    complexity: "O(1)",
    arguments: [
      .init("source", .key), .init("destination", .key, keySpecification: 1),
      .init("wherefrom", .oneOf, [.token("LEFT"), .token("RIGHT")]),
      .init("whereto", .oneOf, [.token("LEFT"), .token("RIGHT")]),
    ])

  static func execute(_ call: inout KeyCall) {
    guard let movement = movement(call.arguments, call.database) else {
      return call.reply.pointee.error(ErrorText.syntax)
    }
    movement.run(on: call.shard, call.reply)
  }

  static func coordinate(_ operation: Operation) async {
    guard let movement = movement(operation.arguments, operation.database) else {
      return operation.reply.pointee.error(ErrorText.syntax)
    }
    await movement.run(operation)
  }

  private static func movement(_ arguments: Arguments, _ database: Int) -> ListMovement? {
    guard let from = arguments.listEnd(at: 3), let to = arguments.listEnd(at: 4) else { return nil }
    return ListMovement(source: arguments[1], target: arguments[2], from: from, to: to, database: database)
  }
}

enum RPopLPushCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "rpoplpush", arity: 3, flags: [.write, .denyOutOfMemory],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.readWrite, .insert])],
    group: .list, since: "1.2.0", summary: "Moves the last element of a list to the front of another.",
    complexity: "O(1)",
    arguments: [.init("source", .key), .init("destination", .key, keySpecification: 1)],
    deprecation: .init(since: "6.2.0", replacement: "`LMOVE` with the `RIGHT` and `LEFT` arguments"))

  static func execute(_ call: inout KeyCall) {
    movement(call.arguments, call.database).run(on: call.shard, call.reply)
  }

  static func coordinate(_ operation: Operation) async {
    await movement(operation.arguments, operation.database).run(operation)
  }

  private static func movement(_ arguments: Arguments, _ database: Int) -> ListMovement {
    ListMovement(source: arguments[1], target: arguments[2], from: .tail, to: .head, database: database)
  }
}

enum LMPopCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "lmpop", arity: -4, flags: [.write, .movableKeys],
    keys: [
      KeySpecification(
        begin: .index(1), find: .keyCount(countAt: 0, first: 1, step: 1),
        flags: [.readWrite, .access, .delete])
    ],
    group: .list, since: "7.0.0",
    summary: "Returns elements of the first of several lists that has some, and removes them.",
    complexity: "O(N+M) for N keys and M elements returned.",
    arguments: [
      .init("numkeys", .integer), .init("key", .key, multiple: true),
      .init("where", .oneOf, [.token("LEFT"), .token("RIGHT")]),
      .init("count", .integer, token: "COUNT", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let options = try ListPopOptions(call.arguments)
      for index in options.keys {
        let key = call.key(index)
        switch call.find(key, .list, for: .write) {
        case .missing: continue
        case .otherType: return call.refuseType()
        case .entry(let entry):
          call.reply.pointee.array(2)
          call.reply.pointee.bulk(call.arguments[index])
          return call.popFromList(key, entry, at: options.end, maximum: options.count)
        }
      }
      call.reply.pointee.nullArray()
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// What came of popping from one list, on its shard.
  private enum Popped: Sendable {
    case missing
    case otherType
    case elements(ElementList)
  }

  /// The keys in their order. First all shards say at once which of them exist, so that only a list that vanishes
  /// meanwhile costs a hop more.
  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let options = try ListPopOptions(operation.arguments)
      for index in await existingKeys(operation, options.keys) {
        let name = operation.arguments[index]
        let shard = operation.shard(of: name)
        let database = operation.database
        switch await operation.onShard(shard, { pop(name, options, in: database, on: $0) }) {
        case .missing: continue
        case .otherType: throw CommandError(ErrorText.wrongType)
        case .elements(let list):
          operation.reply.pointee.array(2)
          operation.reply.pointee.bulk(name)
          operation.reply.pointee.array(list.count)
          return operation.appendElements(list, of: shard)
        }
      }
      operation.reply.pointee.nullArray()
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func existingKeys(_ operation: Operation, _ keys: Range<Int>) async -> [Int] {
    let arguments = operation.arguments
    let database = operation.database
    var keysOfShard: [Int: [Int]] = [:]
    for index in keys { keysOfShard[operation.shard(of: arguments[index]), default: []].append(index) }
    let existing = await operation.onShards(keysOfShard.keys.sorted()) { [keysOfShard] shard in
      (keysOfShard[shard.pointee.index] ?? []).filter { index in
        let key = Key(arguments[index], hasher: shard.pointee.keyspace.hasher)
        return shard.pointee.keyspace.lookup(key, in: database, for: .write) != nil
      }
    }
    return existing.joined().sorted()
  }

  private static func pop(
    _ name: ByteView, _ options: ListPopOptions, in database: Int, on shard: UnsafeMutablePointer<Shard>
  ) -> Popped {
    let key = Key(name, hasher: shard.pointee.keyspace.hasher)
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .write) else { return .missing }
    guard entry.kind == .list else { return .otherType }
    let length = entry.listCount
    let count = Int(min(options.count, Int64(length)))
    var list = ElementList(on: shard)
    var reader = entry.listReader(
      from: options.end == .head ? 0 : length - 1, count: count, backwards: options.end == .tail)
    while let item = reader.next() { list.append(item) }
    list.seal()
    shard.pointee.keyspace.popFromList(entry, at: options.end, count: count)
    shard.changed(key, in: database, .list, options.end.popEvent, removedKey: count == length)
    return .elements(list)
  }
}

/// The arguments of LMPOP and BLMPOP.
struct ListPopOptions: Sendable {
  /// Which arguments are keys.
  let keys: Range<Int>
  let end: ListEnd
  private(set) var count: Int64 = 1

  init(_ arguments: Arguments, keyCountAt first: Int = 1) throws(CommandError) {
    guard let keyCount = arguments.integer(at: first), keyCount > 0 else {
      throw CommandError("ERR numkeys should be greater than 0")
    }
    guard keyCount < Int64(arguments.count - first - 1),
      let end = arguments.listEnd(at: Int(keyCount) + first + 1)
    else {
      throw CommandError(ErrorText.syntax)
    }
    keys = first + 1..<Int(keyCount) + first + 1
    self.end = end
    let index = keys.upperBound + 1
    if index == arguments.count { return }
    guard arguments.isWord("count", at: index), arguments.hasArgument(after: index) else {
      throw CommandError(ErrorText.syntax)
    }
    guard let count = arguments.integer(at: index + 1), count > 0 else {
      throw CommandError("ERR count should be greater than 0")
    }
    self.count = count
    if arguments.hasArgument(after: index + 1) { throw CommandError(ErrorText.syntax) }
  }
}

extension Arguments {
  /// The end of a list that the argument at `index` names; nil if it is neither LEFT nor RIGHT.
  func listEnd(at index: Int) -> ListEnd? {
    if isWord("left", at: index) { return .head }
    return isWord("right", at: index) ? .tail : nil
  }
}

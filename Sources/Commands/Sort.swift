import Bytes
import Engine
import Keyspace
import RESP

/// SORT and SORT_RO, which belong to lists, sets and sorted sets alike.
let sortCommands: [any Command.Type] = [SortCommand.self, SortReadOnlyCommand.self]

enum SortCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "sort", arity: -2, flags: [.write, .denyOutOfMemory, .movableKeys],
    categories: [.list, .set, .sortedSet, .dangerous],
    keys: [
      .key([.readOnly, .access]), sortPatternKeys,
      .unknown(
        [.overwrite, .update],
        notes:
          "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere "
          + "in the argument array",
        finder: { SortOptions.forEachTarget($0, $1) }),
    ],
    group: .generic, since: "1.0.0",
    summary: "Returns the elements of a list, set or sorted set in order, or stores them as a list.",
    complexity: sortComplexity,
    arguments: sortArguments + [
      .init("destination", .key, token: "STORE", optional: true, keySpecification: 2)
    ])

  static func execute(_ call: inout KeyCall) { sort(call, mayStore: true) }

  static func coordinate(_ operation: Operation) async { await sort(operation, mayStore: true) }
}

enum SortReadOnlyCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "sort_ro", arity: -2, flags: [.readOnly, .movableKeys],
    categories: [.list, .set, .sortedSet, .dangerous], keys: [.key([.readOnly, .access]), sortPatternKeys],
    group: .generic, since: "7.0.0",
    summary: "Returns the elements of a list, set or sorted set in order. Never writes.",
    complexity: sortComplexity, arguments: sortArguments)

  static func execute(_ call: inout KeyCall) { sort(call, mayStore: false) }

  static func coordinate(_ operation: Operation) async { await sort(operation, mayStore: false) }
}

private let sortPatternKeys = KeySpecification.unknown(
  [.readOnly, .access],
  notes:
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content "
    + "of the key we sort")

private let sortComplexity = "O(N+M*log(M)) for N elements, M of which are sorted; O(N) if none are."

private let sortArguments: [ArgumentSpecification] = [
  .init("key", .key), .init("pattern", .pattern, token: "BY", optional: true, keySpecification: 1),
  .init(
    "offset_count", .block, token: "LIMIT", optional: true,
    [.init("offset", .integer), .init("count", .integer)]),
  .init(
    "pattern", .pattern, token: "GET", optional: true, multiple: true, tokenRepeated: true,
    keySpecification: 1),
  .init("order", .oneOf, optional: true, [.token("ASC"), .token("DESC")]),
  .init("sorting", .pureToken, token: "ALPHA", optional: true),
]

/// With one shard: every key is here.
private func sort(_ call: KeyCall, mayStore: Bool) {
  do throws(CommandError) {
    let options = try SortOptions(call.arguments, mayStore: mayStore)
    let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read)
    guard let source = SortSource(entry, options) else {
      throw CommandError(ErrorText.wrongType)
    }
    var job = SortJob(source)
    while let lookup = job.nextWeights() { job.add(weights: lookup.run(on: call.shard, in: call.database)) }
    try job.sort()
    var output = SortOutput(job, call.reply)
    while let lookup = job.nextOutput() {
      job.write(values: lookup.run(on: call.shard, in: call.database), to: &output)
    }
    guard let target = job.options.target, let list = output.list else { return }
    call.store(list, at: target)
    call.reply.pointee.integer(job.outputCount)
  } catch {
    call.reply.pointee.error(error.text)
  }
}

/// With several: the elements are copied from their shard, what they stand for is looked up wherever it is, and the
/// result goes to its own shard.
private func sort(_ operation: Operation, mayStore: Bool) async {
  do throws(CommandError) {
    let options = try SortOptions(operation.arguments, mayStore: mayStore)
    let name = operation.arguments[1]
    let database = operation.database
    let found = await operation.onShard(operation.shard(of: name)) { shard in
      let key = Key(name, hasher: shard.pointee.keyspace.hasher)
      let entry = shard.pointee.keyspace.lookup(key, in: database, for: .read)
      return SortSource(entry, options)
    }
    guard let source = found else { throw CommandError(ErrorText.wrongType) }
    var job = SortJob(source)
    while let lookup = job.nextWeights() { job.add(weights: await lookup.run(operation)) }
    try job.sort()
    var output = SortOutput(job, operation.reply)
    while let lookup = job.nextOutput() {
      let values = lookup.isEmpty ? TextArray() : await lookup.run(operation)
      job.write(values: values, to: &output)
    }
    guard let target = job.options.target, let list = output.list else { return }
    await operation.store(ValueTransfer(list), at: target, .list, "sortstore")
    operation.localShard.pointee.keyspace.dirty += max(job.outputCount - 1, 0)
    operation.reply.pointee.integer(job.outputCount)
  } catch {
    operation.reply.pointee.error(error.text)
  }
}

extension KeyCall {
  /// Gives a key a list, whatever it was before; without elements the key goes.
  fileprivate func store(_ list: FlatValue, at name: ByteView) {
    let key = Key(name, hasher: keyspace.hasher)
    let existing = keyspace.lookup(key, in: database, for: .write)
    let isThere = list.items.count > 0
    if isThere {
      keyspace.place(ValueTransfer(list), at: key, in: database, replacing: existing)
    } else if let existing {
      keyspace.remove(existing)
    }
    keyspace.dirty += max(list.items.count - 1, 0)
    replaced(key, .list, "sortstore", wasThere: existing != nil, isThere: isThere)
  }
}

import Bytes
import Engine
import Keyspace
import RESP

/// The three operations on several sets.
enum SetOperation: Sendable {
  case intersection
  case union
  case difference
}

/// A command that computes a set from several, and answers with it.
protocol SetAlgebraCommand: KeyCommand, CoordinatedCommand {
  static var operation: SetOperation { get }
}

/// A command that computes a set from several, and gives it to its first key.
protocol SetStoreCommand: KeyCommand, CoordinatedCommand {
  static var operation: SetOperation { get }
}

enum SInterCommand: SetAlgebraCommand {
  static let declaration = algebraDeclaration(
    "sinter", summary: "Lists the members that several sets have in common.",
    complexity: "O(N*M) at worst, for M sets of which the smallest has N members.")
  static let operation = SetOperation.intersection
}

enum SUnionCommand: SetAlgebraCommand {
  static let declaration = algebraDeclaration(
    "sunion", summary: "Lists the members that any of several sets has.",
    complexity: "O(N) for sets of N members together.")
  static let operation = SetOperation.union
}

enum SDiffCommand: SetAlgebraCommand {
  static let declaration = algebraDeclaration(
    "sdiff", summary: "Lists the members of a set that others do not have.",
    complexity: "O(N) for sets of N members together.")
  static let operation = SetOperation.difference
}

enum SInterStoreCommand: SetStoreCommand {
  static let declaration = storeDeclaration(
    "sinterstore", targetFlags: [.readWrite, .update],
    summary: "Stores the members that several sets have in common as a set.",
    complexity: "O(N*M) at worst, for M sets of which the smallest has N members.")
  static let operation = SetOperation.intersection
}

enum SUnionStoreCommand: SetStoreCommand {
  static let declaration = storeDeclaration(
    "sunionstore", targetFlags: [.overwrite, .update],
    summary: "Stores the members that any of several sets has as a set.",
    complexity: "O(N) for sets of N members together.")
  static let operation = SetOperation.union
}

enum SDiffStoreCommand: SetStoreCommand {
  static let declaration = storeDeclaration(
    "sdiffstore", targetFlags: [.overwrite, .update],
    summary: "Stores the members of a set that others do not have as a set.",
    complexity: "O(N) for sets of N members together.")
  static let operation = SetOperation.difference
}

private func algebraDeclaration(_ name: String, summary: String, complexity: String) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -2, flags: [.readOnly], keys: [.keys([.readOnly, .access])],
    tips: .nondeterministicOutputOrder, group: .set, since: "1.0.0", summary: summary, complexity: complexity,
    arguments: [.init("key", .key, multiple: true)])
}

private func storeDeclaration(
  _ name: String, targetFlags: KeySpecification.Flags, summary: String, complexity: String
) -> CommandDeclaration {
  CommandDeclaration(
    name: name, arity: -3, flags: [.write, .denyOutOfMemory],
    keys: [.key(targetFlags), .keys(from: 2, [.readOnly, .access])],
    group: .set, since: "1.0.0", summary: summary, complexity: complexity,
    arguments: [.init("destination", .key), .init("key", .key, multiple: true, keySpecification: 1)])
}

// MARK: On one shard

extension SetAlgebraCommand {
  static func execute(_ call: inout KeyCall) {
    guard let sets = call.sets(1..<call.arguments.count) else { return }
    var list = ElementList(for: call.reply)
    operation.forEachMember(of: sets, call.shard) { list.append($0) }
    call.reply.pointee.set(list.count)
    list.move(to: call.reply)
  }
}

extension SetStoreCommand {
  static func execute(_ call: inout KeyCall) {
    guard let sets = call.sets(2..<call.arguments.count) else { return }
    var builder = operation.build(sets, call.shard)
    let count = builder.count
    let target = call.key(1)
    let existing = call.keyspace.lookup(target, in: call.database, for: .write)
    if count > 0 {
      call.keyspace.place(&builder, at: target, in: call.database, replacing: existing)
    } else {
      call.keyspace.discard(&builder)
      if let existing { call.keyspace.remove(existing) }
    }
    call.replaced(target, .set, operation.storeEvent, wasThere: existing != nil, isThere: count > 0)
    call.reply.pointee.integer(count)
  }
}

extension SetOperation {
  /// The event of storing the result.
  fileprivate var storeEvent: StaticString {
    switch self {
    case .intersection: "sinterstore"
    case .union: "sunionstore"
    case .difference: "sdiffstore"
    }
  }

  /// Calls `body` with the members of the result, each once.
  fileprivate func forEachMember(
    of sets: [Entry?], _ shard: UnsafeMutablePointer<Shard>, _ body: (Item) -> Void
  ) {
    let present = sets.compactMap { $0 }
    switch self {
    case .intersection:
      guard present.count == sets.count else { return }
      SetAlgebra.forEachInIntersection(of: present, hasher: shard.pointee.keyspace.hasher) {
        body($0)
        return true
      }
    case .union:
      SetAlgebra.forEachInUnion(of: present, keyspace: &shard.pointee.keyspace, body)
    case .difference:
      guard let first = sets.first ?? nil else { return }
      SetAlgebra.forEachInDifference(
        of: first, without: Array(present.dropFirst()), hasher: shard.pointee.keyspace.hasher, body)
    }
  }

  /// The result as a set that is not yet at a key.
  fileprivate func build(_ sets: [Entry?], _ shard: UnsafeMutablePointer<Shard>) -> SetBuilder {
    if self == .union {
      return SetAlgebra.union(of: sets.compactMap { $0 }, keyspace: &shard.pointee.keyspace)
    }
    // The others find each member once.
    var builder = shard.pointee.keyspace.setBuilder(mayRepeat: false)
    forEachMember(of: sets, shard) { builder.add($0) }
    return builder
  }

  /// The result of sets of which each lies on a shard of its own.
  fileprivate func result(of sets: [FlatValue?], hasher: KeyHasher) -> FlatValue {
    switch self {
    case .intersection:
      let present = sets.compactMap { $0 }
      guard present.count == sets.count else { return FlatValue(kind: .set) }
      return FlatSetAlgebra.intersection(of: present, hasher: hasher)
    case .union:
      return FlatSetAlgebra.union(of: sets.compactMap { $0 }, hasher: hasher)
    case .difference:
      guard let first = sets.first ?? nil else { return FlatValue(kind: .set) }
      return FlatSetAlgebra.difference(
        of: first, without: sets.dropFirst().compactMap { $0 }, hasher: hasher)
    }
  }
}

extension KeyCall {
  /// The sets at some arguments, nil for each key that is missing. If one of them is something else, that is the reply,
  /// and the result nil.
  fileprivate func sets(_ indexes: Range<Int>) -> [Entry?]? {
    let expired = keyspace.statistics.expired
    var sets: [Entry?] = []
    sets.reserveCapacity(indexes.count)
    for index in indexes {
      switch find(key(index), .set, for: .read) {
      case .missing: sets.append(nil)
      case .entry(let entry): sets.append(entry)
      case .otherType:
        refuseType()
        return nil
      }
    }
    if keyspace.statistics.expired == expired { return sets }
    // A key was found expired and is gone; the entries found before are no longer valid.
    return indexes.map { keyspace.lookup(key($0), in: database, for: .peek) }
  }
}

// MARK: Over several shards

extension Operation {
  /// Copies of the sets at some arguments, nil for each key that is missing.
  fileprivate func sets(_ indexes: Range<Int>) async throws(CommandError) -> [FlatValue?] {
    let keys = indexes.map { arguments[$0] }
    return try await values(of: keys, allowing: [.set]).map { $0?.collection }
  }
}

extension SetAlgebraCommand {
  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let sets = try await operation.sets(1..<operation.arguments.count)
      let result = Self.operation.result(of: sets, hasher: operation.localShard.pointee.keyspace.hasher)
      operation.reply.pointee.set(result.items.count)
      result.items.withReader { reader in
        while let member = reader.read() { operation.reply.pointee.bulk(member) }
      }
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

extension SetStoreCommand {
  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let sets = try await operation.sets(2..<operation.arguments.count)
      let result = Self.operation.result(of: sets, hasher: operation.localShard.pointee.keyspace.hasher)
      await operation.store(
        ValueTransfer(result), at: operation.arguments[1], .set, Self.operation.storeEvent)
      operation.reply.pointee.integer(result.items.count)
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }
}

// MARK: SINTERCARD

enum SInterCardCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "sintercard", arity: -3, flags: [.readOnly, .movableKeys],
    keys: [
      KeySpecification(
        begin: .index(1), find: .keyCount(countAt: 0, first: 1, step: 1), flags: [.readOnly, .access])
    ],
    group: .set, since: "7.0.0", summary: "Counts the members that several sets have in common.",
    complexity: "O(N*M) at worst, for M sets of which the smallest has N members.",
    arguments: [
      .init("numkeys", .integer), .init("key", .key, multiple: true),
      .init("limit", .integer, token: "LIMIT", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let request = try Request(call.arguments)
      guard let sets = call.sets(request.keys) else { return }
      let present = sets.compactMap { $0 }
      var count = 0
      if present.count == sets.count {
        SetAlgebra.forEachInIntersection(of: present, hasher: call.keyspace.hasher) { _ in
          count += 1
          return count < request.limit
        }
      }
      call.reply.pointee.integer(count)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let request = try Request(operation.arguments)
      let sets = try await operation.sets(request.keys)
      let result = SetOperation.intersection.result(
        of: sets, hasher: operation.localShard.pointee.keyspace.hasher)
      operation.reply.pointee.integer(min(result.items.count, request.limit))
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private struct Request {
    let keys: Range<Int>
    var limit = Int.max

    init(_ arguments: Arguments) throws(CommandError) {
      guard let count = arguments.integer(at: 1), count > 0 else {
        throw CommandError("ERR numkeys should be greater than 0")
      }
      guard count <= Int64(arguments.count - 2) else {
        throw CommandError("ERR Number of keys can't be greater than number of args")
      }
      keys = 2..<2 + Int(count)
      var index = keys.upperBound
      while index < arguments.count {
        guard arguments.isWord("limit", at: index), arguments.hasArgument(after: index) else {
          throw CommandError(ErrorText.syntax)
        }
        guard let limit = arguments.integer(at: index + 1), limit >= 0 else {
          throw CommandError("ERR LIMIT can't be negative")
        }
        self.limit = limit == 0 ? .max : Int(limit)
        index += 2
      }
    }
  }
}

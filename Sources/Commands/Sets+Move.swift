import Bytes
import Engine
import Keyspace
import RESP

enum SMoveCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "smove", arity: 4, flags: [.write, .fast],
    keys: [.key([.readWrite, .access, .delete]), .key(at: 2, [.readWrite, .insert])],
    group: .set, since: "1.0.0", summary: "Moves a member from one set to another.", complexity: "O(1)",
    arguments: [
      .init("source", .key), .init("destination", .key, keySpecification: 1), .init("member", .string),
    ])

  static func execute(_ call: inout KeyCall) {
    let source = call.key(1)
    let target = call.key(2)
    let member = Element(call.arguments[3])
    let isSource = call.shard.setFinding(source, call.database)
    let isTarget = call.shard.setFinding(target, call.database)
    guard isSource != .missing else { return call.reply.pointee.integer(0) }
    guard isSource == .set, isTarget != .otherType else { return call.refuseType() }
    if source.bytes == target.bytes {
      let entry = call.keyspace.lookup(source, in: call.database, for: .peek)
      let isMember = entry?.hasMember(member, hasher: call.keyspace.hasher) ?? false
      return call.reply.pointee.integer(isMember ? 1 : 0)
    }
    guard call.shard.removeMember(member, source, call.database) else { return call.reply.pointee.integer(0) }
    _ = call.shard.addMember(member, target, call.database)
    call.reply.pointee.integer(1)
  }

  /// The member is taken in one step, so whatever others do meanwhile, it ends in one place. If the target became
  /// something else in that time, the member goes back.
  static func coordinate(_ operation: Operation) async {
    let (source, target) = (operation.arguments[1], operation.arguments[2])
    let text = operation.arguments[3]
    let database = operation.database
    let (sourceShard, targetShard) = (operation.shard(of: source), operation.shard(of: target))
    let found = await operation.onShards([sourceShard, targetShard]) { shard in
      shard.setFinding(shard.key(shard.pointee.index == sourceShard ? source : target), database)
    }
    guard found[0] != .missing else { return operation.reply.pointee.integer(0) }
    guard found[0] == .set, found[1] != .otherType else {
      return operation.reply.pointee.error(ErrorText.wrongType)
    }
    let isTaken = await operation.onShard(sourceShard) { shard in
      shard.removeMember(Element(text), shard.key(source), database)
    }
    guard isTaken else { return operation.reply.pointee.integer(0) }
    let isAdded = await operation.onShard(targetShard) { shard in
      shard.addMember(Element(text), shard.key(target), database)
    }
    if isAdded { return operation.reply.pointee.integer(1) }
    _ = await operation.onShard(sourceShard) { shard in
      shard.addMember(Element(text), shard.key(source), database)
    }
    operation.reply.pointee.error(ErrorText.wrongType)
  }
}

/// What a key holds, as far as commands on sets care.
private enum SetFinding: Sendable {
  case missing
  case otherType
  case set
}

extension UnsafeMutablePointer<Shard> {
  fileprivate func key(_ bytes: ByteView) -> Key { Key(bytes, hasher: pointee.keyspace.hasher) }

  fileprivate func setFinding(_ key: Key, _ database: Int) -> SetFinding {
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .write) else { return .missing }
    return entry.kind == .set ? .set : .otherType
  }

  /// Removes a member from the set at a key, and the key with its last member. Returns whether there was one.
  fileprivate func removeMember(_ member: Element, _ key: Key, _ database: Int) -> Bool {
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .peek), entry.kind == .set,
      pointee.keyspace.removeMember(member, from: entry)
    else { return false }
    let isEmpty = entry.memberCount == 0
    if isEmpty { pointee.keyspace.removeEmptySet(entry) }
    changed(key, in: database, .set, "srem", removedKey: isEmpty)
    return true
  }

  /// Adds a member to the set at a key, which is made if need be. Returns false if the key holds something else.
  fileprivate func addMember(_ member: Element, _ key: Key, _ database: Int) -> Bool {
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .write) else {
      _ = pointee.keyspace.makeSet(key, in: database, of: member)
      changed(key, in: database, .set, "sadd")
      return true
    }
    guard entry.kind == .set else { return false }
    if pointee.keyspace.addMember(member, to: entry) { changed(key, in: database, .set, "sadd") }
    return true
  }
}

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
    let move = SetMove(
      from: call.shard.setFinding(source, call.database, member),
      to: call.shard.setFinding(target, call.database, member))
    switch move {
    case .nothing: call.reply.pointee.integer(0)
    case .refused: call.refuseType()
    case .moves:
      if source.bytes != target.bytes {
        call.shard.removeMember(member, source, call.database)
        call.shard.addMember(member, target, call.database)
      }
      call.reply.pointee.integer(1)
    }
  }

  /// A look at both sets, then the move; the keys are locked.
  static func coordinate(_ operation: Operation) async {
    let (source, target) = (operation.arguments[1], operation.arguments[2])
    let text = operation.arguments[3]
    let database = operation.database
    let (sourceShard, targetShard) = (operation.shard(of: source), operation.shard(of: target))
    let found = await operation.onShards([sourceShard, targetShard]) { shard in
      let key = shard.key(shard.pointee.index == sourceShard ? source : target)
      return shard.setFinding(key, database, Element(text))
    }
    switch SetMove(from: found[0], to: found[1]) {
    case .nothing: operation.reply.pointee.integer(0)
    case .refused: operation.reply.pointee.error(ErrorText.wrongType)
    case .moves:
      _ = await operation.onShards([sourceShard, targetShard]) { shard in
        if shard.pointee.index == sourceShard {
          shard.removeMember(Element(text), shard.key(source), database)
        } else {
          shard.addMember(Element(text), shard.key(target), database)
        }
      }
      operation.reply.pointee.integer(1)
    }
  }
}

/// What is to be done, by what is at both keys.
private enum SetMove {
  case nothing
  case refused
  case moves

  init(from source: SetFinding, to target: SetFinding) {
    switch (source, target) {
    case (.missing, _): self = .nothing
    case (.otherType, _), (_, .otherType): self = .refused
    case (.without, _): self = .nothing
    case (.with, _): self = .moves
    }
  }
}

/// What a key holds, as far as moving a member between sets is concerned.
private enum SetFinding: Sendable {
  case missing
  case otherType
  /// A set that has the member.
  case with
  /// One that does not.
  case without
}

extension UnsafeMutablePointer<Shard> {
  fileprivate func key(_ bytes: ByteView) -> Key { Key(bytes, hasher: pointee.keyspace.hasher) }

  fileprivate func setFinding(_ key: Key, _ database: Int, _ member: Element) -> SetFinding {
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .write) else { return .missing }
    guard entry.kind == .set else { return .otherType }
    return entry.hasMember(member, hasher: pointee.keyspace.hasher) ? .with : .without
  }

  /// Removes a member from the set at a key, and the key with its last member.
  fileprivate func removeMember(_ member: Element, _ key: Key, _ database: Int) {
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .peek), entry.kind == .set,
      pointee.keyspace.removeMember(member, from: entry)
    else { return }
    let isEmpty = entry.memberCount == 0
    if isEmpty { pointee.keyspace.removeEmptySet(entry) }
    changed(key, in: database, .set, "srem", removedKey: isEmpty)
  }

  /// Adds a member to the set at a key, which is made if need be.
  fileprivate func addMember(_ member: Element, _ key: Key, _ database: Int) {
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .write) else {
      _ = pointee.keyspace.makeSet(key, in: database, of: member)
      return changed(key, in: database, .set, "sadd")
    }
    guard entry.kind == .set else { return }
    if pointee.keyspace.addMember(member, to: entry) { changed(key, in: database, .set, "sadd") }
  }
}

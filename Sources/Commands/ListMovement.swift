import Bytes
import Engine
import Keyspace
import RESP

/// Bringing an element from an end of one list to an end of another, or of the same: what LMOVE and RPOPLPUSH are.
struct ListMovement: Sendable {
  let source: ByteView
  let target: ByteView
  let from: ListEnd
  let to: ListEnd
  let database: Int

  /// Does it where both lists live on the one shard. The reply is the element.
  func run(on shard: UnsafeMutablePointer<Shard>, _ reply: UnsafeMutablePointer<ReplyBuffer>) {
    let sourceKey = Key(source, hasher: shard.pointee.keyspace.hasher)
    let targetKey = Key(target, hasher: shard.pointee.keyspace.hasher)
    // The target comes first: looking it up may remove it, and then no entry found before is valid.
    let existing = shard.pointee.keyspace.lookup(targetKey, in: database, for: .write)
    guard let entry = shard.pointee.keyspace.lookup(sourceKey, in: database, for: .write) else {
      return reply.pointee.null()
    }
    guard entry.kind == .list, existing?.kind ?? .list == .list else {
      return reply.pointee.error(ErrorText.wrongType)
    }
    let item = entry.listItem(at: from)
    reply.pointee.bulk(item)
    if source == target {
      if from != to {
        shard.pointee.keyspace.rotateList(entry, from: from)
      } else {
        shard.pointee.keyspace.dirty += 1
      }
      shard.changed(sourceKey, in: database, .list, to.pushEvent)
      return shard.changed(sourceKey, in: database, .list, from.popEvent)
    }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
      // The element stays where it is until it is in the other list; the entry may not.
      let text = item.view(scratch: scratch.baseAddress.unsafelyUnwrapped)
      _ = shard.pointee.keyspace.pushToList(targetKey, in: database, existing: existing, at: to, text)
    }
    guard let entry = shard.pointee.keyspace.lookup(sourceKey, in: database, for: .peek) else { return }
    let isLast = entry.listCount == 1
    shard.pointee.keyspace.popFromList(entry, at: from)
    // Popping and pushing are one change.
    shard.pointee.keyspace.dirty -= 1
    shard.changed(targetKey, in: database, .list, to.pushEvent)
    shard.changed(sourceKey, in: database, .list, from.popEvent, removedKey: isLast)
  }

  /// The same, but where there is no element nothing is written, and the result is false.
  ///
  /// - Parameter ignoresOtherTypes: whether a source that is no list counts as one that is not there.
  func attempt(
    on shard: UnsafeMutablePointer<Shard>, ignoresOtherTypes: Bool, _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> Bool {
    let key = Key(source, hasher: shard.pointee.keyspace.hasher)
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .write) else { return false }
    if ignoresOtherTypes, entry.kind != .list { return false }
    run(on: shard, reply)
    return true
  }

  // MARK: Over several shards

  /// What is at the source.
  private enum Finding: Sendable {
    case missing
    case otherType
    case element([UInt8])
  }

  /// Does it over two shards. The reply is the element.
  func run(_ operation: Operation) async {
    if await !attempt(operation, ignoresOtherTypes: false) { operation.reply.pointee.null() }
  }

  /// The same, but where there is no element nothing is written, and the result is false. A look at both lists, then push and
  /// pop at once: the keys are locked. They may be one shard's, too.
  func attempt(_ operation: Operation, ignoresOtherTypes: Bool) async -> Bool {
    let (sourceShard, targetShard) = (operation.shard(of: source), operation.shard(of: target))
    let shards = Set([sourceShard, targetShard]).sorted()
    let looks = await operation.onShards(shards) { [self] shard in
      (
        shard.pointee.index == sourceShard ? look(on: shard) : nil,
        shard.pointee.index != targetShard || takesElement(on: shard)
      )
    }
    switch looks.compactMap({ $0.0 }).first ?? .missing {
    case .missing: return false
    case .otherType where ignoresOtherTypes: return false
    case .element(let element) where looks.allSatisfy({ $0.1 }):
      _ = await operation.onShards(shards) { [self] shard in
        if shard.pointee.index == targetShard { push(element, on: shard) }
        if shard.pointee.index == sourceShard { pop(on: shard) }
      }
      operation.reply.pointee.bulk(element)
    case .element, .otherType: operation.reply.pointee.error(ErrorText.wrongType)
    }
    return true
  }

  private func look(on shard: UnsafeMutablePointer<Shard>) -> Finding {
    let key = Key(source, hasher: shard.pointee.keyspace.hasher)
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .write) else { return .missing }
    return entry.kind == .list ? .element(entry.listItem(at: from).array) : .otherType
  }

  /// Whether the target is a list, or can become one.
  private func takesElement(on shard: UnsafeMutablePointer<Shard>) -> Bool {
    let key = Key(target, hasher: shard.pointee.keyspace.hasher)
    return shard.pointee.keyspace.lookup(key, in: database, for: .write)?.kind ?? .list == .list
  }

  private func push(_ element: [UInt8], on shard: UnsafeMutablePointer<Shard>) {
    let key = Key(target, hasher: shard.pointee.keyspace.hasher)
    let existing = shard.pointee.keyspace.lookup(key, in: database, for: .peek)
    element.withUnsafeBufferPointer { buffer in
      let text = buffer.baseAddress.map { ByteView(start: $0, count: buffer.count) } ?? ByteView("")
      _ = shard.pointee.keyspace.pushToList(key, in: database, existing: existing, at: to, text)
    }
    shard.changed(key, in: database, .list, to.pushEvent)
  }

  private func pop(on shard: UnsafeMutablePointer<Shard>) {
    let key = Key(source, hasher: shard.pointee.keyspace.hasher)
    // It may have expired since it was looked at.
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .peek) else { return }
    let isLast = entry.listCount == 1
    shard.pointee.keyspace.popFromList(entry, at: from)
    // The element counts where it was pushed.
    shard.pointee.keyspace.dirty -= 1
    shard.changed(key, in: database, .list, from.popEvent, removedKey: isLast)
  }
}

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
  func attempt(on shard: UnsafeMutablePointer<Shard>, _ reply: UnsafeMutablePointer<ReplyBuffer>) -> Bool {
    if find(source, on: shard) == .missing { return false }
    run(on: shard, reply)
    return true
  }

  /// What one shard says of its list.
  private enum Finding: Sendable {
    case missing
    case otherType
    case list
  }

  /// What came out of the source.
  private enum Popped: Sendable {
    case missing
    case otherType
    case element([UInt8])
  }

  /// Does it in several steps, mostly over two shards: a look at both lists, the pop, the push. If the target has become something else in
  /// between, the element goes back to where it was.
  func run(_ operation: Operation) async {
    if await !attempt(operation) { operation.reply.pointee.null() }
  }

  /// The same, but where there is no element nothing is written, and the result is false.
  func attempt(_ operation: Operation) async -> Bool {
    let sourceShard = operation.shard(of: source)
    let targetShard = operation.shard(of: target)
    let reply = operation.reply
    let found =
      if sourceShard == targetShard {
        await operation.onShard(sourceShard) { [self] in [find(source, on: $0), find(target, on: $0)] }
      } else {
        await operation.onShards([sourceShard, targetShard]) { [self] shard in
          find(shard.pointee.index == sourceShard ? source : target, on: shard)
        }
      }
    if found[0] == .missing { return false }
    guard found[0] == .list, found[1] != .otherType else {
      reply.pointee.error(ErrorText.wrongType)
      return true
    }
    switch await operation.onShard(sourceShard, { [self] in pop(from: $0) }) {
    case .missing: return false
    case .otherType: reply.pointee.error(ErrorText.wrongType)
    case .element(let element):
      if await operation.onShard(targetShard, { [self] in push(element, to: target, at: to, on: $0) }) {
        reply.pointee.bulk(element)
        return true
      }
      _ = await operation.onShard(sourceShard) { [self] in push(element, to: source, at: from, on: $0) }
      reply.pointee.error(ErrorText.wrongType)
    }
    return true
  }

  private func find(_ name: ByteView, on shard: UnsafeMutablePointer<Shard>) -> Finding {
    guard let entry = lookup(name, on: shard) else { return .missing }
    return entry.kind == .list ? .list : .otherType
  }

  private func pop(from shard: UnsafeMutablePointer<Shard>) -> Popped {
    guard let entry = lookup(source, on: shard) else { return .missing }
    guard entry.kind == .list else { return .otherType }
    let key = Key(source, hasher: shard.pointee.keyspace.hasher)
    let element = entry.listItem(at: from).array
    let isLast = entry.listCount == 1
    shard.pointee.keyspace.popFromList(entry, at: from)
    // It counts where it is pushed.
    shard.pointee.keyspace.dirty -= 1
    shard.changed(key, in: database, .list, from.popEvent, removedKey: isLast)
    return .element(element)
  }

  /// Returns false if the key holds something else than a list.
  private func push(
    _ element: [UInt8], to name: ByteView, at end: ListEnd, on shard: UnsafeMutablePointer<Shard>
  ) -> Bool {
    let existing = lookup(name, on: shard)
    guard existing?.kind ?? .list == .list else { return false }
    let key = Key(name, hasher: shard.pointee.keyspace.hasher)
    element.withUnsafeBufferPointer { buffer in
      let text = buffer.baseAddress.map { ByteView(start: $0, count: buffer.count) } ?? ByteView("")
      _ = shard.pointee.keyspace.pushToList(key, in: database, existing: existing, at: end, text)
    }
    shard.changed(key, in: database, .list, end.pushEvent)
    return true
  }

  private func lookup(_ name: ByteView, on shard: UnsafeMutablePointer<Shard>) -> Entry? {
    let key = Key(name, hasher: shard.pointee.keyspace.hasher)
    return shard.pointee.keyspace.lookup(key, in: database, for: .write)
  }
}

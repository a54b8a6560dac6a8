import Bytes
import Engine
import Keyspace
import RESP

enum ZMPopCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "zmpop", arity: -4, flags: [.write, .movableKeys],
    keys: [
      KeySpecification(
        begin: .index(1), find: .keyCount(countAt: 0, first: 1, step: 1),
        flags: [.readWrite, .access, .delete])
    ],
    group: .sortedSet, since: "7.0.0",
    summary: "Removes members with the lowest or highest scores from the first sorted set that has any.",
    complexity: "O(K) + O(log(N)+M) for K keys and M members taken out of N.",
    arguments: [
      .init("numkeys", .integer), .init("key", .key, multiple: true),
      .init("where", .oneOf, [.token("MIN"), .token("MAX")]),
      .init("count", .integer, token: "COUNT", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let request = try SortedSetPopOptions(call.arguments)
      for index in request.keys {
        let key = call.key(index)
        switch call.find(key, .sortedSet, for: .write) {
        case .missing: continue
        case .otherType: throw CommandError(ErrorText.wrongType)
        case .entry(let entry):
          let ranks = request.end.ranks(request.count, in: entry)
          call.reply.pointee.poppedHead(call.arguments[index], ranks.count)
          call.shard.pop(ranks, from: entry, at: key, in: call.database, request.end) {
            call.reply.pointee.popped($0, $1)
          }
          return
        }
      }
      call.reply.pointee.nullArray()
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// Key by key: a shard pops at once if it has the key.
  static func coordinate(_ operation: Operation) async {
    do throws(CommandError) {
      let request = try SortedSetPopOptions(operation.arguments)
      let database = operation.database
      for index in request.keys {
        let bytes = operation.arguments[index]
        let found = await operation.onShard(operation.shard(of: bytes)) { shard in
          pop(request, Key(bytes, hasher: shard.pointee.keyspace.hasher), in: database, of: shard)
        }
        switch found {
        case .missing: continue
        case .otherType: throw CommandError(ErrorText.wrongType)
        case .value(let value):
          guard let popped = value.collection else { continue }
          operation.reply.pointee.poppedHead(bytes, popped.items.count / 2)
          popped.items.withReader { reader in
            while let member = reader.read(), let score = reader.read() {
              operation.reply.pointee.popped(member, score.score)
            }
          }
          return
        }
      }
      operation.reply.pointee.nullArray()
    } catch {
      operation.reply.pointee.error(error.text)
    }
  }

  private static func pop(
    _ request: SortedSetPopOptions, _ key: Key, in database: Int, of shard: UnsafeMutablePointer<Shard>
  ) -> FetchedValue {
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .write) else { return .missing }
    guard entry.kind == .sortedSet else { return .otherType }
    var popped = FlatValue(kind: .sortedSet)
    let ranks = request.end.ranks(request.count, in: entry)
    shard.pop(ranks, from: entry, at: key, in: database, request.end) { popped.appendScored($0, $1) }
    return .value(ValueTransfer(popped))
  }
}

/// The arguments of ZMPOP and BZMPOP.
struct SortedSetPopOptions: Sendable {
  let keys: Range<Int>
  let end: SortedSetEnd
  var count = 1

  init(_ arguments: Arguments, keyCountAt first: Int = 1) throws(CommandError) {
    guard let keyCount = arguments.integer(at: first), keyCount > 0 else {
      throw CommandError("ERR numkeys should be greater than 0")
    }
    guard keyCount < Int64(arguments.count - first - 1) else { throw CommandError(ErrorText.syntax) }
    keys = first + 1..<first + 1 + Int(keyCount)
    if arguments.isWord("min", at: keys.upperBound) {
      end = .lowest
    } else if arguments.isWord("max", at: keys.upperBound) {
      end = .highest
    } else {
      throw CommandError(ErrorText.syntax)
    }
    let option = keys.upperBound + 1
    if option == arguments.count { return }
    guard arguments.isWord("count", at: option), arguments.hasArgument(after: option) else {
      throw CommandError(ErrorText.syntax)
    }
    guard let count = arguments.integer(at: option + 1), count > 0 else {
      throw CommandError("ERR count should be greater than 0")
    }
    guard option + 2 == arguments.count else { throw CommandError(ErrorText.syntax) }
    self.count = Int(count)
  }
}

extension ReplyBuffer {
  /// The head of a reply about the members that one of several keys gave.
  mutating func poppedHead(_ key: ByteView, _ count: Int) {
    array(2)
    bulk(key)
    array(count)
  }

  mutating func popped(_ member: Item, _ score: Double) {
    array(2)
    bulk(member)
    double(score)
  }
}

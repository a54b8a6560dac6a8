import Bytes
import Heap
import RESP

/// A command that has been read and routed, not yet executed.
struct PreparedCommand {
  var entry: UnsafePointer<CommandEntry>
  /// The hash of its first key.
  var hash: UInt64
  /// Where its arguments' ranges start in the store, and how many there are.
  var argumentStart: Int32
  var argumentCount: Int32
  var shard: Int16
  /// 0 for a command that one shard executes whole. A command over several shards is several of these, one after the other, each
  /// with the keys of its shard: the first says how many they are, the others say `furtherPart`.
  var partCount: Int16 = 0
  /// Of the first command of a transaction that was read whole, from MULTI to EXEC: how many commands it has. 0 for others.
  var transactionCount: Int16 = 0
  /// Whether it is the last command of such a transaction.
  var endsTransaction = false
  /// The next command of the batch for the same shard; -1 for the last.
  var next: Int32 = -1

  static let furtherPart: Int16 = -1
}

extension PreparedCommand {
  /// The arguments as the client sent them. Before the ranges of the first part of a command over several shards stands one
  /// that says where the ranges of the whole command are.
  func wholeArguments(base: UnsafePointer<UInt8>, ranges: UnsafePointer<ArgumentRange>) -> Arguments {
    if partCount <= 0 {
      return Arguments(base: base, ranges: ranges + Int(argumentStart), count: Int(argumentCount))
    }
    let whole = ranges[Int(argumentStart) - 1]
    return Arguments(base: base, ranges: ranges + Int(whole.offset), count: Int(whole.count))
  }
}

/// What became of one command of a batch.
struct CommandResult {
  /// Bytes of its reply.
  var replyBytes: Int
  /// What it took, in nanoseconds, at most four seconds.
  var nanoseconds: UInt32
}

/// One shard's share of a batch. The executing shard alone writes here until it answers.
struct BatchPart {
  /// The first command of this shard; -1 if it has none.
  var firstCommand: Int32
  var lastCommand: Int32
  var commandCount: Int32
  /// Results in the order of the shard's commands.
  var results: UnsafeMutablePointer<CommandResult>
  /// The replies, in the executing shard's memory.
  var replies: ReplyBuffer
  /// What keeps the next command waiting for a lock, while it does.
  var held: UnsafeMutablePointer<HeldCommand>?
  // Reading the replies back, on the connection's loop. (While the part waits for a lock, how many commands are done.)
  var nextResult: Int32
  var readChunk: UnsafeMutablePointer<ReplyChunk>?
  var readOffset: Int
  /// Chunks whose bytes were copied: to be freed by the executing shard.
  var doneChunks: UnsafeMutablePointer<ReplyChunk>?
}

/// Commands of one connection that a turn found, on their way to several shards.
///
/// A batch is one block of the origin's heap: this header, a part for each shard on cache lines of its
/// own, the commands, their argument ranges, and room for the results. Each shard concerned gets one message
/// with the block's address, reads the arguments where they were received, and writes its replies one after
/// the other into memory of its own; the connection's loop then puts them into the order of the commands.
/// The input stays where it is until all have answered.
struct Batch {
  let client: UnsafeMutablePointer<Client>
  let origin: Int
  let base: UnsafePointer<UInt8>
  let commands: UnsafeMutablePointer<PreparedCommand>
  let commandCount: Int
  let ranges: UnsafeMutablePointer<ArgumentRange>
  /// For each key of the commands over several shards, in their order, the shard that owns it.
  let keyOwners: UnsafeMutablePointer<Int16>
  let shardCount: Int
  let database: Int
  let version: ProtocolVersion
  /// What the client's replies may take: a part that passes it need not be kept.
  let replyByteLimit: Int
  let leavesAges: Bool
  let caller: Caller
  /// Shards that have not answered.
  var partsPending: Int
  /// The locks under which the commands are executed, if they are one step in the eyes of others.
  var transaction: UnsafeMutablePointer<Transaction>?
  /// Whether the commands are those of an EXEC, whose replies make one array.
  let isExec: Bool

  /// Parts lie a pair of cache lines apart or more, so that shards don't write to each other's lines.
  private static let partStride = (MemoryLayout<BatchPart>.stride + 127) & ~127
  private static let headerBytes = (MemoryLayout<Batch>.stride + 127) & ~127

  /// Makes a batch of prepared commands, whose ranges are copied. `partsPending` is the number of shards other than
  /// the origin that have commands in it.
  static func make(
    client: UnsafeMutablePointer<Client>, origin: Int, base: UnsafePointer<UInt8>,
    prepared: UnsafePointer<PreparedCommand>, count: Int, ranges: UnsafePointer<ArgumentRange>,
    rangeCount: Int, keyOwners: [Int16],
    shardCount: Int, isExec: Bool, heap: ShardHeap
  ) -> UnsafeMutablePointer<Batch> {
    let commandBytes = count * MemoryLayout<PreparedCommand>.stride
    let rangeBytes = rangeCount * MemoryLayout<ArgumentRange>.stride
    let ownerStart = headerBytes + shardCount * partStride + commandBytes + rangeBytes
    let ownerBytes = keyOwners.count * MemoryLayout<Int16>.stride
    let resultStart = (ownerStart + ownerBytes + 127) & ~127
    // The results of each part begin on a line of their own.
    let resultBytes = count * MemoryLayout<CommandResult>.stride + shardCount * 128
    let block = heap.allocate(resultStart + resultBytes, for: .messages)
    let commands = (block + headerBytes + shardCount * partStride)
      .bindMemory(to: PreparedCommand.self, capacity: count)
    commands.initialize(from: prepared, count: count)
    let rangeCopy = (block + headerBytes + shardCount * partStride + commandBytes)
      .bindMemory(to: ArgumentRange.self, capacity: rangeCount)
    rangeCopy.initialize(from: ranges, count: rangeCount)
    let ownerCopy = (block + ownerStart).bindMemory(to: Int16.self, capacity: keyOwners.count)
    for index in keyOwners.indices { (ownerCopy + index).initialize(to: keyOwners[index]) }
    let batch = block.bindMemory(to: Batch.self, capacity: 1)
    batch.initialize(
      to: Batch(
        client: client, origin: origin, base: base, commands: commands, commandCount: count,
        ranges: rangeCopy, keyOwners: ownerCopy,
        shardCount: shardCount, database: client.pointee.database, version: client.pointee.reply.version,
        replyByteLimit: client.pointee.reply.byteLimit, leavesAges: client.pointee.flags.contains(.noTouch),
        caller: client.caller(loop: origin),
        partsPending: 0, isExec: isExec))
    batch.linkCommands(results: block + resultStart, heap: heap)
    return batch
  }
}

extension UnsafeMutablePointer<Batch> {
  func part(_ shard: Int) -> UnsafeMutablePointer<BatchPart> {
    (UnsafeMutableRawPointer(self) + Batch.partOffset(shard)).assumingMemoryBound(to: BatchPart.self)
  }

  func arguments(of command: UnsafeMutablePointer<PreparedCommand>) -> Arguments {
    Arguments(
      base: pointee.base, ranges: pointee.ranges + Int(command.pointee.argumentStart),
      count: Int(command.pointee.argumentCount))
  }

  /// The arguments as the client sent them, also of a command over several shards.
  func wholeArguments(of command: UnsafeMutablePointer<PreparedCommand>) -> Arguments {
    command.pointee.wholeArguments(base: pointee.base, ranges: pointee.ranges)
  }

  /// Chains the commands of each shard and gives each part its room for results.
  fileprivate func linkCommands(results: UnsafeMutableRawPointer, heap: ShardHeap) {
    for shard in 0..<pointee.shardCount {
      part(shard).initialize(
        to: BatchPart(
          firstCommand: -1, lastCommand: -1, commandCount: 0,
          results: results.assumingMemoryBound(to: CommandResult.self),
          replies: ReplyBuffer(heap: heap), nextResult: 0, readChunk: nil,
          readOffset: 0))
    }
    for index in 0..<pointee.commandCount {
      let part = part(Int(pointee.commands[index].shard))
      if part.pointee.firstCommand < 0 {
        part.pointee.firstCommand = Int32(index)
      } else {
        pointee.commands[Int(part.pointee.lastCommand)].next = Int32(index)
      }
      part.pointee.lastCommand = Int32(index)
      part.pointee.commandCount += 1
    }
    var next = results
    for shard in 0..<pointee.shardCount {
      let part = part(shard)
      part.pointee.results = next.bindMemory(to: CommandResult.self, capacity: Int(part.pointee.commandCount))
      let bytes = Int(part.pointee.commandCount) * MemoryLayout<CommandResult>.stride
      next += (bytes + 127) & ~127
      if part.pointee.commandCount > 0, shard != pointee.origin { pointee.partsPending += 1 }
    }
  }
}

extension Batch {
  fileprivate static func partOffset(_ shard: Int) -> Int { headerBytes + shard * partStride }
}

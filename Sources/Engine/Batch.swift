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
  var shard: Int32
  /// The next command of the batch for the same shard; -1 for the last.
  var next: Int32 = -1
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
  // Reading the replies back, on the connection's loop.
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
  let shardCount: Int
  let database: Int
  let version: ProtocolVersion
  /// What the client's replies may take: a part that passes it need not be kept.
  let replyByteLimit: Int
  let leavesAges: Bool
  let caller: Caller
  /// Shards that have not answered.
  var partsPending: Int

  /// Parts lie a pair of cache lines apart or more, so that shards don't write to each other's lines.
  private static let partStride = (MemoryLayout<BatchPart>.stride + 127) & ~127
  private static let headerBytes = (MemoryLayout<Batch>.stride + 127) & ~127

  /// Makes a batch of prepared commands, whose ranges are copied. `partsPending` is the number of shards other than
  /// the origin that have commands in it.
  static func make(
    client: UnsafeMutablePointer<Client>, origin: Int, base: UnsafePointer<UInt8>,
    prepared: UnsafePointer<PreparedCommand>, count: Int, ranges: UnsafePointer<ArgumentRange>,
    rangeCount: Int,
    shardCount: Int, heap: ShardHeap
  ) -> UnsafeMutablePointer<Batch> {
    let commandBytes = count * MemoryLayout<PreparedCommand>.stride
    let rangeBytes = rangeCount * MemoryLayout<ArgumentRange>.stride
    let resultStart = (headerBytes + shardCount * partStride + commandBytes + rangeBytes + 127) & ~127
    // The results of each part begin on a line of their own.
    let resultBytes = count * MemoryLayout<CommandResult>.stride + shardCount * 128
    let block = heap.allocate(resultStart + resultBytes, for: .messages)
    let commands = (block + headerBytes + shardCount * partStride)
      .bindMemory(to: PreparedCommand.self, capacity: count)
    commands.initialize(from: prepared, count: count)
    let rangeCopy = (block + headerBytes + shardCount * partStride + commandBytes)
      .bindMemory(to: ArgumentRange.self, capacity: rangeCount)
    rangeCopy.initialize(from: ranges, count: rangeCount)
    let batch = block.bindMemory(to: Batch.self, capacity: 1)
    batch.initialize(
      to: Batch(
        client: client, origin: origin, base: base, commands: commands, commandCount: count,
        ranges: rangeCopy,
        shardCount: shardCount, database: client.pointee.database, version: client.pointee.reply.version,
        replyByteLimit: client.pointee.reply.byteLimit, leavesAges: client.pointee.flags.contains(.noTouch),
        caller: client.caller(loop: origin),
        partsPending: 0))
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

extension UnsafeMutablePointer<BatchPart> {
  /// Chunks with at least so many bytes of one reply change hands instead of being copied.
  private static var handedOverBytes: Int { 2_048 }

  /// Starts reading the replies.
  func beginReading() {
    pointee.replies.seal()
    pointee.nextResult = 0
    pointee.readChunk = pointee.replies.head
    pointee.readOffset = pointee.replies.head?.pointee.start ?? 0
  }

  /// Moves the reply of the shard's next command to the end of `target`.
  ///
  /// - Parameters:
  ///   - owner: the executing shard, or `ReplyChunk.ownHeap` if it is the target's own.
  func moveNextReply(to target: UnsafeMutablePointer<ReplyBuffer>, owner: Int) -> CommandResult {
    let result = pointee.results[Int(pointee.nextResult)]
    pointee.nextResult += 1
    var remaining = result.replyBytes
    while remaining > 0, let chunk = pointee.readChunk {
      let available = chunk.pointee.end - pointee.readOffset
      let count = Swift.min(remaining, available)
      remaining -= count
      let isWhole = count == available && pointee.readOffset == chunk.pointee.start
      if isWhole, count >= Self.handedOverBytes {
        advance(beyond: chunk)
        target.pointee.append(chunk: chunk, owner: owner)
        continue
      }
      target.pointee.append(ByteView(start: chunk.bytes + pointee.readOffset, count: count))
      if count < available {
        pointee.readOffset += count
      } else {
        advance(beyond: chunk)
        retire(chunk)
      }
    }
    return result
  }

  private func advance(beyond chunk: UnsafeMutablePointer<ReplyChunk>) {
    pointee.readChunk = chunk.pointee.next
    pointee.readOffset = chunk.pointee.next?.pointee.start ?? 0
  }

  private func retire(_ chunk: UnsafeMutablePointer<ReplyChunk>) {
    chunk.pointee.next = pointee.doneChunks
    pointee.doneChunks = chunk
  }

  /// Ends reading: the chunks that did not change hands, which the executing shard is to free.
  func takeRemains() -> UnsafeMutablePointer<ReplyChunk>? {
    while let chunk = pointee.readChunk {
      advance(beyond: chunk)
      retire(chunk)
    }
    let chain = pointee.doneChunks
    pointee.doneChunks = nil
    return chain
  }
}

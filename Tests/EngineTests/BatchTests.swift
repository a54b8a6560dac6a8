import Bytes
import Commands
import Heap
import RESP
import TestSupport
import Testing

@testable import Engine

@Suite("Batches of commands for several shards")
struct BatchTests {
  /// Prepared commands for the given shards, each with its number in decimal as its only argument.
  private func withBatch(
    of shards: [Int], shardCount: Int, origin: Int = 0, _ body: (UnsafeMutablePointer<Batch>) -> Void
  ) {
    withCluster(shardCount: 1) { cluster in
      let client = cluster.connect()
      let heap = cluster.shards[0].pointee.heap
      let entry = cluster.shards[0].pointee.lookup.entries
      withArguments(shards.indices.map { "\($0)" }) { arguments in
        let prepared = shards.enumerated().map { number, shard in
          PreparedCommand(
            entry: entry, hash: UInt64(number), argumentStart: Int32(number), argumentCount: 1,
            shard: Int16(shard))
        }
        let before = heap.liveBytes(.messages)
        let batch = prepared.withUnsafeBufferPointer {
          Batch.make(
            client: client.pointer, origin: origin, base: arguments.base, prepared: $0.baseAddress!,
            count: $0.count, ranges: arguments.ranges, rangeCount: arguments.count, keyOwners: [],
            shardCount: shardCount, isExec: false, heap: heap)
        }
        body(batch)
        heap.free(batch, for: .messages)
        #expect(heap.liveBytes(.messages) == before)
      }
    }
  }

  /// The numbers of a shard's commands, as the shard goes through them.
  private func chain(_ batch: UnsafeMutablePointer<Batch>, _ shard: Int) -> [Int] {
    var numbers: [Int] = []
    var next = batch.part(shard).pointee.firstCommand
    while next >= 0, numbers.count <= batch.pointee.commandCount {
      numbers.append(Int(next))
      next = batch.pointee.commands[Int(next)].next
    }
    return numbers
  }

  @Test("chain the commands of each shard in the order in which they came")
  func chains() {
    withBatch(of: [2, 0, 2, 1, 0, 2], shardCount: 4) { batch in
      #expect((0..<4).map { chain(batch, $0) } == [[1, 4], [3], [0, 2, 5], []])
      #expect((0..<4).map { batch.part($0).pointee.commandCount } == [2, 1, 3, 0])
      #expect((0..<4).map { batch.part($0).pointee.lastCommand } == [4, 3, 5, -1])
    }
  }

  @Test(
    "wait for the shards that have commands in them, but not for the one that they came from",
    arguments: 0..<4)
  func pending(origin: Int) {
    withBatch(of: [2, 0, 2, 0], shardCount: 4, origin: origin) { batch in
      #expect(batch.pointee.partsPending == (origin == 0 || origin == 2 ? 1 : 2))
    }
  }

  @Test("keep copies of the arguments' places, so that the loop can go on with its store")
  func arguments() {
    withBatch(of: [1, 0, 1], shardCount: 2) { batch in
      for number in 0..<3 {
        let arguments = batch.arguments(of: batch.pointee.commands + number)
        #expect(arguments.arrays == [Array("\(number)".utf8)])
      }
    }
  }

  @Test("have room for every result, apart from each other's lines")
  func results() {
    var random = SeededRandom(test: "BatchTests.results")
    for _ in 0..<200 {
      let shardCount = 1 + random.below(9)
      let shards = (0...random.below(100)).map { _ in random.below(shardCount) }
      withBatch(of: shards, shardCount: shardCount) { batch in
        var used: [Range<UInt>] = []
        for shard in 0..<shardCount {
          let part = batch.part(shard).pointee
          expectEqual(chain(batch, shard), shards.indices.filter { shards[$0] == shard }, "\(random)")
          let start = UInt(bitPattern: part.results)
          used.append(start..<(start + UInt(Int(part.commandCount) * MemoryLayout<CommandResult>.stride)))
          // Whatever is written there must not change the commands or their arguments.
          for index in 0..<Int(part.commandCount) {
            part.results[index] = CommandResult(replyBytes: .max, nanoseconds: .max)
          }
          let own = UInt(bitPattern: batch.part(shard))
          used.append(own..<(own + UInt(MemoryLayout<BatchPart>.stride)))
        }
        let block = UInt(bitPattern: batch)
        let end = block + UInt(ShardHeap.usableSize(batch))
        used.sort { $0.lowerBound < $1.lowerBound }
        for (range, next) in zip(used, used.dropFirst()) where !range.isEmpty && !next.isEmpty {
          expectEqual(range.upperBound <= next.lowerBound, true, "\(random)")
        }
        expectEqual(used.allSatisfy { $0.lowerBound >= block && $0.upperBound <= end }, true, "\(random)")
        for number in shards.indices {
          let arguments = batch.arguments(of: batch.pointee.commands + number)
          expectEqual(arguments.arrays, [Array("\(number)".utf8)], "\(random)")
        }
      }
    }
  }

  @Test("give their replies back one by one, wherever chunks end")
  func replies() {
    var random = SeededRandom(test: "BatchTests.replies")
    for round in 0..<100 {
      let count = 1 + random.below(60)
      // Chunks of another shard stay that shard's; the target's own are counted for the target.
      let owner = round & 1 == 0 ? ReplyChunk.ownHeap : 3
      withBatch(of: Array(repeating: 0, count: count), shardCount: 1) { batch in
        withCluster(shardCount: 1) { cluster in
          let heap = cluster.shards[0].pointee.heap
          let before = heap.liveBytes(.clients)
          let part = batch.part(0)
          part.pointee.replies = ReplyBuffer(heap: heap)
          var expected: [UInt8] = []
          for index in 0..<count {
            let size = random.element(of: [0, 5, 100, 4_050, 5_000])
            let reply = [UInt8](repeating: UInt8(index), count: size == 0 ? 0 : random.below(size))
            part.pointee.replies.append(reply)
            expected += reply
            part.pointee.results[index] = CommandResult(
              replyBytes: reply.count, nanoseconds: UInt32(index))
          }
          part.beginReading()
          var target = ReplyBuffer(heap: heap)
          withUnsafeMutablePointer(to: &target) { target in
            for index in 0..<count {
              let result = part.nextResult()
              part.move(result.replyBytes, to: target, owner: owner)
              expectEqual(result.nanoseconds, UInt32(index), "\(random)")
            }
          }
          expectEqual(target.bytes(), expected, "\(random)")
          target.release()
          for chain in [part.takeRemains(), target.takeReturned()] {
            if let chain { cluster.shards[0].freeReplies(chain) }
          }
          expectEqual(heap.liveBytes(.clients), before, "\(random)")
        }
      }
    }
  }
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("The buffer of replies")
struct ReplyBufferTests {
  private static let smallRoom = ReplyBuffer.smallChunkBytes - ReplyChunk.headerBytes
  private static let largeRoom = ReplyBuffer.largeChunkBytes - ReplyChunk.headerBytes

  /// `count` bytes of which each tells its place.
  private func pattern(_ count: Int, from first: Int = 0) -> [UInt8] {
    (first..<(first + count)).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
  }

  private func chunkCount(_ reply: ReplyBuffer) -> Int {
    sequence(first: reply.head) { $0?.pointee.next }.prefix { $0 != nil }.reduce(0) { count, _ in count + 1 }
  }

  // MARK: Chunks

  @Test("holds no memory before something is written, nor after it is released")
  func memory() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      #expect(reply.allocatedBytes == 0 && heap.liveBytes == 0 && reply.isEmpty && reply.bytes() == [])
      reply.ok()
      #expect(!reply.isEmpty)
      #expect(reply.allocatedBytes == heap.liveBytes(.clients) && reply.allocatedBytes >= 4_096)
      reply.release()
      #expect(reply.allocatedBytes == 0 && heap.liveBytes == 0 && reply.isEmpty)
      reply.ok()
      #expect(reply.bytes() == Array("+OK\r\n".utf8))
      reply.release()
    }
  }

  @Test(
    "counts its memory for the purpose that it was made for",
    arguments: [Purpose.clients, .messages, .replicas])
  func purpose(purpose: Purpose) {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap, purpose: purpose)
      reply.bulk(pattern(30_000))
      reply.bulk(pattern(30_000))
      #expect(heap.liveBytes(purpose) == reply.allocatedBytes && heap.liveBytes == reply.allocatedBytes)
      reply.removeFirst(31_000)
      #expect(heap.liveBytes(purpose) == reply.allocatedBytes)
      reply.truncate(to: 1)
      #expect(heap.liveBytes(purpose) == reply.allocatedBytes)
      reply.release()
    }
  }

  @Test(
    "keeps replies of every size around a chunk's whole",
    arguments: [
      0, 1, 24, 4_040, 4_062, 4_063, 4_064, 4_065, 4_072, 4_095, 4_096, 4_097, 8_192, 16_352, 16_384, 100_000,
    ])
  func sizesAroundChunks(count: Int) {
    withHeap { heap in
      for offset in -3...3 where count + offset >= 0 {
        let value = pattern(count + offset)
        var reply = ReplyBuffer(heap: heap)
        var expected: [UInt8] = []
        for _ in 0..<3 {
          reply.bulk(value)
          reply.append(value)
          expected += Array("$\(value.count)\r\n".utf8) + value + [0x0d, 0x0a] + value
          #expect(reply.count == expected.count)
        }
        #expect(reply.bytes() == expected)
        #expect(reply.allocatedBytes == heap.liveBytes)
        reply.release()
      }
    }
  }

  @Test("uses a small chunk first and large ones after it")
  func chunkSizes() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      reply.append(pattern(Self.smallRoom))
      #expect(chunkCount(reply) == 1)
      reply.append([1])
      #expect(chunkCount(reply) == 2)
      reply.append(pattern(Self.largeRoom - 1))
      #expect(chunkCount(reply) == 2)
      reply.append([1])
      #expect(chunkCount(reply) == 3)
      // What fits no chunk gets one of its own size.
      reply.append(pattern(50_000))
      #expect(chunkCount(reply) == 4)
      #expect(reply.count == Self.smallRoom + 1 + Self.largeRoom - 1 + 1 + 50_000)
      reply.release()
    }
  }

  @Test("begins with a large chunk once a turn has needed more than a small one, and goes back")
  func adapts() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      for (turnBytes, chunkBytes) in [
        (Self.smallRoom, ReplyBuffer.smallChunkBytes), (Self.smallRoom + 1, ReplyBuffer.largeChunkBytes),
        (100_000, ReplyBuffer.largeChunkBytes), (100, ReplyBuffer.smallChunkBytes),
      ] {
        reply.adapt(toTurnOf: turnBytes)
        reply.ok()
        #expect(reply.head?.pointee.capacity == chunkBytes - ReplyChunk.headerBytes)
        reply.removeFirst(5)
        #expect(heap.liveBytes == 0)
      }
    }
  }

  @Test("can be read by following its chunks once it is sealed")
  func seals() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      let content = pattern(40_000)
      for start in stride(from: 0, to: content.count, by: 999) {
        reply.append(Array(content[start..<min(start + 999, content.count)]))
      }
      reply.removeFirst(700)
      reply.seal()
      var bytes: [UInt8] = []
      var chunk = reply.head
      while let current = chunk {
        bytes += UnsafeBufferPointer(
          start: current.bytes + current.pointee.start, count: current.pointee.end - current.pointee.start)
        chunk = current.pointee.next
      }
      #expect(bytes == Array(content[700...]))
      reply.release()
    }
  }

  // MARK: Taking out and cutting

  @Test("gives back a chunk's memory when its last byte is taken out")
  func removeFirst() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      let content = pattern(Self.smallRoom) + pattern(Self.largeRoom) + pattern(10)
      reply.append(Array(content[..<Self.smallRoom]))
      reply.append(Array(content[Self.smallRoom..<(Self.smallRoom + Self.largeRoom)]))
      reply.append(Array(content[(Self.smallRoom + Self.largeRoom)...]))
      #expect(chunkCount(reply) == 3)
      reply.removeFirst(Self.smallRoom - 1)
      #expect(chunkCount(reply) == 3 && reply.count == Self.largeRoom + 11)
      reply.removeFirst(1)
      #expect(chunkCount(reply) == 2 && reply.bytes() == Array(content[Self.smallRoom...]))
      reply.removeFirst(Self.largeRoom + 3)
      #expect(chunkCount(reply) == 1 && reply.bytes() == pattern(7, from: 3))
      reply.removeFirst(0)
      #expect(reply.count == 7)
      reply.removeFirst(7)
      #expect(chunkCount(reply) == 0 && reply.isEmpty && heap.liveBytes == 0)
      reply.removeFirst(0)
    }
  }

  @Test(
    "drops the most recent replies, and goes on behind what is left",
    arguments: [0, 1, 4_063, 4_064, 4_065, 20_446, 20_448, 30_000])
  func truncate(kept: Int) {
    withHeap { heap in
      let content = pattern(30_000)
      for taken in [0, 1, 4_000] where taken <= kept {
        var reply = ReplyBuffer(heap: heap)
        for start in stride(from: 0, to: content.count, by: 100) {
          reply.append(Array(content[start..<(start + 100)]))
        }
        reply.removeFirst(taken)
        reply.truncate(to: kept - taken)
        #expect(reply.count == kept - taken)
        #expect(reply.allocatedBytes == heap.liveBytes)
        reply.bulk("next")
        #expect(reply.bytes() == Array(content[taken..<kept]) + Array("$4\r\nnext\r\n".utf8))
        reply.release()
      }
    }
  }

  // MARK: Moving

  @Test("moves all of another buffer to its end, whatever both hold")
  func movesFromAnother() {
    // Empty, short, just what is copied and no more, a whole chunk, several chunks.
    let counts = [0, 1, 1_024, 1_025, Self.smallRoom, Self.smallRoom + 1, 3 * Self.largeRoom]
    withHeap { heap in
      for first in counts {
        for second in counts {
          // Buffers from which something was taken already, or everything was cut off, are other cases.
          for (firstTaken, secondTaken) in [(0, 0), (1, 0), (0, 1), (first, second), (first / 2, second / 2)]
          {
            var target = ReplyBuffer(heap: heap)
            var source = ReplyBuffer(heap: heap)
            for start in stride(from: 0, to: first, by: 700) {
              target.append(pattern(min(700, first - start), from: start))
            }
            for start in stride(from: 0, to: second, by: 700) {
              source.append(pattern(min(700, second - start), from: start))
            }
            target.removeFirst(min(firstTaken, first))
            source.removeFirst(min(secondTaken, second))
            let expected = target.bytes() + source.bytes()
            target.append(movingFrom: &source)
            let comment = "\(first) less \(firstTaken), \(second) less \(secondTaken)"
            expectEqual(target.bytes(), expected, comment)
            expectEqual(target.count, expected.count, comment)
            expectEqual(source.count, 0, comment)
            expectEqual(target.allocatedBytes + source.allocatedBytes, heap.liveBytes, comment)
            // Both go on as if nothing had happened.
            target.append([1, 2, 3])
            source.append([4, 5, 6])
            expectEqual(target.bytes(), expected + [1, 2, 3], comment)
            expectEqual(source.bytes(), [4, 5, 6], comment)
            target.release()
            source.release()
          }
        }
      }
    }
  }

  @Test("takes over the other buffer's count of errors")
  func movesErrorCounts() {
    withHeap { heap in
      var target = ReplyBuffer(heap: heap)
      var source = ReplyBuffer(heap: heap)
      target.error("ERR a")
      source.error("ERR b")
      source.error("ERR c")
      target.append(movingFrom: &source)
      #expect(target.errorCount == 3 && source.errorCount == 0)
      target.release()
      source.release()
    }
  }

  // MARK: Random steps

  @Test("is an array of bytes, whatever is done to it in whatever order", arguments: 0..<4)
  func model(number: Int) {
    var random = SeededRandom(test: "ReplyBufferTests.model \(number)")
    withHeap { heap in
      // As a client has them: what is written, and what is being sent.
      var buffers = (ReplyBuffer(heap: heap), ReplyBuffer(heap: heap))
      var models: ([UInt8], [UInt8]) = ([], [])
      for step in 0..<4_000 {
        let size = random.element(of: [1, 30, 1_023, 4_063, 5_000, 20_000])
        switch random.below(12) {
        case 0...3:
          let bytes =
            random.bytes(min(random.below(size + 1), 3_000))
            + [UInt8](repeating: 7, count: random.below(size))
          buffers.0.append(bytes)
          models.0 += bytes
        case 4:
          let bytes = [UInt8](repeating: UInt8(step & 255), count: random.below(size))
          buffers.0.bulk(bytes)
          models.0 += Array("$\(bytes.count)\r\n".utf8) + bytes + [0x0d, 0x0a]
        case 5:
          buffers.0.integer(step)
          models.0 += Array(":\(step)\r\n".utf8)
        case 6:
          let kept = random.below(models.0.count + 1)
          buffers.0.truncate(to: kept)
          models.0.removeSubrange(kept...)
        case 7:
          buffers.0.adapt(toTurnOf: models.0.count)
          buffers.1.append(movingFrom: &buffers.0)
          models.1 += models.0
          models.0 = []
        case 8, 9:
          let count = min(random.below(size * 4), models.1.count)
          buffers.1.removeFirst(count)
          models.1.removeFirst(count)
        case 10:
          let count = random.below(models.0.count + 1)
          buffers.0.removeFirst(count)
          models.0.removeFirst(count)
        default:
          if random.below(20) == 0 {
            buffers.1.release()
            models.1 = []
          } else {
            buffers.0.seal()
            _ = buffers.0.reserve(random.below(size))
          }
        }
        expectEqual(buffers.0.count, models.0.count, "step \(step), \(random)")
        expectEqual(buffers.1.count, models.1.count, "step \(step), \(random)")
        expectEqual(buffers.0.isEmpty, models.0.isEmpty, "step \(step), \(random)")
        expectEqual(
          buffers.0.allocatedBytes + buffers.1.allocatedBytes, heap.liveBytes, "step \(step), \(random)")
        if step % 16 == 0 {
          #expect(buffers.0.bytes() == models.0, "step \(step), \(random)")
          #expect(buffers.1.bytes() == models.1, "step \(step), \(random)")
        }
        if models.1.count > 200_000 {
          buffers.1.removeFirst(models.1.count)
          models.1 = []
        }
      }
      buffers.0.release()
      buffers.1.release()
    }
  }
}

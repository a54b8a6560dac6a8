import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("The byte limit of a reply buffer")
struct ReplyLimitTests {
  private static let limit = 100_000
  private let chunk = [UInt8](repeating: 7, count: 10_000)

  @Test("is passed when more would be held than it allows, not before")
  func passing() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      reply.byteLimit = Self.limit
      for _ in 0..<10 { reply.append(chunk) }
      #expect(!reply.isOverLimit && reply.count == Self.limit)
      // Whatever is in the last chunk's room is not looked at: the limit is checked when memory is asked for.
      while !reply.isOverLimit { reply.append(chunk) }
      #expect(reply.count <= Self.limit)
      reply.release()
    }
  }

  @Test("counts what is held, not what has passed through")
  func takingOut() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      reply.byteLimit = Self.limit
      for _ in 0..<100 {
        for _ in 0..<5 { reply.append(chunk) }
        reply.removeFirst(50_000)
      }
      #expect(!reply.isOverLimit && reply.isEmpty)
    }
  }

  @Test("bounds memory for good once it is passed: what comes then replaces what is there")
  func bounded() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      reply.byteLimit = Self.limit
      for _ in 0..<1_000 {
        reply.append(chunk)
        #expect(heap.liveBytes <= (reply.isOverLimit ? ReplyBuffer.largeChunkBytes : 2 * Self.limit))
        #expect(reply.allocatedBytes == heap.liveBytes)
      }
      #expect(reply.isOverLimit)
      // Once and for all: replies are missing in the middle.
      reply.release()
      #expect(reply.isOverLimit)
      reply.append(chunk)
      reply.release()
    }
  }

  @Test("of 0 is none")
  func noLimit() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      for _ in 0..<100 { reply.append(chunk) }
      #expect(!reply.isOverLimit && reply.count == 1_000_000)
      reply.release()
    }
  }

  @Test("may be passed by replies that are to be dropped again, for a client that wants none")
  func truncatingWhatIsGone() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      reply.byteLimit = Self.limit
      for _ in 0..<9 { reply.append(chunk) }
      let before = reply.count
      // CLIENT REPLY SKIP: the reply is written, then cut off. It passed the limit, so more is gone than that.
      reply.append([UInt8](repeating: 1, count: 30_000))
      #expect(reply.isOverLimit)
      reply.truncate(to: before)
      #expect(reply.count <= before)
      #expect(reply.allocatedBytes == heap.liveBytes)
      reply.release()
    }
  }
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("Chunks of another shard's heap in a reply buffer")
struct ForeignChunkTests {
  /// A buffer of `foreign`, filled with bulk strings, as a chain of chunks.
  private func chunks(_ foreign: ShardHeap, byteCount: Int) -> (UnsafeMutablePointer<ReplyChunk>, [UInt8]) {
    var buffer = ReplyBuffer(heap: foreign, purpose: .messages)
    while buffer.count < byteCount {
      buffer.bulk(Array(repeating: UInt8(buffer.count & 63) + 64, count: 1_000))
    }
    let bytes = buffer.bytes()
    return (buffer.head!, bytes)
  }

  private func free(_ chain: UnsafeMutablePointer<ReplyChunk>?, _ heap: ShardHeap) -> Int {
    var chunk = chain
    var count = 0
    while let current = chunk {
      chunk = current.pointee.next
      heap.free(current, for: .messages)
      count += 1
    }
    return count
  }

  @Test("are sent in order among the buffer's own, and come back as they are used up")
  func order() {
    withHeap { heap in
      withHeap { foreign in
        var reply = ReplyBuffer(heap: heap)
        reply.ok()
        let (chain, bytes) = chunks(foreign, byteCount: 50_000)
        var next: UnsafeMutablePointer<ReplyChunk>? = chain
        while let chunk = next {
          next = chunk.pointee.next
          reply.append(chunk: chunk, owner: 7)
        }
        reply.integer(5)
        let expected = Array("+OK\r\n".utf8) + bytes + Array(":5\r\n".utf8)
        #expect(reply.bytes() == expected && reply.count == expected.count)
        #expect(reply.takeReturned() == nil)
        reply.removeFirst(5 + 20_000)
        #expect(reply.bytes() == Array(expected[(5 + 20_000)...]))
        var sending = ReplyBuffer(heap: heap)
        sending.append(movingFrom: &reply)
        #expect(reply.takeReturned() == nil, "what waits to go home moves with the content")
        let early = free(sending.takeReturned(), foreign)
        #expect(early > 0)
        sending.removeFirst(sending.count)
        let late = free(sending.takeReturned(), foreign)
        #expect(late > 0 && foreign.liveBytes == 0)
        #expect(heap.liveBytes == 0)
      }
    }
  }

  @Test("come back when the buffer is cut, released or over its limit", arguments: [0, 1, 2])
  func dropped(how: Int) {
    withHeap { heap in
      withHeap { foreign in
        var reply = ReplyBuffer(heap: heap)
        if how == 2 { reply.byteLimit = 10_000 }
        reply.ok()
        var next: UnsafeMutablePointer<ReplyChunk>? = chunks(foreign, byteCount: 50_000).0
        while let chunk = next {
          next = chunk.pointee.next
          reply.append(chunk: chunk, owner: 0)
        }
        if how == 0 {
          reply.truncate(to: 5)
          #expect(reply.bytes() == Array("+OK\r\n".utf8))
          reply.ok()
        }
        if how == 2 { #expect(reply.isOverLimit) }
        reply.release()
        #expect(free(reply.takeReturned(), foreign) >= 3 && foreign.liveBytes == 0 && heap.liveBytes == 0)
      }
    }
  }
}

import Bytes
import Heap
import TestSupport
import Testing

@testable import Engine

@Suite("The query buffer")
struct InputBufferTests {
  private func content(_ buffer: InputBuffer) -> [UInt8] {
    buffer.memory.map { Array(UnsafeBufferPointer(start: $0, count: buffer.count)) } ?? []
  }

  @Test("holds no memory before something is put in, nor after it is released")
  func memory() {
    withHeap { heap in
      var buffer = InputBuffer()
      #expect(buffer.isEmpty && buffer.allocatedBytes == 0 && buffer.detach() == nil)
      buffer.prepend(ByteView(""), heap: heap)
      #expect(heap.liveBytes == 0)
      buffer.append(ByteView("a"), heap: heap)
      #expect(
        !buffer.isEmpty && buffer.allocatedBytes == heap.liveBytes(.clients) && buffer.capacity >= 1_024)
      buffer.release(heap: heap)
      #expect(buffer.isEmpty && buffer.allocatedBytes == 0)
    }
  }

  @Test("gives its block away and takes one over")
  func detachAndAdopt() {
    withHeap { heap in
      var buffer = InputBuffer()
      buffer.append(ByteView("hello"), heap: heap)
      guard let (block, count) = buffer.detach() else {
        Issue.record("nothing was detached")
        return
      }
      #expect(count == 5 && buffer.isEmpty && buffer.memory == nil)
      var other = InputBuffer()
      other.adopt(block, count: count)
      other.append(ByteView(" you"), heap: heap)
      #expect(content(other) == Array("hello you".utf8))
      other.release(heap: heap)
    }
  }

  @Test("is an array of bytes to which others are added at both ends")
  func model() {
    var random = SeededRandom(test: "InputBufferTests.model")
    withHeap { heap in
      for _ in 0..<60 {
        var buffer = InputBuffer()
        var model: [UInt8] = []
        for _ in 0..<60 {
          let bytes = (0..<random.below(random.element(of: [3, 200, 3_000]))).map { _ in
            UInt8(truncatingIfNeeded: random.next())
          }
          (bytes + [0]).withUnsafeBufferPointer { source in
            let view = ByteView(start: source.baseAddress!, count: bytes.count)
            if random.below(3) == 0 {
              buffer.prepend(view, heap: heap)
              model = bytes + model
            } else {
              buffer.append(view, heap: heap)
              model += bytes
            }
          }
          expectEqual(buffer.count, model.count, "\(random)")
          expectEqual(buffer.capacity >= model.count, true, "\(random)")
          expectEqual(buffer.allocatedBytes, heap.liveBytes(.clients), "\(random)")
        }
        expectEqual(content(buffer), model, "\(random)")
        buffer.release(heap: heap)
      }
    }
  }
}

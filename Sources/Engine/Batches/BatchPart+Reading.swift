import Bytes
import RESP

/// Reading back what a shard replied to its part of a batch: reply by reply, or, where the replies of several shards make
/// one, element by element.
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

  /// Goes to the shard's next command.
  func nextResult() -> CommandResult {
    let result = pointee.results[Int(pointee.nextResult)]
    pointee.nextResult += 1
    return result
  }

  /// Moves the next `byteCount` bytes to the end of `target`.
  ///
  /// - Parameters:
  ///   - owner: the executing shard, or `ReplyChunk.ownHeap` if it is the target's own.
  func move(_ byteCount: Int, to target: UnsafeMutablePointer<ReplyBuffer>, owner: Int) {
    var remaining = byteCount
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
      pass(count, in: chunk)
    }
  }

  /// Passes over the next `byteCount` bytes.
  func skip(_ byteCount: Int) {
    var remaining = byteCount
    while remaining > 0, let chunk = pointee.readChunk {
      let count = Swift.min(remaining, chunk.pointee.end - pointee.readOffset)
      remaining -= count
      pass(count, in: chunk)
    }
  }

  /// The byte that comes next.
  var nextByte: UInt8 {
    guard let chunk = pointee.readChunk else { return 0 }
    return chunk.bytes[pointee.readOffset]
  }

  /// Reads a line such as `:12` and its end, and returns its number; 0 if it has none, as a null.
  func readNumber() -> Int64 {
    var number: Int64 = 0
    var isNegative = false
    while let chunk = pointee.readChunk {
      let byte = chunk.bytes[pointee.readOffset]
      pass(1, in: chunk)
      switch byte {
      case 0x0a: return isNegative ? -number : number
      case UInt8(ascii: "-"): isNegative = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        number = number &* 10 &+ Int64(byte &- UInt8(ascii: "0"))
      default: break
      }
    }
    return 0
  }

  /// Moves the element that comes next, with all that is in it, to the end of `target`.
  func moveElement(to target: UnsafeMutablePointer<ReplyBuffer>, owner: Int) {
    var pending = 1
    while pending > 0 {
      pending -= 1
      let kind = nextByte
      let number = moveLine(to: target)
      switch kind {
      case UInt8(ascii: "$"), UInt8(ascii: "="):
        if number >= 0 { move(number + 2, to: target, owner: owner) }
      case UInt8(ascii: "*"), UInt8(ascii: "~"): pending += Swift.max(number, 0)
      case UInt8(ascii: "%"): pending += 2 * Swift.max(number, 0)
      default: break
      }
    }
  }

  /// Moves a line and its end, and returns the number in it.
  private func moveLine(to target: UnsafeMutablePointer<ReplyBuffer>) -> Int {
    var number = 0
    var isNegative = false
    while let chunk = pointee.readChunk {
      let start = pointee.readOffset
      var end = start
      var isComplete = false
      while end < chunk.pointee.end, !isComplete {
        let byte = chunk.bytes[end]
        end += 1
        switch byte {
        case 0x0a: isComplete = true
        case UInt8(ascii: "-"): isNegative = true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number &* 10 &+ Int(byte &- UInt8(ascii: "0"))
        default: break
        }
      }
      target.pointee.append(ByteView(start: chunk.bytes + start, count: end - start))
      pass(end - start, in: chunk)
      if isComplete { break }
    }
    return isNegative ? -number : number
  }

  // MARK: Chunks

  private func pass(_ count: Int, in chunk: UnsafeMutablePointer<ReplyChunk>) {
    pointee.readOffset += count
    if pointee.readOffset < chunk.pointee.end { return }
    advance(beyond: chunk)
    retire(chunk)
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

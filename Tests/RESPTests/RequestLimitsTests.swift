import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("Bounds of requests")
struct RequestLimitsTests {
  private static let stranger = RequestLimits.unauthenticated(bulkBytes: 512 << 20)

  private func error(_ text: String, _ limits: RequestLimits = RequestLimits()) -> RequestError? {
    withHeap { Connection.parse(text, heap: $0, limits: limits).error }
  }

  @Test("an argument may be as long as proto-max-bulk-len, and no longer")
  func bulkBytes() {
    withHeap { heap in
      let limits = RequestLimits(bulkBytes: 20_000)
      let longest = [UInt8](repeating: 7, count: 20_000)
      #expect(
        Connection.parse([encoded([[1], longest])], heap: heap, limits: limits)
          == ParsedInput(commands: [[[1], longest]]))
      #expect(error("*2\r\n$1\r\na\r\n$20001\r\n", limits) == .invalidBulkLength)
    }
    #expect(error("*1\r\n$536870912\r\n") == nil)
    #expect(error("*1\r\n$536870913\r\n") == .invalidBulkLength)
  }

  @Test("a command may have as many arguments as the limit says, and no more")
  func argumentCount() {
    let limits = RequestLimits(argumentCount: 100)
    withHeap { heap in
      let arguments = (0..<100).map { Array("\($0)".utf8) }
      #expect(
        Connection.parse([encoded(arguments)], heap: heap, limits: limits)
          == ParsedInput(commands: [arguments]))
    }
    #expect(error("*101\r\n", limits) == .invalidMultibulkLength)
    #expect(error("*2147483647\r\n") == nil)
    #expect(error("*2147483648\r\n") == .invalidMultibulkLength)
  }

  @Test("a huge count of arguments costs no memory before they arrive")
  func hugeCounts() {
    withHeap { heap in
      let connection = Connection(heap: heap)
      let before = heap.liveBytes
      connection.receive(Array("*2147483647\r\n$3\r\nGET\r\n$536870912\r\n".utf8))
      #expect(connection.parsed.error == nil)
      #expect(heap.liveBytes == before)
    }
  }

  @Test(
    "no configured limit lets a length overflow", arguments: [Int(UInt32.max), Int(UInt32.max) + 1, Int.max])
  func limitsBeyondReason(bulkBytes: Int) {
    let limits = RequestLimits(bulkBytes: bulkBytes)
    #expect(error("*1\r\n$9223372036854775807\r\n", limits) == .invalidBulkLength)
    #expect(error("*1\r\n$9223372036854775806\r\n", limits) == .invalidBulkLength)
    #expect(error("*1\r\n$4294967296\r\n", limits) == .invalidBulkLength)
    // Ranges are 32 bits wide: what a buffer can't hold must not be waited for.
    #expect(error("*1\r\n$4294967295\r\n", limits) == .invalidBulkLength)
    #expect(error("*1\r\n$4200000000\r\n", limits) == nil)
  }

  // MARK: Before authentication

  @Test("before authentication a command has ten arguments of 16,384 bytes at the most")
  func unauthenticated() {
    withHeap { heap in
      let arguments = (0..<10).map { [UInt8](repeating: UInt8($0), count: 16_384) }
      #expect(
        Connection.parse([encoded(arguments)], heap: heap, limits: Self.stranger, capacity: 1 << 18)
          == ParsedInput(commands: [arguments]))
    }
    #expect(error("*11\r\n", Self.stranger) == .unauthenticatedMultibulkLength)
    #expect(error("*1\r\n$16385\r\n", Self.stranger) == .unauthenticatedBulkLength)
    #expect(error("*2147483647\r\n", Self.stranger) == .unauthenticatedMultibulkLength)
    #expect(error("*1\r\n$536870912\r\n", Self.stranger) == .unauthenticatedBulkLength)
  }

  @Test("before authentication what is wrong for everybody is told as to everybody")
  func unauthenticatedMalformed() {
    #expect(error("*x\r\n", Self.stranger) == .invalidMultibulkLength)
    #expect(error("*2147483648\r\n", Self.stranger) == .invalidMultibulkLength)
    #expect(error("*1\r\n$-1\r\n", Self.stranger) == .invalidBulkLength)
    #expect(error("*1\r\n$536870913\r\n", Self.stranger) == .invalidBulkLength)
    #expect(error("*0\r\n*-1\r\n", Self.stranger) == nil)
  }

  // MARK: Lines

  @Test("a line without an end is given up at 64 KiB")
  func endlessLines() {
    let limit = 64 << 10
    #expect(error("*" + String(repeating: "1", count: limit)) == nil)
    #expect(error("*" + String(repeating: "1", count: limit + 1)) == .multibulkLineTooLong)
    #expect(error("*1\r\n$" + String(repeating: "1", count: limit)) == nil)
    #expect(error("*1\r\n$" + String(repeating: "1", count: limit + 1)) == .bulkLineTooLong)
    #expect(error(String(repeating: "a", count: limit)) == nil)
    #expect(error(String(repeating: "a", count: limit + 1)) == .inlineTooLong)
    #expect(error("\"" + String(repeating: "a", count: limit)) == .inlineTooLong)
  }

  @Test("a line is measured from its own start, not from that of the input")
  func linesBehindOthers() {
    let commands = String(repeating: "PING\r\n", count: 20_000)
    #expect(error(commands + "*1") == nil)
    #expect(error(commands + String(repeating: "a", count: 1_000)) == nil)
    #expect(error(commands + "*1\r\n$1") == nil)
  }

  @Test("a long line that has an end is read, as in Redis")
  func longLineWithEnd() {
    withHeap { heap in
      let word = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
      let parsed = Connection.parse([Array("ECHO ".utf8) + word + [0x0a]], heap: heap, capacity: 1 << 17)
      #expect(parsed == ParsedInput(commands: [[Array("ECHO".utf8), word]]))
    }
  }
}

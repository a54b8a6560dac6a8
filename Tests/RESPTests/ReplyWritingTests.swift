import Bytes
import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("Writing replies")
struct ReplyWritingTests {
  /// What `write` puts into an empty buffer.
  private func written(_ version: ProtocolVersion, _ write: (inout ReplyBuffer) -> Void) -> String {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      reply.version = version
      write(&reply)
      let bytes = reply.bytes()
      #expect(bytes.count == reply.count)
      reply.release()
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Expects texts in RESP2 and RESP3.
  private func expect(
    _ resp2: String, _ resp3: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ write: (inout ReplyBuffer) -> Void
  ) {
    #expect(written(.resp2, write) == resp2, sourceLocation: sourceLocation)
    #expect(written(.resp3, write) == resp3, sourceLocation: sourceLocation)
  }

  private func expect(
    _ both: String, sourceLocation: SourceLocation = #_sourceLocation, _ write: (inout ReplyBuffer) -> Void
  ) {
    expect(both, both, sourceLocation: sourceLocation, write)
  }

  // MARK: The same in both versions

  @Test("simple strings and OK")
  func simpleStrings() {
    expect("+PONG\r\n") { $0.simple("PONG") }
    expect("+\r\n") { $0.simple("") }
    expect("+OK\r\n") { $0.ok() }
    expect("+OK\r\n+OK\r\n:1\r\n") {
      $0.ok()
      $0.ok()
      $0.integer(1)
    }
  }

  @Test("errors, as literals, as text made at run time, and as bytes")
  func errors() {
    expect("-ERR syntax error\r\n") { $0.error("ERR syntax error") }
    expect("-ERR wrong 1\r\n") { $0.error("ERR wrong \(1)") }
    expect("-ERR bytes\r\n") { reply in
      Array("ERR bytes".utf8).withUnsafeBufferPointer {
        reply.error(ByteView(start: $0.baseAddress!, count: $0.count))
      }
    }
  }

  @Test("line ends in errors become spaces, so that nobody writes replies of his own")
  func errorsWithLineEnds() {
    expect("-ERR unknown 'a  +OK b'\r\n") { $0.error("ERR unknown 'a\r\n+OK\nb'" as String) }
    expect("-ERR  \r\n") { $0.error("ERR\r\n") }
  }

  @Test("integers to the ends of their range")
  func integers() {
    expect(":0\r\n") { $0.integer(0) }
    expect(":-1\r\n") { $0.integer(-1) }
    expect(":1000\r\n") { $0.integer(1_000 as Int) }
    expect(":9223372036854775807\r\n") { $0.integer(Int64.max) }
    expect(":-9223372036854775808\r\n") { $0.integer(Int64.min) }
  }

  @Test("bulk strings of all kinds of text")
  func bulkStrings() {
    expect("$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n") {
      $0.bulk("")
      $0.bulk([UInt8]())
      $0.bulk(String())
    }
    expect("$5\r\nvalue\r\n") { $0.bulk("value") }
    expect("$5\r\nvalue\r\n") { $0.bulk(Array("value".utf8)) }
    expect("$7\r\nvalue 1\r\n") { $0.bulk("value \(1)") }
    expect("$4\r\na\r\nb\r\n") { $0.bulk("a\r\nb") }
    expect("$2\r\né\r\n") { $0.bulk("é" as String) }
  }

  @Test("bulk strings that hold a decimal number")
  func decimalBulkStrings() {
    expect("$1\r\n0\r\n") { $0.bulk(decimal: 0) }
    expect("$2\r\n-7\r\n") { $0.bulk(decimal: -7) }
    expect("$19\r\n9223372036854775807\r\n") { $0.bulk(decimal: .max) }
    expect("$20\r\n-9223372036854775808\r\n") { $0.bulk(decimal: .min) }
  }

  @Test("lengths of one to six digits", arguments: [1, 9, 10, 11, 99, 100, 101, 999, 1_000, 65_535, 100_000])
  func lengths(count: Int) {
    expect("*\(count)\r\n") { $0.array(count) }
    let text = String(repeating: "x", count: count)
    expect("$\(count)\r\n\(text)\r\n") { $0.bulk(text) }
    expect("*\(count * 2)\r\n", "%\(count)\r\n") { $0.map(count) }
  }

  @Test("bytes that are in the protocol's form already")
  func rawBytes() {
    expect("+a\r\n:1\r\n") {
      $0.append("+a\r\n")
      $0.append(Array(":1\r\n".utf8))
      $0.append([UInt8]())
    }
  }

  // MARK: Different in RESP2 and RESP3

  @Test("nulls")
  func nulls() {
    expect("$-1\r\n", "_\r\n") { $0.null() }
    expect("*-1\r\n", "_\r\n") { $0.nullArray() }
  }

  @Test("arrays, maps, sets and pushes; RESP2 has arrays only")
  func aggregates() {
    expect("*0\r\n") { $0.array(0) }
    expect("*3\r\n") { $0.array(3) }
    expect("*0\r\n", "%0\r\n") { $0.map(0) }
    expect("*6\r\n", "%3\r\n") { $0.map(3) }
    expect("*3\r\n", "~3\r\n") { $0.set(3) }
    expect("*3\r\n", ">3\r\n") { $0.push(3) }
  }

  @Test("booleans; RESP2 has integers")
  func booleans() {
    expect(":1\r\n", "#t\r\n") { $0.boolean(true) }
    expect(":0\r\n", "#f\r\n") { $0.boolean(false) }
  }

  @Test("doubles; RESP2 has bulk strings")
  func doubles() {
    expect("$3\r\n1.5\r\n", ",1.5\r\n") { $0.double(1.5) }
    expect("$1\r\n3\r\n", ",3\r\n") { $0.double(3) }
    expect("$3\r\ninf\r\n", ",inf\r\n") { $0.double(.infinity) }
    expect("$4\r\n-inf\r\n", ",-inf\r\n") { $0.double(-.infinity) }
  }

  @Test("verbatim strings; RESP2 has bulk strings")
  func verbatimStrings() {
    expect("$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n") { $0.verbatim("hello") }
    expect("$0\r\n\r\n", "=4\r\ntxt:\r\n") { $0.verbatim("") }
    expect("$3\r\né\n\r\n", "=7\r\ntxt:é\n\r\n") { $0.verbatim("é\n") }
  }

  // MARK: What errors leave behind

  @Test("errors are counted, and the last one's text can be looked at")
  func countsErrors() {
    withHeap { heap in
      var reply = ReplyBuffer(heap: heap)
      #expect(reply.errorCount == 0)
      reply.ok()
      reply.error("ERR first")
      reply.error("WRONGTYPE second" as String)
      #expect(reply.errorCount == 2)
      let text = reply.lastError.map { ByteView(start: $0.start, count: $0.count).string }
      #expect(text == "WRONGTYPE second")
      reply.release()
    }
  }

  @Test("every writer writes the same wherever the chunk ends")
  func chunkBoundaries() {
    let writers: [(inout ReplyBuffer) -> Void] = [
      { $0.ok() }, { $0.simple("PONG") }, { $0.error("ERR no") }, { $0.integer(.min as Int64) },
      { $0.bulk("value") },
      { $0.bulk(decimal: .min) }, { $0.null() }, { $0.array(12) }, { $0.map(123_456) }, { $0.double(0.1) },
      { $0.boolean(true) }, { $0.verbatim("text") }, { $0.append("+raw\r\n") },
      { $0.bulk([UInt8](repeating: 1, count: 30)) },
    ]
    withHeap { heap in
      for version in [ProtocolVersion.resp2, .resp3] {
        for (number, write) in writers.enumerated() {
          let expected = Array(written(version, write).utf8)
          for room in 0...48 {
            var reply = ReplyBuffer(heap: heap)
            reply.version = version
            let filled = ReplyBuffer.smallChunkBytes - ReplyChunk.headerBytes - room
            reply.append([UInt8](repeating: 0xaa, count: filled))
            write(&reply)
            write(&reply)
            let bytes = reply.bytes()
            expectEqual(reply.count, bytes.count, "writer \(number), room \(room)")
            expectEqual(Array(bytes[filled...]), expected + expected, "writer \(number), room \(room)")
            reply.release()
          }
        }
      }
    }
  }
}

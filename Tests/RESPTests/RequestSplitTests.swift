import Heap
import TestSupport
import Testing

@testable import RESP

@Suite("Requests that arrive in pieces")
struct RequestSplitTests {
  /// Messages of every kind, whole and broken, and what they come to.
  private static let messages: [[UInt8]] = {
    let texts = [
      "*1\r\n$4\r\nPING\r\n", "*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\nvalue value\r\n",
      "*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", "*12\r\n" + String(repeating: "$1\r\nx\r\n", count: 12),
      "PING\r\n", "PING\n", "\r\n\r\nSET \"a \\x41\" 'b c'\r\nPING\r\n", "   \r\nGET 'it\\'s' \"\\\"\"\n",
      "*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n*0\r\n\n", "*1\r\n$14\r\n*1\r\n$4\r\nPING\r\n\r\n",
      // Broken ones.
      "*x\r\n", "*01\r\n", "*1\r\nGET\r\n", "*2\r\n$3\r\nGET\r\n:1\r\n", "*1\r\n$-1\r\n", "*1\r\n$x\r\n",
      "*1\r\n$99999999999\r\n", "*99999999999\r\n", "*1\r\n$4\r\nPING\r\nGET \"a\r\n", "PING\r\n*+1\r\n",
      // Cut off.
      "*1\r\n$4\r\nPIN", "*2\r\n$4\r\nPING\r\n", "PING", "*", "*1\r", "*1\r\n$", "*3\r\n$3\r\nSET\r\n$1\r\n",
    ]
    let binary: [[UInt8]] = [
      encoded([Array("SET".utf8), [0, 0x0d, 0x0a], Array(0...255)]),
      encoded((0..<70).map { Array("\($0)".utf8) }),
      encoded("SET", "a", "1") + encoded("GET", "a") + encoded("PING"),
    ]
    return texts.map { Array($0.utf8) } + binary
  }()

  @Test("a message cut in two anywhere comes to the same as a whole one")
  func cutInTwo() {
    withHeap { heap in
      for message in Self.messages {
        let whole = Connection.parse([message], heap: heap)
        for cut in 0...message.count {
          expectEqual(
            Connection.parse([message[..<cut], message[cut...]], heap: heap), whole,
            "\(shown(message)) cut at \(cut)")
        }
      }
    }
  }

  @Test("a message cut in three anywhere comes to the same as a whole one")
  func cutInThree() {
    withHeap { heap in
      for message in Self.messages where message.count <= 40 {
        let whole = Connection.parse([message], heap: heap)
        for first in 0...message.count {
          for second in first...message.count {
            expectEqual(
              Connection.parse([message[..<first], message[first..<second], message[second...]], heap: heap),
              whole,
              "\(shown(message)) cut at \(first) and \(second)")
          }
        }
      }
    }
  }

  @Test("a message that arrives byte by byte comes to the same as a whole one")
  func byteByByte() {
    withHeap { heap in
      for message in Self.messages {
        expectEqual(
          Connection.parse(message.map { [$0] }, heap: heap), Connection.parse([message], heap: heap),
          shown(message))
      }
    }
  }

  @Test(
    "a pipeline of all messages comes to the same in pieces of any size",
    arguments: [1, 2, 3, 5, 7, 16, 33, 100])
  func pipelineInPieces(pieceCount: Int) {
    withHeap { heap in
      let message = Array(
        Self.messages.filter { Connection.parse([$0], heap: heap).isWhole }.joined())
      let whole = Connection.parse([message], heap: heap)
      #expect(whole.isWhole)
      #expect(whole.commands.count >= 19)
      let pieces = stride(from: 0, to: message.count, by: pieceCount).map {
        message[$0..<min($0 + pieceCount, message.count)]
      }
      #expect(Connection.parse(pieces, heap: heap) == whole)
    }
  }

  @Test("an incomplete command says how many bytes it needs at the least, and is not complete with fewer")
  func bytesNeeded() {
    withHeap { heap in
      for message in Self.messages where Connection.parse([message], heap: heap).isWhole {
        for cut in 1..<message.count {
          let connection = Connection(heap: heap)
          connection.receive(message[..<cut])
          let restCount = connection.parsed.restCount
          if restCount == 0 { continue }
          let needed = connection.bytesNeeded
          #expect(
            needed > restCount && needed - restCount <= message.count - cut, "\(shown(message)) cut at \(cut)"
          )
          let commandCount = connection.parsed.commands.count
          connection.receive(message[cut..<(cut + needed - restCount - 1)])
          #expect(connection.parsed.commands.count == commandCount, "\(shown(message)) cut at \(cut)")
        }
      }
    }
  }

  @Test("inside an argument exactly the bytes that are missing are asked for")
  func bytesNeededInsideArgument() {
    withHeap { heap in
      let connection = Connection(heap: heap)
      connection.receive(Array("*2\r\n$3\r\nGET\r\n$1000\r\nabc".utf8))
      #expect(connection.bytesNeeded == 13 + 7 + 1_000 + 2)
      connection.receive([UInt8](repeating: 0, count: 500))
      #expect(connection.bytesNeeded == 13 + 7 + 1_000 + 2)
    }
  }

  @Test("a partial command is begun only once its number of arguments has been read")
  func partialState() {
    withHeap { heap in
      var store = ArgumentStore(heap: heap)
      var partial = PartialRequest()
      let memory = GuardedMemory(capacity: 64)
      let bytes = memory.place(Array("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".utf8))
      func parse(_ end: Int) -> ParseOutcome {
        RequestParser.parse(bytes, from: 0, to: end, partial: &partial, into: &store, limits: RequestLimits())
      }
      #expect(parse(3) == .incomplete(bytesNeeded: 4))
      #expect(!partial.isBegun)
      #expect(parse(4) == .incomplete(bytesNeeded: 5))
      #expect(partial.isBegun && partial.argumentsMissing == 2)
      #expect(parse(14) == .incomplete(bytesNeeded: 15))
      #expect(partial.argumentsMissing == 1 && store.count == 1)
      #expect(parse(17) == .incomplete(bytesNeeded: 20))
      #expect(parse(20) == .command(end: 20))
      #expect(!partial.isBegun && store.count == 2)
    }
  }
}

extension ParsedInput {
  /// Whether nothing was wrong and nothing is left.
  fileprivate var isWhole: Bool { error == nil && restCount == 0 }
}

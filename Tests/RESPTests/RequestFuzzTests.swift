import Heap
import TestSupport
import Testing

@testable import RESP

/// Random input. The memory that it lies in ends where the input ends, so a parser that reads on does not survive.
@Suite("Random requests")
struct RequestFuzzTests {
  private static let limits = RequestLimits(bulkBytes: 3_000, argumentCount: 40, lineBytes: 64 << 10)

  @Test("random bytes come to what the protocol's rules say, in one piece and in many")
  func randomBytes() {
    check("RequestFuzzTests.randomBytes", turns: 4_000) { random in
      let count = random.below(64)
      return random.below(2) == 0 ? random.bytes(count) : Self.fragments(count / 4, &random)
    }
  }

  @Test("mutated messages come to what the protocol's rules say, in one piece and in many")
  func mutatedMessages() {
    check("RequestFuzzTests.mutatedMessages", turns: 4_000) { random in
      var message = (0...random.below(3)).flatMap { _ in Self.randomMessage(&random) }
      for _ in 0...random.below(4) { Self.mutate(&message, &random) }
      return message
    }
  }

  @Test("valid messages are read back as they were written, in one piece and in many")
  func validMessages() {
    var random = SeededRandom(test: "RequestFuzzTests.validMessages")
    withHeap { heap in
      for _ in 0..<2_000 {
        let commands = (0...random.below(4)).map { _ in Self.randomArguments(&random) }
        let message = commands.flatMap { encoded($0) }
        let expected = ParsedInput(commands: commands)
        expectEqual(Connection.parse([message], heap: heap, limits: Self.limits), expected, "\(random)")
        expectEqual(
          Connection.parse(Self.cut(message, &random), heap: heap, limits: Self.limits), expected, "\(random)"
        )
      }
    }
  }

  /// Compares the parser with the reference on many inputs that `make` makes.
  private func check(_ name: String, turns: Int, make: (inout SeededRandom) -> [UInt8]) {
    var random = SeededRandom(test: name)
    var failures = 0
    withHeap { heap in
      for _ in 0..<turns {
        let input = make(&random)
        let expected = ReferenceParser.parse(input, limits: Self.limits)
        failures += expected.error == nil ? 0 : 1
        expectEqual(
          Connection.parse([input], heap: heap, limits: Self.limits), expected, "\(shown(input)), \(random)")
        expectEqual(
          Connection.parse(Self.cut(input, &random), heap: heap, limits: Self.limits), expected,
          "\(shown(input)), \(random)")
      }
    }
    // Input that is all right or all wrong would prove little.
    #expect(failures > turns / 20 && failures < turns * 19 / 20, "\(failures) of \(turns)")
  }

  // MARK: Making input

  private static func fragments(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
    let pieces = [
      "*", "$", "1", "2", "3", "0", "-1", "10", "\r\n", "\r\n", "\r\n", "*1\r\n", "$1\r\n",
      "*2\r\n$1\r\na\r\n", "a", " ",
      "\"", "'", "\\", "\r", "\n", "\0", "PING", "*1\r\n$4\r\nPING\r\n", "999999999999", "-", "+", "\u{ff}",
    ]
    return (0..<count).flatMap { _ in Array(random.element(of: pieces).utf8) }
  }

  private static func randomArguments(_ random: inout SeededRandom) -> [[UInt8]] {
    (0...random.below(5)).map { _ in
      let count = random.below(12) == 0 ? random.below(2_000) : random.below(20)
      return random.below(2) == 0 ? random.bytes(count) : fragments(count / 4, &random)
    }
  }

  private static func randomMessage(_ random: inout SeededRandom) -> [UInt8] {
    switch random.below(6) {
    case 0: Array("SET key \"a \\x41 b\" 'c d'\r\n".utf8)
    case 1: Array(random.element(of: ["*0\r\n", "*-1\r\n", "\r\n", "PING\n"]).utf8)
    default: encoded(randomArguments(&random))
    }
  }

  private static func mutate(_ message: inout [UInt8], _ random: inout SeededRandom) {
    guard !message.isEmpty else { return }
    let place = random.below(message.count)
    switch random.below(6) {
    case 0: message[place] = UInt8(truncatingIfNeeded: random.next())
    case 1: message[place] ^= 1 << UInt8(random.below(8))
    case 2: message.removeSubrange(place..<min(place + 1 + random.below(4), message.count))
    case 3: message.insert(contentsOf: fragments(1, &random), at: place)
    case 4: message.removeSubrange(place...)
    default:
      let other = random.below(message.count)
      message.swapAt(place, other)
    }
  }

  /// `message` in pieces of random sizes.
  private static func cut(_ message: [UInt8], _ random: inout SeededRandom) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = message[...]
    let pieceMaximum = random.element(of: [1, 3, 20, 500])
    while !rest.isEmpty {
      let count = min(1 + random.below(pieceMaximum), rest.count)
      pieces.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}

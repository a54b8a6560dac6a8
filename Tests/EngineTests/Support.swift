import Bytes
import Foundation
import RESP
import Testing

@testable import Engine

/// Random numbers that are the same for a seed on every machine (SplitMix64).
struct SeededRandom: RandomNumberGenerator, CustomStringConvertible {
  let seed: UInt64
  private var state: UInt64

  /// A generator for the test `name`. Its seed is new in every run, or what the environment says; it is printed at
  /// once, so that it is known even if the process dies.
  init(test name: String) {
    let given = ProcessInfo.processInfo.environment["PANTALA_TEST_SEED"].flatMap { UInt64($0) }
    self.init(seed: given ?? UInt64.random(in: 0..<1_000_000_000))
    FileHandle.standardError.write(Data("\(name): \(self)\n".utf8))
  }

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  var description: String { "PANTALA_TEST_SEED=\(seed)" }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  mutating func element<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// Bytes as a test's text shows them.
func shown(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { byte in
    switch byte {
    case 0x0d: "\\r"
    case 0x0a: "\\n"
    case 0x20..<0x7f: String(UnicodeScalar(byte))
    default: "\\x" + String(byte, radix: 16)
    }
  }.joined()
}

/// A command in the protocol's form.
func encoded(_ arguments: [String]) -> [UInt8] {
  var bytes = Array("*\(arguments.count)\r\n".utf8)
  for argument in arguments { bytes += Array("$\(argument.utf8.count)\r\n\(argument)\r\n".utf8) }
  return bytes
}

func encoded(_ arguments: String...) -> [UInt8] { encoded(arguments) }

/// The replies in `bytes`, one by one.
func replies(in bytes: [UInt8]) -> [String] {
  var replies: [String] = []
  var offset = 0
  while offset < bytes.count {
    let end = ReplyScanner.endOfElement(bytes, from: offset)
    replies.append(shown(bytes[offset..<end]))
    offset = end
  }
  return replies
}

/// Calls `body` with arguments that lie in memory of their own.
func withArguments<Result>(_ arguments: [[UInt8]], _ body: (Arguments) throws -> Result) rethrows -> Result {
  let bytes: [UInt8] = Array(arguments.joined()) + [0]
  var ranges: [ArgumentRange] = []
  var offset = 0
  for argument in arguments {
    ranges.append(ArgumentRange(offset: UInt32(offset), count: UInt32(argument.count)))
    offset += argument.count
  }
  return try bytes.withUnsafeBufferPointer { bytes in
    try ranges.withUnsafeBufferPointer { ranges in
      try body(Arguments(base: bytes.baseAddress!, ranges: ranges.baseAddress!, count: arguments.count))
    }
  }
}

func withArguments<Result>(_ arguments: [String], _ body: (Arguments) throws -> Result) rethrows -> Result {
  try withArguments(arguments.map { Array($0.utf8) }, body)
}

/// Calls `body` with a view of `text`.
func withView<Result>(_ text: String, _ body: (ByteView) throws -> Result) rethrows -> Result {
  try withArguments([text]) { try body($0[0]) }
}

/// `#expect(actual == expected)` for loops of many thousand turns, where the macro takes long.
func expectEqual<Value: Equatable>(
  _ actual: Value, _ expected: Value, _ comment: @autoclosure () -> String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if actual != expected {
    Issue.record("\(actual) instead of \(expected): \(comment())", sourceLocation: sourceLocation)
  }
}

import Bytes
import RESP
import TestSupport
import Testing

@testable import Engine

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

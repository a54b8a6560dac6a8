import Bytes

@testable import RESP

/// The protocol's rules, written for reading and not for speed: what the parser is compared with.
struct ReferenceParser {
  private let bytes: [UInt8]
  private let limits: RequestLimits
  private var offset = 0
  private var result = ParsedInput()

  /// What `bytes`, arriving at once, come to.
  static func parse(_ bytes: [UInt8], limits: RequestLimits) -> ParsedInput {
    var parser = ReferenceParser(bytes: bytes, limits: limits)
    while true {
      let start = parser.offset
      do throws(Stop) {
        try parser.command()
      } catch {
        switch error {
        case .incomplete: parser.result.restCount = bytes.count - start
        case .failure(let error): parser.result.error = error
        }
        return parser.result
      }
    }
  }

  private enum Stop: Error {
    case incomplete
    case failure(RequestError)
  }

  private init(bytes: [UInt8], limits: RequestLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  private mutating func command() throws(Stop) {
    guard offset < bytes.count else { throw .incomplete }
    if bytes[offset] == UInt8(ascii: "*") { try array() } else { try inline() }
  }

  private mutating func array() throws(Stop) {
    let count = try length(.multibulkLineTooLong, .invalidMultibulkLength)
    if count > Int64(limits.argumentCount) { throw .failure(.invalidMultibulkLength) }
    if count <= 0 { return }
    var arguments: [[UInt8]] = []
    for _ in 0..<count {
      guard offset < bytes.count else { throw .incomplete }
      guard bytes[offset] == UInt8(ascii: "$") else { throw .failure(.expectedBulk(got: bytes[offset])) }
      let count = try length(.bulkLineTooLong, .invalidBulkLength)
      if count < 0 || count > Int64(limits.bulkBytes) { throw .failure(.invalidBulkLength) }
      let end = offset + Int(count)
      guard end + 2 <= bytes.count else { throw .incomplete }
      arguments.append(Array(bytes[offset..<end]))
      offset = end + 2
    }
    result.commands.append(arguments)
  }

  /// The number behind the byte at `offset`, up to the line's end, which is any byte after a carriage return.
  private mutating func length(_ tooLong: RequestError, _ malformed: RequestError) throws(Stop) -> Int64 {
    let start = offset + 1
    guard let lineEnd = bytes[start...].firstIndex(of: 0x0d), lineEnd + 1 < bytes.count else {
      if bytes.count - start > limits.lineBytes { throw .failure(tooLong) }
      throw .incomplete
    }
    let text = String(decoding: bytes[start..<lineEnd], as: UTF8.self)
    // The one way to write a number: the way in which it is printed.
    guard let value = Int64(text), String(value) == text else { throw .failure(malformed) }
    offset = lineEnd + 2
    return value
  }

  private mutating func inline() throws(Stop) {
    guard let lineEnd = bytes[offset...].firstIndex(of: 0x0a) else {
      if bytes.count - offset > limits.lineBytes { throw .failure(.inlineTooLong) }
      throw .incomplete
    }
    var line = Array(bytes[offset..<lineEnd])
    if line.last == 0x0d { line.removeLast() }
    offset = lineEnd + 1
    // The splitting of a line has tests of its own.
    var storage: [UInt8] = []
    var ranges: [Range<Int>] = []
    line.append(0)
    let isBalanced = line.withUnsafeBufferPointer { buffer in
      InlineSplit.split(
        ByteView(start: buffer.baseAddress!, count: line.count - 1), into: &storage, ranges: &ranges)
    }
    if !isBalanced { throw .failure(.unbalancedQuotes) }
    if !ranges.isEmpty { result.commands.append(ranges.map { Array(storage[$0]) }) }
  }
}

import Bytes
import Engine
import Keyspace
import RESP

enum BitFieldCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "bitfield", arity: -2, flags: [.write, .denyOutOfMemory],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: 0, step: 1, limit: 0),
        flags: [.readWrite, .access, .update, .variableFlags],
        notes: "This command allows both access and modification of the key")
    ],
    group: .bitmap, since: "3.2.0",
    summary: "Reads, sets and increments integers of any width that lie in the string value of a key.",
    complexity: "O(1) for each operation.",
    arguments: [
      .init("key", .key),
      .init(
        "operation", .oneOf, optional: true, multiple: true,
        [
          .init(
            "encoding_offset", .block, token: "GET", [.init("encoding", .string), .init("offset", .integer)]),
          .init("write", .block, writeArguments),
        ]),
    ])

  private static let writeArguments: [ArgumentSpecification] = [
    .init(
      "wrap_sat_fail", .oneOf, token: "OVERFLOW", optional: true,
      [.token("WRAP"), .token("SAT"), .token("FAIL")]),
    .init(
      "write_operation", .oneOf,
      [
        .init(
          "encoding_offset_value", .block, token: "SET",
          [.init("encoding", .string), .init("offset", .integer), .init("value", .integer)]),
        .init(
          "encoding_offset_increment", .block, token: "INCRBY",
          [.init("encoding", .string), .init("offset", .integer), .init("increment", .integer)]),
      ]),
  ]

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let scan = try BitFieldScan(call)
      if scan.lastBitWritten < 0 { return call.readBitFields(scan.operationCount) }
      try write(&call, scan)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  private static func write(_ call: inout KeyCall, _ scan: BitFieldScan) throws(CommandError) {
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: .write)
    let start: UnsafeMutablePointer<UInt8>
    let count: Int
    // As in Redis, a string that grows for a write which is then refused for its overflow is no change.
    let grows = scan.lastBitWritten >> 3 >= existing?.textCount ?? 0
    var isChanged = false
    if let bytes = existing?.mutableBytes, scan.lastBitWritten >> 3 < bytes.count {
      (start, count) = (bytes.baseAddress.unsafelyUnwrapped, bytes.count)
      call.keyspace.dirty &+= 1
    } else {
      count = max(existing?.textCount ?? 0, (scan.lastBitWritten >> 3) + 1)
      guard let grown = call.bytes(of: key, existing, reachingBit: scan.lastBitWritten) else {
        throw CommandError(ErrorText.wrongType)
      }
      start = grown
    }
    call.reply.pointee.array(scan.operationCount)
    var reader = BitFieldReader(call)
    while let operation = try reader.next() {
      let outcome = operation.apply(to: start, count: count)
      if operation.isWrite, outcome.answer != nil, grows || outcome.isChanged { isChanged = true }
      if let answer = outcome.answer {
        call.reply.pointee.integer(answer)
      } else {
        call.reply.pointee.null()
      }
    }
    if isChanged { call.changed(key, .string, "setbit") }
  }
}

enum BitFieldReadOnlyCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "bitfield_ro", arity: -2, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .bitmap, since: "6.0.0",
    summary: "Reads integers of any width that lie in the string value of a key.",
    complexity: "O(1) for each operation.",
    arguments: [
      .init("key", .key),
      .init(
        "encoding_offset", .block, token: "GET", optional: true, multiple: true, tokenRepeated: true,
        [.init("encoding", .string), .init("offset", .integer)]),
    ])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let scan = try BitFieldScan(call)
      guard scan.lastBitWritten < 0 else {
        throw CommandError("ERR BITFIELD_RO only supports the GET subcommand")
      }
      call.readBitFields(scan.operationCount)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

extension KeyCall {
  /// Answers operations that only read.
  fileprivate func readBitFields(_ operationCount: Int) {
    let entry = keyspace.lookup(key(1), in: database, for: .read)
    if let entry, !entry.isString { return refuseType() }
    func answer(_ text: ByteView) {
      reply.pointee.array(operationCount)
      var reader = BitFieldReader(self)
      while let operation = try? reader.next() { reply.pointee.integer(operation.field.value(in: text)) }
    }
    if let entry { entry.withText { answer($0 ?? ByteView("")) } } else { answer(ByteView("")) }
  }
}

/// The arguments of BITFIELD, gone through once before anything is done: whether they are right, how many operations
/// they are and how far the string must reach.
private struct BitFieldScan {
  private(set) var operationCount = 0
  /// The last bit that is written; -1 if none is.
  private(set) var lastBitWritten = -1

  init(_ call: KeyCall) throws(CommandError) {
    var reader = BitFieldReader(call)
    while let operation = try reader.next() {
      operationCount += 1
      if operation.isWrite { lastBitWritten = max(lastBitWritten, operation.field.end) }
    }
  }
}

/// Takes the arguments of BITFIELD apart, one operation after the other.
private struct BitFieldReader {
  private let call: KeyCall
  private var index = 2
  private var overflow = BitField.Overflow.wrap

  init(_ call: KeyCall) { self.call = call }

  /// The next operation; nil at the end.
  mutating func next() throws(CommandError) -> BitFieldOperation? {
    let arguments = call.arguments
    while index < arguments.count {
      let left = arguments.count - index - 1
      if arguments.isWord("get", at: index), left >= 2 {
        let operation = BitFieldOperation(kind: .get, field: try field(), overflow: overflow)
        index += 3
        return operation
      }
      if arguments.isWord("set", at: index), left >= 3 { return try write(BitFieldOperation.Kind.set) }
      if arguments.isWord("incrby", at: index), left >= 3 { return try write(BitFieldOperation.Kind.add) }
      guard arguments.isWord("overflow", at: index), left >= 1 else { throw CommandError(ErrorText.syntax) }
      overflow = try BitField.Overflow(arguments[index + 1])
      index += 2
    }
    return nil
  }

  private mutating func write(
    _ kind: (Int64) -> BitFieldOperation.Kind
  ) throws(CommandError) -> BitFieldOperation {
    let field = try field()
    guard let value = call.arguments.integer(at: index + 3) else {
      throw CommandError(ErrorText.notAnInteger)
    }
    index += 4
    return BitFieldOperation(kind: kind(value), field: field, overflow: overflow)
  }

  /// The type and the offset behind the operation's name.
  private func field() throws(CommandError) -> BitField {
    guard let (width, isSigned) = Self.type(call.arguments[index + 1]) else {
      throw CommandError(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
    }
    let place = call.arguments[index + 2]
    let counts = place.count > 0 && place[0] == UInt8(ascii: "#")
    guard
      let offset = counts
        ? call.bitOffset(place[1..<place.count], times: width) : call.bitOffset(place)
    else {
      throw CommandError("ERR bit offset is not an integer or out of range")
    }
    return BitField(offset: offset, width: width, isSigned: isSigned)
  }

  private static func type(_ argument: ByteView) -> (width: Int, isSigned: Bool)? {
    // As in Redis, a NUL ends the argument.
    let count = argument.buffer.firstIndex(of: 0) ?? argument.count
    guard count > 1 else { return nil }
    let isSigned = argument[0] == UInt8(ascii: "i")
    guard isSigned || argument[0] == UInt8(ascii: "u"), let width = parseInt64(argument[1..<count]),
      width >= 1, width <= (isSigned ? 64 : 63)
    else { return nil }
    return (Int(width), isSigned)
  }
}

extension BitField.Overflow {
  fileprivate init(_ word: ByteView) throws(CommandError) {
    if word.equalsIgnoringCase("wrap") {
      self = .wrap
    } else if word.equalsIgnoringCase("sat") {
      self = .saturate
    } else if word.equalsIgnoringCase("fail") {
      self = .fail
    } else {
      throw CommandError("ERR Invalid OVERFLOW type specified")
    }
  }
}

/// One operation of BITFIELD.
private struct BitFieldOperation {
  enum Kind {
    case get
    case set(Int64)
    case add(Int64)
  }

  let kind: Kind
  let field: BitField
  let overflow: BitField.Overflow

  var isWrite: Bool { if case .get = kind { false } else { true } }

  /// Does it, and returns the answer: the old value, or for an addition the new one; nil if the new one does not fit
  /// and the client wants that to fail. Also says whether the field has another value now.
  func apply(to bytes: UnsafeMutablePointer<UInt8>, count: Int) -> (answer: Int64?, isChanged: Bool) {
    let old = field.value(in: ByteView(start: bytes, count: count))
    switch kind {
    case .get:
      return (old, false)
    case .set(let value):
      guard let new = field.fitted(value, overflow) else { return (nil, false) }
      field.set(to: new, in: bytes)
      return (old, new != old)
    case .add(let amount):
      guard let new = field.sum(old, amount, overflow) else { return (nil, false) }
      field.set(to: new, in: bytes)
      return (new, new != old)
    }
  }
}

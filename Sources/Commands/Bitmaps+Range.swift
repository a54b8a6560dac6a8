import Bytes
import Engine
import Keyspace
import RESP

enum BitCountCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "bitcount", arity: -2, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .bitmap, since: "2.6.0", summary: "Counts the bits that are set in the string value of a key.",
    complexity: "O(N) in the bytes looked at.",
    arguments: [
      .init("key", .key),
      .init(
        "index", .block, optional: true, [.init("start", .integer), .init("end", .integer), bitUnitArgument]),
    ],
    history: [("7.0.0", "Added the `BYTE|BIT` option.")])

  static func execute(_ call: inout KeyCall) {
    guard let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read) else {
      return call.reply.pointee.integer(0)
    }
    entry.withText { text in
      guard let text else { return call.refuseType() }
      do throws(CommandError) {
        let range = try range(call.arguments, byteCount: text.count)
        call.reply.pointee.integer(countOnes(in: text, range))
      } catch {
        call.reply.pointee.error(error.text)
      }
    }
  }

  /// The bits to count.
  private static func range(_ arguments: Arguments, byteCount: Int) throws(CommandError) -> Range<Int> {
    if arguments.count == 2 { return 0..<(byteCount * 8) }
    guard arguments.count == 4 || arguments.count == 5 else { throw CommandError(ErrorText.syntax) }
    guard let start = arguments.integer(at: 2), let end = arguments.integer(at: 3) else {
      throw CommandError(ErrorText.notAnInteger)
    }
    // An empty range of negative offsets is found before the unit is looked at.
    if start < 0, end < 0, start > end { return 0..<0 }
    let unit = try arguments.count == 5 ? BitUnit(arguments[4]) : .byte
    return unit.bits(from: start, through: end, byteCount: byteCount)
  }
}

enum BitPosCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "bitpos", arity: -3, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    group: .bitmap, since: "2.8.7",
    summary: "Finds the first bit that is set, or clear, in the string value of a key.",
    complexity: "O(N) in the bytes looked at.",
    arguments: [
      .init("key", .key), .init("bit", .integer),
      .init(
        "index", .block, optional: true,
        [
          .init("start", .integer),
          .init("end_index", .block, optional: true, [.init("end", .integer), bitUnitArgument]),
        ]),
    ],
    history: [("7.0.0", "Added the `BYTE|BIT` option.")])

  static func execute(_ call: inout KeyCall) {
    guard let value = call.arguments.integer(at: 2) else { return call.refuseInteger() }
    guard value == 0 || value == 1 else {
      return call.reply.pointee.error("ERR The bit argument must be 1 or 0.")
    }
    let isSet = value == 1
    guard let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read) else {
      // No string is an endless run of zeros.
      return call.reply.pointee.integer(isSet ? -1 : 0)
    }
    entry.withText { text in
      guard let text else { return call.refuseType() }
      do throws(CommandError) {
        let range = try range(call.arguments, byteCount: text.count)
        call.reply.pointee.integer(position(of: isSet, in: text, range, call.arguments))
      } catch {
        call.reply.pointee.error(error.text)
      }
    }
  }

  /// The bits to search.
  private static func range(_ arguments: Arguments, byteCount: Int) throws(CommandError) -> Range<Int> {
    if arguments.count == 3 { return 0..<(byteCount * 8) }
    guard arguments.count <= 6 else { throw CommandError(ErrorText.syntax) }
    guard let start = arguments.integer(at: 3) else { throw CommandError(ErrorText.notAnInteger) }
    let unit = try arguments.count == 6 ? BitUnit(arguments[5]) : .byte
    var end: Int64 = -1
    if arguments.count > 4 {
      guard let given = arguments.integer(at: 4) else { throw CommandError(ErrorText.notAnInteger) }
      end = given
    }
    return unit.bits(from: start, through: end, byteCount: byteCount)
  }

  private static func position(
    of isSet: Bool, in text: ByteView, _ range: Range<Int>, _ arguments: Arguments
  ) -> Int {
    if let position = firstBit(isSet, in: text, range) { return position }
    // Who gives no end sees zeros behind the string, unless the start lies there already.
    let hasEnd = arguments.count > 4
    return isSet || hasEnd || range.isEmpty ? -1 : range.upperBound
  }
}

/// What the offsets of a range count.
enum BitUnit {
  case byte
  case bit

  init(_ word: ByteView) throws(CommandError) {
    if word.equalsIgnoringCase("bit") {
      self = .bit
    } else if word.equalsIgnoringCase("byte") {
      self = .byte
    } else {
      throw CommandError(ErrorText.syntax)
    }
  }

  /// The bits that two offsets of this unit name in a string; negative ones count from the end.
  func bits(from start: Int64, through end: Int64, byteCount: Int) -> Range<Int> {
    let unitBits = self == .bit ? 1 : 8
    let count = Int64(byteCount * 8 / unitBits)
    let first = start < 0 ? max(start + count, 0) : start
    let last = min(end < 0 ? max(end + count, 0) : end, count - 1)
    return first <= last ? (Int(first) * unitBits)..<((Int(last) + 1) * unitBits) : 0..<0
  }
}

private let bitUnitArgument = ArgumentSpecification(
  "index_unit", .oneOf, since: "7.0.0", optional: true, [.token("BYTE"), .token("BIT")])

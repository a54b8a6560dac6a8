import Bytes
import Engine
import Keyspace
import RESP

enum HIncrByCommand: ElementCommand {
  static let elementArgument = 2
  static let declaration = CommandDeclaration(
    name: "hincrby", arity: 4, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .hash, since: "2.0.0",
    summary: "Adds a number to the integer of a field; a missing field counts as 0.", complexity: "O(1)",
    arguments: [.init("key", .key), .init("field", .string), .init("increment", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let amount = call.arguments.integer(at: 3) else { return call.refuseInteger() }
    let key = call.key(1)
    let field = Element(call.arguments[2])
    switch call.find(key, .hash, for: .write) {
    case .otherType: call.refuseType()
    case .missing:
      _ = call.keyspace.makeHash(key, in: call.database, of: field, Element(amount))
      call.changed(key, .hash, "hincrby")
      call.reply.pointee.integer(amount)
    case .entry(let entry):
      var old: Int64 = 0
      if let value = call.keyspace.fieldValue(field, of: entry) {
        // A text that spells an integer would be one.
        guard value.text == nil else { return call.refuseFieldInteger() }
        old = value.integer
      }
      let (sum, overflow) = old.addingReportingOverflow(amount)
      if overflow { return call.refuseFieldOverflow() }
      call.keyspace.setField(field, of: entry, to: Element(sum), lifetime: .kept)
      call.changed(key, .hash, "hincrby")
      call.reply.pointee.integer(sum)
    }
  }
}

extension KeyCall {
  @inline(never)
  fileprivate func refuseFieldInteger() { reply.pointee.error("ERR hash value is not an integer") }

  @inline(never)
  fileprivate func refuseFieldOverflow() {
    reply.pointee.error("ERR increment or decrement would overflow")
  }
}

enum HIncrByFloatCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "hincrbyfloat", arity: 4, flags: [.write, .denyOutOfMemory, .fast],
    keys: [.key([.readWrite, .access, .update])],
    group: .hash, since: "2.6.0",
    summary: "Adds a floating-point number to the number of a field; a missing field counts as 0.",
    complexity: "O(1)",
    arguments: [.init("key", .key), .init("field", .string), .init("increment", .double)])

  static func execute(_ call: inout KeyCall) {
    guard let increment = LongDouble(call.arguments[3]) else {
      return call.reply.pointee.error(ErrorText.notAFloat)
    }
    guard increment.isFinite else { return call.reply.pointee.error("ERR value is NaN or Infinity") }
    let key = call.key(1)
    let field = Element(call.arguments[2])
    let found = call.find(key, .hash, for: .write)
    if case .otherType = found { return call.refuseType() }
    guard let old = number(of: field, found, call) else {
      return call.reply.pointee.error("ERR hash value is not a float")
    }
    let sum = old + increment
    guard sum.isFinite else {
      return call.reply.pointee.error("ERR increment would produce NaN or Infinity")
    }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: LongDouble.bytesMax) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      let text = ByteView(start: start, count: sum.write(to: start))
      if case .entry(let entry) = found {
        call.keyspace.setField(field, of: entry, to: Element(text), lifetime: .kept)
      } else {
        _ = call.keyspace.makeHash(key, in: call.database, of: field, Element(text))
      }
      call.changed(key, .hash, "hincrbyfloat")
      call.reply.pointee.bulk(text)
    }
  }

  private static func number(of field: Element, _ found: Found, _ call: KeyCall) -> LongDouble? {
    guard case .entry(let entry) = found, let value = call.keyspace.fieldValue(field, of: entry) else {
      return LongDouble(0)
    }
    guard let text = value.text else { return LongDouble(value.integer) }
    return LongDouble(text)
  }
}

import Bytes
import Engine
import Keyspace
import RESP

/// What a call of SSCAN, HSCAN or ZSCAN asks for, behind the cursor.
struct ElementScanRequest {
  /// Elements to look at, about.
  private(set) var count = 10
  private(set) var pattern: GlobPattern?
  /// `NOVALUES`, which HSCAN knows.
  private(set) var omitsValues = false

  fileprivate init(_ arguments: Arguments, knowsNoValues: Bool) throws(CommandError) {
    var index = 3
    while index < arguments.count {
      if knowsNoValues, arguments.isWord("novalues", at: index) {
        omitsValues = true
        index += 1
        continue
      }
      guard arguments.hasArgument(after: index) else { throw CommandError(ErrorText.syntax) }
      if arguments.isWord("count", at: index) {
        guard let count = arguments.integer(at: index + 1) else { throw CommandError(ErrorText.notAnInteger) }
        if count < 1 { throw CommandError(ErrorText.syntax) }
        self.count = Int(count)
      } else if arguments.isWord("match", at: index) {
        pattern = GlobPattern(arguments[index + 1])
      } else {
        throw CommandError(ErrorText.syntax)
      }
      index += 2
    }
  }

  /// Whether an element is to be answered with.
  @inline(__always)
  func accepts(_ item: Item) -> Bool {
    guard let pattern, !pattern.matchesEverything else { return true }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) {
      pattern.matches(item.view(scratch: $0.baseAddress.unsafelyUnwrapped))
    }
  }
}

extension KeyCall {
  /// Executes SSCAN, HSCAN or ZSCAN on a collection of this kind: `visit` looks at some of its elements, from a cursor
  /// on, appends those that the request accepts to the list, and returns the cursor at which to go on.
  ///
  /// As in Redis a key that is not there is answered before the options are looked at.
  func scanElements(
    of kind: ValueKind, knowsNoValues: Bool = false,
    _ visit: (Entry, UInt64, ElementScanRequest, inout ElementList) -> UInt64
  ) {
    do throws(CommandError) {
      let cursor = try arguments.scanCursor(at: 2)
      var next: UInt64 = 0
      var list = ElementList(for: reply)
      switch find(key(1), kind, for: .read) {
      case .missing: break
      case .otherType: return refuseType()
      case .entry(let entry):
        let request = try ElementScanRequest(arguments, knowsNoValues: knowsNoValues)
        next = visit(entry, cursor, request, &list)
      }
      reply.pointee.array(2)
      reply.pointee.bulk(String(next))
      reply.pointee.array(list.count)
      list.move(to: reply)
    } catch {
      reply.pointee.error(error.text)
    }
  }
}

extension Arguments {
  /// Reads a cursor as C's `strtoul` does, because Redis does: up to a NUL, with a sign, nothing as zero.
  func scanCursor(at index: Int) throws(CommandError) -> UInt64 {
    let argument = self[index]
    var text = argument[0..<(argument.buffer.firstIndex(of: 0) ?? argument.count)]
    if text.isEmpty { return 0 }
    let sign = text[0]
    if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { text = text[1..<text.count] }
    guard let bits = parseUInt64(text) else { throw CommandError("ERR invalid cursor") }
    return sign == UInt8(ascii: "-") ? 0 &- bits : bits
  }
}

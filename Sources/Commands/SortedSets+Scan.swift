import Bytes
import Engine
import Keyspace

enum ZScanCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "zscan", arity: -3, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .sortedSet, since: "2.8.0",
    summary: "Goes through the members of a sorted set and their scores, some with each call.",
    complexity: "O(COUNT) for each call, O(N) for all N members.",
    arguments: [
      .init("key", .key), .init("cursor", .integer),
      .init("pattern", .pattern, token: "MATCH", optional: true),
      .init("count", .integer, token: "COUNT", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    call.scanElements(of: .sortedSet) { entry, cursor, request, list in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: doubleBytesMax) { digits in
        let digits = digits.baseAddress.unsafelyUnwrapped
        let isPacked = entry.isPackedSortedSet
        return entry.scanScored(from: cursor, count: request.count) { member, score in
          guard request.accepts(member) else { return }
          list.append(member)
          list.append(text(of: score, isPacked: isPacked, to: digits))
        }
      }
    }
  }

  /// A score as ZSCAN shows it: always a text, and in a compact set without an exponent where Redis has an integer there.
  private static func text(of score: Double, isPacked: Bool, to digits: UnsafeMutablePointer<UInt8>)
    -> ByteView
  {
    let count: Int
    if isPacked, score.magnitude <= Double(Int64.max / 2), let whole = Int64(exactly: score) {
      count = writeDecimal(whole, to: digits)
    } else {
      count = writeDouble(score, to: digits)
    }
    return ByteView(start: UnsafePointer(digits), count: count)
  }
}

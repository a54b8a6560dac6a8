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
        return entry.scanScored(from: cursor, count: request.count) { member, score in
          guard request.accepts(member) else { return }
          list.append(member)
          // Also for RESP3 clients a text.
          list.append(ByteView(start: UnsafePointer(digits), count: writeDouble(score, to: digits)))
        }
      }
    }
  }
}

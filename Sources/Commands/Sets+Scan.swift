import Engine
import Keyspace

enum SScanCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "sscan", arity: -3, flags: [.readOnly], keys: [.key([.readOnly, .access])],
    tips: .nondeterministicOutput, group: .set, since: "2.8.0",
    summary: "Goes through the members of a set, some with each call.",
    complexity: "O(COUNT) for each call, O(N) for all N members.",
    arguments: [
      .init("key", .key), .init("cursor", .integer),
      .init("pattern", .pattern, token: "MATCH", optional: true),
      .init("count", .integer, token: "COUNT", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    call.scanElements(of: .set) { entry, cursor, request, list in
      entry.scanMembers(from: cursor, count: request.count) { member in
        if request.accepts(member) { list.append(member) }
      }
    }
  }
}

import Engine
import RESP
import Statistics

enum InfoCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "info", arity: -1, flags: [.loading, .stale], categories: [.dangerous], requestPolicy: .allShards,
    responsePolicy: .special, tips: [.nondeterministicOutput], group: .server, since: "1.0.0",
    summary: "Tells about the server: what it is, what it holds and what it did.", complexity: "O(1)",
    arguments: [.init("section", .string, optional: true, multiple: true)],
    history: [("7.0.0", "Takes several sections.")])

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    let selection = InfoSelection(arguments: (1..<arguments.count).map { arguments[$0].string })
    let parts = InfoReport.parts(for: selection)
    let own = operation.localShard.pointee.index
    // What is resident is sampled in the middle of what is allocated, so that the two can be compared.
    let shards = await operation.onEveryShard { shard in
      (
        report: ShardReport(of: shard, parts),
        resident: shard.pointee.index == own && parts.contains(.memory) ? ResidentMemory.now() : nil
      )
    }
    let report = InfoReport(
      server: operation.server, shards: shards.map(\.report),
      resident: shards.lazy.compactMap(\.resident).first)
    operation.reply.pointee.verbatim(report.text(selection))
  }
}

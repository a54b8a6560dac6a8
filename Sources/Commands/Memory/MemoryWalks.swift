import Bytes
import Engine
import RESP

/// The long walks over all keys that are under way: how far they have come; and stopping one.
enum MemoryWalksCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "walks", arity: -2, tips: [.nondeterministicOutput], group: .server, since: ServerVersion.own,
    summary: "Returns how far the walks over all keys have come that are under way, or stops one of them.",
    complexity: "O(N) where N is the number of walks.",
    arguments: [.init("id", .integer, token: "STOP", optional: true)])

  static func execute(_ call: inout ClientCall) {
    switch call.arguments.count {
    case 2: write(call.server.longWalks.all, to: call.reply)
    case 4 where call.arguments.isWord("stop", at: 2): stop(call)
    default: call.reply.pointee.error(ErrorText.syntax)
    }
  }

  private static func stop(_ call: ClientCall) {
    guard let identifier = call.arguments.integer(at: 3) else {
      return call.reply.pointee.error(ErrorText.notAnInteger)
    }
    guard let walk = call.server.longWalks.all.first(where: { Int64(clamping: $0.identifier) == identifier })
    else {
      return call.reply.pointee.error("ERR No such walk")
    }
    walk.stop()
    call.reply.pointee.ok()
  }

  private static func write(_ walks: [LongWalk], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    reply.pointee.array(walks.count)
    for walk in walks {
      reply.pointee.map(7)
      reply.pointee.bulk("id")
      reply.pointee.integer(Int64(clamping: walk.identifier))
      reply.pointee.bulk("command")
      reply.pointee.bulk(walk.name)
      reply.pointee.bulk("client")
      reply.pointee.integer(Int64(clamping: walk.client))
      reply.pointee.bulk("usec")
      reply.pointee.integer(Int64(clamping: (MonotonicClock.nanoseconds - walk.startNanoseconds) / 1_000))
      reply.pointee.bulk("keys")
      reply.pointee.integer(walk.keyCount)
      reply.pointee.bulk("visited.keys")
      reply.pointee.integer(walk.visitedCount)
      reply.pointee.bulk("percentage")
      reply.pointee.double(walk.percentage)
    }
  }
}

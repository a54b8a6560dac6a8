import Bytes
import Engine
import RESP

enum PublishCommand: PublishingCommand {
  static let declaration = CommandDeclaration(
    name: "publish", arity: 3, flags: [.pubSub, .loading, .stale, .fast, .mayReplicate], group: .pubsub,
    since: "2.0.0", summary: "Sends a message to everybody who subscribes to the channel.",
    complexity: "O(N+M) with N subscribers of the channel and M patterns that anybody subscribes to",
    arguments: [.init("channel", .string), .init("message", .string)])

  static func execute(_ call: inout KeyCall) {
    let count = call.shard.publishBeforeReply { $0.publish(call.arguments[2], to: call.arguments[1]) }
    call.reply.pointee.integer(count)
  }
}

enum SPublishCommand: PublishingCommand {
  static let declaration = CommandDeclaration(
    name: "spublish", arity: 3, flags: [.pubSub, .loading, .stale, .fast, .mayReplicate],
    keys: [.key(at: 1, .notKey)], group: .pubsub, since: "7.0.0",
    summary: "Sends a message to everybody who subscribes to the shard channel.",
    complexity: "O(N) with N subscribers of the shard channel",
    arguments: [.init("shardchannel", .string), .init("message", .string)])

  static func execute(_ call: inout KeyCall) {
    let count = call.shard.publishBeforeReply {
      $0.publish(call.arguments[2], toShardChannel: call.arguments[1])
    }
    call.reply.pointee.integer(count)
  }
}

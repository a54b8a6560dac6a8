import Bytes
import Engine
import RESP

enum PublishCommand: LocalFirstCommand {
  static let declaration = CommandDeclaration(
    name: "publish", arity: 3, flags: [.pubSub, .loading, .stale, .fast, .mayReplicate], group: .pubsub,
    since: "2.0.0", summary: "Sends a message to everybody who subscribes to the channel.",
    complexity: "O(N+M) with N subscribers of the channel and M patterns that anybody subscribes to",
    arguments: [.init("channel", .string), .init("message", .string)])

  static func executeLocally(_ call: inout ClientCall) -> Bool {
    if call.othersSubscribe { return false }
    call.reply.pointee.integer(call.shard.publish(call.arguments[2], to: call.arguments[1]))
    return true
  }

  static func coordinate(_ operation: Operation) async {
    let channel = operation.arguments[1]
    let message = operation.arguments[2]
    await operation.publish { $0.publish(message, to: channel) }
  }
}

enum SPublishCommand: LocalFirstCommand {
  static let declaration = CommandDeclaration(
    name: "spublish", arity: 3, flags: [.pubSub, .loading, .stale, .fast, .mayReplicate],
    keys: [.key(at: 1, .notKey)], group: .pubsub, since: "7.0.0",
    summary: "Sends a message to everybody who subscribes to the shard channel.",
    complexity: "O(N) with N subscribers of the shard channel",
    arguments: [.init("shardchannel", .string), .init("message", .string)])

  static func executeLocally(_ call: inout ClientCall) -> Bool {
    if call.othersSubscribe { return false }
    call.reply.pointee.integer(call.shard.publish(call.arguments[2], toShardChannel: call.arguments[1]))
    return true
  }

  static func coordinate(_ operation: Operation) async {
    let channel = operation.arguments[1]
    let message = operation.arguments[2]
    await operation.publish { $0.publish(message, toShardChannel: channel) }
  }
}

extension ClientCall {
  /// Whether clients of other loops subscribe to anything.
  fileprivate var othersSubscribe: Bool {
    let own = shard.pointee.index
    for other in 0..<server.shardCount where other != own {
      if server.subscriptionCounts[other].load() > 0 { return true }
    }
    return false
  }
}

extension Operation {
  /// Delivers a message on all loops whose clients subscribe to something, and answers with the number of deliveries.
  fileprivate func publish(
    _ deliver: @escaping @Sendable (UnsafeMutablePointer<Shard>) -> Int
  ) async {
    let loops = (0..<server.shardCount).filter { server.subscriptionCounts[$0].load() > 0 }
    let counts = loops.isEmpty ? [] : await onShards(loops, deliver)
    reply.pointee.integer(counts.reduce(0, +))
  }
}

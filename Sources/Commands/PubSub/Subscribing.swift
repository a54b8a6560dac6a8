import Bytes
import Engine
import RESP

// SUBSCRIBE and UNSUBSCRIBE, for channels, patterns and shard channels. Each channel is answered by a push of its own.

enum SubscribeCommand: ClientCommand, PushingCommand {
  static let declaration = CommandDeclaration.subscription(
    "subscribe", arity: -2, since: "2.0.0", summary: "Has the messages of channels sent to this connection.",
    complexity: "O(N) with N channels", arguments: [.init("channel", .string, multiple: true)])

  static func execute(_ call: inout ClientCall) { call.subscribe(.channel, "subscribe") }
}

enum PSubscribeCommand: ClientCommand, PushingCommand {
  static let declaration = CommandDeclaration.subscription(
    "psubscribe", arity: -2, since: "2.0.0",
    summary: "Has the messages of all channels that match a pattern sent to this connection.",
    complexity: "O(N) with N patterns",
    arguments: [.init("pattern", .block, multiple: true, [.init("pattern", .pattern)])])

  static func execute(_ call: inout ClientCall) { call.subscribe(.pattern, "psubscribe") }
}

enum SSubscribeCommand: ClientCommand, PushingCommand {
  static let declaration = CommandDeclaration.subscription(
    "ssubscribe", arity: -2, keys: [.keys(from: 1, .notKey)], since: "7.0.0",
    summary: "Has the messages of shard channels sent to this connection.",
    complexity: "O(N) with N shard channels", arguments: [.init("shardchannel", .string, multiple: true)])

  static func execute(_ call: inout ClientCall) { call.subscribe(.shardChannel, "ssubscribe") }
}

enum UnsubscribeCommand: ClientCommand, PushingCommand {
  static let declaration = CommandDeclaration.subscription(
    "unsubscribe", arity: -1, since: "2.0.0", summary: "Ends subscriptions to channels, or to all of them.",
    complexity: "O(N) with N channels",
    arguments: [.init("channel", .string, optional: true, multiple: true)])

  static func execute(_ call: inout ClientCall) { call.unsubscribe(.channel, "unsubscribe") }
}

enum PUnsubscribeCommand: ClientCommand, PushingCommand {
  static let declaration = CommandDeclaration.subscription(
    "punsubscribe", arity: -1, since: "2.0.0", summary: "Ends subscriptions to patterns, or to all of them.",
    complexity: "O(N) with N patterns",
    arguments: [.init("pattern", .pattern, optional: true, multiple: true)])

  static func execute(_ call: inout ClientCall) { call.unsubscribe(.pattern, "punsubscribe") }
}

enum SUnsubscribeCommand: ClientCommand, PushingCommand {
  static let declaration = CommandDeclaration.subscription(
    "sunsubscribe", arity: -1, keys: [.keys(from: 1, .notKey)], since: "7.0.0",
    summary: "Ends subscriptions to shard channels, or to all of them.",
    complexity: "O(N) with N shard channels",
    arguments: [.init("shardchannel", .string, optional: true, multiple: true)])

  static func execute(_ call: inout ClientCall) { call.unsubscribe(.shardChannel, "sunsubscribe") }
}

extension CommandDeclaration {
  fileprivate static func subscription(
    _ name: String, arity: Int, keys: [KeySpecification] = [], since: String, summary: String,
    complexity: String, arguments: [ArgumentSpecification]
  ) -> CommandDeclaration {
    CommandDeclaration(
      name: name, arity: arity, flags: [.pubSub, .noScript, .loading, .stale], keys: keys, group: .pubsub,
      since: since, summary: summary, complexity: complexity, arguments: arguments)
  }
}

extension ClientCall {
  fileprivate func subscribe(_ kind: ChannelKind, _ word: StaticString) {
    for index in 1..<arguments.count {
      shard.subscribe(client, to: arguments[index], kind)
      confirm(word, arguments[index], kind)
    }
  }

  fileprivate func unsubscribe(_ kind: ChannelKind, _ word: StaticString) {
    if arguments.count > 1 {
      for index in 1..<arguments.count {
        shard.unsubscribe(client, from: arguments[index], kind)
        confirm(word, arguments[index], kind)
      }
    } else if client.subscriptionCount(kind) == 0 {
      confirm(word, nil, kind)
    } else {
      shard.unsubscribeAll(client, kind) { confirm(word, $0, kind) }
    }
  }

  /// Tells the client what it did, and how many subscriptions it has now. Shard channels are counted apart.
  private func confirm(_ word: StaticString, _ channel: ByteView?, _ kind: ChannelKind) {
    reply.pointee.push(3)
    reply.pointee.bulk(word)
    if let channel { reply.pointee.bulk(channel) } else { reply.pointee.null() }
    reply.pointee.integer(
      kind == .shardChannel
        ? client.subscriptionCount(.shardChannel)
        : client.subscriptionCount(.channel) + client.subscriptionCount(.pattern))
  }
}

import Bytes
import Engine
import RESP

/// The commands of publishing and subscribing.
let pubSubCommands: [any Command.Type] = [
  SubscribeCommand.self, UnsubscribeCommand.self, PSubscribeCommand.self, PUnsubscribeCommand.self,
  PublishCommand.self, SSubscribeCommand.self, SUnsubscribeCommand.self, SPublishCommand.self,
  PubSubContainerCommand.self,
]

/// PUBSUB: what is subscribed to.
enum PubSubContainerCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "pubsub", arity: -2, group: .pubsub, since: "2.8.0",
    summary: "Holds the commands that tell about subscriptions.", complexity: "Depends on subcommand.",
    subcommands: [
      PubSubChannelsCommand.self, PubSubNumPatCommand.self, PubSubNumSubCommand.self,
      PubSubShardChannelsCommand.self, PubSubShardNumSubCommand.self, PubSubHelpCommand.self,
    ])
}

extension CommandDeclaration {
  fileprivate static func pubSub(
    _ name: String, arity: Int, flags: CommandFlags = [.pubSub, .loading, .stale], since: String,
    summary: String, complexity: String, arguments: [ArgumentSpecification] = []
  ) -> CommandDeclaration {
    CommandDeclaration(
      name: name, arity: arity, flags: flags, group: .pubsub, since: since, summary: summary,
      complexity: complexity, arguments: arguments)
  }
}

enum PubSubChannelsCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.pubSub(
    "channels", arity: -2, since: "2.8.0", summary: "Lists the channels that have subscribers.",
    complexity: "O(N) with N channels that have subscribers",
    arguments: [.init("pattern", .pattern, optional: true)])

  static func coordinate(_ operation: Operation) async { await operation.listChannels(.channel) }
}

enum PubSubShardChannelsCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.pubSub(
    "shardchannels", arity: -2, since: "7.0.0", summary: "Lists the shard channels that have subscribers.",
    complexity: "O(N) with N shard channels that have subscribers",
    arguments: [.init("pattern", .pattern, optional: true)])

  static func coordinate(_ operation: Operation) async { await operation.listChannels(.shardChannel) }
}

enum PubSubNumPatCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.pubSub(
    "numpat", arity: 2, since: "2.8.0", summary: "Counts the different patterns that have subscribers.",
    complexity: "O(1) with one shard, O(N) with N patterns otherwise")

  static func coordinate(_ operation: Operation) async {
    operation.reply.pointee.integer(await operation.channelNames(.pattern, matching: nil).count)
  }
}

enum PubSubNumSubCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.pubSub(
    "numsub", arity: -2, since: "2.8.0", summary: "Counts the subscribers of channels.",
    complexity: "O(N) with N channels asked for",
    arguments: [.init("channel", .string, optional: true, multiple: true)])

  static func coordinate(_ operation: Operation) async { await operation.countSubscribers(.channel) }
}

enum PubSubShardNumSubCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration.pubSub(
    "shardnumsub", arity: -2, since: "7.0.0", summary: "Counts the subscribers of shard channels.",
    complexity: "O(N) with N shard channels asked for",
    arguments: [.init("shardchannel", .string, optional: true, multiple: true)])

  static func coordinate(_ operation: Operation) async { await operation.countSubscribers(.shardChannel) }
}

enum PubSubHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration.pubSub(
    "help", arity: 2, flags: [.loading, .stale], since: "6.2.0", summary: "Tells about the subcommands.",
    complexity: "O(1)")

  static func execute(_ call: inout ClientCall) { HelpReply.write("PUBSUB", entries, to: call.reply) }

  private static let entries: [HelpReply.Entry] = [
    ("CHANNELS [<pattern>]", ["The channels that have subscribers, or those of them that match <pattern>."]),
    ("NUMPAT", ["How many different patterns have subscribers."]),
    (
      "NUMSUB [<channel> ...]",
      ["How many subscribers each of the channels has; those of patterns are not counted."]
    ),
    ("SHARDCHANNELS [<pattern>]", ["The same as CHANNELS, for shard channels."]),
    ("SHARDNUMSUB [<shardchannel> ...]", ["The same as NUMSUB, for shard channels."]),
  ]
}

extension Operation {
  /// The different names that clients of any loop subscribe to, those that match a pattern if there is one.
  fileprivate func channelNames(_ kind: ChannelKind, matching pattern: ByteView?) async -> Set<[UInt8]> {
    let lists = await onEveryShard { shard in
      var names: [[UInt8]] = []
      let wanted = pattern.map { GlobPattern($0) }
      shard.pointee.subscriptions.forEachChannel(kind) { name, _, _ in
        if wanted?.matches(name) ?? true { names.append(name.array) }
      }
      return names
    }
    return lists.reduce(into: Set()) { $0.formUnion($1) }
  }

  fileprivate func listChannels(_ kind: ChannelKind) async {
    guard arguments.count <= 3 else {
      return reply.pointee.error(
        errorText(
          "ERR unknown subcommand or wrong number of arguments for '", quoting: arguments[1],
          "'. Try PUBSUB HELP."))
    }
    let names = await channelNames(kind, matching: arguments.count == 3 ? arguments[2] : nil)
    reply.pointee.array(names.count)
    for name in names { reply.pointee.bulk(name) }
  }

  fileprivate func countSubscribers(_ kind: ChannelKind) async {
    let arguments = arguments
    let names = (2..<Swift.max(2, arguments.count)).map { arguments[$0] }
    let counts = await onEveryShard { shard in names.map { shard.subscriberCount($0, kind) } }
    reply.pointee.array(names.count * 2)
    for (index, name) in names.enumerated() {
      reply.pointee.bulk(name)
      reply.pointee.integer(counts.reduce(0) { $0 + $1[index] })
    }
  }
}

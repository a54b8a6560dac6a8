import Engine
import RESP

/// CLIENT: a container; its subcommands are in the files whose names begin with `Client`.
enum ClientContainerCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "client", arity: -2, group: .connection, since: "2.4.0",
    summary: "Holds the commands about connections.", complexity: "Depends on subcommand.",
    subcommands: [
      ClientIdCommand.self, ClientInfoCommand.self, ClientListCommand.self, ClientGetNameCommand.self,
      ClientSetNameCommand.self, ClientSetInfoCommand.self, ClientKillCommand.self, ClientPauseCommand.self,
      ClientUnpauseCommand.self, ClientReplyCommand.self, ClientNoEvictCommand.self,
      ClientNoTouchCommand.self,
      ClientUnblockCommand.self, ClientGetRedirCommand.self, ClientTrackingCommand.self,
      ClientCachingCommand.self, ClientTrackingInfoCommand.self, ClientHelpCommand.self,
    ])
}

extension CommandDeclaration {
  /// A subcommand of CLIENT. All but HELP share these flags.
  static func client(
    _ name: String, arity: Int, flags: CommandFlags = [.noScript, .loading, .stale], tips: CommandTips = [],
    since: String, summary: String, complexity: String = "O(1)", arguments: [ArgumentSpecification] = [],
    history: [(version: String, change: String)] = []
  ) -> CommandDeclaration {
    CommandDeclaration(
      name: name, arity: arity, flags: flags, tips: tips, group: .connection, since: since, summary: summary,
      complexity: complexity, arguments: arguments, history: history)
  }
}

extension CommandFlags {
  /// Those of the subcommands of CLIENT that concern other clients.
  static let clientAdministration: CommandFlags = [.admin, .noScript, .loading, .stale]
}

extension ArgumentSpecification {
  /// ON or OFF, as the switches of CLIENT take it.
  static let onOrOff = ArgumentSpecification("enabled", .oneOf, [.token("ON"), .token("OFF")])
}

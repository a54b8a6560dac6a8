import Bytes
import Configuration
import Engine
import Glibc
import RESP

enum ConfigCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "config", arity: -2, group: .server, since: "2.0.0",
    summary: "Commands about the server's configuration.", complexity: "Depends on the subcommand.",
    subcommands: [
      ConfigGetCommand.self, ConfigHelpCommand.self, ConfigResetStatCommand.self, ConfigRewriteCommand.self,
      ConfigSetCommand.self,
    ])

  static let flags: CommandFlags = [.admin, .noScript, .loading, .stale]
}

enum ConfigGetCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "get", arity: -3, flags: ConfigCommand.flags, group: .server, since: "2.0.0",
    summary: "Returns the values of configuration parameters.",
    complexity: "O(N), N being the number of parameters asked for",
    arguments: [.init("parameter", .block, multiple: true, [.init("parameter", .string)])],
    history: [("7.0.0", "Takes several patterns.")])

  static func execute(_ call: inout ClientCall) {
    // A name that is no UTF-8 is the name of nothing.
    let arguments = call.arguments
    let patterns = (2..<arguments.count).compactMap {
      String(validating: arguments[$0].buffer, as: UTF8.self)
    }
    let values = call.server.configuration.get(patterns: patterns)
    let reply = call.reply
    reply.pointee.map(values.count)
    for (name, value) in values {
      reply.pointee.bulk(name)
      reply.pointee.bulk(value)
    }
  }
}

enum ConfigSetCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "set", arity: -4, flags: ConfigCommand.flags.union(.sensitive), requestPolicy: .allNodes,
    responsePolicy: .allSucceeded, group: .server, since: "2.0.0",
    summary: "Changes configuration parameters, all of them or none.",
    complexity: "O(N), N being the number of parameters given",
    arguments: [
      .init(
        "parameter_value", .block, multiple: true, [.init("parameter", .string), .init("value", .string)])
    ],
    history: [("7.0.0", "Takes several parameters, and changes all or none.")])

  static func coordinate(_ operation: Operation) async {
    do throws(ConfigurationError) {
      guard let pairs = try pairs(in: operation.arguments) else {
        return operation.reply.pointee.error(ErrorText.syntax)
      }
      let isLocalClient = operation.client.pointee.flags.contains(.local)
      try operation.server.updateConfiguration { (configuration) throws(ConfigurationError) in
        let before = configuration.settings
        try configuration.set(pairs, isLocalClient: isLocalClient)
        try ProcessSettings.apply(&configuration.settings, insteadOf: before)
      }
    } catch {
      return operation.reply.pointee.error("ERR \(error.message)")
    }
    await operation.distributeSettings()
    operation.reply.pointee.ok()
  }

  /// Names and values; nil if their number is odd.
  private static func pairs(
    in arguments: Arguments
  ) throws(ConfigurationError) -> [(name: String, value: String)]? {
    guard arguments.count.isMultiple(of: 2) else { return nil }
    var pairs: [(name: String, value: String)] = []
    for index in stride(from: 2, to: arguments.count, by: 2) {
      guard let name = String(validating: arguments[index].buffer, as: UTF8.self) else {
        throw .unknownDirective(name: arguments[index].string)
      }
      // Values are text, and go into a file of text.
      guard let value = String(validating: arguments[index + 1].buffer, as: UTF8.self) else {
        throw .setFailed(name: name, reason: "argument must be valid UTF-8")
      }
      pairs.append((name, value))
    }
    return pairs
  }
}

enum ConfigResetStatCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "resetstat", arity: 2, flags: ConfigCommand.flags, group: .server, since: "2.0.0",
    summary: "Sets the counters that INFO shows back to zero.", complexity: "O(1)")

  static func coordinate(_ operation: Operation) async {
    _ = await operation.onEveryShard { $0.pointee.resetStatistics() }
    operation.server.connectionsReceived.store(0, ordering: .relaxed)
    operation.server.connectionsRejected.store(0, ordering: .relaxed)
    operation.reply.pointee.ok()
  }
}

enum ConfigRewriteCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "rewrite", arity: 2, flags: ConfigCommand.flags, group: .server, since: "2.8.0",
    summary: "Brings the configuration file up to date with the settings in force.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    let configuration = call.server.configuration
    guard let path = configuration.filePath else {
      return call.reply.pointee.error("ERR The server is running without a config file")
    }
    do throws(ConfigurationFileError) {
      let file = ConfigurationFile(path: path)
      try file.replace(with: configuration.rewritten(original: try file.text()))
    } catch {
      return call.reply.pointee.error("ERR Rewriting config file: \(error.reason)")
    }
    call.reply.pointee.ok()
  }
}

enum ConfigHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .server, since: "5.0.0",
    summary: "Explains the subcommands.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "CONFIG",
      [
        ("GET <pattern> [<pattern> ...]", ["Return the parameters that match a glob-style <pattern>."]),
        (
          "SET <directive> <value> [<directive> <value> ...]",
          ["Give parameters new values, all of them or, on an error, none."]
        ),
        ("RESETSTAT", ["Set the counters that INFO shows back to zero."]),
        ("REWRITE", ["Bring the configuration file up to date."]),
      ], to: call.reply)
  }
}

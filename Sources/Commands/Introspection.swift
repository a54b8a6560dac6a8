import Bytes
import Engine
import RESP

let introspectionCommands: [any Command.Type] = [CommandCommand.self]

/// COMMAND: without a subcommand, what COMMAND INFO tells of every command.
enum CommandCommand: CommandContainer, ClientCommand {
  static let declaration = CommandDeclaration(
    name: "command", arity: -1, flags: [.loading, .stale], categories: [.connection],
    tips: [.nondeterministicOutputOrder], group: .server, since: "2.8.13",
    summary: "Describes every command of the server, as COMMAND INFO does.",
    complexity: "O(N) where N is the number of commands.",
    subcommands: [
      CommandCountCommand.self, CommandDocsCommand.self, CommandGetKeysCommand.self,
      CommandGetKeysAndFlagsCommand.self, CommandHelpCommand.self, CommandInfoCommand.self,
      CommandListCommand.self,
    ])

  static func execute(_ call: inout ClientCall) {
    CommandInfoReply(table: call.server.table, reply: call.reply).writeAll()
  }
}

enum CommandCountCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "count", arity: 2, flags: [.loading, .stale], categories: [.connection], group: .server,
    since: "2.8.13", summary: "Returns the number of commands, subcommands not counted.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    call.reply.pointee.integer(call.server.table.topLevelIndices.count)
  }
}

enum CommandListCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "list", arity: -2, flags: [.loading, .stale], categories: [.connection],
    tips: [.nondeterministicOutputOrder], group: .server, since: "7.0.0",
    summary: "Lists the names of all commands and subcommands, or of some of them.",
    complexity: "O(N) where N is the number of commands.",
    arguments: [
      .init(
        "filterby", .oneOf, token: "FILTERBY", optional: true,
        [
          .init("module-name", .string, token: "MODULE"), .init("category", .string, token: "ACLCAT"),
          .init("pattern", .pattern, token: "PATTERN"),
        ])
    ])

  static func execute(_ call: inout ClientCall) {
    guard let filter = CommandListFilter(call.arguments) else {
      return call.reply.pointee.error(ErrorText.syntax)
    }
    let table = call.server.table
    let listed = table.fullNames.indices.filter { filter.allows(table, $0) }
    call.reply.pointee.array(listed.count)
    for index in listed { call.reply.pointee.bulk(table.fullNames[index]) }
  }
}

/// Which commands COMMAND LIST is to list.
private enum CommandListFilter {
  case none
  /// Those of a module. There are no modules, so none.
  case module
  /// Those of an access-control category; nil is a category that does not exist.
  case category(CommandCategories?)
  case pattern(GlobPattern)

  /// Reads the arguments after COMMAND LIST; nil if they make no sense.
  init?(_ arguments: Arguments) {
    if arguments.count == 2 {
      self = .none
      return
    }
    guard arguments.count == 5, arguments.isWord("filterby", at: 2) else { return nil }
    if arguments.isWord("module", at: 3) {
      self = .module
    } else if arguments.isWord("aclcat", at: 3) {
      let wanted = arguments[4].string.lowercased()
      self = .category(CommandCategories.names.first { "\($0.name)" == wanted }?.category)
    } else if arguments.isWord("pattern", at: 3) {
      self = .pattern(GlobPattern(arguments[4]))
    } else {
      return nil
    }
  }

  func allows(_ table: CommandTable, _ index: Int) -> Bool {
    switch self {
    case .none: return true
    case .module: return false
    case .category(let category):
      guard let category else { return false }
      return table.declarations[index].allCategories.contains(category)
    case .pattern(let pattern):
      var name = table.fullNames[index]
      return name.withUTF8 { bytes in
        guard let start = bytes.baseAddress else { return false }
        return pattern.matches(ByteView(start: start, count: bytes.count), ignoringCase: true)
      }
    }
  }
}

enum CommandHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], categories: [.connection], group: .server,
    since: "5.0.0", summary: "Lists the subcommands of COMMAND.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "COMMAND",
      [
        ("(no subcommand)", ["Describe every command, as INFO does."]),
        ("COUNT", ["Show how many commands there are."]),
        (
          "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
          ["List the names of all commands, or of those that the filter lets through."]
        ),
        (
          "INFO [<command-name> ...]",
          ["Describe the commands named, or all: arity, flags, keys, categories, tips and subcommands."]
        ),
        (
          "DOCS [<command-name> ...]",
          ["Document the commands named, or all: summary, history, complexity and arguments."]
        ),
        ("GETKEYS <full-command>", ["Show which arguments of a command are its keys."]),
        ("GETKEYSANDFLAGS <full-command>", ["Show the same, and what the command does with each."]),
      ], to: call.reply)
  }
}

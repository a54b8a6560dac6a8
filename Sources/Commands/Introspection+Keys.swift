import Bytes
import Engine
import RESP

enum CommandGetKeysCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "getkeys", arity: -4, flags: [.loading, .stale], categories: [.connection], group: .server,
    since: "2.8.13", summary: "Returns the keys of a full command.",
    complexity: "O(N) where N is the number of the command's arguments.",
    arguments: [
      .init("command", .string), .init("arg", .string, optional: true, multiple: true),
    ])

  static func execute(_ call: inout ClientCall) {
    let command = call.arguments.dropFirst(2)
    guard let keys = CommandKeys.find(command, call.server.table, call.reply) else { return }
    call.reply.pointee.array(keys.count)
    for key in keys { call.reply.pointee.bulk(command[key.argument]) }
  }
}

enum CommandGetKeysAndFlagsCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "getkeysandflags", arity: -4, flags: [.loading, .stale], categories: [.connection], group: .server,
    since: "7.0.0", summary: "Returns the keys of a full command, and what it does with each.",
    complexity: "O(N) where N is the number of the command's arguments.",
    arguments: [
      .init("command", .string), .init("arg", .string, optional: true, multiple: true),
    ])

  static func execute(_ call: inout ClientCall) {
    let command = call.arguments.dropFirst(2)
    guard let keys = CommandKeys.find(command, call.server.table, call.reply) else { return }
    call.reply.pointee.array(keys.count)
    for key in keys {
      call.reply.pointee.array(2)
      call.reply.pointee.bulk(command[key.argument])
      call.reply.pointee.names(of: key.flags, in: KeySpecification.Flags.names)
    }
  }
}

/// The keys among the arguments of a command that is only looked at.
enum CommandKeys {
  struct FoundKey {
    /// Which argument it is.
    let argument: Int
    let flags: KeySpecification.Flags
  }

  /// The keys of a full command; nil if there are none to be told, and the error is written.
  static func find(
    _ arguments: Arguments, _ table: CommandTable, _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> [FoundKey]? {
    guard let index = table.index(ofCall: arguments) else {
      reply.pointee.error("ERR Invalid command specified")
      return nil
    }
    let declaration = table.declarations[index]
    guard !declaration.keys.isEmpty else {
      reply.pointee.error("ERR The command has no key arguments")
      return nil
    }
    let arity = declaration.arity
    guard arity > 0 ? arguments.count == arity : arguments.count >= -arity else {
      reply.pointee.error("ERR Invalid number of arguments specified for command")
      return nil
    }
    var keys: [FoundKey] = []
    for specification in declaration.keys where !specification.flags.contains(.notKey) {
      let flags = flags(of: specification, declaration.name, arguments)
      let fits = specification.forEachKey(in: arguments) { keys.append(FoundKey(argument: $0, flags: flags)) }
      if fits { continue }
      keys = []
      break
    }
    // A command that may do without keys has none here; any other has been called wrongly.
    if keys.isEmpty, !declaration.flags.contains(.noMandatoryKeys) {
      reply.pointee.error("ERR Invalid arguments specified for command")
      return nil
    }
    return keys
  }

  /// What a call does with the keys of a specification, where that depends on its options.
  private static func flags(
    of specification: KeySpecification, _ name: String, _ arguments: Arguments
  ) -> KeySpecification.Flags {
    guard specification.flags.contains(.variableFlags) else { return specification.flags }
    if name == "set", !(3..<arguments.count).contains(where: { arguments.isWord("get", at: $0) }) {
      return [.overwrite, .update]
    }
    return specification.flags.subtracting(.variableFlags)
  }
}

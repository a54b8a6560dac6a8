import Engine
import RESP

enum CommandDocsCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "docs", arity: -2, flags: [.loading, .stale], categories: [.connection],
    tips: [.nondeterministicOutputOrder], group: .server, since: "7.0.0",
    summary: "Documents commands: summary, history, complexity and arguments.",
    complexity: "O(N) where N is the number of commands asked for.",
    arguments: [.init("command-name", .string, optional: true, multiple: true)])

  static func execute(_ call: inout ClientCall) {
    let table = call.server.table
    let indices =
      call.arguments.count == 2
      ? table.topLevelIndices
      : (2..<call.arguments.count).compactMap { table.index(ofFullName: call.arguments[$0]) }
    let writer = CommandDocsReply(table: table, reply: call.reply)
    call.reply.pointee.map(indices.count)
    for index in indices { writer.write(index) }
  }
}

/// Writes commands as COMMAND DOCS documents them: a name, and a map of what there is to tell.
struct CommandDocsReply {
  let table: CommandTable
  let reply: UnsafeMutablePointer<ReplyBuffer>

  func write(_ index: Int) {
    let declaration = table.declarations[index]
    let subcommands = table.subcommandIndices(of: index)
    reply.pointee.bulk(table.fullNames[index])
    reply.pointee.map(
      3 + (declaration.complexity.isEmpty ? 0 : 1) + (declaration.deprecation == nil ? 0 : 3)
        + (declaration.isSystem ? 1 : 0)
        + (declaration.history.isEmpty ? 0 : 1)
        + (declaration.arguments.isEmpty ? 0 : 1) + (subcommands.isEmpty ? 0 : 1))
    write("summary", declaration.summary)
    write("since", declaration.since)
    write("group", declaration.group.rawValue)
    // A few commands, as MONITOR, are not over when they are done: they have none.
    if !declaration.complexity.isEmpty { write("complexity", declaration.complexity) }
    if let deprecation = declaration.deprecation {
      reply.pointee.bulk("doc_flags")
      reply.pointee.set(1)
      reply.pointee.simple("deprecated")
      write("deprecated_since", deprecation.since)
      write("replaced_by", deprecation.replacement)
    }
    if declaration.isSystem {
      reply.pointee.bulk("doc_flags")
      reply.pointee.set(1)
      reply.pointee.simple("syscmd")
    }
    if !declaration.history.isEmpty {
      reply.pointee.bulk("history")
      reply.pointee.set(declaration.history.count)
      for (version, change) in declaration.history {
        reply.pointee.array(2)
        reply.pointee.bulk(version)
        reply.pointee.bulk(change)
      }
    }
    write(declaration.arguments)
    if !subcommands.isEmpty {
      reply.pointee.bulk("subcommands")
      reply.pointee.map(subcommands.count)
      for subcommand in subcommands { write(subcommand) }
    }
  }

  private func write(_ name: StaticString, _ text: String) {
    reply.pointee.bulk(name)
    reply.pointee.bulk(text)
  }

  // MARK: Arguments

  private func write(_ arguments: [ArgumentSpecification]) {
    if arguments.isEmpty { return }
    reply.pointee.bulk("arguments")
    reply.pointee.array(arguments.count)
    for argument in arguments { write(argument) }
  }

  private func write(_ argument: ArgumentSpecification) {
    let flags = argument.flagNames
    reply.pointee.map(
      2 + (argument.keySpecification == nil ? 0 : 1) + (argument.token == nil ? 0 : 1)
        + (argument.since == nil ? 0 : 1) + (flags.isEmpty ? 0 : 1) + (argument.children.isEmpty ? 0 : 1))
    write("name", argument.name)
    write("type", argument.kind.rawValue)
    if let specification = argument.keySpecification {
      reply.pointee.bulk("key_spec_index")
      reply.pointee.integer(specification)
    }
    if let token = argument.token { write("token", token) }
    if let since = argument.since { write("since", since) }
    if !flags.isEmpty {
      reply.pointee.bulk("flags")
      reply.pointee.set(flags.count)
      for flag in flags { reply.pointee.simple(flag) }
    }
    write(argument.children)
  }
}

extension ArgumentSpecification {
  fileprivate var flagNames: [StaticString] {
    (isOptional ? ["optional"] : []) + (isMultiple ? ["multiple"] : [])
      + (isTokenRepeated ? ["multiple_token"] : [])
  }
}

import Engine
import RESP

enum CommandInfoCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "info", arity: -2, flags: [.loading, .stale], categories: [.connection],
    tips: [.nondeterministicOutputOrder], group: .server, since: "2.8.13",
    summary: "Describes commands: arity, flags, keys, categories, tips and subcommands.",
    complexity: "O(N) where N is the number of commands asked for.",
    arguments: [.init("command-name", .string, optional: true, multiple: true)],
    history: [("7.0.0", "May be called without names, and then describes all commands.")])

  static func execute(_ call: inout ClientCall) {
    let writer = CommandInfoReply(table: call.server.table, reply: call.reply)
    if call.arguments.count == 2 { return writer.writeAll() }
    call.reply.pointee.array(call.arguments.count - 2)
    for argument in 2..<call.arguments.count {
      if let index = call.server.table.index(ofFullName: call.arguments[argument]) {
        writer.write(index)
      } else {
        call.reply.pointee.null()
      }
    }
  }
}

/// Writes commands as COMMAND INFO describes them: ten elements each.
struct CommandInfoReply {
  let table: CommandTable
  let reply: UnsafeMutablePointer<ReplyBuffer>

  func writeAll() {
    let indices = table.topLevelIndices
    reply.pointee.array(indices.count)
    for index in indices { write(index) }
  }

  func write(_ index: Int) {
    let declaration = table.declarations[index]
    let range = KeyRange(declaration.keys)
    reply.pointee.array(10)
    reply.pointee.bulk(table.fullNames[index])
    reply.pointee.integer(declaration.arity)
    reply.pointee.names(of: declaration.flags, in: CommandFlags.names)
    reply.pointee.integer(range.first)
    reply.pointee.integer(range.last)
    reply.pointee.integer(range.step)
    reply.pointee.names(
      of: declaration.allCategories, in: CommandCategories.names.map { ($0.category, $0.name) }, prefix: "@")
    let tips = declaration.allTips
    reply.pointee.set(tips.count)
    for tip in tips { reply.pointee.bulk(tip) }
    reply.pointee.set(declaration.keys.count)
    for specification in declaration.keys { write(specification) }
    let subcommands = table.subcommandIndices(of: index)
    reply.pointee.array(subcommands.count)
    for subcommand in subcommands { write(subcommand) }
  }

  // MARK: Keys

  private func write(_ specification: KeySpecification) {
    reply.pointee.map(specification.notes.isEmpty ? 3 : 4)
    if !specification.notes.isEmpty {
      reply.pointee.bulk("notes")
      reply.pointee.bulk(specification.notes)
    }
    reply.pointee.bulk("flags")
    reply.pointee.names(of: specification.flags, in: KeySpecification.Flags.names)
    reply.pointee.bulk("begin_search")
    switch specification.begin {
    case .index(let index):
      writeSearch("index")
      reply.pointee.map(1)
      write("index", index)
    case .keyword(let word, let start):
      writeSearch("keyword")
      reply.pointee.map(2)
      reply.pointee.bulk("keyword")
      reply.pointee.bulk(word)
      write("startfrom", start)
    case .unknown:
      writeSearch("unknown")
      reply.pointee.map(0)
    }
    reply.pointee.bulk("find_keys")
    switch specification.find {
    case .range(let last, let step, let limit):
      writeSearch("range")
      reply.pointee.map(3)
      write("lastkey", last)
      write("keystep", step)
      write("limit", limit)
    case .keyCount(let countAt, let first, let step):
      writeSearch("keynum")
      reply.pointee.map(3)
      write("keynumidx", countAt)
      write("firstkey", first)
      write("keystep", step)
    case .unknown:
      writeSearch("unknown")
      reply.pointee.map(0)
    }
  }

  /// The head of the map that says how keys are searched for; the parameters, a map, follow.
  private func writeSearch(_ type: StaticString) {
    reply.pointee.map(2)
    reply.pointee.bulk("type")
    reply.pointee.bulk(type)
    reply.pointee.bulk("spec")
  }

  private func write(_ name: StaticString, _ value: Int) {
    reply.pointee.bulk(name)
    reply.pointee.integer(value)
  }
}

extension CommandDeclaration {
  /// The command tips, those of the policies included.
  fileprivate var allTips: [String] {
    var all: [String] = []
    if tips.contains(.nondeterministicOutput) { all.append("nondeterministic_output") }
    if tips.contains(.nondeterministicOutputOrder) { all.append("nondeterministic_output_order") }
    if let tip = requestPolicy.tip { all.append(tip) }
    if let tip = responsePolicy.tip { all.append(tip) }
    return all
  }
}

/// First key, last key and step: what there was before key specifications, and what older clients read.
///
/// They cover the specifications that name keys by fixed places, as far as those adjoin; all zeros if there are none.
struct KeyRange: Equatable {
  private(set) var first = 0
  /// Negative: from the end of the arguments.
  private(set) var last = 0
  private(set) var step = 0

  init(_ specifications: [KeySpecification]) {
    for specification in specifications {
      guard case .index(let begin) = specification.begin,
        case .range(let relativeLast, let keyStep, _) = specification.find
      else { continue }
      let end = relativeLast >= 0 ? begin + relativeLast : relativeLast
      if step == 0 {
        // Keys with something between them can be put in a range only if nothing else is to be.
        if keyStep != 1, specifications.count > 1 { continue }
        (first, last, step) = (begin, end, keyStep)
      } else if keyStep == 1, last >= 0, begin == last + 1 {
        last = end
      }
    }
  }
}

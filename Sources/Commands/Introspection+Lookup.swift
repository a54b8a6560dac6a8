import Bytes
import Engine
import RESP

/// Finding commands by name, outside of the way of a command.
extension CommandTable {
  /// The commands that are no subcommands.
  var topLevelIndices: [Int] { containers.indices.filter { containers[$0] == nil } }

  /// The subcommands of the command at `index`, which follow it in the table.
  func subcommandIndices(of index: Int) -> Range<Int> {
    (index + 1)..<(index + 1 + declarations[index].subcommands.count)
  }

  /// The command of this full name, such as `get` or `client|list`.
  func index(ofFullName name: ByteView) -> Int? {
    guard let separator = name.buffer.firstIndex(of: UInt8(ascii: "|")) else {
      return lookup.find(name)?.pointee.index
    }
    guard let container = lookup.find(name[0..<separator]), container.pointee.isContainer else { return nil }
    return lookup.findSubcommand(name[(separator + 1)..<name.count], of: container)?.pointee.index
  }

  /// The command that a full command line calls; nil if there is none, or no such subcommand.
  func index(ofCall arguments: Arguments) -> Int? {
    guard let entry = lookup.find(arguments[0]) else { return nil }
    guard entry.pointee.isContainer, arguments.count > 1 else { return entry.pointee.index }
    return lookup.findSubcommand(arguments[1], of: entry)?.pointee.index
  }
}

extension ReplyBuffer {
  /// A set of simple strings: the names of those options that are in `set`.
  mutating func names<Options: OptionSet>(
    of set: Options, in table: [(flag: Options, name: StaticString)], prefix: String = ""
  ) where Options.Element == Options {
    let names = table.filter { set.contains($0.flag) }.map(\.name)
    self.set(names.count)
    for name in names { append(Array("+\(prefix)\(name)\r\n".utf8)) }
  }
}

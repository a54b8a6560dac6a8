import Engine
import RESP

/// The reply of a container's HELP: a headline, then each subcommand with its explanation.
enum HelpReply {
  /// A subcommand with its arguments, and what it does, one line to a string.
  typealias Entry = (usage: String, explanation: [String])

  /// Writes the reply. HELP itself comes last, without being given.
  ///
  /// - Parameter container: the container's name, in upper case.
  static func write(_ container: String, _ entries: [Entry], to reply: UnsafeMutablePointer<ReplyBuffer>) {
    var lines = ["\(container) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for entry in entries + [("HELP", ["Print this help."])] {
      lines.append(entry.usage)
      lines += entry.explanation.map { "    " + $0 }
    }
    reply.pointee.array(lines.count)
    for line in lines { reply.pointee.append(Array("+\(line)\r\n".utf8)) }
  }
}

import Bytes
import Configuration
import Engine
import Glibc
import Keyspace
import RESP

/// DEBUG: what tests and curious operators ask for. As in Redis it is one command to the command table, which takes
/// its own arguments apart.
enum DebugCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "debug", arity: -2, flags: [.admin, .noScript, .loading, .stale], group: .server, since: "1.0.0",
    summary: "Commands for debugging and for tests.", complexity: "Depends on the subcommand.",
    isSystem: true)

  static func coordinate(_ operation: Operation) async {
    let access = operation.server.configuration.settings.debugCommandAccess
    guard access.allows(localClient: operation.client.pointee.flags.contains(.local)) else {
      return operation.reply.pointee.error(refusal)
    }
    let arguments = operation.arguments
    let name = arguments[1]
    if name.equalsIgnoringCase("help"), arguments.count == 2 {
      help(operation.reply)
    } else if name.equalsIgnoringCase("sleep"), arguments.count == 3 {
      sleep(operation)
    } else if name.equalsIgnoringCase("object"), arguments.count == 3 {
      await DebugObject.coordinate(operation)
    } else if name.equalsIgnoringCase("populate"), (3...5).contains(arguments.count) {
      await DebugPopulate.coordinate(operation)
    } else if name.equalsIgnoringCase("set-active-expire"), arguments.count == 3 {
      setActiveExpiry(operation)
    } else if name.equalsIgnoringCase("stringmatch-len"), arguments.count == 4 {
      matchString(operation)
    } else {
      operation.reply.pointee.error(ErrorText.subcommandSyntax(name, of: "debug"))
    }
  }

  private static let refusal = """
    ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a \
    local connection, otherwise you need to set this option in the configuration file, and then restart the server.
    """

  // MARK: Subcommands

  /// The longest sleep: a server can't be told anything while it sleeps, not even to end.
  private static let sleepSecondsMaximum = 3_600.0

  private static func sleep(_ operation: Operation) {
    // As in Redis, what is no number is no time.
    let seconds = parseDouble(operation.arguments[2]) ?? 0
    let bounded = min(max(seconds, 0), sleepSecondsMaximum)
    operation.haltEveryShard(nanoseconds: UInt64(bounded * 1e9))
    operation.reply.pointee.ok()
  }

  private static func setActiveExpiry(_ operation: Operation) {
    let isOn = parseInt64(operation.arguments[2]) ?? 0
    operation.server.activeExpiry.store(isOn != 0, ordering: .relaxed)
    operation.reply.pointee.ok()
  }

  /// `STRINGMATCH-LEN <length> <pattern>`: whether a text of `length` letters matches, to see how long that takes.
  private static func matchString(_ operation: Operation) {
    guard let length = parseInt64(operation.arguments[2]), (0...matchedLengthMaximum).contains(length) else {
      return operation.reply.pointee.error(
        "ERR value is out of range, must be between 0 and \(matchedLengthMaximum)")
    }
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: max(Int(length), 1))
    let pattern = GlobPattern(operation.arguments[3])
    let matches = text.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { pattern.matches(ByteView(start: $0, count: Int(length))) } ?? false
    }
    operation.reply.pointee.integer(matches ? 1 : 0)
  }

  /// Matching takes pattern times text steps at worst, all of them on one loop.
  private static let matchedLengthMaximum: Int64 = 1 << 20

  private static func help(_ reply: UnsafeMutablePointer<ReplyBuffer>) {
    HelpReply.write(
      "DEBUG",
      [
        (
          "OBJECT <key>",
          ["Show where the value of <key> lies, how it is kept and how long it is idle."]
        ),
        (
          "POPULATE <count> [<prefix>] [<size>]",
          [
            "Create <count> strings named <prefix>:<number> (default: key), of <size> bytes each.",
            "Keys that exist stay as they are.",
          ]
        ),
        ("SET-ACTIVE-EXPIRE <0|1>", ["Stop or resume removing expired keys that nobody looks at."]),
        ("SLEEP <seconds>", ["Make all shards stand still. Decimals allowed; an hour at most."]),
        (
          "STRINGMATCH-LEN <length> <pattern>",
          ["Tell whether a text of <length> times the letter a matches the glob-style <pattern>."]
        ),
      ], to: reply)
  }
}

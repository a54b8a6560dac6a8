import Bytes
import Engine
import Glibc
import RESP

let serverCommands: [any Command.Type] = [
  InfoCommand.self, ConfigCommand.self, TimeCommand.self, SlowLogCommand.self, LatencyCommand.self,
  DebugCommand.self, LolwutCommand.self, ShutdownCommand.self,
]

enum TimeCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "time", arity: 1, flags: [.loading, .stale, .fast], tips: [.nondeterministicOutput], group: .server,
    since: "2.6.0", summary: "Returns the server's clock: seconds since 1970, and microseconds.",
    complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let reply = call.reply
    reply.pointee.array(2)
    reply.pointee.bulk(decimal: Int64(time.tv_sec))
    reply.pointee.bulk(decimal: Int64(time.tv_nsec / 1_000))
  }
}

enum LolwutCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "lolwut", arity: -1, flags: [.readOnly, .fast], group: .server, since: "5.0.0",
    summary: "Draws a small picture and tells the version.", complexity: "O(1)",
    arguments: [.init("version", .integer, token: "VERSION", optional: true)])

  static func execute(_ call: inout ClientCall) {
    let arguments = call.arguments
    // Each version of Redis has its own picture; here there is one, whatever version is asked for.
    if arguments.count >= 3, arguments[1].equalsIgnoringCase("version"), parseInt64(arguments[2]) == nil {
      return call.reply.pointee.error(ErrorText.notAnInteger)
    }
    var generator = SystemRandomNumberGenerator()
    let picture = SeaPicture.draw(using: &generator)
    call.reply.pointee.verbatim(
      "\(picture)\nPantala ver. \(ServerVersion.own) (commands of Redis \(ServerVersion.compatible))\n")
  }
}

enum ShutdownCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "shutdown", arity: -1, flags: [.admin, .noScript, .loading, .stale, .noMulti, .allowBusy],
    group: .server, since: "1.0.0", summary: "Ends the server in order.",
    complexity: "O(1), or with saving O(N), N being the number of keys",
    arguments: [
      .init("nosave_save", .oneOf, optional: true, [.token("NOSAVE"), .token("SAVE")]),
      .token("NOW", optional: true, since: "7.0.0"), .token("FORCE", optional: true, since: "7.0.0"),
      .token("ABORT", optional: true, since: "7.0.0"),
    ],
    history: [("7.0.0", "Takes `NOW`, `FORCE` and `ABORT`.")])

  private struct Options {
    var saves = false
    var avoidsSaving = false
    var isNow = false
    var isForced = false
    var aborts = false

    /// Nil if the arguments make no sense.
    init?(_ arguments: Arguments) {
      for index in 1..<arguments.count {
        let word = arguments[index]
        if word.equalsIgnoringCase("nosave") {
          avoidsSaving = true
        } else if word.equalsIgnoringCase("save") {
          saves = true
        } else if word.equalsIgnoringCase("now") {
          isNow = true
        } else if word.equalsIgnoringCase("force") {
          isForced = true
        } else if word.equalsIgnoringCase("abort") {
          aborts = true
        } else {
          return nil
        }
      }
      if saves, avoidsSaving { return nil }
      if aborts, saves || avoidsSaving || isNow || isForced { return nil }
    }
  }

  static func execute(_ call: inout ClientCall) {
    guard let options = Options(call.arguments) else { return call.reply.pointee.error(ErrorText.syntax) }
    // A shutdown waits for nobody here, so there never is one that could be called off.
    if options.aborts { return call.reply.pointee.error("ERR No shutdown in progress.") }
    if options.saves, !options.isForced {
      return call.reply.pointee.error(
        "ERR Errors trying to SHUTDOWN: this server can't save its data yet. Use NOSAVE, or FORCE.")
    }
    call.coordinator.stopServer()
  }
}

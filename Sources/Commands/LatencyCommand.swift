import Bytes
import Engine
import Glibc
import RESP
import Statistics

enum LatencyCommand: CommandContainer {
  static let declaration = CommandDeclaration(
    name: "latency", arity: -2, group: .server, since: "2.8.13", summary: "Commands about delays.",
    complexity: "Depends on the subcommand.",
    subcommands: [
      LatencyDoctorCommand.self, LatencyGraphCommand.self, LatencyHelpCommand.self,
      LatencyHistogramCommand.self,
      LatencyHistoryCommand.self, LatencyLatestCommand.self, LatencyResetCommand.self,
    ])

  static let flags: CommandFlags = [.admin, .noScript, .loading, .stale]

  /// What the shards noticed, as if one had.
  fileprivate static func gather(_ operation: Operation) async -> LatencyMonitor.Snapshot {
    let snapshots = await operation.onEveryShard { $0.pointee.latencyMonitor.snapshot() }
    return snapshots.reduce(into: LatencyMonitor.Snapshot()) { $0.merge($1) }
  }

  /// The series of the event that an argument names.
  fileprivate static func series(_ operation: Operation, at index: Int) async -> LatencyMonitor.Series? {
    guard let event = LatencyEvent(name: operation.arguments[index].string) else { return nil }
    return await gather(operation).series(event)
  }

  fileprivate static func histograms(_ operation: Operation) async -> [Int: LatencyHistogram.Snapshot] {
    let reports = await operation.onEveryShard { ShardReport(of: $0, [.histograms]) }
    return ShardReport.sum(reports).histograms
  }
}

enum LatencyLatestCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "latest", arity: 2, flags: LatencyCommand.flags, requestPolicy: .allNodes, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "2.8.13",
    summary: "Returns the latest delay of every event.", complexity: "O(1)")

  static func coordinate(_ operation: Operation) async {
    let snapshot = await LatencyCommand.gather(operation)
    let reply = operation.reply
    reply.pointee.array(snapshot.series.count)
    for series in snapshot.series {
      reply.pointee.array(4)
      reply.pointee.bulk(series.event.name)
      reply.pointee.integer(Int(series.latest.unixSeconds))
      reply.pointee.integer(Int(series.latest.milliseconds))
      reply.pointee.integer(Int(series.maximumMilliseconds))
    }
  }
}

enum LatencyHistoryCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "history", arity: 3, flags: LatencyCommand.flags, requestPolicy: .allNodes,
    responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "2.8.13",
    summary: "Returns the delays of an event, with their times.", complexity: "O(1)",
    arguments: [.init("event", .string)])

  static func coordinate(_ operation: Operation) async {
    let samples = await LatencyCommand.series(operation, at: 2)?.samples ?? []
    let reply = operation.reply
    reply.pointee.array(samples.count)
    for sample in samples {
      reply.pointee.array(2)
      reply.pointee.integer(Int(sample.unixSeconds))
      reply.pointee.integer(Int(sample.milliseconds))
    }
  }
}

enum LatencyGraphCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "graph", arity: 3, flags: LatencyCommand.flags, requestPolicy: .allNodes, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "2.8.13",
    summary: "Draws the delays of an event.", complexity: "O(1)", arguments: [.init("event", .string)])

  static func coordinate(_ operation: Operation) async {
    guard let series = await LatencyCommand.series(operation, at: 2) else {
      return operation.reply.pointee.error(
        "ERR No samples available for event '\(operation.arguments[2].string)'")
    }
    operation.reply.pointee.verbatim(series.graph(nowUnixSeconds: Int64(time(nil))))
  }
}

enum LatencyResetCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "reset", arity: -2, flags: LatencyCommand.flags, requestPolicy: .allNodes,
    responsePolicy: .allSucceeded, group: .server, since: "2.8.13",
    summary: "Forgets the delays of some events, or of all.", complexity: "O(1)",
    arguments: [.init("event", .string, optional: true, multiple: true)])

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    var events: LatencyEventSet = arguments.count == 2 ? .all : []
    for index in 2..<max(arguments.count, 2) {
      if let event = LatencyEvent(name: arguments[index].string) { events.insert(LatencyEventSet(event)) }
    }
    let asked = events
    let reset = await operation.onEveryShard { $0.pointee.latencyMonitor.reset(asked) }
    operation.reply.pointee.integer(reset.reduce(LatencyEventSet()) { $0.union($1) }.count)
  }
}

enum LatencyDoctorCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "doctor", arity: 2, flags: LatencyCommand.flags, requestPolicy: .allNodes, responsePolicy: .special,
    tips: [.nondeterministicOutput], group: .server, since: "2.8.13",
    summary: "Says what was slow and what helps.", complexity: "O(1)")

  static func coordinate(_ operation: Operation) async {
    let snapshot = await LatencyCommand.gather(operation)
    let settings = operation.server.configuration.settings
    var doctor = LatencyDoctor(
      nowUnixSeconds: Int64(time(nil)),
      thresholdMilliseconds: UInt64(settings.latencyMonitorThresholdMilliseconds),
      slowLogThresholdMicroseconds: Int64(settings.slowlogThresholdMicroseconds),
      slowLogMaximumLength: settings.slowlogMaxEntries)
    if !snapshot.series.isEmpty {
      let slowest = await LatencyCommand.histograms(operation)
        .map { (command: $0.key, nanoseconds: $0.value.percentile(100)) }
        .max { $0.nanoseconds < $1.nanoseconds }
      doctor.slowestCommandName = slowest.map { operation.server.table.fullNames[$0.command] }
    }
    operation.reply.pointee.verbatim(doctor.report(snapshot))
  }
}

enum LatencyHistogramCommand: CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "histogram", arity: -2, flags: LatencyCommand.flags, requestPolicy: .allNodes,
    responsePolicy: .special, tips: [.nondeterministicOutput], group: .server, since: "7.0.0",
    summary: "Returns how long the calls of some commands, or of all, took.",
    complexity: "O(N), N being the number of commands that have a histogram.",
    arguments: [.init("command", .string, optional: true, multiple: true)])

  static func coordinate(_ operation: Operation) async {
    let histograms = await LatencyCommand.histograms(operation).filter { $0.value.totalCount > 0 }
    let names = operation.server.table.fullNames
    let commands = asked(operation).filter { histograms[$0] != nil }
    let reply = operation.reply
    reply.pointee.map(commands.count)
    for command in commands {
      guard let histogram = histograms[command] else { continue }
      reply.pointee.bulk(names[command])
      reply.pointee.map(2)
      reply.pointee.bulk("calls")
      reply.pointee.integer(Int64(clamping: histogram.totalCount))
      reply.pointee.bulk("histogram_usec")
      let bounds = histogram.cumulativePowersOfTwoMicroseconds()
      reply.pointee.map(bounds.count)
      for bound in bounds {
        reply.pointee.integer(Int64(clamping: bound.microseconds))
        reply.pointee.integer(Int64(clamping: bound.count))
      }
    }
  }

  /// The commands that the arguments name, a container followed by its subcommands; without arguments all. Unknown
  /// names are passed over.
  private static func asked(_ operation: Operation) -> [Int] {
    let table = operation.server.table
    let arguments = operation.arguments
    if arguments.count == 2 { return Array(0..<table.count) }
    return (2..<arguments.count).flatMap { index -> [Int] in
      let name = arguments[index].string.lowercased()
      guard let command = table.fullNames.firstIndex(of: name) else { return [] }
      return [command] + (0..<table.count).filter { table.containers[$0] == command }
    }
  }
}

enum LatencyHelpCommand: ClientCommand {
  static let declaration = CommandDeclaration(
    name: "help", arity: 2, flags: [.loading, .stale], group: .server, since: "2.8.13",
    summary: "Explains the subcommands.", complexity: "O(1)")

  static func execute(_ call: inout ClientCall) {
    HelpReply.write(
      "LATENCY",
      [
        ("DOCTOR", ["Return a report on what was slow and what helps."]),
        ("GRAPH <event>", ["Draw the delays of the <event>."]),
        ("HISTORY <event>", ["Return the delays of the <event>, each with its time."]),
        ("LATEST", ["Return the latest and the longest delay of every event."]),
        ("RESET [<event> ...]", ["Forget the delays of the given events (default: of all)."]),
        (
          "HISTOGRAM [<command> ...]",
          ["Return how many calls of the given commands (default: of all) took up to how long."]
        ),
      ], to: call.reply)
  }
}

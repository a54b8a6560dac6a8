import Bytes
import CIntrinsics
import Glibc
import RESP
import Statistics

/// What looks on while commands pass: statistics, the slow log, MONITOR, and CLIENT PAUSE.
extension UnsafeMutablePointer<Coordinator> {
  // MARK: Counting

  func now() -> UInt64 { pantala_ticks() }

  /// Counts a command that was executed alone, since `start`.
  func count(
    _ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments, _ client: UnsafeMutablePointer<Client>,
    start: UInt64, reply: UnsafeMutablePointer<ReplyBuffer>, failed: Bool
  ) {
    let shard = pointee.shard
    let nanoseconds = shard.pointee.nanoseconds(ofTicks: pantala_ticks() &- start)
    let counters = shard.pointee.counters
    counters[entry.pointee.index].recordCall(nanoseconds: nanoseconds)
    shard.pointee.recordLatency(entry.pointee.index, nanoseconds: nanoseconds)
    if failed { shard.recordError(of: entry.pointee.index, reply) }
    if nanoseconds >= shard.pointee.slowNanoseconds {
      recordSlow(arguments, entry, nanoseconds: nanoseconds, client)
    }
  }

  /// Enters a command that took long into the slow log and the latency monitor.
  @inline(never)
  func recordSlow(
    _ arguments: Arguments, _ entry: UnsafePointer<CommandEntry>, nanoseconds: UInt64,
    _ client: UnsafeMutablePointer<Client>
  ) {
    let shard = pointee.shard
    let settings = shard.pointee.settings
    let seconds = shard.pointee.keyspace.now / 1_000
    let milliseconds = nanoseconds / 1_000_000
    if settings.latencyMonitorThresholdMilliseconds > 0,
      milliseconds >= UInt64(settings.latencyMonitorThresholdMilliseconds)
    {
      shard.pointee.latencyMonitor.record(
        entry.pointee.flags.contains(.fast) ? .fastCommand : .command, milliseconds: milliseconds,
        unixSeconds: seconds)
    }
    guard settings.slowlogThresholdMicroseconds >= 0,
      nanoseconds / 1_000 >= UInt64(settings.slowlogThresholdMicroseconds),
      !entry.pointee.flags.contains(.skipSlowLog)
    else { return }
    let shown = shownArguments(entry, arguments)
    shard.pointee.slowLog.record(
      SlowLog.Entry(
        id: pointee.server.nextSlowLogIdentifier.wrappingAdd(1, ordering: .relaxed).oldValue,
        unixSeconds: seconds, microseconds: nanoseconds / 1_000,
        arguments: SlowLog.trimmedArguments(count: shown.count) { UnsafeRawBufferPointer(shown[$0].buffer) },
        clientAddress: client.pointee.address, clientName: client.pointee.name))
  }

  /// The arguments, passwords replaced.
  private func shownArguments(_ entry: UnsafePointer<CommandEntry>, _ arguments: Arguments) -> [ByteView] {
    let all = (0..<arguments.count).map { arguments[$0] }
    guard entry.pointee.flags.contains(.sensitive) else { return all }
    // AUTH shows nothing of its arguments; other commands hide what follows a word that announces a password.
    let isAuth = all[0].equalsIgnoringCase("auth")
    var hides = isAuth
    return all.enumerated().map { index, argument in
      if index > 0, hides { return ByteView("(redacted)") }
      if argument.equalsIgnoringCase("auth") || argument.equalsIgnoringCase("requirepass") { hides = true }
      return argument
    }
  }

  // MARK: Admitting

  /// Holds a client up if all commands are paused. Returns whether it is.
  func holdIfAllPaused(_ client: UnsafeMutablePointer<Client>) -> Bool {
    guard isPaused, !pointee.server.pausesOnlyWrites.load(ordering: .relaxed) else { return false }
    client.pointee.flags.insert(.paused)
    return true
  }

  /// Whether a pause is on. One that is over stays where it was noted: it compares as over.
  var isPaused: Bool {
    pointee.server.pausedUntil.load(ordering: .relaxed) > pointee.shard.pointee.keyspace.now
  }

  /// An inline command, which reading changes, as it stands; nil for any other.
  func copyOfInlineCommand(_ input: ClientInput) -> [UInt8]? {
    guard input.offset < input.count, input.base[input.offset] != UInt8(ascii: "*") else { return nil }
    var end = input.offset
    while end < input.count, input.base[end] != 0x0a { end += 1 }
    return ByteView(start: input.base + input.offset, count: end - input.offset).array
  }

  /// Puts an inline command back as it stood.
  func restore(_ inlineCopy: [UInt8]?, at start: Int, of client: UnsafeMutablePointer<Client>) {
    guard let inlineCopy, let input = client.pointee.input else { return }
    for (index, byte) in inlineCopy.enumerated() { input.base[start + index] = byte }
  }

  /// Holds a client up if its command must wait, and then returns false.
  func admit(
    _ client: UnsafeMutablePointer<Client>, _ routing: Routing, start: Int, inlineCopy: [UInt8]?
  ) -> Bool {
    if case .alone(let entry) = routing {
      if entry.pointee.flags.contains(.write) || entry.pointee.flags.contains(.mayReplicate), isPaused {
        // It will be read again from its start.
        restore(inlineCopy, at: start, of: client)
        client.pointee.input?.offset = start
        client.pointee.flags.insert(.paused)
        return false
      }
    }
    if client.pointee.flags.contains(.replySkipNext) {
      client.pointee.flags.remove(.replySkipNext)
      client.pointee.flags.insert(.replySkipping)
    }
    return true
  }

  // MARK: Monitors

  /// Shows a command to the monitors when it has been executed, or is on its way: what it changed about its own
  /// connection is seen, and who stops watching doesn't see that.
  func showToMonitors(_ client: UnsafeMutablePointer<Client>, _ routing: Routing, _ arguments: Arguments) {
    guard case .alone(let entry) = routing, pointee.server.monitorCount.load(ordering: .relaxed) > 0,
      entry.pointee.flags.isDisjoint(with: [.skipMonitor, .admin])
    else { return }
    feedMonitors(client, shownArguments(entry, arguments))
  }

  func showToMonitors(
    _ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<PreparedCommand>, _ input: ClientInput
  ) {
    let arguments = command.pointee.wholeArguments(base: input.base, ranges: pointee.arguments.ranges)
    showToMonitors(client, .alone(command.pointee.entry), arguments)
  }

  private func feedMonitors(_ client: UnsafeMutablePointer<Client>, _ arguments: [ByteView]) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let fraction = String(time.tv_nsec / 1_000 + 1_000_000).dropFirst()
    // A unix socket is shown without the port 0 that its address has elsewhere.
    let address =
      client.pointee.flags.contains(.unixSocket)
      ? "unix:\(client.pointee.address.dropLast(2))" : client.pointee.address
    var line = Array("+\(time.tv_sec).\(fraction) [\(client.pointee.database) \(address)]".utf8)
    for argument in arguments {
      line.append(UInt8(ascii: " "))
      appendQuoted(argument, to: &line)
    }
    line.append(contentsOf: [0x0d, 0x0a])
    let shown = line
    pointee.shard.showToMonitors(shown)
    notifyOthers { $0.showToMonitors(shown) }
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Sends a line to the monitors among this loop's clients.
  func showToMonitors(_ line: [UInt8]) {
    forEachClient { client in
      guard client.pointee.flags.contains(.monitor) else { return }
      client.reply.pointee.append(line)
      enqueueOutput(client)
    }
  }
}

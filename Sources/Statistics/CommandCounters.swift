/// What INFO commandstats says about one command.
///
/// Four plain counters. A shard keeps one per command in an array behind a pointer, indexed by the command; the thread
/// that owns the shard is the only one that writes.
public struct CommandCounters: Sendable, Equatable {
  /// Calls that ran, with success or not.
  public var calls: UInt64 = 0

  /// The time those calls took in all. Kept in nanoseconds, because a call takes less than a microsecond.
  public var nanoseconds: UInt64 = 0

  /// Calls refused before they ran: wrong arity, out of memory, no permission.
  public var rejectedCalls: UInt64 = 0

  /// Calls that ran and answered with an error.
  public var failedCalls: UInt64 = 0

  /// Counters at zero.
  public init() {}

  /// Counts a call that ran.
  @inline(__always)
  public mutating func recordCall(nanoseconds: UInt64) {
    calls &+= 1
    self.nanoseconds &+= nanoseconds
  }

  /// Counts `count` calls that took `nanoseconds` together: a batch that was timed as one.
  @inline(__always)
  public mutating func recordCalls(_ count: UInt64, totalNanoseconds: UInt64) {
    calls &+= count
    nanoseconds &+= totalNanoseconds
  }

  /// Counts a call that was refused.
  @inline(__always)
  public mutating func recordRejectedCall() { rejectedCalls &+= 1 }

  /// Counts the failure of a call that `recordCall` counts as well.
  @inline(__always)
  public mutating func recordFailure() { failedCalls &+= 1 }

  /// Whole microseconds that the calls took in all.
  public var microseconds: UInt64 { nanoseconds / 1000 }

  /// Whether the command has not been seen at all: INFO leaves such a command out.
  public var isEmpty: Bool { calls == 0 && rejectedCalls == 0 && failedCalls == 0 }

  /// Adds what another shard counted.
  public mutating func merge(_ other: CommandCounters) {
    calls &+= other.calls
    nanoseconds &+= other.nanoseconds
    rejectedCalls &+= other.rejectedCalls
    failedCalls &+= other.failedCalls
  }

  /// The line of INFO commandstats:
  /// `cmdstat_get:calls=1,usec=3,usec_per_call=3.00,rejected_calls=0,failed_calls=0`.
  ///
  /// A subcommand is named with its container: `client|list`.
  public func infoLine(commandName: String) -> String {
    let perCall = calls == 0 ? 0 : Double(nanoseconds) / 1000 / Double(calls)
    return """
      cmdstat_\(InfoText.safeName(commandName)):calls=\(calls),usec=\(microseconds),\
      usec_per_call=\(DecimalText.fixed(perCall, decimals: 2)),\
      rejected_calls=\(rejectedCalls),failed_calls=\(failedCalls)\r\n
      """
  }
}

extension [CommandCounters] {
  /// Adds another shard's counters, command by command. Both arrays are indexed by the same command table.
  public mutating func merge(_ other: [CommandCounters]) {
    precondition(count == other.count, "counters of different command tables")
    for index in indices { self[index].merge(other[index]) }
  }

  /// The lines of INFO commandstats for every command that was seen, in the order of the table.
  public func infoLines(commandName: (Int) -> String) -> String {
    var text = ""
    for index in indices where !self[index].isEmpty {
      text += self[index].infoLine(commandName: commandName(index))
    }
    return text
  }
}

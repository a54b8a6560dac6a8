/// LATENCY DOCTOR: what was slow, how often and how much, and what helps against it.
public struct LatencyDoctor: Sendable {
  /// The second of the report.
  public var nowUnixSeconds: Int64
  /// `latency-monitor-threshold`; 0 if nothing is watched.
  public var thresholdMilliseconds: UInt64
  /// `slowlog-log-slower-than`; negative if nothing is logged.
  public var slowLogThresholdMicroseconds: Int64
  /// `slowlog-max-len`.
  public var slowLogMaximumLength: Int
  /// The command with the longest duration on record, if the caller knows it.
  public var slowestCommandName: String?

  /// A doctor who knows the configuration.
  public init(
    nowUnixSeconds: Int64, thresholdMilliseconds: UInt64, slowLogThresholdMicroseconds: Int64,
    slowLogMaximumLength: Int, slowestCommandName: String? = nil
  ) {
    self.nowUnixSeconds = nowUnixSeconds
    self.thresholdMilliseconds = thresholdMilliseconds
    self.slowLogThresholdMicroseconds = slowLogThresholdMicroseconds
    self.slowLogMaximumLength = slowLogMaximumLength
    self.slowestCommandName = slowestCommandName
  }

  /// The report on what all shards noticed.
  public func report(_ snapshot: LatencyMonitor.Snapshot) -> String {
    guard !snapshot.series.isEmpty else { return healthyReport }
    var text = "Delays were observed. By source:\n\n"
    for (index, series) in snapshot.series.enumerated() {
      text += "\(index + 1). \(finding(series))\n"
    }
    text += "\nWhat to do:\n\n"
    var remedies: [String] = []
    for series in snapshot.series {
      for remedy in self.remedies(series.event) where !remedies.contains(remedy) {
        remedies.append(remedy)
      }
    }
    for remedy in remedies { text += "- \(remedy)\n" }
    return text
  }

  private var healthyReport: String {
    if thresholdMilliseconds == 0 {
      return """
        The latency monitor is off, so there is nothing to diagnose. Turn it on with \
        'CONFIG SET latency-monitor-threshold <milliseconds>' and ask again once the server has seen \
        some load.\n
        """
    }
    return """
      No delay of \(thresholdMilliseconds) ms or more was observed since the start or the last LATENCY RESET.\n
      """
  }

  /// The evidence: the samples in one sentence.
  private func finding(_ series: LatencyMonitor.Series) -> String {
    let summary = series.summary(nowUnixSeconds: nowUnixSeconds)
    let age = max(0, nowUnixSeconds - Int64(summary.worst.unixSeconds))
    return """
      \(series.event.name): \(summary.count) latency spikes (average \(summary.averageMilliseconds)ms, \
      mean deviation \(summary.meanDeviationMilliseconds)ms, \
      period \(DecimalText.fixed(summary.periodSeconds, decimals: 2)) sec). \
      Worst of these \(summary.worst.milliseconds)ms, \(age) sec ago. \
      Worst all time event \(series.maximumMilliseconds)ms.
      """
  }

  private func remedies(_ event: LatencyEvent) -> [String] {
    switch event {
    case .command: slowCommandRemedies
    case .fastCommand, .commandUnblocking, .whileBlockedCron: [schedulingRemedy]
    case .expireCycle: [expiryRemedy, largeValueRemedy]
    case .evictionCycle: [evictionRemedy]
    case .evictionDelete, .evictionLazyFree: [largeValueRemedy]
    case .activeDefragmentationCycle:
      ["Memory is being compacted in large steps: lower 'active-defrag-cycle-max' or turn activedefrag off."]
    case .fork:
      [
        "Creating a child process stalled the server: leave memory free, and avoid virtual machines with a slow "
          + "fork()."
      ]
    case .fileSyncAlways:
      [
        "Every write waits for the disk: 'CONFIG SET appendfsync everysec' ends that, at the price of up to a second "
          + "of writes if the machine fails.", diskRemedy,
      ]
    case .fileWriteActiveChild:
      [
        "The disk serves a rewrite and the log at once: 'CONFIG SET no-appendfsync-on-rewrite yes' if losing the "
          + "writes of that time is acceptable.", diskRemedy,
      ]
    case .fileWrite, .fileWriteAlone, .fileWritePendingSync, .fileStatus, .fileRename,
      .snapshotUnlinkTemporaryFile:
      [diskRemedy]
    }
  }

  private var slowCommandRemedies: [String] {
    let wanted = thresholdMilliseconds * 1000
    var remedies: [String] = []
    if slowLogThresholdMicroseconds < 0 || slowLogMaximumLength == 0 {
      remedies.append(
        "The slow log is off and can't name the commands. Turn it on with "
          + "'CONFIG SET slowlog-log-slower-than \(wanted)' and a slowlog-max-len above 0.")
    } else if UInt64(slowLogThresholdMicroseconds) > wanted && wanted > 0 {
      remedies.append(
        "The slow log begins at \(slowLogThresholdMicroseconds) microseconds, above what the latency monitor "
          + "reports. Lower it with 'CONFIG SET slowlog-log-slower-than \(wanted)'.")
    } else {
      remedies.append(
        "Read 'SLOWLOG GET': it names the commands, their arguments and the clients that sent them.")
    }
    if let slowestCommandName {
      remedies.append("The longest duration on record belongs to '\(slowestCommandName)': look there first.")
    }
    remedies.append(
      "A slow command delays every client whose keys live on its shard. Replace KEYS by SCAN, read ranges of large "
        + "collections in parts, and keep scripts short.")
    remedies.append(largeValueRemedy)
    return remedies
  }

  private var schedulingRemedy: String {
    "Work that takes microseconds took milliseconds, so the thread was most likely kept from its core. Give the "
      + "server cores of its own, not more shards than cores, look for noisy neighbours, and measure the machine "
      + "with 'redis-cli --intrinsic-latency 100'."
  }

  private var expiryRemedy: String {
    "Many keys expire at the same moment: add a random part to their times to live, or raise 'hz' so that the "
      + "server removes them in smaller steps."
  }

  private var evictionRemedy: String {
    "The server had to free much memory at once: lower 'maxmemory' in small steps, and leave room for commands "
      + "that store large results (SORT STORE, SUNIONSTORE, RESTORE)."
  }

  private var largeValueRemedy: String {
    "Deleting a collection of millions of elements takes its time: use UNLINK or the lazyfree options, or split "
      + "the collection over several keys. 'MEMORY USAGE <key>' tells which are large."
  }

  private var diskRemedy: String {
    "The disk is slow at times: use a local solid-state disk, and move other disk-intensive work elsewhere."
  }
}

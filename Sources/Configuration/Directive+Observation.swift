extension Directive {
  /// What the server remembers about slow commands and events.
  static let observation: [Directive] = [
    .integer(
      "slowlog-log-slower-than", \.slowlogThresholdMicroseconds, -1...Int.max,
      summary: "microseconds above which a command enters the slow log; -1 logs none"),
    .integer(
      "slowlog-max-len", \.slowlogMaxEntries, 0...Int.max,
      summary: "entries the slow log keeps"),
    .integer(
      "latency-monitor-threshold", \.latencyMonitorThresholdMilliseconds, 0...Int.max,
      summary: "milliseconds from which the latency monitor keeps an event; 0 turns it off"),
    .boolean(
      "latency-tracking", \.latencyTracking,
      summary: "keep a latency histogram per command"),
    latencyPercentiles,
    keyEvents,
  ]

  private static let keyEvents = Directive(
    name: "notify-keyspace-events", aliases: [], isMutable: true, isProtected: false, isSensitive: false,
    takesSeveralArguments: false, kind: .text,
    summary: "classes of keyspace events that are published, by letters; none publishes nothing",
    read: { $0.keyEventClasses.text },
    write: { (settings, arguments) throws(ConfigurationError) in
      guard let classes = KeyspaceEventClasses(letters: try onlyArgument(arguments)) else {
        throw .invalidValue(reason: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
      }
      settings.keyEventClasses = classes
    },
    rewrite: { settings in
      let classes = settings.keyEventClasses
      return [
        RewrittenLine(
          text: "notify-keyspace-events \"\(classes.text)\"",
          isDefault: classes == Settings().keyEventClasses)
      ]
    })

  /// More are of no use in INFO, and each costs a search through every histogram.
  private static let maximumPercentiles = 64

  private static let latencyPercentiles = Directive(
    name: "latency-tracking-info-percentiles", aliases: [], isMutable: true, isProtected: false,
    isSensitive: false, takesSeveralArguments: true, kind: .list(form: "<percentile> ..."),
    summary: "percentiles of those histograms that INFO latencystats prints",
    read: { $0.latencyPercentiles.map(ValueText.percentile).joined(separator: " ") },
    write: { (settings, arguments) throws(ConfigurationError) in
      settings.latencyPercentiles = try parsePercentiles(arguments == [""] ? [] : arguments)
    },
    rewrite: { settings in
      let percentiles = settings.latencyPercentiles
      let list = percentiles.map(ValueText.percentile).joined(separator: " ")
      return [
        RewrittenLine(
          text: "latency-tracking-info-percentiles \(percentiles.isEmpty ? "\"\"" : list)",
          isDefault: percentiles == Settings().latencyPercentiles)
      ]
    })

  private static func parsePercentiles(_ arguments: [String]) throws(ConfigurationError) -> [Double] {
    guard arguments.count <= maximumPercentiles else {
      throw .invalidValue(reason: "Too many latency-tracking-info-percentiles parameters")
    }
    var percentiles: [Double] = []
    for argument in arguments {
      guard let percentile = Double(argument), percentile.isFinite else {
        throw .invalidValue(reason: "Invalid latency-tracking-info-percentiles parameters")
      }
      guard (0...100).contains(percentile) else {
        throw .invalidValue(
          reason: "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
      }
      percentiles.append(percentile)
    }
    return percentiles
  }
}

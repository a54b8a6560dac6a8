import Configuration
import Engine
import Glibc
import Statistics

/// Everything that INFO shows, gathered: it remains to write it down.
///
/// Names and order are those of Redis 7.0, for the tools that read them. Of what this server has no part for
/// yet (replication, persistence, modules, cluster) it tells what Redis tells while that part is not in use.
struct InfoReport {
  let server: ServerState
  let configuration: Configuration
  /// What each shard tells.
  let shards: [ShardReport]
  /// What they tell together.
  let whole: ShardReport
  /// Sampled together with the shards' memory; nil where that was not asked for.
  let resident: ResidentMemory?
  /// Microseconds since 1970.
  let nowMicroseconds: Int

  init(server: ServerState, shards: [ShardReport], resident: ResidentMemory?) {
    self.server = server
    self.shards = shards
    self.resident = resident
    whole = .sum(shards)
    configuration = server.configuration
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    nowMicroseconds = time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
  }

  var settings: Settings { configuration.settings }
  var uptimeSeconds: Int { max(0, nowMicroseconds / 1_000_000 - Int(server.startedAt)) }

  /// The name of the section that Redis does not have: a line for each shard.
  private static let shardsSection = "Shards"

  /// What must be gathered for the sections asked for.
  static func parts(for selection: InfoSelection) -> ShardReport.Parts {
    var parts: ShardReport.Parts = []
    if selection.contains(.memory) { parts.formUnion([.memory, .tables]) }
    if selection.contains(.clients) { parts.insert(.clients) }
    if selection.contains(.stats) { parts.formUnion([.timesToLive, .subscriptions]) }
    if selection.contains(.commandstats) || selection.contains(.errorstats) { parts.insert(.commands) }
    if selection.contains(.latencystats) { parts.insert(.histograms) }
    if selection.contains(.keyspace) { parts.formUnion([.tables, .timesToLive]) }
    if selection.contains(ownSection: shardsSection) { parts.formUnion([.memory, .tables]) }
    return parts
  }

  /// The sections asked for.
  func text(_ selection: InfoSelection) -> String {
    var info = InfoText()
    for section in InfoSection.allCases where selection.contains(section) {
      info.beginSection(section)
      write(section, to: &info)
    }
    if selection.contains(ownSection: Self.shardsSection) {
      info.beginSection(title: Self.shardsSection)
      writeShards(to: &info)
    }
    return info.text
  }

  private func write(_ section: InfoSection, to info: inout InfoText) {
    switch section {
    case .server: writeServer(to: &info)
    case .clients: writeClients(to: &info)
    case .memory: writeMemory(to: &info)
    case .persistence: writePersistence(to: &info)
    case .stats: writeStatistics(to: &info)
    case .replication: writeReplication(to: &info)
    case .cpu: writeProcessorTimes(to: &info)
    case .modules: break
    case .commandstats: info.lines(whole.counters.infoLines { server.table.fullNames[$0] })
    case .errorstats: info.lines(whole.errors.infoLines())
    case .latencystats: writeLatencies(to: &info)
    case .cluster: info.field("cluster_enabled", false)
    case .keyspace: writeKeyspace(to: &info)
    }
  }

  private func writeLatencies(to info: inout InfoText) {
    for (command, histogram) in whole.histograms.sorted(by: { $0.key < $1.key })
    where histogram.totalCount > 0 {
      info.lines(
        histogram.infoLine(
          commandName: server.table.fullNames[command], percentiles: settings.latencyPercentiles))
    }
  }

  private func writeKeyspace(to info: inout InfoText) {
    for (database, table) in whole.tables.enumerated() where table.keyCount > 0 {
      let timeToLive = whole.timesToLive[database].averageMilliseconds
      info.field(
        "db\(database)", "keys=\(table.keyCount),expires=\(table.expiringCount),avg_ttl=\(timeToLive)")
    }
  }

  /// How evenly the shards are loaded.
  private func writeShards(to info: inout InfoText) {
    for (index, shard) in shards.enumerated() {
      let keys = shard.tables.reduce(0) { $0 + $1.keyCount }
      let processor = shard.processorTimes
      info.field(
        "shard_\(index)",
        """
        keys=\(keys),used_memory=\(shard.usedBytes),clients=\(shard.clients.count),\
        commands=\(shard.commandCount),ops_per_sec=\(shard.commandsPerSecond),\
        cpu_user=\(ProcessorTimes.secondsText(microseconds: processor.userMicroseconds)),\
        cpu_sys=\(ProcessorTimes.secondsText(microseconds: processor.systemMicroseconds))
        """)
    }
  }
}

import Engine
import Keyspace
import Statistics

/// What the server did since the start or the last CONFIG RESETSTAT.
extension InfoReport {
  func writeStatistics(to info: inout InfoText) {
    writeTraffic(to: &info)
    writeKeys(to: &info)
    writeSubsystems(to: &info)
    writeReplies(to: &info)
  }

  private func writeTraffic(to info: inout InfoText) {
    info.field("total_connections_received", server.connectionsReceived.load(ordering: .relaxed))
    info.field("total_commands_processed", whole.commandCount)
    info.field("instantaneous_ops_per_sec", whole.commandsPerSecond)
    info.field("total_net_input_bytes", whole.network.inputBytes)
    info.field("total_net_output_bytes", whole.network.outputBytes)
    info.field("total_net_repl_input_bytes", 0)
    info.field("total_net_repl_output_bytes", 0)
    info.field("instantaneous_input_kbps", Self.kilobytes(whole.inputBytesPerSecond))
    info.field("instantaneous_output_kbps", Self.kilobytes(whole.outputBytesPerSecond))
    info.field("instantaneous_input_repl_kbps", Self.kilobytes(0))
    info.field("instantaneous_output_repl_kbps", Self.kilobytes(0))
    info.field("rejected_connections", server.connectionsRejected.load(ordering: .relaxed))
    info.field("sync_full", 0)
    info.field("sync_partial_ok", 0)
    info.field("sync_partial_err", 0)
  }

  private func writeKeys(to info: inout InfoText) {
    info.field("expired_keys", whole.keyspace.expired)
    info.field("expired_stale_perc", stalePercentage, decimals: 2)
    info.field("expired_time_cap_reached_count", whole.keyspace.expireCyclesCutShort)
    info.field("expire_cycle_cpu_milliseconds", whole.keyspace.expireCycleMicroseconds / 1_000)
    info.field("evicted_keys", whole.keyspace.evicted)
    info.field("evicted_clients", whole.evictedClients)
    info.field("total_eviction_exceeded_time", whole.evictionExceeded.total)
    info.field("current_eviction_exceeded_time", whole.evictionExceeded.current)
    info.field("keyspace_hits", whole.keyspace.hits)
    info.field("keyspace_misses", whole.keyspace.misses)
  }

  /// Of the keys that expire, the share whose time has come without anybody noticing: of a sample.
  private var stalePercentage: Double {
    let sample = whole.timesToLive.reduce(TimeToLiveSample(), +)
    let count = sample.keyCount + sample.expiredCount
    return count == 0 ? 0 : Double(sample.expiredCount) * 100 / Double(count)
  }

  private func writeSubsystems(to info: inout InfoText) {
    info.field("pubsub_channels", whole.subscriptions.count(.channel))
    info.field("pubsub_patterns", whole.subscriptions.count(.pattern))
    info.field("pubsubshard_channels", whole.subscriptions.count(.shardChannel))
    for name in [
      "latest_fork_usec", "total_forks",
      "migrate_cached_sockets", "slave_expires_tracked_keys",
    ] {
      info.field(name, 0)
    }
    let moves = whole.keyspace.defragmentation
    info.field("active_defrag_hits", moves.blocksMoved)
    info.field("active_defrag_misses", moves.blocksKept)
    info.field("active_defrag_key_hits", moves.keysMoved)
    info.field("active_defrag_key_misses", moves.keysKept)
    info.field("total_active_defrag_time", whole.defragmentation.totalMilliseconds)
    info.field("current_active_defrag_time", whole.defragmentation.currentMilliseconds)
    info.field("tracking_total_keys", whole.tracking.keyCount)
    info.field("tracking_total_items", whole.tracking.itemCount)
    info.field("tracking_total_prefixes", whole.tracking.prefixCount)
  }

  private func writeReplies(to info: inout InfoText) {
    info.field("unexpected_error_replies", 0)
    info.field("total_error_replies", whole.network.errorReplies)
    info.field("dump_payload_sanitizations", 0)
    info.field("total_reads_processed", whole.network.readsProcessed)
    info.field("total_writes_processed", whole.network.writesProcessed)
    info.field("io_threaded_reads_processed", 0)
    info.field("io_threaded_writes_processed", 0)
    info.field("client_query_buffer_limit_disconnections", whole.network.queryBufferLimitDisconnections)
    info.field("client_output_buffer_limit_disconnections", whole.network.outputBufferLimitDisconnections)
    info.field("reply_buffer_shrinks", 0)
    info.field("reply_buffer_expands", 0)
  }

  private static func kilobytes(_ bytesPerSecond: UInt64) -> String {
    InstantaneousMetric.kilobytesText(bytesPerSecond: bytesPerSecond)
  }

  // MARK: Parts to come

  /// As Redis tells it with persistence turned off.
  func writePersistence(to info: inout InfoText) {
    for name in [
      "loading", "async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age",
    ] {
      info.field(name, 0)
    }
    info.field("current_fork_perc", 0, decimals: 2)
    info.field("current_save_keys_processed", 0)
    info.field("current_save_keys_total", 0)
    info.field("rdb_changes_since_last_save", whole.changes)
    info.field("rdb_bgsave_in_progress", 0)
    // Nothing was saved since the start, and at the start there was nothing to save.
    info.field("rdb_last_save_time", server.startedAt)
    info.field("rdb_last_bgsave_status", "ok")
    info.field("rdb_last_bgsave_time_sec", -1)
    info.field("rdb_current_bgsave_time_sec", -1)
    for name in [
      "rdb_saves", "rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded",
      "aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled",
    ] {
      info.field(name, 0)
    }
    info.field("aof_last_rewrite_time_sec", -1)
    info.field("aof_current_rewrite_time_sec", -1)
    info.field("aof_last_bgrewrite_status", "ok")
    info.field("aof_rewrites", 0)
    info.field("aof_rewrites_consecutive_failures", 0)
    info.field("aof_last_write_status", "ok")
    info.field("aof_last_cow_size", 0)
    info.field("module_fork_in_progress", 0)
    info.field("module_fork_last_cow_size", 0)
  }

  /// As Redis tells it while there are no replicas.
  func writeReplication(to info: inout InfoText) {
    info.field("role", "master")
    info.field("connected_slaves", 0)
    info.field("master_failover_state", "no-failover")
    // The history of the data is that of this run.
    info.field("master_replid", server.runIdentifier)
    info.field("master_replid2", String(repeating: "0", count: server.runIdentifier.utf8.count))
    info.field("master_repl_offset", 0)
    info.field("second_repl_offset", -1)
    info.field("repl_backlog_active", 0)
    info.field("repl_backlog_size", 0)
    info.field("repl_backlog_first_byte_offset", 0)
    info.field("repl_backlog_histlen", 0)
  }
}

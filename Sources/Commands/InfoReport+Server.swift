import Bytes
import Engine
import Glibc
import Statistics

/// What the server is and what runs it.
extension InfoReport {
  func writeServer(to info: inout InfoText) {
    info.field("redis_version", ServerVersion.compatible)
    info.field("redis_git_sha1", "00000000")
    info.field("redis_git_dirty", 0)
    info.field("redis_build_id", Self.buildIdentifier)
    info.field("redis_mode", "standalone")
    info.field("os", Self.operatingSystem)
    info.field("arch_bits", Int.bitWidth)
    info.field("monotonic_clock", "POSIX clock_gettime")
    info.field("multiplexing_api", "io_uring")
    info.field("atomicvar_api", "swift-synchronization")
    info.field("process_id", server.processIdentifier)
    info.field("process_supervised", "no")
    info.field("run_id", server.runIdentifier)
    info.field("tcp_port", settings.port)
    info.field("server_time_usec", nowMicroseconds)
    info.field("uptime_in_seconds", uptimeSeconds)
    info.field("uptime_in_days", uptimeSeconds / 86_400)
    info.field("hz", settings.backgroundTurnsPerSecond)
    info.field("configured_hz", settings.backgroundTurnsPerSecond)
    // The clock of 24 bits by which Redis counts idle times.
    info.field("lru_clock", (nowMicroseconds / 1_000_000) & 0xff_ffff)
    info.field("executable", server.executablePath)
    info.field("config_file", configuration.filePath ?? "")
    info.field("io_threads_active", 0)
    info.field("pantala_version", ServerVersion.own)
    info.field("shards", server.shardCount)
  }

  func writeClients(to info: inout InfoText) {
    info.field("connected_clients", server.clientCount)
    info.field("cluster_connections", 0)
    info.field("maxclients", settings.maxClients)
    info.field("client_recent_max_input_buffer", whole.clients.largestInputBytes)
    info.field("client_recent_max_output_buffer", whole.clients.largestOutputBytes)
    info.field("blocked_clients", whole.clients.blockedCount)
    info.field("tracking_clients", server.trackingClientCounts.reduce(0) { $0 + $1.load() })
    info.field("pubsub_clients", whole.clients.subscriberCount)
    info.field("watching_clients", whole.clients.watchingCount)
    info.field("clients_in_timeout_table", whole.clients.timedCount)
    info.field("total_watched_keys", whole.clients.watchedKeyCount)
    info.field("total_blocking_keys", whole.clients.waitedKeyCount)
    info.field("total_blocking_keys_on_nokey", whole.clients.neededKeyCount)
    // Ours: how many shares of shards transactions hold, and how many are waited for.
    info.field("held_locks", whole.clients.heldLockCount)
    info.field("waiting_locks", whole.clients.waitingLockCount)
  }

  func writeProcessorTimes(to info: inout InfoText) {
    let all = ProcessorTimes.ofProcess()
    let children = ProcessorTimes.ofChildren()
    info.field("used_cpu_sys", ProcessorTimes.secondsText(microseconds: all.systemMicroseconds))
    info.field("used_cpu_user", ProcessorTimes.secondsText(microseconds: all.userMicroseconds))
    info.field("used_cpu_sys_children", ProcessorTimes.secondsText(microseconds: children.systemMicroseconds))
    info.field("used_cpu_user_children", ProcessorTimes.secondsText(microseconds: children.userMicroseconds))
    // The thread that the process began with is the first shard's.
    let main = shards[0].processorTimes
    info.field("used_cpu_sys_main_thread", ProcessorTimes.secondsText(microseconds: main.systemMicroseconds))
    info.field("used_cpu_user_main_thread", ProcessorTimes.secondsText(microseconds: main.userMicroseconds))
  }

  /// Tells builds apart whose command tables differ, until releases have identifiers of their own.
  private static let buildIdentifier: String = {
    let text = ServerVersion.own + ServerVersion.compatible
    // FNV-1a, after Fowler, Noll and Vo.
    let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }()

  /// `Linux 6.1.0-18-amd64 x86_64`
  private static let operatingSystem: String = {
    var name = utsname()
    guard uname(&name) == 0 else { return "Linux" }
    return [text(of: name.sysname), text(of: name.release), text(of: name.machine)].joined(separator: " ")
  }()

  /// A field of `utsname`: a C array, which Swift sees as a tuple.
  private static func text<Field>(of field: Field) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

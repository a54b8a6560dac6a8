/// What a block of a shard's heap is for.
///
/// Every allocation names its purpose, so that the shard can say at any moment where its memory is. The
/// names are those that `MEMORY STATS` reports, and some of its own; the counts of all purposes add up to
/// the live bytes of the heap.
public enum Purpose: Int, CaseIterable, Sendable {
  /// Blocks of keys: key, value and expiry time, and all that hangs on them.
  case dataset
  /// Segments and directories of the keyspace tables.
  case tables
  /// Connections of ordinary clients: their state, query buffers and replies not yet sent.
  case clients
  /// The same for replicas.
  case replicas
  /// The replication backlog and its index.
  case replicationBacklog
  /// Links of the cluster bus.
  case clusterLinks
  /// Commands waiting to be written to the append-only file.
  case appendOnlyFile
  /// Cached scripts.
  case scripts
  /// Function libraries.
  case functions
  /// Channels, patterns and their subscribers.
  case subscriptions
  /// Keys of which clients keep copies, and who they are.
  case tracking
  /// Receive buffers that the kernel fills.
  case receiveBuffers
  /// Batches on their way between shards, and their replies.
  case messages
  /// Command counters and latency histograms.
  case statistics
  /// What is remembered of sparse areas while they are emptied.
  case defragmentation

  /// What clients and replicas take, which limits of their own hold down: `maxmemory` is not about it.
  public static let traffic: [Purpose] = [
    .clients, .replicas, .clusterLinks, .appendOnlyFile, .subscriptions, .messages,
  ]

  /// The name under which reports show it.
  public var name: StaticString {
    switch self {
    case .dataset: "dataset"
    case .tables: "tables"
    case .clients: "clients.normal"
    case .replicas: "clients.slaves"
    case .replicationBacklog: "replication.backlog"
    case .clusterLinks: "cluster.links"
    case .appendOnlyFile: "aof.buffer"
    case .scripts: "lua.caches"
    case .functions: "functions.caches"
    case .subscriptions: "subscriptions"
    case .tracking: "tracking"
    case .receiveBuffers: "receive.buffers"
    case .messages: "shard.messages"
    case .statistics: "statistics"
    case .defragmentation: "defragmentation"
    }
  }
}

/// Everything an operator can choose, as plain values with their defaults.
///
/// A `Settings` holds no reference to the server: every shard keeps its own copy of what it reads often, and
/// two of them can be compared to see what a CONFIG SET changed. The text form of each property, its bounds
/// and its help line are in the `Directive` of the same meaning.
public struct Settings: Sendable, Equatable {
  // MARK: Network

  /// TCP port to listen on; 0 listens on none. Directive `port`.
  public var port = 6379
  /// Addresses to listen on; a leading `-` lets an address be missing on this machine. Directive `bind`.
  public var bindAddresses = ["127.0.0.1", "-::1"]
  /// Whether other machines are refused while no password is set. Directive `protected-mode`.
  public var protectedMode = true
  /// Connections the kernel may keep waiting for accept. Directive `tcp-backlog`.
  public var tcpBacklog = 511
  /// Seconds between keep-alive probes; 0 sends none. Directive `tcp-keepalive`.
  public var tcpKeepaliveSeconds = 300
  /// Path of the Unix socket, or empty for none. Directive `unixsocket`.
  public var unixSocketPath = ""
  /// Permission bits of the Unix socket; 0 keeps those the umask gives. Directive `unixsocketperm`.
  public var unixSocketPermissions = 0

  // MARK: Clients

  /// Connections served at once. Directive `maxclients`.
  public var maxClients = 10_000
  /// Seconds after which an idle client is closed; 0 never closes one. Directive `timeout`.
  public var timeoutSeconds = 0
  /// Unparsed input one client may pile up. Directive `client-query-buffer-limit`.
  public var clientQueryBufferLimitBytes = 1 << 30
  /// Unsent replies each class of client may pile up. Directive `client-output-buffer-limit`.
  public var outputBufferLimits = OutputBufferLimits()
  /// Keys that are remembered because clients keep copies of them; 0 for any number. Directive `tracking-table-max-keys`.
  public var trackingTableMaxKeys = 1_000_000
  /// Longest argument a command may carry. Directive `proto-max-bulk-len`.
  public var protoMaxBulkBytes = 512 << 20

  // MARK: Security

  /// Password of the default user, or empty for none. Directive `requirepass`.
  public var password = ""
  /// Who may call DEBUG. Directive `enable-debug-command`.
  public var debugCommandAccess = ProtectedAccess.nobody
  /// Who may change protected directives at run time. Directive `enable-protected-configs`.
  public var protectedDirectiveAccess = ProtectedAccess.nobody

  // MARK: General

  /// Number of databases SELECT can reach. Directive `databases`.
  public var databaseCount = 16
  /// Least severe message that is logged. Directive `loglevel`.
  public var logLevel = LogLevel.notice
  /// File the log goes to, or empty for standard output. Directive `logfile`.
  public var logFilePath = ""
  /// Working directory. Empty until the server, having started, writes the one it is in. Directive `dir`.
  public var directory = ""
  /// File the process id is written to, or empty for none. Directive `pidfile`.
  public var pidFilePath = ""
  /// Background turns per second. Directive `hz`.
  public var backgroundTurnsPerSecond = 10
  /// How hard expired keys are looked for, 1...10. Directive `active-expire-effort`.
  public var activeExpireEffort = 1

  // MARK: Memory

  /// Memory the data may take; 0 sets no limit. Directive `maxmemory`.
  public var maxMemoryBytes = 0
  /// What happens at the memory limit. Directive `maxmemory-policy`.
  public var maxMemoryPolicy = MaxMemoryPolicy.noEviction
  /// Whether FLUSHALL and FLUSHDB answer before the memory of the keys is free. Directive `lazyfree-lazy-user-flush`.
  public var flushesLater = false
  /// Whether memory that is lost between blocks is brought together and given back. Directive `activedefrag`.
  public var activeDefragmentation = false
  /// Lost bytes below which nothing is done. Directive `active-defrag-ignore-bytes`.
  public var defragmentationIgnoredBytes = 100 << 20
  /// Lost bytes for each 100 used from which on something is done. Directive `active-defrag-threshold-lower`.
  public var defragmentationLowerPercentage = 10
  /// Those from which on everything is done that may be. Directive `active-defrag-threshold-upper`.
  public var defragmentationUpperPercentage = 100
  /// Percentage of a shard's time that defragmentation takes at the least. Directive `active-defrag-cycle-min`.
  public var defragmentationMinimumEffort = 1
  /// The same at the most. Directive `active-defrag-cycle-max`.
  public var defragmentationMaximumEffort = 25
  /// Elements up to which a large value is gone through at once. Directive `active-defrag-max-scan-fields`.
  public var defragmentationScannedFields = 1_000
  /// How many buckets of keys are looked at to choose one for eviction. Directive `maxmemory-samples`.
  public var maxMemorySamples = 5
  /// How long a command may be held up by evictions, 0...100. Directive `maxmemory-eviction-tenacity`.
  public var maxMemoryEvictionTenacity = 10
  /// How much more often a key must be used for each step of its frequency. Directive `lfu-log-factor`.
  public var lfuLogFactor = 10
  /// Minutes after which an unused key's frequency falls by one; 0 never lets it. Directive `lfu-decay-time`.
  public var lfuDecayMinutes = 1
  /// Memory that all clients together may take. Directive `maxmemory-clients`.
  public var maxMemoryClients = ClientMemoryLimit.bytes(0)
  /// Whether a replica leaves eviction to its primary. Directive `replica-ignore-maxmemory`.
  public var replicaIgnoresMaxMemory = true

  // MARK: Collections

  /// Fields of a compact hash. Directive `hash-max-listpack-entries`.
  public var hashMaxListpackEntries = 512
  /// Bytes of a field or value of a compact hash. Directive `hash-max-listpack-value`.
  public var hashMaxListpackValue = 64
  /// Elements, or -1...-5 for 4 to 64 KB, of a list's packed block. Directive `list-max-listpack-size`.
  public var listMaxListpackSize = -2
  /// Members of a compact set of integers. Directive `set-max-intset-entries`.
  public var setMaxIntsetEntries = 512
  /// Members of a compact set. Directive `set-max-listpack-entries`.
  public var setMaxListpackEntries = 128
  /// Bytes of a member of a compact set. Directive `set-max-listpack-value`.
  public var setMaxListpackValue = 64
  /// Members of a compact sorted set. Directive `zset-max-listpack-entries`.
  public var zsetMaxListpackEntries = 128
  /// Bytes of a member of a compact sorted set. Directive `zset-max-listpack-value`.
  public var zsetMaxListpackValue = 64
  /// Bytes a HyperLogLog may have in its sparse form. Directive `hll-sparse-max-bytes`.
  public var hllSparseMaxBytes = 3_000
  /// Bytes of a stream's packed block. Directive `stream-node-max-bytes`.
  public var streamNodeMaxBytes = 4_096
  /// Entries of a stream's packed block. Directive `stream-node-max-entries`.
  public var streamNodeMaxEntries = 100

  // MARK: Observation

  /// Commands slower than this are kept in the slow log; 0 keeps all, -1 none.
  /// Directive `slowlog-log-slower-than`.
  public var slowlogThresholdMicroseconds = 10_000
  /// Entries the slow log keeps. Directive `slowlog-max-len`.
  public var slowlogMaxEntries = 128
  /// Events at least this long are kept by the latency monitor; 0 turns it off.
  /// Directive `latency-monitor-threshold`.
  public var latencyMonitorThresholdMilliseconds = 0
  /// Whether a latency histogram is kept per command. Directive `latency-tracking`.
  public var latencyTracking = true
  /// Percentiles INFO latencystats prints. Directive `latency-tracking-info-percentiles`.
  public var latencyPercentiles = [50.0, 99.0, 99.9]
  /// Which keyspace events are published, and where. Directive `notify-keyspace-events`.
  public var keyEventClasses: KeyspaceEventClasses = []

  // MARK: Shards

  /// Number of shards; 0 asks for one per usable core. Directive `shards`.
  public var shardCount = 0
  /// Whether each shard's thread stays on one core. Directive `pin-threads`.
  public var pinThreads = true
  /// Submission entries of each shard's io_uring. Directive `ring-entries`.
  public var ringEntries = 1024
  /// Buffers each shard provides for receiving. Directive `receive-buffers`.
  public var receiveBufferCount = 256
  /// Size of each such buffer. Directive `receive-buffer-size`.
  public var receiveBufferBytes = 16 << 10
  /// How long a shard spins for another shard's reply before it sleeps. Directive `shard-spin-microseconds`.
  public var shardSpinMicroseconds = 20

  /// Every setting at its default.
  public init() {}
}

import Testing

@testable import Configuration

@Suite("Directives")
struct DirectiveTests {
  @Test("every directive writes its own default back", arguments: Configuration.directives.map(\.name))
  func defaultRoundTrip(name: String) throws {
    let directive = try #require(Configuration.directive(named: name))
    var settings = Settings()
    let value = directive.defaultValue
    try directive.write(
      &settings,
      directive.takesSeveralArguments && !value.isEmpty ? ArgumentSplitter.split(value) : [value])
    #expect(settings == Settings())
    #expect(directive.read(settings) == value)
  }

  @Test("the line that CONFIG REWRITE prints loads again", arguments: Configuration.directives.map(\.name))
  func rewriteRoundTrip(name: String) throws {
    let directive = try #require(Configuration.directive(named: name))
    let lines = directive.rewrite(Settings())
    #expect(lines.allSatisfy { $0.isDefault })
    let loaded = try configuration(file: lines.map(\.text).joined(separator: "\n"))
    #expect(loaded.settings == Settings())
  }

  @Test("names are lower case, summaries are one line, kinds have a text")
  func declarations() {
    for directive in Configuration.directives {
      #expect(directive.name == directive.name.asciiLowercased)
      #expect(!directive.summary.isEmpty && !directive.summary.contains("\n"), "\(directive.name)")
      #expect(!directive.kind.description.isEmpty, "\(directive.name)")
    }
  }

  private static let defaultTexts: [(String, String)] = [
    ("port", "6379"), ("bind", "127.0.0.1 -::1"), ("protected-mode", "yes"), ("tcp-backlog", "511"),
    ("timeout", "0"), ("tcp-keepalive", "300"), ("unixsocket", ""), ("unixsocketperm", "0"),
    ("maxclients", "10000"), ("client-query-buffer-limit", "1073741824"),
    (
      "client-output-buffer-limit",
      "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
    ),
    ("proto-max-bulk-len", "536870912"), ("databases", "16"), ("maxmemory", "0"),
    ("maxmemory-policy", "noeviction"), ("requirepass", ""), ("loglevel", "notice"), ("logfile", ""),
    ("dir", ""), ("pidfile", ""), ("hz", "10"), ("active-expire-effort", "1"),
    ("slowlog-log-slower-than", "10000"), ("slowlog-max-len", "128"), ("latency-monitor-threshold", "0"),
    ("latency-tracking", "yes"), ("latency-tracking-info-percentiles", "50 99 99.9"),
    ("enable-debug-command", "no"), ("enable-protected-configs", "no"), ("save", ""), ("appendonly", "no"),
    ("shards", "0"), ("pin-threads", "yes"), ("ring-entries", "1024"), ("receive-buffers", "256"),
    ("receive-buffer-size", "16384"), ("shard-spin-microseconds", "20"),
    ("hash-max-listpack-entries", "512"), ("hash-max-listpack-value", "64"), ("list-max-listpack-size", "-2"),
    ("set-max-intset-entries", "512"), ("set-max-listpack-entries", "128"), ("set-max-listpack-value", "64"),
    ("zset-max-listpack-entries", "128"), ("zset-max-listpack-value", "64"),
    ("stream-node-max-bytes", "4096"),
    ("stream-node-max-entries", "100"), ("hll-sparse-max-bytes", "3000"), ("notify-keyspace-events", ""),
    ("tracking-table-max-keys", "1000000"), ("activedefrag", "no"),
    ("lazyfree-lazy-user-flush", "no"),
    ("active-defrag-ignore-bytes", "104857600"), ("active-defrag-threshold-lower", "10"),
    ("active-defrag-threshold-upper", "100"), ("active-defrag-cycle-min", "1"),
    ("active-defrag-cycle-max", "25"), ("active-defrag-max-scan-fields", "1000"),
    ("maxmemory-samples", "5"), ("maxmemory-eviction-tenacity", "10"),
    ("lfu-log-factor", "10"), ("lfu-decay-time", "1"), ("replica-ignore-maxmemory", "yes"),
    ("maxmemory-clients", "0"),
  ]

  @Test("defaults as CONFIG GET prints them", arguments: defaultTexts)
  func defaults(name: String, value: String) {
    #expect(Configuration().value(name) == value)
  }

  @Test(
    "the names of Redis before 7 mean the same directives",
    arguments: ["hash", "zset", "list"])
  func aliases(type: String) {
    let suffix = type == "list" ? "size" : "entries"
    let directive = Configuration.directive(named: "\(type)-max-ziplist-\(suffix)")
    #expect(directive?.name == "\(type)-max-listpack-\(suffix)")
  }

  @Test("there are no directives beside those whose defaults are listed above")
  func count() {
    #expect(Configuration.directives.count == Self.defaultTexts.count)
  }

  @Test("what may not change at run time")
  func immutable() {
    let names = Configuration.directives.filter { !$0.isMutable }.map(\.name).sorted()
    #expect(
      names == [
        "bind", "databases", "enable-debug-command", "enable-protected-configs", "logfile", "pidfile",
        "pin-threads", "port", "receive-buffer-size", "receive-buffers", "ring-entries", "shards",
        "tcp-backlog", "unixsocket", "unixsocketperm",
      ])
    #expect(Configuration.directives.filter(\.isSensitive).map(\.name) == ["requirepass"])
    #expect(Configuration.directives.filter(\.isProtected).map(\.name) == ["dir"])
  }

  @Test("values reach the settings")
  func values() throws {
    let settings = try configuration(
      file: """
        port 7000
        bind 10.0.0.1 * -::*
        protected-mode NO
        tcp-backlog 5
        timeout 9
        tcp-keepalive 0
        unixsocket "/run/pan tala.sock"
        unixsocketperm 0770
        maxclients 5
        client-query-buffer-limit 1mb
        client-output-buffer-limit NORMAL 1kb 2k 3 Replica 4 5 6
        client-output-buffer-limit pubsub 7 8 9
        proto-max-bulk-len 2mb
        requirepass 'a b'
        enable-debug-command local
        enable-protected-configs yes
        databases 3
        loglevel Nothing
        logfile /tmp/log
        dir /tmp
        pidfile /tmp/pid
        hz 100
        active-expire-effort 10
        maxmemory 2gb
        maxmemory-policy NOEVICTION
        slowlog-log-slower-than -1
        slowlog-max-len 0
        latency-monitor-threshold 7
        latency-tracking no
        latency-tracking-info-percentiles 50 99.99 0 100
        shards 4
        pin-threads no
        ring-entries 64
        receive-buffers 16
        receive-buffer-size 4kb
        shard-spin-microseconds 0
        """
    ).settings
    var expected = Settings()
    expected.port = 7000
    expected.bindAddresses = ["10.0.0.1", "*", "-::*"]
    expected.protectedMode = false
    expected.tcpBacklog = 5
    expected.timeoutSeconds = 9
    expected.tcpKeepaliveSeconds = 0
    expected.unixSocketPath = "/run/pan tala.sock"
    expected.unixSocketPermissions = 0o770
    expected.maxClients = 5
    expected.clientQueryBufferLimitBytes = 1 << 20
    expected.outputBufferLimits.normal = OutputBufferLimit(hardBytes: 1024, softBytes: 2000, softSeconds: 3)
    expected.outputBufferLimits.replica = OutputBufferLimit(hardBytes: 4, softBytes: 5, softSeconds: 6)
    expected.outputBufferLimits.pubsub = OutputBufferLimit(hardBytes: 7, softBytes: 8, softSeconds: 9)
    expected.protoMaxBulkBytes = 2 << 20
    expected.password = "a b"
    expected.debugCommandAccess = .local
    expected.protectedDirectiveAccess = .everybody
    expected.databaseCount = 3
    expected.logLevel = .nothing
    expected.logFilePath = "/tmp/log"
    expected.directory = "/tmp"
    expected.pidFilePath = "/tmp/pid"
    expected.backgroundTurnsPerSecond = 100
    expected.activeExpireEffort = 10
    expected.maxMemoryBytes = 2 << 30
    expected.slowlogThresholdMicroseconds = -1
    expected.slowlogMaxEntries = 0
    expected.latencyMonitorThresholdMilliseconds = 7
    expected.latencyTracking = false
    expected.latencyPercentiles = [50, 99.99, 0, 100]
    expected.shardCount = 4
    expected.pinThreads = false
    expected.ringEntries = 64
    expected.receiveBufferCount = 16
    expected.receiveBufferBytes = 4096
    expected.shardSpinMicroseconds = 0
    #expect(settings == expected)
  }

  @Test("hz moves into its bounds")
  func hz() throws {
    #expect(try configuration(arguments: ["--hz", "0"]).value("hz") == "1")
    #expect(try configuration(arguments: ["--hz", "1000"]).value("hz") == "500")
  }

  @Test("bind takes no address at all")
  func bindEmpty() throws {
    #expect(try configuration(file: #"bind """#).settings.bindAddresses == [])
  }

  @Test("protected access follows the client's place")
  func protectedAccess() {
    #expect(!ProtectedAccess.nobody.allows(localClient: true))
    #expect(ProtectedAccess.local.allows(localClient: true))
    #expect(!ProtectedAccess.local.allows(localClient: false))
    #expect(ProtectedAccess.everybody.allows(localClient: false))
  }
}

import Testing

@testable import Configuration

@Suite("Reasons that directives give for refusing a value")
struct DirectiveErrorTests {
  @Test("a number of arguments other than one")
  func argumentCount() {
    #expect(reason("port") == "wrong number of arguments")
    #expect(reason("port", "1", "2") == "wrong number of arguments")
    #expect(reason("requirepass", "a", "b") == "wrong number of arguments")
  }

  @Test("not an integer", arguments: ["abc", "", "1.5", " 12", "012", "+12", "99999999999999999999"])
  func notAnInteger(value: String) {
    #expect(reason("port", value) == "argument couldn't be parsed into an integer")
    #expect(reason("hz", value) == "argument couldn't be parsed into an integer")
  }

  @Test(
    "outside its range",
    arguments: [
      ("port", "70000", "0 and 65535"), ("port", "-1", "0 and 65535"),
      ("timeout", "-1", "0 and 2147483647"), ("tcp-backlog", "-1", "0 and 2147483647"),
      ("tcp-keepalive", "4294967296", "0 and 2147483647"), ("hz", "2147483648", "0 and 2147483647"),
      ("maxclients", "0", "1 and 4294967295"), ("databases", "0", "1 and 2147483647"),
      ("active-expire-effort", "11", "1 and 10"),
      ("slowlog-log-slower-than", "-2", "-1 and 9223372036854775807"),
      ("slowlog-max-len", "-1", "0 and 9223372036854775807"),
      ("latency-monitor-threshold", "-1", "0 and 9223372036854775807"),
      ("proto-max-bulk-len", "1", "1048576 and 9223372036854775807"),
      ("proto-max-bulk-len", "99999999999999999999", "1048576 and 9223372036854775807"),
      ("client-query-buffer-limit", "1", "1048576 and 9223372036854775807"),
      ("maxmemory", "10000000000000gb", "0 and 9223372036854775807"),
      ("unixsocketperm", "1000", "0 and 777"), ("shards", "1025", "0 and 1024"),
      ("ring-entries", "32", "64 and 32768"), ("receive-buffers", "65536", "16 and 32768"),
      ("receive-buffer-size", "2mb", "4096 and 1048576"), ("shard-spin-microseconds", "1001", "0 and 1000"),
    ])
  func outOfRange(name: String, value: String, range: String) {
    #expect(reason(name, value) == "argument must be between \(range) inclusive")
  }

  @Test("not a power of two")
  func powerOfTwo() {
    #expect(reason("ring-entries", "1000") == "argument must be a power of two")
    #expect(reason("receive-buffers", "24") == "argument must be a power of two")
    #expect(reason("receive-buffer-size", "5kb") == "argument must be a power of two")
  }

  @Test("not a memory value", arguments: ["10x", "-5", "1.5gb", "10%", "1kB2"])
  func memory(value: String) {
    #expect(reason("maxmemory", value) == "argument must be a memory value")
  }

  @Test("not an octal number")
  func octal() {
    #expect(reason("unixsocketperm", "999") == "argument couldn't be parsed as an octal number")
  }

  @Test("not yes or no")
  func boolean() {
    for name in ["protected-mode", "latency-tracking", "pin-threads", "appendonly"] {
      #expect(reason(name, "maybe") == "argument must be 'yes' or 'no'")
    }
  }

  @Test("not one of the words")
  func choice() {
    let prefix = "argument(s) must be one of the following: "
    #expect(reason("loglevel", "loud") == prefix + "debug, verbose, notice, warning, nothing")
    #expect(
      reason("maxmemory-policy", "lru") == prefix
        + "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction"
    )
    #expect(reason("enable-debug-command", "x") == prefix + "no, yes, local")
  }

  @Test("persistence asked for")
  func persistence() {
    let text = "persistence is not part of this server yet"
    #expect(reason("appendonly", "yes") == text)
    #expect(reason("save", "3600", "1") == text)
    #expect(reason("save", "x") == text)
    #expect(reason("save", "") == "")
    #expect(reason("appendonly", "NO") == "")
  }

  @Test("client-output-buffer-limit")
  func outputBufferLimit() {
    let name = "client-output-buffer-limit"
    #expect(
      reason(name, "normal", "1", "2") == "Wrong number of arguments in buffer limit configuration.")
    for word in ["foo", "master", ""] {
      #expect(
        reason(name, word, "1", "2", "3")
          == "Invalid client class specified in buffer limit configuration.")
    }
    for sizes in [["1x", "2", "3"], ["1", "-2", "3"], ["1", "2", "-3"], ["1", "2", "x"], ["1", "2", ""]] {
      #expect(
        reason(name, "normal", sizes[0], sizes[1], sizes[2])
          == "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
    }
  }

  @Test("latency-tracking-info-percentiles")
  func percentiles() {
    let name = "latency-tracking-info-percentiles"
    for word in ["x", "nan", "1e400", ""] {
      #expect(reason(name, "50", word) == "Invalid latency-tracking-info-percentiles parameters")
    }
    for word in ["-1", "200", "100.1"] {
      #expect(
        reason(name, "50", word)
          == "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
    }
    var settings = Settings()
    #expect(
      throws: ConfigurationError.invalidValue(
        reason: "Too many latency-tracking-info-percentiles parameters")
    ) {
      try Configuration.directive(named: name)?.write(&settings, Array(repeating: "1", count: 65))
    }
  }

  @Test("bind")
  func bind() {
    var settings = Settings()
    #expect(throws: ConfigurationError.invalidValue(reason: "Too many bind addresses specified.")) {
      try Configuration.directive(named: "bind")?.write(&settings, Array(repeating: "::1", count: 17))
    }
    #expect(reason("bind", "a\u{0}b") == "an address can't contain a NUL byte")
  }

  @Test("paths")
  func paths() {
    for name in ["unixsocket", "dir", "logfile", "pidfile"] {
      #expect(reason(name, "a\u{0}b") == "a path can't contain a NUL byte")
    }
    let path = String(repeating: "a", count: 107)
    #expect(reason("unixsocket", path) == "")
    #expect(reason("unixsocket", path + "a") == "a path here can't be longer than 107 bytes")
    #expect(
      reason("dir", String(repeating: "a", count: 4096)) == "a path here can't be longer than 4095 bytes")
  }
}

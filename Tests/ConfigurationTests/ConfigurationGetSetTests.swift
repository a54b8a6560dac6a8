import Testing

@testable import Configuration

@Suite("CONFIG GET")
struct ConfigurationGetTests {
  @Test("a pattern gives all names that match, sorted")
  func pattern() {
    let names = Configuration().get(patterns: ["maxmemory", "maxmemory-p*", "port"]).map(\.name)
    #expect(names == ["maxmemory", "maxmemory-policy", "port"])
  }

  @Test("every name appears once, however often it matches")
  func once() {
    let patterns = ["maxmemory-po*", "MAXMEMORY", "maxmemory", "*memory"]
    let names = Configuration().get(patterns: patterns).map(\.name)
    #expect(
      names == ["MAXMEMORY", "maxmemory-policy", "replica-ignore-maxmemory", "slave-ignore-maxmemory"])
    let all = Configuration.directives.flatMap { [$0.name] + $0.aliases }
    #expect(Configuration().get(patterns: ["*", "*"]).map(\.name).sorted() == all.sorted())
  }

  @Test("a name without a wildcard comes back as it was spelled")
  func spelling() {
    #expect(Configuration().get(patterns: ["MaxMemory"]).map(\.name) == ["MaxMemory"])
    #expect(Configuration().get(patterns: ["MaxMem*ry"]).map(\.name) == ["maxmemory"])
  }

  @Test("an unknown name gives nothing")
  func unknown() {
    #expect(Configuration().get(patterns: ["nosuch", "nosuch*", ""]).isEmpty)
    #expect(Configuration().get(patterns: []).isEmpty)
  }

  @Test("an alias is a name of its own for the same value")
  func alias() throws {
    let directive = Directive(
      name: "replica-port", aliases: ["slave-port"], isMutable: true, isProtected: false, isSensitive: false,
      takesSeveralArguments: false, kind: .text, summary: "", read: { String($0.port) },
      write: { (settings, arguments) throws(ConfigurationError) in settings.port = Int(arguments[0]) ?? 0 },
      rewrite: { [RewrittenLine(text: "replica-port \($0.port)", isDefault: false)] })
    let table = DirectiveTable(themes: [("Test", [directive])])
    let settings = try table.settings(Settings(), setting: [("Slave-Port", "7")], isLocalClient: false)
    let values = table.values(matching: ["*-port"], in: settings)
    #expect(values.map(\.name) == ["replica-port", "slave-port"])
    #expect(values.map(\.value) == ["7", "7"])
    let rewriter = ConfigurationRewriter(original: "slave-port 3\n", table: table)
    #expect(rewriter.rewritten(settings) == "replica-port 7\n")
  }
}

@Suite("CONFIG SET")
struct ConfigurationSetTests {
  @Test("several directives at once")
  func several() throws {
    var configuration = Configuration()
    try configuration.set([("MaxMemory", "2GB"), ("timeout", "7"), ("save", ""), ("requirepass", "a b")])
    #expect(configuration.settings.maxMemoryBytes == 2 << 30)
    #expect(configuration.settings.timeoutSeconds == 7)
    #expect(configuration.settings.password == "a b")
  }

  @Test(
    "error texts",
    arguments: [
      ([("nosuch", "1")], "Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
      (
        [("MAXMEMORY", "10x")],
        "CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"
      ),
      (
        [("Databases", "3")],
        "CONFIG SET failed (possibly related to argument 'Databases') - can't set immutable config"
      ),
      (
        [("dir", "/tmp")],
        "CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"
      ),
      (
        [("hz", "1"), ("HZ", "2")],
        "CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter"
      ),
      (
        [("maxmemory", "1"), (" maxmemory", "2")],
        "Unknown option or number of arguments for CONFIG SET - ' maxmemory'"
      ),
      (
        [("tcp-backlog", "1"), ("nosuch", "2")],
        "CONFIG SET failed (possibly related to argument 'tcp-backlog') - can't set immutable config"
      ),
      (
        [("nosuch", "2"), ("tcp-backlog", "1")],
        "Unknown option or number of arguments for CONFIG SET - 'nosuch'"
      ),
      (
        [("hz", "x"), ("timeout", "x")],
        "CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer"
      ),
      (
        [("hz", "x"), ("nosuch", "1")], "Unknown option or number of arguments for CONFIG SET - 'nosuch'"
      ),
    ] as [([(String, String)], String)])
  func errors(pairs: [(String, String)], text: String) {
    var configuration = Configuration()
    let shown = message { () throws(ConfigurationError) in
      try configuration.set(pairs.map { (name: $0.0, value: $0.1) })
    }
    #expect(shown == text)
    #expect(configuration.settings == Settings())
  }

  @Test("all or nothing: a failure after good values changes nothing")
  func atomic() {
    var configuration = Configuration()
    #expect(throws: ConfigurationError.self) {
      try configuration.set([
        ("maxmemory", "1gb"), ("client-output-buffer-limit", "normal 1 2 3"), ("timeout", "-1"),
      ])
    }
    #expect(configuration.settings == Settings())
  }

  @Test("client-output-buffer-limit takes several classes in one value and keeps the others")
  func outputBufferLimit() throws {
    var configuration = Configuration()
    try configuration.set([("client-output-buffer-limit", "normal 1mb 2kb 3 slave 4 5 6")])
    #expect(
      configuration.value("client-output-buffer-limit")
        == "normal 1048576 2048 3 slave 4 5 6 pubsub 33554432 8388608 60")
    try configuration.set([("client-output-buffer-limit", "replica 7 8 9")])
    try configuration.set([("client-output-buffer-limit", "")])
    #expect(
      configuration.value("client-output-buffer-limit")
        == "normal 1048576 2048 3 slave 7 8 9 pubsub 33554432 8388608 60")
  }

  @Test("a refused client-output-buffer-limit changes no class")
  func outputBufferLimitAtomic() {
    var configuration = Configuration()
    let text = message { () throws(ConfigurationError) in
      try configuration.set([("client-output-buffer-limit", "normal 1 2 3 foo 4 5 6")])
    }
    #expect(text.hasSuffix("- Invalid client class specified in buffer limit configuration."))
    #expect(configuration.settings == Settings())
  }

  @Test("two spaces in a list have an empty argument between them, as in Redis")
  func doubleSpace() {
    var configuration = Configuration()
    let text = message { () throws(ConfigurationError) in
      try configuration.set([("client-output-buffer-limit", "normal  1mb 2kb 3")])
    }
    #expect(text.hasSuffix("- Wrong number of arguments in buffer limit configuration."))
  }

  @Test("lists can be emptied")
  func emptyLists() throws {
    var configuration = Configuration()
    try configuration.set([("latency-tracking-info-percentiles", "")])
    #expect(configuration.settings.latencyPercentiles.isEmpty)
    #expect(configuration.value("latency-tracking-info-percentiles") == "")
  }

  @Test("dir may be set where enable-protected-configs allows")
  func protectedDirective() throws {
    var configuration = try configuration(arguments: ["--enable-protected-configs", "local"])
    #expect(throws: ConfigurationError.self) { try configuration.set([("dir", "/tmp")]) }
    try configuration.set([("dir", "/tmp")], isLocalClient: true)
    #expect(configuration.settings.directory == "/tmp")
  }
}

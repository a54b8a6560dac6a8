import Testing

@testable import Statistics

@Suite struct InfoSelectionTests {
  private func titles(_ arguments: String...) -> [String] {
    let selection = InfoSelection(arguments: arguments)
    return InfoSection.allCases.filter { selection.contains($0) }.map(\.title)
  }

  // The lists were read off redis-server 7.0.15.
  private let defaultTitles = [
    "Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Errorstats",
    "Cluster", "Keyspace",
  ]
  private let allTitles = [
    "Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Commandstats",
    "Errorstats", "Latencystats", "Cluster", "Keyspace",
  ]

  @Test func groups() {
    #expect(titles() == defaultTitles)
    #expect(titles("default") == defaultTitles)
    #expect(titles("ALL") == allTitles)
    #expect(titles("everything") == allTitles)
  }

  @Test func namesAddUpInTheOrderOfTheReply() {
    #expect(titles("keyspace", "modules", "cpu") == ["CPU", "Modules", "Keyspace"])
    #expect(titles("sErVeR") == ["Server"])
    #expect(titles("server", "server") == ["Server"])
    #expect(titles("commandstats", "nosuch", "default") == allTitles.filter { $0 != "Latencystats" })
    #expect(titles("nosuch") == [])
    #expect(InfoSelection(arguments: ["nosuch"]).isEmpty)
    #expect(!InfoSelection(arguments: []).isEmpty)
  }

  @Test func ownSectionsAreShownByNameOrWithEverything() {
    #expect(InfoSelection(arguments: ["Shards"]).contains(ownSection: "shards"))
    #expect(InfoSelection(arguments: ["everything"]).contains(ownSection: "shards"))
    #expect(!InfoSelection(arguments: ["all"]).contains(ownSection: "shards"))
    #expect(!InfoSelection(arguments: []).contains(ownSection: "shards"))
  }
}

@Suite struct InfoTextTests {
  @Test func sectionsAreSeparatedByAnEmptyLine() {
    var info = InfoText()
    info.beginSection(.modules)
    info.beginSection(.cpu)
    info.field("used_cpu_sys", ProcessorTimes.secondsText(microseconds: 91_298))
    info.beginSection(title: "Shards")
    info.field("shards", 4)
    info.field("loading", false)
    info.field("ratio", 1.085, decimals: 1)
    info.field("share", percentage: 99.756)
    info.lines("errorstat_ERR:count=1\r\n")
    #expect(
      info.text == """
        # Modules\r\n\r\n# CPU\r\nused_cpu_sys:0.091298\r\n\r\n# Shards\r\nshards:4\r\nloading:0\r\nratio:1.1\r\n\
        share:99.76%\r\nerrorstat_ERR:count=1\r\n
        """)
  }

  @Test func aValueStaysOnItsLine() {
    var info = InfoText()
    info.field("config_file", "/tmp/a\r\nrole:slave\nb\rc")
    #expect(info.text == "config_file:/tmp/a__role:slave_b_c\r\n")
    #expect(InfoText.safeName("a#b:c\r\nd\ne") == "a_b_c__d_e")
    #expect(InfoText.safeName("client|list") == "client|list")
  }

  @Test(arguments: [
    (0, "0B"), (200, "200B"), (1023, "1023B"), (1024, "1.00K"), (991_536, "968.30K"),
    (12_255_232, "11.69M"), (25_276_510_208, "23.54G"), (1 << 40, "1.00T"), (1 << 50, "1.00P"),
    (UInt64.max, "16384.00P"),
  ])
  func bytesForPeople(byteCount: UInt64, text: String) {
    #expect(InfoText.humanReadable(byteCount: byteCount) == text)
    var info = InfoText()
    info.byteFields("used_memory", byteCount)
    #expect(info.text == "used_memory:\(byteCount)\r\nused_memory_human:\(text)\r\n")
  }

  @Test func decimals() {
    #expect(DecimalText.fixed(2.675, decimals: 2) == "2.67")
    #expect(DecimalText.fixed(-0.5, decimals: 0) == "-0")
    #expect(DecimalText.fixed(.greatestFiniteMagnitude, decimals: 17).utf8.count == 327)
    #expect(DecimalText.shortest(100) == "100")
    #expect(DecimalText.shortest(99.9) == "99.9")
    #expect(DecimalText.shortest(0) == "0")
    #expect(DecimalText.thousandths(1) == "0.001")
    #expect(DecimalText.thousandths(1_056_767) == "1056.767")
  }
}

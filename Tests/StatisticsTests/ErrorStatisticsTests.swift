import TestSupport
import Testing

@testable import Statistics

@Suite struct ErrorStatisticsTests {
  private func record(_ lines: [String]) -> ErrorStatistics.Snapshot {
    let storage = Storage(byteCount: ErrorStatistics.byteCount)
    let statistics = ErrorStatistics(storage: storage.address)
    for line in lines { Array(line.utf8).withUnsafeBytes { statistics.record(line: $0) } }
    #expect(storage.isGuardIntact)
    return statistics.snapshot()
  }

  @Test func theFirstWordCounts() {
    let snapshot = record([
      "-ERR unknown command", "WRONGTYPE Operation against", "-WRONGTYPE Operation\r\n", "-OOM command",
    ])
    #expect(snapshot.counts == ["ERR": 1, "WRONGTYPE": 2, "OOM": 1])
    #expect(snapshot.totalCount == 4)
    #expect(
      snapshot.infoLines()
        == "errorstat_ERR:count=1\r\nerrorstat_OOM:count=1\r\nerrorstat_WRONGTYPE:count=2\r\n")
  }

  @Test func whatHasNoWordCountsAsERR() {
    let thirty = String(repeating: "x", count: 30)
    #expect(record(["", "-", "- x", " x", "-NOSPACE", "-\(thirty)x text"]).counts == ["ERR": 6])
    #expect(record(["-\(thirty) text"]).counts == [thirty: 1])
  }

  @Test func namesCannotForgeLines() {
    #expect(record(["-A:B\r\n#C x"]).infoLines() == "errorstat_A_B___C:count=1\r\n")
  }

  @Test func namesAreBoundedAndNothingIsLost() {
    let storage = Storage(byteCount: ErrorStatistics.byteCount)
    let statistics = ErrorStatistics(storage: storage.address)
    for index in 0..<1000 { Array("-E\(index) x".utf8).withUnsafeBytes { statistics.record(line: $0) } }
    statistics.record(name: "E5")
    statistics.record(name: "E500")
    let snapshot = statistics.snapshot()
    #expect(snapshot.counts.count == 128)
    #expect(snapshot.counts["E5"] == 2)
    #expect(snapshot.overflowCount == 1000 - 128 + 1)
    #expect(snapshot.totalCount == 1002)
    #expect(snapshot.infoLines().contains("errorstat_ERRORSTATS_OVERFLOW:count=873\r\n"))
    #expect(storage.isGuardIntact)
    statistics.reset()
    #expect(statistics.snapshot() == ErrorStatistics.Snapshot())
    #expect(statistics.snapshot().infoLines() == "")
  }

  @Test(arguments: 1...10)
  func shardsMergeLikeADictionary(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var merged = ErrorStatistics.Snapshot()
    var model: [String: UInt64] = [:]
    for _ in 0..<4 {
      let names = (0..<200).map { _ in "E\(Int.random(in: 0..<40, using: &random))" }
      for name in names { model[name, default: 0] += 1 }
      merged.merge(record(names.map { "-\($0) text" }))
    }
    #expect(merged.counts == model)
    #expect(merged.overflowCount == 0)
  }

  @Test func mergedNamesAreBoundedToTheMostFrequent() {
    let common = Array(repeating: "-COMMON x", count: 50)
    var merged = record((0..<120).map { "-A\($0) x" } + common)
    merged.merge(record((0..<120).map { "-B\($0) x" } + common))
    #expect(merged.counts.count == 128)
    #expect(merged.counts["COMMON"] == 100)
    #expect(merged.totalCount == 340)
  }
}

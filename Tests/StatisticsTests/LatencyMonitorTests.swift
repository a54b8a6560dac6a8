import TestSupport
import Testing

@testable import Statistics

@Suite struct LatencyMonitorTests {
  private struct Delay {
    var event: LatencyEvent
    var milliseconds: UInt64
    var unixSeconds: Int64
  }

  private func record(_ delays: [Delay]) -> LatencyMonitor.Snapshot {
    let storage = Storage(byteCount: LatencyMonitor.byteCount)
    let monitor = LatencyMonitor(storage: storage.address)
    for delay in delays {
      monitor.record(delay.event, milliseconds: delay.milliseconds, unixSeconds: delay.unixSeconds)
    }
    #expect(storage.isGuardIntact)
    return monitor.snapshot()
  }

  private func randomDelays(_ random: inout SeededRandom, count: Int) -> [Delay] {
    var now: Int64 = 1_700_000_000
    return (0..<count).map { _ in
      now += Int64.random(in: 0...2, using: &random)
      return Delay(
        event: [.command, .expireCycle, .whileBlockedCron].randomElement(using: &random)!,
        milliseconds: UInt64.random(in: 1...5000, using: &random), unixSeconds: now)
    }
  }

  /// The longest delay per second of an event, the newest 160 seconds.
  private func model(_ delays: [Delay], _ event: LatencyEvent) -> [LatencySample] {
    var worst: [Int64: UInt64] = [:]
    for delay in delays where delay.event == event {
      worst[delay.unixSeconds] = max(worst[delay.unixSeconds] ?? 0, delay.milliseconds)
    }
    return worst.sorted { $0.key < $1.key }.suffix(160)
      .map { LatencySample(unixSeconds: UInt32($0.key), milliseconds: UInt32($0.value)) }
  }

  @Test(arguments: 1...20)
  func keepsTheWorstOfTheNewestSeconds(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let delays = randomDelays(&random, count: Int.random(in: 30...1500, using: &random))
    let snapshot = record(delays)
    #expect(snapshot.series.map(\.event) == [.command, .expireCycle, .whileBlockedCron])
    for event in [LatencyEvent.command, .expireCycle, .whileBlockedCron] {
      let series = try #require(snapshot.series(event))
      let expected = model(delays, event)
      #expect(series.samples == expected)
      #expect(series.latest == expected.last)
      let maximum = delays.filter { $0.event == event }.map(\.milliseconds).max()
      #expect(UInt64(series.maximumMilliseconds) == maximum)
    }
  }

  @Test(arguments: 1...20)
  func shardsMergedEqualOneMonitorInAnyOrder(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let delays = randomDelays(&random, count: 1500)
    var shards: [[Delay]] = [[], [], []]
    for delay in delays { shards[Int.random(in: 0..<3, using: &random)].append(delay) }
    let expected = record(delays)
    for order in [[0, 1, 2], [2, 0, 1]] {
      var merged = LatencyMonitor.Snapshot()
      for shard in order { merged.merge(record(shards[shard])) }
      #expect(merged == expected)
    }
  }

  @Test func resetForgetsTheGivenEventsAndNamesThem() {
    let storage = Storage(byteCount: LatencyMonitor.byteCount)
    let monitor = LatencyMonitor(storage: storage.address)
    monitor.record(.command, milliseconds: 5, unixSeconds: 10)
    monitor.record(.fork, milliseconds: 7, unixSeconds: 10)
    #expect(monitor.reset([LatencyEventSet(.expireCycle)]).count == 0)
    let resetEvents = monitor.reset([LatencyEventSet(.command), LatencyEventSet(.evictionCycle)])
    #expect(resetEvents == LatencyEventSet(.command))
    #expect(monitor.snapshot().series.map(\.event) == [.fork])
    monitor.record(.command, milliseconds: 1, unixSeconds: 11)
    #expect(monitor.snapshot().series(.command)?.maximumMilliseconds == 1)
    #expect(monitor.reset(.all).count == 2)
    #expect(monitor.snapshot() == LatencyMonitor.Snapshot())
  }

  @Test func valuesBeyondThirtyTwoBitsSaturate() {
    let snapshot = record([Delay(event: .fork, milliseconds: .max, unixSeconds: -5)])
    #expect(snapshot.series(.fork)?.latest == LatencySample(unixSeconds: 0, milliseconds: .max))
  }

  @Test func namesAreThoseOfRedisInAnyCase() {
    for event in LatencyEvent.allCases {
      #expect(LatencyEvent(name: event.name) == event)
      #expect(LatencyEvent(name: event.name.uppercased()) == event)
      #expect(LatencyEventSet.all.contains(LatencyEventSet(event)))
    }
    #expect(Set(LatencyEvent.allCases.map(\.name)).count == LatencyEvent.allCases.count)
    #expect(LatencyEventSet.all.count == LatencyEvent.allCases.count)
    #expect(LatencyEvent(name: "fast-command") == .fastCommand)
    #expect(LatencyEvent(name: "nothing") == nil)
  }

  @Test func graphIsTheOneThatRedisDraws() throws {
    // Read off redis-server 7.0.15, whose rows keep their trailing spaces.
    let start: Int64 = 1_795_247_580
    var delays = [Delay(event: .command, milliseconds: 1, unixSeconds: start - 110)]
    for (second, milliseconds) in [10, 20, 5, 30, 15, 40].enumerated() {
      delays.append(
        Delay(event: .command, milliseconds: UInt64(milliseconds), unixSeconds: start + Int64(second)))
    }
    let series = try #require(record(delays).series(.command))
    let expected = [
      "command - high 40 ms, low 1 ms (all time high 40 ms)",
      String(repeating: "-", count: 80),
      "      #",
      "    # |",
      "  # |o|",
      "_#|o|||",
      "       ",
      "1654321",
      "mssssss",
      "",
    ]
    #expect(series.graph(nowUnixSeconds: start + 6) == expected.joined(separator: "\n"))
  }

  @Test func graphOfManySamplesHasTwoParts() throws {
    let delays = (0..<100).map { Delay(event: .fork, milliseconds: 3, unixSeconds: 1000 + $0) }
    let series = try #require(record(delays).series(.fork))
    // A day ago, and 23 hours for the rest.
    let blank = { (count: Int) in String(repeating: " ", count: count) }
    let row = { (character: Character, count: Int) in String(repeating: character, count: count) }
    let expected = [
      "fork - high 3 ms, low 3 ms (all time high 3 ms)", row("-", 80),
      blank(80), blank(80), blank(80), row("_", 80), blank(80), "1" + row("2", 79), "d" + row("3", 79),
      " " + row("h", 79), "",
      blank(20), blank(20), blank(20), row("_", 20), blank(20), row("2", 20), row("3", 20), row("h", 20), "",
    ]
    #expect(series.graph(nowUnixSeconds: 1000 + 86_400) == expected.joined(separator: "\n"))
  }
}

@Suite struct LatencyDoctorTests {
  private let doctor = LatencyDoctor(
    nowUnixSeconds: 1100, thresholdMilliseconds: 10, slowLogThresholdMicroseconds: 10_000,
    slowLogMaximumLength: 128)

  private func snapshot(_ event: LatencyEvent, _ samples: [(UInt32, UInt32)]) -> LatencyMonitor.Snapshot {
    var result = LatencyMonitor.Snapshot()
    let samples = samples.map { LatencySample(unixSeconds: $0.0, milliseconds: $0.1) }
    result.add(LatencyMonitor.Series(event: event, maximumMilliseconds: 90, samples: samples))
    return result
  }

  @Test func tellsTheEvidence() {
    let report = doctor.report(snapshot(.command, [(1000, 10), (1010, 40), (1020, 25)]))
    #expect(
      report.contains(
        "1. command: 3 latency spikes (average 25ms, mean deviation 10ms, period 33.33 sec). "
          + "Worst of these 40ms, 90 sec ago. Worst all time event 90ms.\n"))
    #expect(report.contains("SLOWLOG GET"))
    #expect(!report.contains("slowlog-log-slower-than"))
  }

  @Test func remediesFollowTheConfiguration() {
    var doctor = doctor
    let spikes = snapshot(.command, [(1000, 10)])
    doctor.slowLogThresholdMicroseconds = 20_000
    #expect(doctor.report(spikes).contains("CONFIG SET slowlog-log-slower-than 10000"))
    doctor.slowLogThresholdMicroseconds = -1
    #expect(doctor.report(spikes).contains("slow log is off"))
    doctor.slowestCommandName = "keys"
    #expect(doctor.report(spikes).contains("'keys'"))
  }

  @Test func everyEventHasARemedyAndNoneIsRepeated() {
    var all = LatencyMonitor.Snapshot()
    for event in LatencyEvent.allCases {
      let one = snapshot(event, [(1000, 10)])
      #expect(doctor.report(one).split(separator: "\n").contains { $0.hasPrefix("- ") })
      all.merge(one)
    }
    let remedies = doctor.report(all).split(separator: "\n").filter { $0.hasPrefix("- ") }
    #expect(Set(remedies).count == remedies.count)
  }

  @Test func nothingObserved() {
    var doctor = doctor
    #expect(doctor.report(LatencyMonitor.Snapshot()).contains("No delay of 10 ms or more"))
    doctor.thresholdMilliseconds = 0
    #expect(doctor.report(LatencyMonitor.Snapshot()).contains("CONFIG SET latency-monitor-threshold"))
  }
}

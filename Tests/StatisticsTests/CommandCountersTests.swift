import TestSupport
import Testing

@testable import Statistics

@Suite struct CommandCountersTests {
  @Test func infoLineHasTheFormOfRedis() {
    var counters = CommandCounters()
    counters.recordCall(nanoseconds: 3000)
    #expect(
      counters.infoLine(commandName: "get")
        == "cmdstat_get:calls=1,usec=3,usec_per_call=3.00,rejected_calls=0,failed_calls=0\r\n")
    counters.recordCalls(3, totalNanoseconds: 1500)
    counters.recordRejectedCall()
    counters.recordFailure()
    counters.recordFailure()
    #expect(
      counters.infoLine(commandName: "client|list")
        == "cmdstat_client|list:calls=4,usec=4,usec_per_call=1.12,rejected_calls=1,failed_calls=2\r\n")
  }

  @Test func refusedCallsAloneHaveNoMean() {
    var counters = CommandCounters()
    #expect(counters.isEmpty)
    counters.recordRejectedCall()
    #expect(!counters.isEmpty)
    #expect(counters.infoLine(commandName: "a:b").hasPrefix("cmdstat_a_b:calls=0,usec=0,usec_per_call=0.00,"))
  }

  @Test func shardsMergeCommandByCommand() {
    var random = SeededRandom(seed: 7)
    var merged = Array(repeating: CommandCounters(), count: 5)
    var model = merged
    for _ in 0..<3 {
      var shard = Array(repeating: CommandCounters(), count: 5)
      for _ in 0..<100 {
        let command = Int.random(in: 0..<4, using: &random)
        let nanoseconds = UInt64.random(in: 0..<10_000, using: &random)
        shard[command].recordCall(nanoseconds: nanoseconds)
        model[command].recordCall(nanoseconds: nanoseconds)
        if Bool.random(using: &random) {
          shard[command].recordFailure()
          model[command].recordFailure()
        }
      }
      merged.merge(shard)
    }
    #expect(merged == model)
    let lines = merged.infoLines { "command\($0)" }
    #expect(lines.split(separator: "\r\n").count == 4)
    #expect(!lines.contains("command4"))
  }
}

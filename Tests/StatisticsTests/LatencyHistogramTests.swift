import TestSupport
import Testing

@testable import Statistics

@Suite struct LatencyHistogramTests {
  /// Durations spread over all powers of two, some beyond the range.
  private func randomNanoseconds(_ random: inout SeededRandom) -> UInt64 {
    random.next() >> UInt64.random(in: 30..<64, using: &random)
  }

  private func record(_ durations: [UInt64]) -> LatencyHistogram.Snapshot {
    let storage = Storage(byteCount: LatencyHistogram.byteCount)
    let histogram = LatencyHistogram(storage: storage.address)
    for duration in durations { histogram.record(nanoseconds: duration) }
    #expect(storage.isGuardIntact)
    return histogram.snapshot()
  }

  @Test func fitsFourKilobytes() {
    #expect(LatencyHistogram.byteCount == 3840)
    #expect(MemoryLayout<LatencyHistogram>.size == MemoryLayout<UnsafeRawPointer>.size)
  }

  @Test func cellsFollowEachOtherWithoutGapsAndKeepThePrecision() {
    var expectedLowest: UInt64 = 0
    for index in 0..<LatencyHistogram.cellCount {
      let lowest = LatencyHistogram.lowestNanoseconds(ofCell: index)
      let highest = LatencyHistogram.highestNanoseconds(ofCell: index)
      #expect(lowest == expectedLowest)
      #expect(highest - lowest <= lowest / 32)
      if highest <= LatencyHistogram.maximumNanoseconds {
        #expect(LatencyHistogram.cellIndex(of: lowest) == index)
        #expect(LatencyHistogram.cellIndex(of: highest) == index)
      }
      expectedLowest = highest + 1
    }
    #expect(expectedLowest == 1 << 30)
  }

  @Test func longerThanASecondCountsAsASecond() {
    let last = LatencyHistogram.cellIndex(of: 1_000_000_000)
    #expect(last < LatencyHistogram.cellCount)
    #expect(LatencyHistogram.cellIndex(of: 1_000_000_001) == last)
    #expect(LatencyHistogram.cellIndex(of: .max) == last)
    let snapshot = record([.max])
    #expect(snapshot.totalCount == 1)
    #expect(snapshot.percentile(100) == LatencyHistogram.highestNanoseconds(ofCell: last))
  }

  @Test func nothingRecordedHasNoPercentiles() {
    let snapshot = record([])
    #expect(snapshot == LatencyHistogram.Snapshot())
    #expect(snapshot.percentile(99) == 0)
    #expect(snapshot.cumulativePowersOfTwoMicroseconds().isEmpty)
  }

  @Test func zeroReadsBackAsOneNanosecond() {
    let snapshot = record([0, 0])
    #expect(snapshot.percentile(0) == 1)
    #expect(snapshot.percentile(50) == 1)
  }

  @Test(arguments: 1...20)
  func percentilesAreWithinThePrecisionOfASortedList(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let durations = (0..<Int.random(in: 1...3000, using: &random)).map { _ in randomNanoseconds(&random) }
    let snapshot = record(durations)
    let sorted = durations.map { min(max($0, 1), LatencyHistogram.maximumNanoseconds) }.sorted()
    #expect(snapshot.totalCount == UInt64(durations.count))
    for percent in [0.001, 1, 10, 25, 50, 90, 99, 99.9, 99.99, 100] {
      let rank = max(1, Int(percent / 100 * Double(sorted.count) + 0.5))
      let truth = sorted[min(rank, sorted.count) - 1]
      let found = snapshot.percentile(percent)
      #expect(found >= truth)
      #expect(found - truth <= truth / 32)
    }
    #expect(snapshot.percentile(0) <= sorted[0])
  }

  @Test(arguments: 1...20)
  func powersOfTwoAreExact(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let durations = (0..<500).map { _ in randomNanoseconds(&random) }
    var expected: [UInt64] = []
    for exponent in 10...30 {
      let count = UInt64(
        durations.count { min($0, LatencyHistogram.maximumNanoseconds) < UInt64(1) << UInt64(exponent) })
      if count > expected.last ?? 0 { expected.append(count) }
    }
    let found = record(durations).cumulativePowersOfTwoMicroseconds()
    #expect(found.map(\.count) == expected)
    #expect(found.last?.count == 500)
  }

  @Test func powersOfTwoBearTheNamesOfRedis() {
    // One duration right below each bound; the names were read off redis-server 7.0.15.
    let durations = (10...30).map { (UInt64(1) << UInt64($0)) - 1 }
    let names = record(durations).cumulativePowersOfTwoMicroseconds().map(\.microseconds)
    #expect(
      names == [
        1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908, 33816, 67633, 135266, 270532,
        541065, 1_073_741,
      ])
  }

  @Test(arguments: 1...10)
  func shardsMergedEqualOneHistogram(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var merged = LatencyHistogram.Snapshot()
    var all: [UInt64] = []
    for shard in 0..<4 {
      let durations = (0..<(shard == 1 ? 0 : 300)).map { _ in randomNanoseconds(&random) }
      all += durations
      merged.merge(record(durations))
    }
    #expect(merged == record(all))
  }

  @Test func aBatchCountsAsManyRecords() {
    let storage = Storage(byteCount: LatencyHistogram.byteCount)
    let histogram = LatencyHistogram(storage: storage.address)
    histogram.record(nanoseconds: 777, count: 5)
    #expect(histogram.snapshot() == record(Array(repeating: 777, count: 5)))
  }

  @Test func countsGoOnPastThirtyTwoBits() {
    let storage = Storage(byteCount: LatencyHistogram.byteCount)
    let histogram = LatencyHistogram(storage: storage.address)
    for _ in 0..<3 {
      histogram.record(nanoseconds: 100, count: .max)
      histogram.record(nanoseconds: 100)
    }
    histogram.record(nanoseconds: 5000, count: .max)
    histogram.record(nanoseconds: 5000, count: 3)
    #expect(histogram.snapshot().totalCount == 4 << 32 + 2)
    #expect(histogram.snapshot().percentile(50) < 128)
    #expect(storage.isGuardIntact)
  }

  @Test func aCellSaturatesWhenTheCarriesAreUsedUp() {
    let storage = Storage(byteCount: LatencyHistogram.byteCount)
    let histogram = LatencyHistogram(storage: storage.address)
    for index in 0..<LatencyHistogram.carryCount {
      let nanoseconds = LatencyHistogram.lowestNanoseconds(ofCell: 100 + index)
      histogram.record(nanoseconds: nanoseconds, count: .max)
      histogram.record(nanoseconds: nanoseconds)
    }
    let exactTotal = UInt64(LatencyHistogram.carryCount) << 32
    #expect(histogram.snapshot().totalCount == exactTotal)
    histogram.record(nanoseconds: 1, count: .max)
    histogram.record(nanoseconds: 1)
    histogram.record(nanoseconds: 1, count: 10)
    #expect(histogram.snapshot().totalCount == exactTotal + UInt64(UInt32.max))
    #expect(storage.isGuardIntact)
  }

  @Test func aCellSaturatesWhenItsCarryIsFull() {
    let storage = Storage(byteCount: LatencyHistogram.byteCount)
    let histogram = LatencyHistogram(storage: storage.address)
    histogram.record(nanoseconds: 7, count: .max)
    // As if the cell had wrapped 2^22 - 1 times, which no test can wait for.
    let firstCarry = LatencyHistogram.cellCount * MemoryLayout<UInt32>.stride
    storage.address.storeBytes(of: UInt32.max << 10 | 7, toByteOffset: firstCarry, as: UInt32.self)
    let total = histogram.snapshot().totalCount
    #expect(total == UInt64(1) << 54 - 1)
    histogram.record(nanoseconds: 7)
    #expect(histogram.snapshot().totalCount == total)
  }

  @Test func resetForgets() {
    let storage = Storage(byteCount: LatencyHistogram.byteCount)
    let histogram = LatencyHistogram(storage: storage.address)
    histogram.record(nanoseconds: 100, count: .max)
    histogram.record(nanoseconds: 100, count: 5)
    histogram.reset()
    #expect(histogram.snapshot() == LatencyHistogram.Snapshot())
  }

  @Test func infoLineHasTheFormOfRedis() {
    let line = record([10, 2000, 4001]).infoLine(commandName: "latency|doctor", percentiles: [50, 99, 99.9])
    #expect(line == "latency_percentiles_usec_latency|doctor:p50=2.015,p99=4.031,p99.9=4.031\r\n")
    let short = record([5]).infoLine(commandName: "get", percentiles: [0, 33.333333333, 100])
    #expect(short == "latency_percentiles_usec_get:p0=0.005,p33.333333=0.005,p100=0.005\r\n")
    let none = record([5]).infoLine(commandName: "get", percentiles: [])
    #expect(none == "latency_percentiles_usec_get:\r\n")
  }
}

import TestSupport
import Testing

@testable import Statistics

@Suite struct InstantaneousMetricTests {
  @Test func theFirstSampleIsTheBase() {
    var metric = InstantaneousMetric()
    metric.sample(total: 5_000_000, nowMicroseconds: 0)
    #expect(metric.perSecond == 0)
    metric.sample(total: 5_000_160, nowMicroseconds: 100_000)
    #expect(metric.perSecond == 100)  // 1,600 per second in one of 16 samples
  }

  @Test func sixteenSamplesForgetWhatWasBefore() {
    var metric = InstantaneousMetric()
    var total: UInt64 = 0
    for turn in 0...40 as ClosedRange<UInt64> {
      total += turn <= 20 ? 1_000_000 : 100
      metric.sample(total: total, nowMicroseconds: turn * 100_000)
    }
    #expect(metric.perSecond == 1000)
  }

  @Test(arguments: 1...10)
  func isTheMeanOfTheLastRates(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var metric = InstantaneousMetric()
    var rates: [UInt64] = Array(repeating: 0, count: 16)
    var (total, now): (UInt64, UInt64) = (17, 1000)
    metric.sample(total: total, nowMicroseconds: now)
    for _ in 0..<100 {
      let growth = UInt64.random(in: 0...10_000_000, using: &random)
      let elapsed = UInt64.random(in: 50_000...200_000, using: &random)
      (total, now) = (total + growth, now + elapsed)
      metric.sample(total: total, nowMicroseconds: now)
      rates = rates.dropFirst() + [growth * 1_000_000 / elapsed]
      #expect(metric.perSecond == rates.reduce(0, +) / 16)
    }
  }

  @Test func extremesAndSetBacksDoNotTrap() {
    var metric = InstantaneousMetric()
    metric.sample(total: 0, nowMicroseconds: 0)
    metric.sample(total: .max, nowMicroseconds: 1)
    #expect(metric.perSecond == UInt64.max / 16)
    for turn in 2...20 as ClosedRange<UInt64> {
      metric.sample(total: turn % 2 == 0 ? .max : 0, nowMicroseconds: turn)
    }
    metric.sample(total: 5, nowMicroseconds: 3)
    metric.reset()
    #expect(metric.perSecond == 0)
  }

  @Test func kilobytesHaveTwoDecimals() {
    #expect(InstantaneousMetric.kilobytesText(bytesPerSecond: 31) == "0.03")
    #expect(InstantaneousMetric.kilobytesText(bytesPerSecond: 1_048_576) == "1024.00")
  }
}

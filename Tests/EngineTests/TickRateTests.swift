import Testing

@testable import Engine

@Suite("The rate of ticks")
struct TickRateTests {
  /// Two clocks of one time, with a thread that the system stops now and then for milliseconds, between any two looks.
  private struct Clocks {
    /// Nanoseconds; a tick takes half of one.
    var time: UInt64 = 1_000_000
    var looks = 0
    let stopsAfter: Int
    let stopNanoseconds: UInt64 = 8_000_000

    mutating func look() -> UInt64 {
      looks += 1
      time += looks % stopsAfter == 0 ? stopNanoseconds : 30
      return time
    }
  }

  @Test("does not depend on where the measuring is interrupted", arguments: 4...40)
  func interrupted(stopsAfter: Int) {
    var clocks = Clocks(stopsAfter: stopsAfter)
    let rate = withUnsafeMutablePointer(to: &clocks) { clocks in
      TickRate.measured(
        overNanoseconds: 5_000_000, ticks: { clocks.pointee.look() * 2 },
        nanoseconds: { clocks.pointee.look() })
    }
    // Half a nanosecond in 16 bits, to four digits.
    #expect(abs(Int(rate) - (1 << 15)) <= 4, "\(rate)")
  }

  @Test("is what this machine's clocks say")
  func real() {
    #expect(TickRate.nanosecondsPerTickFixed > 0)
  }
}

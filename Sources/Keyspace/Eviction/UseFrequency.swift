/// How often a key is used, in the four bits of its handle.
///
/// Redis keeps a logarithmic count of eight bits: a use raises it with a probability that falls as it rises, and time lowers it.
/// Here the four bits name one of sixteen of those counts, and each step up or down has the probability that makes it come, on the
/// average, when Redis's count would have gone all the way. An age of 0 is the highest count, so that a key of the least use is the
/// oldest.
struct UseFrequency {
  /// The counts by age. Below a count of 10, where most keys are that have to be told apart, there is nothing between them.
  static func count(ofAge age: Int) -> Int {
    switch age {
    case 0: 255
    case 1: 100
    case 2: 50
    case 3: 28
    case 4: 18
    case 5: 13
    case 6: 10
    default: 15 - age
    }
  }

  /// The age whose count comes nearest.
  static func age(ofCount count: Int) -> UInt8 {
    var best = 0
    for age in 1...Int(Handle.maximumAge)
    where abs(Self.count(ofAge: age) - count) < abs(Self.count(ofAge: best) - count) {
      best = age
    }
    return UInt8(best)
  }

  /// The count of a new key, as in Redis: it gets a chance before it is compared with the others.
  static let newCount = 5

  /// By age, how likely a use makes it one less, as a 32-bit fraction.
  private var chances: InlineArray<16, UInt32>

  init(logFactor: Int) {
    chances = InlineArray(repeating: 0)
    for age in 1...Int(Handle.maximumAge) {
      // Redis raises a count c with a probability of one in (c - 5) * factor + 1, so these are the uses that it takes.
      var uses = 0.0
      for count in Self.count(ofAge: age)..<Self.count(ofAge: age - 1) {
        uses += Double(max(count - Self.newCount, 0)) * Double(logFactor) + 1
      }
      chances[age] = UInt32(min(Double(UInt32.max), (0x1p32 / uses).rounded()))
    }
  }

  /// Whether a use of a key of this age makes it younger; `random` is any number.
  @inline(__always)
  func rises(_ age: UInt8, _ random: UInt64) -> Bool {
    UInt32(truncatingIfNeeded: random >> 32) <= chances[Int(age & 15)]
  }

  /// The age of a key that nobody used for `elapsed` milliseconds, if a count falls by one every `period` of them.
  static func aged(_ age: UInt8, elapsed: Int64, period: Int64, _ generator: inout SweepRandom) -> UInt8 {
    var age = age
    var left = elapsed
    while left > 0, age < Handle.maximumAge {
      let steps = count(ofAge: Int(age)) - count(ofAge: Int(age) + 1)
      let needed = period.multipliedReportingOverflow(by: Int64(steps))
      if needed.overflow { break }
      if left < needed.partialValue,
        Int64(generator.next() % UInt64(needed.partialValue)) >= left
      {
        break
      }
      left -= needed.partialValue
      age += 1
    }
    return age
  }
}

extension Keyspace {
  /// Notes that a key is used, where ages are frequencies.
  @inline(never)
  mutating func countUse(of slot: Slot) {
    let age = slot.handle.age
    if useFrequency.rises(age, random.next()) { slot.handle.age = age - 1 }
  }

  /// How often a key is used, on Redis's logarithmic scale from 0 to 255.
  public func useCount(of entry: Entry) -> Int { UseFrequency.count(ofAge: entry.age) }

  /// Makes a key look as if it were used so often: the step of the scale that comes nearest.
  public mutating func setUseCount(_ count: Int, of entry: Entry) {
    entry.slot.handle.age = UseFrequency.age(ofCount: count)
  }
}

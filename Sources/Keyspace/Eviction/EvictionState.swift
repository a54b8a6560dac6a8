/// What a keyspace knows about its evictions.
struct EvictionState {
  /// Where keys that may go are looked for next, when there are few: a database, and a position in its directory.
  var database = 0
  var position = 0
  /// What is usual for the age of who goes, in 1/16: a sample of much younger keys is not all that is looked at.
  var usualAge = 0
  var generator = SweepRandom(state: 0xd1b5_4a32_d192_ed03)
  var hand = AgingHand()
}

/// Where the hand stands that ages keys as others are evicted.
///
/// While keys are evicted for not having been used, what counts is not by how many seconds one was used before another, but which of them
/// was. So time is measured in evictions: the hand goes round all buckets, some slots for each key that goes, and what it
/// passes is a class older. It goes at such a pace that keys get through most of the sixteen classes before they go; then the
/// oldest of a sample is one of the few keys that have not been used for longest.
struct AgingHand {
  /// Whether ages are the hand's: from the first eviction on, until the settings change.
  var isActive = false
  var database = 0
  var position = 0
  var bucket = 0
  /// Slots to pass for each eviction, and those that are due, in 1/256.
  var pace = 12 << 8
  var due = 0
  /// Evictions since the pace was last looked at, and the ages of those keys added up.
  var evictionCount = 0
  var ageSum = 0
  /// When the rounds began, the one under way first, in milliseconds since 1970: what ages are in time.
  var roundStarts = InlineArray<16, Int64>(repeating: 0)

  /// Evictions between two looks at the pace.
  static let paceInterval = 256
  /// The mean ages, of keys that go, between which the pace is right.
  static let rightAges = 4...12
  static let paces = (1 << 7)...(96 << 8)

  /// Takes note of the age of a key that goes.
  mutating func note(age: Int) {
    due += pace
    evictionCount += 1
    ageSum += age
    guard evictionCount >= Self.paceInterval else { return }
    if ageSum > Self.rightAges.upperBound * evictionCount {
      pace -= pace >> 4
    } else if ageSum < Self.rightAges.lowerBound * evictionCount {
      pace += (pace >> 4) + 1
    }
    pace = min(max(pace, Self.paces.lowerBound), Self.paces.upperBound)
    evictionCount = 0
    ageSum = 0
  }

  /// Takes over from the sweep, for which a class was a power of two of seconds.
  mutating func start(at now: Int64) {
    isActive = true
    for age in 0..<16 { roundStarts[age] = now - ((1 << age) - 1) * 1_000 }
  }

  mutating func beginRound(at now: Int64) {
    for round in (1..<16).reversed() { roundStarts[round] = roundStarts[round - 1] }
    roundStarts[0] = now
  }
}

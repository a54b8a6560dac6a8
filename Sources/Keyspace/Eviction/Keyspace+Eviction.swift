import Bytes
import CIntrinsics

/// A key that was chosen for eviction. Valid until the keyspace is next changed.
public struct EvictionCandidate {
  let slot: Slot
  public let database: Int
  public let key: Key

  /// Bytes that its removal frees, now or soon.
  public var allocatedBytes: Int {
    slot.handle.allocatedBytes + (slot.handle.largeRoot?.pointee.allocatedBytes ?? 0)
  }
}

/// Choosing keys that go for want of memory.
///
/// A choice looks at several whole buckets that lie side by side, which hold some fifty keys, and takes the worst of them. All that it needs is in
/// the handles: no key's block is touched but that of the one chosen (and, where expiry times are compared, those of a few). Where it looks is a
/// matter of chance, each key being as likely to be seen as any other; if it sees none but keys much in use, it looks elsewhere, too.
extension Keyspace {
  /// Changes how the use of keys is accounted for, and how those are chosen that must go.
  public mutating func adopt(_ settings: UseSettings) {
    guard settings != useSettings else { return }
    if settings.logFactor != useSettings.logFactor {
      useFrequency = UseFrequency(logFactor: settings.logFactor)
    }
    if settings.rule != useSettings.rule { eviction = EvictionState() }
    useSettings = settings
    countsUse = settings.countsUse
    var newKey = Handle.empty
    if settings.countsUse { newKey.age = UseFrequency.age(ofCount: UseFrequency.newCount) }
    newKeyBits = newKey.bits
  }

  /// Whether there are keys that the rule lets go.
  public func hasCandidates(for rule: EvictionRule) -> Bool {
    for database in 0..<databaseCount where candidateCount(in: database, rule) > 0 { return true }
    return false
  }

  private func candidateCount(in database: Int, _ rule: EvictionRule) -> Int {
    rule.onlyExpiring ? expiringCount(in: database) : count(in: database)
  }

  /// Removes a key that was chosen.
  public mutating func evict(_ candidate: EvictionCandidate) {
    let age = Int(candidate.slot.handle.age)
    remove(Entry(slot: candidate.slot, database: candidate.database, key: candidate.key))
    statistics.evicted += 1
    guard let order = useSettings.rule?.order, order == .idle || order == .frequency else { return }
    eviction.usualAge += (age * 16 - eviction.usualAge) / 16
    guard order == .idle else { return }
    if !eviction.hand.isActive { eviction.hand.start(at: now) }
    eviction.hand.note(age: age)
    moveHand()
  }

  // MARK: Choosing

  /// Samples beyond the first, while what was found is much younger than usual.
  private static let furtherSamples = 3
  /// How much younger, in 1/16.
  private static let youngerMargin = 8

  /// Chooses a key to go. Looks at up to `segmentMaximum` segments for keys that the rule lets go; nil if it finds none there. The next call
  /// goes on behind them.
  public mutating func chooseForEviction(_ rule: EvictionRule, segmentMaximum: Int) -> EvictionCandidate? {
    var best: Sample?
    var visited = 0
    var samples = 0
    while visited < segmentMaximum {
      // Where few keys may go, chance would take too long to find them: all segments have their turn.
      guard let (segment, database) = visited == samples ? randomSegment(rule) : nextSegment(rule) else {
        break
      }
      visited += 1
      guard let found = sample(segment, rule) else { continue }
      samples += 1
      if best.map({ found.rank > $0.rank }) ?? true {
        best = Sample(slot: found.slot, database: database, rank: found.rank)
      }
      let isUsual =
        rule.order == .random || rule.order == .expiry
        || (best?.rank ?? 0) * 16 + Int64(Self.youngerMargin) >= Int64(eviction.usualAge)
      if isUsual || samples > Self.furtherSamples { break }
    }
    guard let best else { return nil }
    let bytes = best.slot.handle.key
    return EvictionCandidate(
      slot: best.slot, database: best.database, key: Key(bytes, hash: hasher.hash(bytes)))
  }

  private struct Sample {
    var slot: Slot
    var database = 0
    /// Higher is worse.
    var rank: Int64
  }

  /// A segment that holds a key as likely as any other.
  private mutating func randomSegment(_ rule: EvictionRule) -> (Segment, database: Int)? {
    var total = 0
    for database in 0..<databaseCount { total += candidateCount(in: database, rule) }
    guard total > 0 else { return nil }
    let random = eviction.generator.next()
    var chosen = Int(truncatingIfNeeded: random >> 1) % total
    for database in 0..<databaseCount {
      chosen -= candidateCount(in: database, rule)
      if chosen >= 0 { continue }
      let segment = table(database).pointee.segment(holding: Table.warp(eviction.generator.next()))
      return segment.map { ($0, database) }
    }
    return nil
  }

  /// The next segment of a database that has keys to go, all databases in turn; nil if there is none.
  private mutating func nextSegment(_ rule: EvictionRule) -> (Segment, database: Int)? {
    for _ in 0...databaseCount {
      if candidateCount(in: eviction.database, rule) > 0,
        let (segment, _, next) = table(eviction.database).pointee.segment(atPosition: eviction.position)
      {
        eviction.position = next
        return (segment, eviction.database)
      }
      eviction.position = 0
      eviction.database += 1
      if eviction.database >= databaseCount { eviction.database = 0 }
    }
    return nil
  }

  /// The worst key in some buckets of a segment; in all its buckets, if there are few that may go.
  private mutating func sample(_ segment: Segment, _ rule: EvictionRule) -> (slot: Slot, rank: Int64)? {
    var bucket = Int(truncatingIfNeeded: eviction.generator.next() >> 32) & (Segment.bucketCount - 1)
    let wanted = rule.order == .random ? 1 : useSettings.sampledBuckets
    if rule.order == .expiry { prefetchExpiring(segment, from: bucket, count: wanted) }
    var worst: (slot: Slot, rank: Int64)?
    var sampled = 0
    for _ in 0..<Segment.bucketCount {
      var any = false
      var occupied = segment.occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        occupied &= occupied - 1
        let handle = segment.handle(at: place)
        if rule.onlyExpiring, !handle.hasExpiry { continue }
        any = true
        let rank = rank(of: handle, rule.order)
        if worst.map({ rank > $0.rank }) ?? true { worst = (Slot(segment: segment, place: place), rank) }
      }
      if any { sampled += 1 }
      if sampled >= wanted { break }
      bucket = (bucket + 1) & (Segment.bucketCount - 1)
    }
    return worst
  }

  @inline(__always)
  private mutating func rank(of handle: Handle, _ order: EvictionRule.Order) -> Int64 {
    switch order {
    case .idle, .frequency: Int64(handle.age)
    case .random: Int64(truncatingIfNeeded: eviction.generator.next() >> 1)
    case .expiry: -(handle.expiry ?? .max)
    }
  }

  /// Asks for the expiry times that are about to be compared.
  private func prefetchExpiring(_ segment: Segment, from first: Int, count: Int) {
    for offset in 0..<min(count, Segment.bucketCount) {
      let bucket = (first + offset) & (Segment.bucketCount - 1)
      var occupied = segment.occupiedSlots(in: bucket)
      while occupied != 0 {
        let handle = segment.handle(at: Place(bucket: bucket, slot: occupied.trailingZeroBitCount))
        occupied &= occupied - 1
        if handle.hasExpiry { pantala_prefetch(handle.block) }
      }
    }
  }

  // MARK: Aging

  /// Lets the hand pass the slots that are due.
  private mutating func moveHand() {
    // Empty databases and buckets cost a step each, too.
    while eviction.hand.due >= Segment.slotsPerBucket << 8 {
      guard
        let (segment, _, next) = table(eviction.hand.database).pointee.segment(
          atPosition: eviction.hand.position)
      else {
        eviction.hand.due -= 1 << 8
        eviction.hand.position = 0
        eviction.hand.bucket = 0
        eviction.hand.database += 1
        if eviction.hand.database < databaseCount { continue }
        eviction.hand.database = 0
        eviction.hand.beginRound(at: now)
        continue
      }
      var occupied = segment.occupiedSlots(in: eviction.hand.bucket)
      eviction.hand.due -= max(occupied.nonzeroBitCount, 1) << 8
      while occupied != 0 {
        let place = Place(bucket: eviction.hand.bucket, slot: occupied.trailingZeroBitCount)
        occupied &= occupied - 1
        var handle = segment.handle(at: place)
        guard handle.age < Handle.maximumAge else { continue }
        handle.age += 1
        segment.handlePointer(place).pointee = handle.bits
      }
      eviction.hand.bucket += 1
      guard eviction.hand.bucket == Segment.bucketCount else { continue }
      eviction.hand.bucket = 0
      eviction.hand.position = next
    }
  }
}

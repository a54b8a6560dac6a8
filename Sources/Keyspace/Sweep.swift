import Bytes

/// Where the sweep over a shard's tables stands.
struct SweepState {
  var database = 0
  /// The next position in that database's directory.
  var position = 0
  /// When the pass over all databases that is under way began, in milliseconds since 1970.
  var passStart: Int64 = 0
  /// How long ago each key was last looked at by the sweep: the length of the last whole pass, in milliseconds.
  var passMilliseconds: Int64 = 0
  /// Whether there may be hashes whose fields expire, and whether this pass has seen one or one was made.
  var hasFieldTimes = false
  var sawFieldTimes = false
  /// Whether the ledger wants to see all keys, to find the largest of them anew.
  var isRenewing = false
  var generator = SweepRandom(state: 0x9e37_79b9_7f4a_7c15)
}

/// A small generator for the sweep's coin tosses (xorshift64*, Vigna 2016): quality suffices, and no system call.
struct SweepRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }
}

/// What one call of the sweep did.
public struct SweepResult: Sendable, Equatable {
  public var segmentsVisited = 0
  public var keysExpired = 0
  /// Fields of hashes that were removed because their time had come.
  public var fieldsExpired = 0
  public var segmentsMerged = 0
  /// Whether every segment of every database has been visited.
  public var isPassComplete = false
}

/// The background sweep: it goes round all segments, a few at a time, removes expired keys, lets the ages of
/// untouched keys rise, and merges segments that have become nearly empty.
///
/// A segment costs 8 KB of reading; blocks are only touched where a handle says that there is an expiry time.
extension Keyspace {
  /// Visits segments until `segmentMaximum` have been or the pass is complete.
  ///
  /// - Parameter expires: whether expired keys are removed (`DEBUG SET-ACTIVE-EXPIRE 0` says no).
  public mutating func sweep(segmentMaximum: Int, expires: Bool) -> SweepResult {
    var result = SweepResult()
    while result.segmentsVisited < segmentMaximum {
      let table = table(sweep.database)
      guard let (segment, first, next) = table.pointee.segment(atPosition: sweep.position) else {
        sweep.position = 0
        sweep.database += 1
        if sweep.database < databaseCount { continue }
        sweep.database = 0
        sweep.passMilliseconds = max(now - sweep.passStart, 1)
        sweep.passStart = now
        sweep.hasFieldTimes = sweep.sawFieldTimes
        sweep.sawFieldTimes = false
        ledger.pointee.finishRenewals()
        sweep.isRenewing = ledger.pointee.beginRenewals()
        result.isPassComplete = true
        return result
      }
      result.segmentsVisited += 1
      if expires { result.keysExpired += removeExpired(in: segment, of: table) }
      if expires, sweep.hasFieldTimes {
        let (count, isDone) = removeExpiredFields(in: segment, of: sweep.database)
        result.fieldsExpired += count
        // The next call goes on here.
        if !isDone { continue }
      }
      raiseAges(in: segment)
      if sweep.isRenewing { offerKeys(of: segment, table.pointee.accounts) }
      let countBefore = table.pointee.segmentCount
      let depthBefore = table.pointee.depth
      if table.pointee.shrink(at: first) {
        result.segmentsMerged += countBefore - table.pointee.segmentCount
        // The directory may have been halved, and the merged segment starts where the lower one did:
        // what follows it is found again from its new place.
        let halvings = depthBefore - table.pointee.depth
        sweep.position = min(first >> halvings, table.pointee.directoryCount)
        continue
      }
      sweep.position = next
    }
    return result
  }

  private mutating func removeExpired(in segment: Segment, of table: UnsafeMutablePointer<Table>) -> Int {
    guard table.pointee.expiringCount > 0 else { return 0 }
    var removed = 0
    for bucket in 0..<Segment.bucketCount {
      var occupied = segment.occupiedSlots(in: bucket)
      while occupied != 0 {
        let place = Place(bucket: bucket, slot: occupied.trailingZeroBitCount)
        occupied &= occupied - 1
        let handle = segment.handle(at: place)
        guard isExpired(handle) else { continue }
        noteExpiry(.expired, handle.key, in: sweep.database)
        remove(Slot(segment: segment, place: place), hasher.hash(handle.key), from: table)
        removed += 1
      }
    }
    statistics.expired += removed
    statistics.activelyExpired += removed
    dirty += removed
    return removed
  }

  // MARK: Ages

  /// The longest time, in seconds, that class 15 stands for.
  private static let oldestClassSeconds: Int64 = 1 << 15

  /// Ages are four bits, so they count on a logarithmic scale: class n stands for about 2^n - 1 seconds. A key of
  /// class n rises with the probability that makes it stay there for 2^n seconds on average.
  ///
  /// Where ages are frequencies, they fall with time instead; where keys are evicted for their ages, the hand that does it raises
  /// them (`AgingHand`).
  private mutating func raiseAges(in segment: Segment) {
    let elapsed = min(sweep.passMilliseconds, Self.oldestClassSeconds * 1_000)
    guard elapsed > 0, !eviction.hand.isActive else { return }
    if countsUse { return lowerFrequencies(in: segment, elapsed: elapsed) }
    segment.forEach { place, handle in
      guard handle.age < Handle.maximumAge else { return }
      let stay = UInt64(1_000) << UInt64(handle.age)
      if sweep.generator.next() % stay < UInt64(elapsed) {
        var older = handle
        older.age += 1
        segment.handlePointer(place).pointee = older.bits
      }
    }
  }

  private mutating func lowerFrequencies(in segment: Segment, elapsed: Int64) {
    let (period, overflow) = Int64(useSettings.decayMinutes).multipliedReportingOverflow(by: 60_000)
    guard period > 0, !overflow else { return }
    segment.forEach { place, handle in
      guard handle.age < Handle.maximumAge else { return }
      var older = handle
      older.age = UseFrequency.aged(handle.age, elapsed: elapsed, period: period, &sweep.generator)
      if older != handle { segment.handlePointer(place).pointee = older.bits }
    }
  }

  /// How long a key has not been touched, in seconds, to within a factor of about two.
  public func idleSeconds(of entry: Entry) -> Int {
    guard eviction.hand.isActive else { return (1 << entry.age) - 1 }
    // It was touched in the round that began so many rounds ago.
    return Int(max(0, now - eviction.hand.roundStarts[entry.age]) / 1_000)
  }

  /// Gives a key the age of one that has not been touched for so many seconds: the class that comes nearest.
  public mutating func setIdleSeconds(_ seconds: Int64, of entry: Entry) {
    if eviction.hand.isActive {
      let rounds = 0..<Int(Handle.maximumAge)
      let age = rounds.first { (now - eviction.hand.roundStarts[$0]) / 1_000 >= seconds }
      entry.slot.handle.age = age.map { UInt8($0) } ?? Handle.maximumAge
      return
    }
    let bounded = min(max(seconds, 0), Self.oldestClassSeconds) + 1
    let floor = Int64.bitWidth - 1 - bounded.leadingZeroBitCount
    let age = 2 * bounded >= 3 << floor ? floor + 1 : floor
    entry.slot.handle.age = UInt8(min(age, Int(Handle.maximumAge)))
  }
}

import Heap

/// The locks of one shard: which transactions hold or want which of its keys.
///
/// Transactions over several shards lock before they touch anything, so that no other command sees them half done.
/// Every key has a queue, and a lock is granted when nothing before it in the queue conflicts. A transaction that holds locks elsewhere
/// may wait on a shard only if it is the oldest there; otherwise it is refused, lets everything go, and waits in the queues of that shard,
/// where it holds nothing elsewhere. Numbers are ages and stay, so the oldest is never refused. There can be no deadlock: from shard to shard
/// waiting leads to younger ones, and on one shard to those that came before. (Wait-die: Rosenkrantz, Stearns, Lewis, "System Level
/// Concurrency Control for Distributed Database Systems", TODS 1978.)
///
/// Commands on one shard lock nothing: they are atomic by nature. While there are locks they ask `blocks` first and, if need
/// be, stand in the queues themselves.
struct LockTable: ~Copyable {
  private let heap: ShardHeap
  /// Queues by fingerprint: open addressing with linear probing.
  private var slots: UnsafeMutablePointer<Slot>
  private var slotMask: Int
  private var slotCount = 0
  private var firstPart: UnsafeMutablePointer<LockPart>?
  private var lastPart: UnsafeMutablePointer<LockPart>?
  private var firstReady: UnsafeMutablePointer<LockPart>?
  private var lastReady: UnsafeMutablePointer<LockPart>?
  /// Parts in the table. While there is none, nobody need look at it.
  private(set) var partCount = 0
  /// Parts among them that want the whole shard.
  private var wholeCount = 0

  private struct Slot {
    var fingerprint: UInt64
    var head: UnsafeMutablePointer<LockRequest>?
    var tail: UnsafeMutablePointer<LockRequest>?
  }

  private static let slotMinimum = 64
  /// Slots that an empty table keeps at the most.
  private static let slotsKept = 4_096

  init(heap: ShardHeap) {
    self.heap = heap
    slots = Self.allocate(Self.slotMinimum, heap)
    slotMask = Self.slotMinimum - 1
  }

  deinit { heap.free(slots, for: .messages) }

  private static func allocate(_ count: Int, _ heap: ShardHeap) -> UnsafeMutablePointer<Slot> {
    let slots = heap.allocate(count * MemoryLayout<Slot>.stride, for: .messages)
      .bindMemory(to: Slot.self, capacity: count)
    slots.initialize(repeating: Slot(fingerprint: 0, head: nil, tail: nil), count: count)
    return slots
  }

  // MARK: Asking

  /// Whether a granted transaction, other than `except`, keeps a command from using a key.
  mutating func blocks(
    _ fingerprint: UInt64, writing: Bool, except: UnsafeMutablePointer<LockPart>? = nil
  ) -> Bool {
    if wholeCount > 0, shardIsBlocked(writing: writing, except: except) { return true }
    let slot = slots + place(of: fingerprint)
    var request = slot.pointee.head
    while let current = request, current.pointee.isGranted {
      if current.pointee.part != except, current.pointee.part.pointee.isGranted,
        writing || current.pointee.mode == .exclusive
      {
        return true
      }
      request = current.pointee.next
    }
    return false
  }

  private func shardIsBlocked(writing: Bool, except: UnsafeMutablePointer<LockPart>?) -> Bool {
    var part = firstPart
    while let current = part {
      if current != except, current.pointee.isGranted,
        current.pointee.scope == .shardExclusive || current.pointee.scope == .shardShared && writing
      {
        return true
      }
      part = current.pointee.next
    }
    return false
  }

  /// Whether nobody holds or wants anything that conflicts with a part: what is done at once then needs no lock.
  mutating func isFree(for part: UnsafeMutablePointer<LockPart>) -> Bool {
    if partCount == 0 { return true }
    if part.pointee.scope != .keys || wholeCount > 0 { return false }
    for index in 0..<part.pointee.requestCount {
      let wanted = part.pointee.requests + index
      var request = slots[place(of: wanted.pointee.fingerprint)].head
      while let current = request {
        if wanted.pointee.mode == .exclusive || current.pointee.mode == .exclusive { return false }
        request = current.pointee.next
      }
    }
    return true
  }

  // MARK: Requesting and releasing

  /// Puts a part at the end of the queues of its keys. No two of its requests may have the same fingerprint.
  ///
  /// - Parameter holdsOthers: whether its owner holds locks elsewhere: then it is refused where it would wait for an older one.
  mutating func request(_ part: UnsafeMutablePointer<LockPart>, holdsOthers: Bool) -> LockOutcome {
    #if PLANTED_FAULT
      // Everybody gets everything at once: what the consistency test must find out.
      part.pointee.isLinked = true
      return .granted
    #else
      return enqueue(part, holdsOthers: holdsOthers)
    #endif
  }

  private mutating func enqueue(_ part: UnsafeMutablePointer<LockPart>, holdsOthers: Bool) -> LockOutcome {
    part.pointee.pendingCount = 0
    link(part)
    for index in 0..<part.pointee.requestCount { link(part.pointee.requests + index) }
    if part.pointee.pendingCount == 0 { return .granted }
    if holdsOthers, !isOldest(part) {
      // It came last, so nobody waits for it.
      dequeue(part)
      return .refused
    }
    return .waits
  }

  /// Whether a part is older than all others of the shard. Those that it doesn't conflict with count as well: what stands
  /// before it may wait for them.
  private func isOldest(_ part: UnsafeMutablePointer<LockPart>) -> Bool {
    var other = firstPart
    while let current = other {
      if current.pointee.serial < part.pointee.serial { return false }
      other = current.pointee.next
    }
    return true
  }

  /// Takes a part out, granted or not, and grants what waited for it. Parts that now have all they want can be fetched with
  /// `nextReady`.
  mutating func release(_ part: UnsafeMutablePointer<LockPart>) {
    #if PLANTED_FAULT
      part.pointee.isLinked = false
    #else
      dequeue(part)
    #endif
  }

  private mutating func dequeue(_ part: UnsafeMutablePointer<LockPart>) {
    for index in 0..<part.pointee.requestCount {
      let request = part.pointee.requests + index
      let slot = place(of: request.pointee.fingerprint)
      unlink(request)
      grant(from: slot)
      removeIfEmpty(slot)
    }
    let wasWhole = wholeCount > 0
    unlink(part)
    if wasWhole { grantScopes() }
    if partCount == 0, slotMask >= Self.slotsKept { shrink() }
  }

  /// A part that waited and has been granted, in the order of the granting; nil if there is none left.
  mutating func nextReady() -> UnsafeMutablePointer<LockPart>? {
    guard let part = firstReady else { return nil }
    firstReady = part.pointee.nextReady
    part.pointee.nextReady = nil
    if firstReady == nil { lastReady = nil }
    return part
  }

  var hasReady: Bool { firstReady != nil }

  /// Parts that wait for some of what they want.
  var waitingCount: Int {
    var count = 0
    var part = firstPart
    while let current = part {
      if !current.pointee.isGranted { count += 1 }
      part = current.pointee.next
    }
    return count
  }

  /// Bytes of the table itself.
  var allocatedBytes: Int { ShardHeap.usableSize(slots) }

  /// Puts a granted part into the list of those whose owners are to go on.
  mutating func noteReady(_ part: UnsafeMutablePointer<LockPart>) {
    part.pointee.nextReady = nil
    if let lastReady {
      lastReady.pointee.nextReady = part
    } else {
      firstReady = part
    }
    lastReady = part
  }

  // MARK: The shard's list

  private mutating func link(_ part: UnsafeMutablePointer<LockPart>) {
    part.pointee.previous = lastPart
    part.pointee.next = nil
    if let lastPart { lastPart.pointee.next = part } else { firstPart = part }
    lastPart = part
    part.pointee.isLinked = true
    partCount += 1
    if part.pointee.scope != .keys { wholeCount += 1 }
    part.pointee.isScopeGranted = wholeCount == 0 || isScopeFree(part)
    if !part.pointee.isScopeGranted { part.pointee.pendingCount += 1 }
  }

  private mutating func unlink(_ part: UnsafeMutablePointer<LockPart>) {
    if let previous = part.pointee.previous {
      previous.pointee.next = part.pointee.next
    } else {
      firstPart = part.pointee.next
    }
    if let next = part.pointee.next {
      next.pointee.previous = part.pointee.previous
    } else {
      lastPart = part.pointee.previous
    }
    part.pointee.next = nil
    part.pointee.previous = nil
    part.pointee.isLinked = false
    part.pointee.isScopeGranted = false
    partCount -= 1
    if part.pointee.scope != .keys { wholeCount -= 1 }
  }

  private func areCompatible(_ left: UnsafeMutablePointer<LockPart>, _ right: UnsafeMutablePointer<LockPart>)
    -> Bool
  {
    LockScope.areCompatible(
      left.pointee.scope, leftWrites: left.pointee.writes, right.pointee.scope,
      rightWrites: right.pointee.writes)
  }

  /// Whether nothing before a part conflicts with its scope.
  private func isScopeFree(_ part: UnsafeMutablePointer<LockPart>) -> Bool {
    var earlier = part.pointee.previous
    while let current = earlier {
      if !areCompatible(part, current) { return false }
      earlier = current.pointee.previous
    }
    return true
  }

  private mutating func grantScopes() {
    var seenAny = false
    var seenWriter = false
    var seenShared = false
    var seenExclusive = false
    var part = firstPart
    while let current = part {
      let scope = current.pointee.scope
      let isFree =
        switch scope {
        case .keys: !seenExclusive && !(seenShared && current.pointee.writes)
        case .shardShared: !seenExclusive && !seenWriter
        case .shardExclusive: !seenAny
        }
      if isFree, !current.pointee.isScopeGranted {
        current.pointee.isScopeGranted = true
        current.pointee.pendingCount -= 1
        if current.pointee.pendingCount == 0 { noteReady(current) }
      }
      seenAny = true
      seenWriter = seenWriter || (scope == .keys && current.pointee.writes)
      seenShared = seenShared || scope == .shardShared
      seenExclusive = seenExclusive || scope == .shardExclusive
      part = current.pointee.next
    }
  }

  // MARK: The queues of keys

  private mutating func link(_ request: UnsafeMutablePointer<LockRequest>) {
    if (slotCount + 1) * 2 > slotMask { grow() }
    let slot = slots + place(of: request.pointee.fingerprint)
    let last = slot.pointee.tail
    request.pointee.previous = last
    request.pointee.next = nil
    if let last {
      last.pointee.next = request
      // What is granted stands in front; several of them are readers.
      request.pointee.isGranted =
        last.pointee.isGranted && last.pointee.mode == .shared && request.pointee.mode == .shared
    } else {
      slot.pointee.fingerprint = request.pointee.fingerprint
      slot.pointee.head = request
      slotCount += 1
      request.pointee.isGranted = true
    }
    slot.pointee.tail = request
    if !request.pointee.isGranted { request.pointee.part.pointee.pendingCount += 1 }
  }

  private mutating func unlink(_ request: UnsafeMutablePointer<LockRequest>) {
    let slot = slots + place(of: request.pointee.fingerprint)
    if let previous = request.pointee.previous {
      previous.pointee.next = request.pointee.next
    } else {
      slot.pointee.head = request.pointee.next
    }
    if let next = request.pointee.next {
      next.pointee.previous = request.pointee.previous
    } else {
      slot.pointee.tail = request.pointee.previous
    }
    request.pointee.next = nil
    request.pointee.previous = nil
    request.pointee.isGranted = false
  }

  /// Grants what stands in front of a queue: one writer, or all readers up to the first writer.
  private mutating func grant(from slot: Int) {
    var request = slots[slot].head
    while let current = request {
      let isFirst = current.pointee.previous == nil
      if current.pointee.mode == .exclusive, !isFirst { return }
      if !current.pointee.isGranted {
        current.pointee.isGranted = true
        let part = current.pointee.part
        part.pointee.pendingCount -= 1
        if part.pointee.pendingCount == 0 { noteReady(part) }
      }
      if current.pointee.mode == .exclusive { return }
      request = current.pointee.next
    }
  }

  // MARK: The hash table

  /// The slot that holds a fingerprint's queue, or the empty one where it would be.
  private func place(of fingerprint: UInt64) -> Int {
    var index = home(of: fingerprint)
    while slots[index].head != nil, slots[index].fingerprint != fingerprint { index = (index + 1) & slotMask }
    return index
  }

  private func home(of fingerprint: UInt64) -> Int {
    Int(truncatingIfNeeded: (fingerprint &* 0x9e37_79b9_7f4a_7c15) >> 40) & slotMask
  }

  /// Gives an emptied queue's slot back, and moves those behind it that probing would not find any more.
  private mutating func removeIfEmpty(_ emptied: Int) {
    guard slots[emptied].head == nil, slotCount > 0 else { return }
    slotCount -= 1
    var hole = emptied
    var index = (hole + 1) & slotMask
    while slots[index].head != nil {
      let distance = (index &- home(of: slots[index].fingerprint)) & slotMask
      if distance >= (index &- hole) & slotMask {
        slots[hole] = slots[index]
        slots[index] = Slot(fingerprint: 0, head: nil, tail: nil)
        hole = index
      }
      index = (index + 1) & slotMask
    }
  }

  private mutating func shrink() {
    heap.free(slots, for: .messages)
    slots = Self.allocate(Self.slotMinimum, heap)
    slotMask = Self.slotMinimum - 1
  }

  private mutating func grow() {
    let old = slots
    let oldCount = slotMask + 1
    slots = Self.allocate(oldCount * 2, heap)
    slotMask = oldCount * 2 - 1
    for index in 0..<oldCount where old[index].head != nil {
      slots[place(of: old[index].fingerprint)] = old[index]
    }
    heap.free(old, for: .messages)
  }
}

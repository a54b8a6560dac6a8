import Bytes
import Heap
import Keyspace

/// The calls that wait for keys of a shard, by key, in the order in which they came.
///
/// It knows nothing of what they wait for, or of what the keys hold. A key that something happened to is marked ready; the shard
/// takes the ready keys one by one, in the order in which they became so, and serves their calls (`Shard+Waiting.swift`). Memory comes
/// from the shard's heap.
struct WaitingTable: ~Copyable {
  private let heap: ShardHeap
  /// Keys by the hash of name and database; those with the same one are chained.
  private var keys: [UInt64: UnsafeMutablePointer<WaitedKeyRecord>] = [:]
  /// A waiter's first place, by its number.
  private var placesOfWaiter: [UInt64: UnsafeMutablePointer<WaitingPlace>] = [:]
  private var firstReady: UnsafeMutablePointer<WaitedKeyRecord>?
  private var lastReady: UnsafeMutablePointer<WaitedKeyRecord>?
  /// Keys that somebody waits for.
  private(set) var keyCount = 0

  init(heap: ShardHeap) { self.heap = heap }

  var isEmpty: Bool { keyCount == 0 }
  var hasReadyKeys: Bool { firstReady != nil }

  private static func mixed(_ key: Key, _ database: Int) -> UInt64 {
    key.hash &+ UInt64(truncatingIfNeeded: database) &* 0x9e37_79b9_7f4a_7c15
  }

  // MARK: Places

  /// Gives a waiter a place in the queue of a key, before all that came later. A second place at the same key is not given.
  mutating func add(_ waiter: Waiter, at key: Key, argument: Int, position: WaitPosition) {
    let record = find(key, in: waiter.database) ?? makeRecord(key, in: waiter.database)
    let kind = waiter.request.kind
    var after = record.pointee.queues[kind].last
    while let place = after, place.pointee.number > waiter.number { after = place.pointee.previous }
    if let after, after.pointee.number == waiter.number { return }
    let place = heap.allocate(MemoryLayout<WaitingPlace>.stride, for: .messages)
      .bindMemory(to: WaitingPlace.self, capacity: 1)
    place.initialize(
      to: WaitingPlace(
        number: waiter.number, waiter: .passRetained(waiter), record: record, kind: kind, argument: argument,
        position: position, sibling: placesOfWaiter[waiter.number]))
    placesOfWaiter[waiter.number] = place
    record.pointee.queues[kind].insert(place, after: after)
  }

  /// Takes all places of a waiter away.
  mutating func remove(_ number: UInt64) {
    var next = placesOfWaiter.removeValue(forKey: number)
    while let place = next {
      next = place.pointee.sibling
      let record = place.pointee.record
      record.pointee.queues[place.pointee.kind].remove(place)
      place.pointee.waiter.release()
      heap.free(place, for: .messages)
      freeIfUnused(record)
    }
  }

  /// Whether a waiter has a place here.
  func holds(_ number: UInt64) -> Bool { placesOfWaiter[number] != nil }

  /// The keys at which a waiter has a place.
  func forEachKey(of number: UInt64, _ body: (UnsafeMutablePointer<WaitedKeyRecord>) -> Void) {
    var next = placesOfWaiter[number]
    while let place = next {
      next = place.pointee.sibling
      body(place.pointee.record)
    }
  }

  // MARK: Keys

  func find(_ key: Key, in database: Int) -> UnsafeMutablePointer<WaitedKeyRecord>? {
    var record = keys[Self.mixed(key, database)]
    while let current = record, current.pointee.database != database || current.pointee.name != key.bytes {
      record = current.pointee.nextWithHash
    }
    return record
  }

  private mutating func makeRecord(_ key: Key, in database: Int) -> UnsafeMutablePointer<WaitedKeyRecord> {
    let header = MemoryLayout<WaitedKeyRecord>.stride
    let block = heap.allocate(header + key.bytes.count, for: .messages)
    let name = (block + header).bindMemory(to: UInt8.self, capacity: key.bytes.count)
    name.initialize(from: key.bytes.start, count: key.bytes.count)
    let record = block.bindMemory(to: WaitedKeyRecord.self, capacity: 1)
    let hash = Self.mixed(key, database)
    record.initialize(
      to: WaitedKeyRecord(
        name: ByteView(start: name, count: key.bytes.count), keyHash: key.hash, database: database,
        nextWithHash: keys[hash]))
    keys[hash] = record
    keyCount += 1
    return record
  }

  /// Forgets a key that nobody waits for. One that is to be served, or is being, is forgotten afterwards.
  mutating func freeIfUnused(_ record: UnsafeMutablePointer<WaitedKeyRecord>) {
    guard !record.pointee.isReady, !record.pointee.isBeingServed, record.pointee.queues.areEmpty else {
      return
    }
    let hash = Self.mixed(record.pointee.key, record.pointee.database)
    if keys[hash] == record {
      keys[hash] = record.pointee.nextWithHash
    } else {
      var before = keys[hash]
      while let current = before, current.pointee.nextWithHash != record {
        before = current.pointee.nextWithHash
      }
      before?.pointee.nextWithHash = record.pointee.nextWithHash
    }
    keyCount -= 1
    heap.free(record, for: .messages)
  }

  // MARK: Ready keys

  /// Puts a key that is waited for behind those that are ready.
  mutating func markReady(_ record: UnsafeMutablePointer<WaitedKeyRecord>) {
    if record.pointee.isReady { return }
    record.pointee.isReady = true
    record.pointee.nextReady = nil
    if let lastReady { lastReady.pointee.nextReady = record } else { firstReady = record }
    lastReady = record
  }

  /// The key that has been ready longest. The caller gives it back with `finish`.
  mutating func takeReady() -> UnsafeMutablePointer<WaitedKeyRecord>? {
    guard let record = firstReady else { return nil }
    firstReady = record.pointee.nextReady
    if firstReady == nil { lastReady = nil }
    record.pointee.isReady = false
    record.pointee.isBeingServed = true
    return record
  }

  /// Ends the serving of a key.
  mutating func finish(_ record: UnsafeMutablePointer<WaitedKeyRecord>) {
    record.pointee.isBeingServed = false
    freeIfUnused(record)
  }

  /// Calls `body` for every key of a database that somebody waits for.
  func forEachKey(in database: Int, _ body: (UnsafeMutablePointer<WaitedKeyRecord>) -> Void) {
    for var record in keys.values {
      while true {
        if record.pointee.database == database { body(record) }
        guard let next = record.pointee.nextWithHash else { break }
        record = next
      }
    }
  }

  /// Keys whose disappearance would end somebody's waiting.
  var neededKeyCount: Int {
    var count = 0
    for first in keys.values {
      var record: UnsafeMutablePointer<WaitedKeyRecord>? = first
      while let current = record {
        if current.pointee.isNeeded { count += 1 }
        record = current.pointee.nextWithHash
      }
    }
    return count
  }
}

/// A key that calls wait for.
struct WaitedKeyRecord {
  let name: ByteView
  let keyHash: UInt64
  let database: Int
  fileprivate var nextWithHash: UnsafeMutablePointer<WaitedKeyRecord>?
  fileprivate var nextReady: UnsafeMutablePointer<WaitedKeyRecord>?
  fileprivate(set) var isReady = false
  fileprivate var isBeingServed = false
  /// The waiter that was offered the key and is about to take from it with the help of other shards. The others wait
  /// until it has.
  var reservedFor: UInt64?
  var queues = WaitingQueues()

  fileprivate init(
    name: ByteView, keyHash: UInt64, database: Int, nextWithHash: UnsafeMutablePointer<WaitedKeyRecord>?
  ) {
    self.name = name
    self.keyHash = keyHash
    self.database = database
    self.nextWithHash = nextWithHash
  }

  var key: Key { Key(name, hash: keyHash) }

  fileprivate var isNeeded: Bool {
    var next = queues[.stream].first
    while let place = next {
      if place.pointee.waiter.takeUnretainedValue().request.needsKey { return true }
      next = place.pointee.next
    }
    return false
  }
}

/// A call's place in the queue of a key.
struct WaitingPlace {
  let number: UInt64
  let waiter: Unmanaged<Waiter>
  let record: UnsafeMutablePointer<WaitedKeyRecord>
  let kind: WaitedKind
  let argument: Int
  let position: WaitPosition
  /// Another place of the same waiter.
  fileprivate let sibling: UnsafeMutablePointer<WaitingPlace>?
  fileprivate var previous: UnsafeMutablePointer<WaitingPlace>?
  fileprivate(set) var next: UnsafeMutablePointer<WaitingPlace>?

  fileprivate init(
    number: UInt64, waiter: Unmanaged<Waiter>, record: UnsafeMutablePointer<WaitedKeyRecord>,
    kind: WaitedKind, argument: Int, position: WaitPosition, sibling: UnsafeMutablePointer<WaitingPlace>?
  ) {
    self.number = number
    self.waiter = waiter
    self.record = record
    self.kind = kind
    self.argument = argument
    self.position = position
    self.sibling = sibling
  }
}

/// The calls that wait for one key, in the order in which they came.
struct WaitingQueue {
  fileprivate(set) var first: UnsafeMutablePointer<WaitingPlace>?
  fileprivate var last: UnsafeMutablePointer<WaitingPlace>?

  fileprivate mutating func insert(
    _ place: UnsafeMutablePointer<WaitingPlace>, after: UnsafeMutablePointer<WaitingPlace>?
  ) {
    let next = after == nil ? first : after?.pointee.next
    place.pointee.previous = after
    place.pointee.next = next
    if let after { after.pointee.next = place } else { first = place }
    if let next { next.pointee.previous = place } else { last = place }
  }

  fileprivate mutating func remove(_ place: UnsafeMutablePointer<WaitingPlace>) {
    let previous = place.pointee.previous
    let next = place.pointee.next
    if let previous { previous.pointee.next = next } else { first = next }
    if let next { next.pointee.previous = previous } else { last = previous }
  }
}

/// A key's queues: one for each type that is waited for.
struct WaitingQueues {
  private var lists = WaitingQueue()
  private var sortedSets = WaitingQueue()
  private var streams = WaitingQueue()

  subscript(kind: WaitedKind) -> WaitingQueue {
    get {
      switch kind {
      case .list: lists
      case .sortedSet: sortedSets
      case .stream: streams
      }
    }
    set {
      switch kind {
      case .list: lists = newValue
      case .sortedSet: sortedSets = newValue
      case .stream: streams = newValue
      }
    }
  }

  var areEmpty: Bool { lists.first == nil && sortedSets.first == nil && streams.first == nil }
}

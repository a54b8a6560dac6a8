import Bytes
import Heap

/// A client that reads keys in order to keep copies of them, and its loop: what a shard remembers, in one word.
struct Tracker: Equatable, Comparable, Sendable {
  let word: UInt64

  private static let loopBits: UInt64 = 12

  init(word: UInt64) { self.word = word }

  init(client: UInt64, loop: Int) { word = client << Self.loopBits | UInt64(loop) }

  /// Nobody.
  static let none = Tracker(word: 0)

  var client: UInt64 { word >> Self.loopBits }
  var loop: Int { Int(word & (1 << Self.loopBits - 1)) }

  static func < (left: Tracker, right: Tracker) -> Bool { left.word < right.word }
}

/// Whose commands a shard is executing.
struct Caller {
  /// The identifier of the client; 0 for nobody.
  var client: UInt64 = 0
  /// The client if it wants to hear of changes to the keys that it reads now.
  var tracker = Tracker.none
}

/// A key of which clients keep copies: this header, then its name.
struct TrackedKey {
  var link: HashLink
  /// In ascending order.
  var trackers: UnsafeMutablePointer<Tracker>
  var trackerCount: Int32
  var trackerCapacity: Int32
  let nameCount: Int

  static func make(_ name: ByteView, hash: UInt64, heap: ShardHeap) -> UnsafeMutablePointer<TrackedKey> {
    let block = heap.allocate(MemoryLayout<TrackedKey>.stride + name.count, for: .tracking)
    let key = block.bindMemory(to: TrackedKey.self, capacity: 1)
    let trackers = heap.allocate(2 * MemoryLayout<Tracker>.stride, for: .tracking)
    key.initialize(
      to: TrackedKey(
        link: HashLink(hash: hash), trackers: trackers.bindMemory(to: Tracker.self, capacity: 2),
        trackerCount: 0,
        trackerCapacity: 2, nameCount: name.count))
    copyBytes(from: name.start, to: key.nameBytes, name.count)
    return key
  }
}

extension UnsafeMutablePointer<TrackedKey> {
  fileprivate var nameBytes: UnsafeMutablePointer<UInt8> {
    (UnsafeMutableRawPointer(self) + MemoryLayout<TrackedKey>.stride).assumingMemoryBound(to: UInt8.self)
  }

  var name: ByteView { ByteView(start: nameBytes, count: pointee.nameCount) }

  var link: UnsafeMutablePointer<HashLink> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: HashLink.self)
  }

  /// Adds a tracker. Returns whether it is new.
  func add(_ tracker: Tracker, heap: ShardHeap) -> Bool {
    var low = 0
    var high = Int(pointee.trackerCount)
    while low < high {
      let middle = (low + high) / 2
      if pointee.trackers[middle] < tracker { low = middle + 1 } else { high = middle }
    }
    let count = Int(pointee.trackerCount)
    if low < count, pointee.trackers[low] == tracker { return false }
    if pointee.trackerCount == pointee.trackerCapacity {
      pointee.trackerCapacity *= 2
      pointee.trackers = heap.reallocate(
        pointee.trackers, to: Int(pointee.trackerCapacity) * MemoryLayout<Tracker>.stride, for: .tracking
      ).bindMemory(to: Tracker.self, capacity: Int(pointee.trackerCapacity))
    }
    (pointee.trackers + low + 1).update(from: pointee.trackers + low, count: count - low)
    pointee.trackers[low] = tracker
    pointee.trackerCount += 1
    return true
  }

  func free(heap: ShardHeap) {
    heap.free(pointee.trackers, for: .tracking)
    heap.free(self, for: .tracking)
  }
}

/// The keys of a shard of which clients keep copies, and who those clients are. As in Redis a key's name stands for the
/// keys of that name in all databases.
struct TrackedKeys {
  private var table = LinkTable(purpose: .tracking)
  /// Pairs of a key and a client.
  private(set) var itemCount = 0

  var count: Int { table.count }

  /// The memory of the table and its keys, as the allocator counts it. Costs a step for each key.
  var allocatedBytes: Int {
    var bytes = table.allocatedBytes
    table.forEach { link in
      let key = UnsafeMutableRawPointer(link).assumingMemoryBound(to: TrackedKey.self)
      bytes += ShardHeap.usableSize(key) + ShardHeap.usableSize(key.pointee.trackers)
    }
    return bytes
  }

  mutating func find(_ name: ByteView, hash: UInt64) -> UnsafeMutablePointer<TrackedKey>? {
    var next = table.first(hash)
    while let link = next {
      let key = UnsafeMutableRawPointer(link).assumingMemoryBound(to: TrackedKey.self)
      if link.pointee.hash == hash, key.name == name { return key }
      next = link.pointee.next
    }
    return nil
  }

  /// Remembers that a client has read a key. Returns whether the key is new.
  mutating func add(_ tracker: Tracker, to name: ByteView, hash: UInt64, heap: ShardHeap) -> Bool {
    let countBefore = count
    let key: UnsafeMutablePointer<TrackedKey>
    if let known = find(name, hash: hash) {
      key = known
    } else {
      key = TrackedKey.make(name, hash: hash, heap: heap)
      table.insert(key.link, heap: heap)
    }
    if key.add(tracker, heap: heap) { itemCount += 1 }
    return count > countBefore
  }

  /// Takes a key out, for the caller to free.
  mutating func remove(_ key: UnsafeMutablePointer<TrackedKey>, heap: ShardHeap) {
    table.remove(key.link, heap: heap)
    itemCount -= Int(key.pointee.trackerCount)
  }

  mutating func removeAll(heap: ShardHeap) {
    while let key = any(0) {
      remove(key, heap: heap)
      key.free(heap: heap)
    }
  }

  /// Some key, which one `hash` decides.
  mutating func any(_ hash: UInt64) -> UnsafeMutablePointer<TrackedKey>? {
    table.any(hash).map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: TrackedKey.self) }
  }
}

import Heap

/// What a shard's keys hold, by database and type: kept exact with every change, so that reports cost nothing but their
/// reply. It also knows the largest keys of each type.
///
/// It lies at a fixed address, as do the accounts in it. Live bytes of the dataset are at any time, between two commands,
/// the sum of all accounts and of what waits to be freed.
struct Ledger: ~Copyable {
  static let typeCount = ValueType.allCases.count

  let heap: ShardHeap
  private let databaseCount: Int
  private let accounts: UnsafeMutablePointer<TypeAccount>
  /// Counts the bytes of values that are out of the keyspace and wait to be freed.
  let removed: UnsafeMutablePointer<TypeAccount>
  /// The largest keys, by type.
  let candidates: UnsafeMutablePointer<Candidates>
  /// Set when databases were swapped during a renewal, so that keys may have passed the sweep unseen.
  private var renewalIsDisturbed = false
  /// Set while one is under way.
  private(set) var census: UnsafeMutablePointer<Census>?

  /// Makes a ledger, which `destroy` must end.
  static func make(databaseCount: Int, heap: ShardHeap) -> UnsafeMutablePointer<Ledger> {
    let ledger = heap.allocate(MemoryLayout<Ledger>.size, for: .statistics)
      .bindMemory(to: Ledger.self, capacity: 1)
    ledger.initialize(to: Ledger(databaseCount: databaseCount, heap: heap, at: ledger))
    return ledger
  }

  private init(databaseCount: Int, heap: ShardHeap, at address: UnsafeMutablePointer<Ledger>) {
    self.heap = heap
    self.databaseCount = databaseCount
    accounts = Self.allocate(databaseCount * Self.typeCount, heap: heap)
    removed = Self.allocate(1, heap: heap)
    candidates = Self.allocate(Self.typeCount, heap: heap)
    for database in 0..<databaseCount {
      for type in ValueType.allCases {
        (accounts + (database * Self.typeCount + Int(type.rawValue))).initialize(
          to: TypeAccount(ledger: address, database: database, type: type))
      }
    }
    // Nothing that is about to be freed is of interest.
    removed.initialize(to: TypeAccount(threshold: .max, ledger: nil, database: 0, type: .string))
    candidates.initialize(repeating: Candidates(), count: Self.typeCount)
  }

  private static func allocate<Element>(_ count: Int, heap: ShardHeap) -> UnsafeMutablePointer<Element> {
    heap.allocate(count * MemoryLayout<Element>.stride, for: .statistics)
      .bindMemory(to: Element.self, capacity: count)
  }

  static func destroy(_ ledger: UnsafeMutablePointer<Ledger>) {
    let heap = ledger.pointee.heap
    ledger.pointee.endCensus()
    for type in 0..<typeCount { ledger.pointee.candidates[type].release(heap: heap) }
    heap.free(ledger.pointee.candidates, for: .statistics)
    heap.free(ledger.pointee.removed, for: .statistics)
    heap.free(ledger.pointee.accounts, for: .statistics)
    ledger.deinitialize(count: 1)
    heap.free(ledger, for: .statistics)
  }

  /// Bytes of all its blocks, its own included.
  var allocatedBytes: Int {
    var sum =
      ShardHeap.usableSize(accounts) + ShardHeap.usableSize(removed) + ShardHeap.usableSize(candidates)
    if let own = accounts.pointee.ledger { sum += ShardHeap.usableSize(own) }
    for type in 0..<Self.typeCount { sum += candidates[type].allocatedBytes }
    return sum + (census.map { ShardHeap.usableSize($0) } ?? 0)
  }

  /// The accounts for a database's table. They stay with the table when databases are swapped.
  func newAccounts(for database: Int) -> UnsafeMutablePointer<TypeAccount> {
    accounts + database * Self.typeCount
  }

  /// Keys of a type in all databases.
  private func keyCount(_ type: Int) -> Int {
    var sum = 0
    for database in 0..<databaseCount { sum += accounts[database * Self.typeCount + type].keys }
    return sum
  }

  // MARK: Whole databases

  /// What a database holds is out of the keyspace, and waits to be freed.
  func discard(_ accounts: UnsafeMutablePointer<TypeAccount>) {
    for type in 0..<Self.typeCount { removed.pointee.bytes &+= accounts[type].bytes }
  }

  /// A database has become empty.
  mutating func clear(_ accounts: UnsafeMutablePointer<TypeAccount>) {
    let database = accounts.pointee.database
    for type in 0..<Self.typeCount {
      accounts[type].keys = 0
      accounts[type].bytes = 0
      accounts[type].elements = 0
      candidates[type].removeAll(of: database, isLast: keyCount(type) == 0)
    }
    census?.pointee.clear(database)
    adoptThresholds()
  }

  /// Two databases have changed their numbers.
  mutating func swap(_ first: UnsafeMutablePointer<TypeAccount>, _ second: UnsafeMutablePointer<TypeAccount>)
  {
    let (a, b) = (first.pointee.database, second.pointee.database)
    for type in 0..<Self.typeCount {
      first[type].database = b
      second[type].database = a
      candidates[type].swap(a, b)
    }
    census?.pointee.isDisturbed = true
    renewalIsDisturbed = true
  }

  // MARK: Thresholds

  /// Gives all accounts the thresholds of their types.
  mutating func adoptThresholds() {
    for index in 0..<(databaseCount * Self.typeCount) {
      accounts[index].threshold = census == nil ? candidates[index % Self.typeCount].threshold : .min
    }
  }

  /// Begins renewals of candidates where few are left. Returns whether there is one under way.
  mutating func beginRenewals() -> Bool {
    var isRenewing = false
    var hasBegun = false
    for type in 0..<Self.typeCount {
      if candidates[type].beginRenewal(keyCount: keyCount(type)) { hasBegun = true }
      if candidates[type].isRenewing { isRenewing = true }
    }
    if hasBegun { adoptThresholds() }
    return isRenewing
  }

  /// Every key has been offered since `beginRenewals`.
  mutating func finishRenewals() {
    if renewalIsDisturbed {
      // Another pass will do.
      renewalIsDisturbed = false
      return
    }
    for type in 0..<Self.typeCount { candidates[type].finishRenewal() }
  }

  // MARK: Censuses

  /// Begins to compare: every change is told to `census` from now on.
  mutating func beginCensus() {
    guard census == nil else { return }
    let made: UnsafeMutablePointer<Census> = Self.allocate(1, heap: heap)
    made.initialize(to: Census(databaseCount: databaseCount))
    census = made
    adoptThresholds()
  }

  mutating func endCensus() {
    guard let ended = census else { return }
    ended.deinitialize(count: 1)
    heap.free(ended, for: .statistics)
    census = nil
    adoptThresholds()
  }
}

/// A count of all keys, one by one, that is right at its end although the keys change while it is taken.
///
/// It goes through the keyspace in steps. What changes behind it is added to what it has counted, what changes in front
/// of it will be met as it is then; so at the end the count must equal the ledger's, to the byte.
struct Census {
  private(set) var walk: KeyWalk
  private var counted: [TypeUsage]
  /// Set when databases were swapped: what lies behind and what in front can't be told any more.
  var isDisturbed = false

  init(databaseCount: Int) {
    walk = KeyWalk(databases: 0..<databaseCount)
    counted = Array(repeating: TypeUsage(), count: databaseCount * Ledger.typeCount)
  }

  private static func index(_ type: ValueType, _ database: Int) -> Int {
    database * Ledger.typeCount + Int(type.rawValue)
  }

  func counted(_ type: ValueType, in database: Int) -> TypeUsage { counted[Self.index(type, database)] }

  /// Counts the keys of the next segment.
  mutating func step(in table: borrowing Table, _ body: (WalkedKey) -> Void) {
    // The keys are met before the walk moves on: no change comes between.
    var met = walk
    var sums = counted
    met.step(in: table) { key in
      sums[Self.index(key.kind.type, key.database)] += key.usage
      body(key)
    }
    counted = sums
    walk = met
  }

  /// Counts a change of a key that has been met.
  mutating func note(_ change: TypeUsage, type: ValueType, database: Int, hash: UInt64) {
    guard walk.hasPassed(hash: hash, database: database) else { return }
    var change = change
    if type == .string { change.elements = change.keys }
    counted[Self.index(type, database)] += change
  }

  /// A database has become empty.
  mutating func clear(_ database: Int) {
    for type in ValueType.allCases { counted[Self.index(type, database)] = TypeUsage() }
  }
}

/// Where a census stands.
public struct CensusProgress: Sendable, Equatable {
  public let keyCount: Int
  public let isDone: Bool
  /// Whether databases were swapped, so that it must begin anew.
  public let isDisturbed: Bool
}

/// What a census found of one type in one database, beside what the ledger says.
public struct CensusResult: Sendable, Equatable {
  public let database: Int
  public let type: ValueType
  public let counted: TypeUsage
  public let ledger: TypeUsage
}

extension Keyspace {
  /// Begins to count all keys; false if a census is under way already.
  public mutating func beginCensus() -> Bool {
    guard ledger.pointee.census == nil else { return false }
    ledger.pointee.beginCensus()
    return true
  }

  /// Goes on with the census, segment by segment, as long as `mayGoOn`, which is asked before each but the first. `body`
  /// may look at the keys too.
  public mutating func advanceCensus(while mayGoOn: () -> Bool, _ body: (WalkedKey) -> Void = { _ in })
    -> CensusProgress
  {
    guard let census = ledger.pointee.census else {
      return CensusProgress(keyCount: 0, isDone: true, isDisturbed: true)
    }
    while !census.pointee.walk.isDone, !census.pointee.isDisturbed {
      census.pointee.step(in: table(census.pointee.walk.database).pointee, body)
      if !mayGoOn() { break }
    }
    return CensusProgress(
      keyCount: census.pointee.walk.keyCount, isDone: census.pointee.walk.isDone,
      isDisturbed: census.pointee.isDisturbed)
  }

  /// Ends the census, done or not. If it is done, returns what it counted beside the ledger's figures.
  public mutating func endCensus() -> [CensusResult] {
    guard let census = ledger.pointee.census else { return [] }
    defer { ledger.pointee.endCensus() }
    guard census.pointee.walk.isDone, !census.pointee.isDisturbed else { return [] }
    var results: [CensusResult] = []
    for database in 0..<databaseCount {
      for type in ValueType.allCases {
        let counted = census.pointee.counted(type, in: database)
        let usage = usage(of: type, in: database)
        if counted == TypeUsage(), usage == TypeUsage() { continue }
        results.append(CensusResult(database: database, type: type, counted: counted, ledger: usage))
      }
    }
    return results
  }
}

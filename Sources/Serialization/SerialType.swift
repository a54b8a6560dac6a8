/// The byte that says of what type a value is and in what form it is written. A form that Redis gave up is still read.
public enum SerialType: UInt8, Sendable, CaseIterable {
  case string = 0
  case list = 1
  case set = 2
  /// Scores as decimal text.
  case sortedSetWithTexts = 3
  case hash = 4
  /// Scores as doubles.
  case sortedSet = 5
  case hashZipmap = 9
  case listZiplist = 10
  case setIntegers = 11
  case sortedSetZiplist = 12
  case hashZiplist = 13
  /// Ziplists.
  case listNodesOfZiplists = 14
  case streamListpacks = 15
  case hashListpack = 16
  case sortedSetListpack = 17
  /// Listpacks, or single elements as they are.
  case listNodes = 18
  /// With the number of entries added, the first ID and the greatest ID deleted.
  case streamListpacks2 = 19
  case setListpack = 20
  /// With the time when each consumer was last active.
  case streamListpacks3 = 21
  /// Fields with expiry times as the 7.4 release candidates wrote them.
  case hashWithAbsoluteTimes = 22
  case hashListpackWithTimesOnly = 23
  /// Fields with expiry times that count from the earliest, which stands before them.
  case hashWithTimes = 24
  /// The same packed, with whole times, ordered by them.
  case hashListpackWithTimes = 25

  /// The version of the file format that brought the type.
  public var version: UInt16 {
    switch self {
    case .string, .list, .set, .sortedSetWithTexts, .hash: 1
    case .hashZipmap, .listZiplist, .setIntegers, .sortedSetZiplist: 2
    case .hashZiplist: 4
    case .listNodesOfZiplists: 7
    case .sortedSet: 8
    case .streamListpacks: 9
    case .hashListpack, .sortedSetListpack, .listNodes, .streamListpacks2: 10
    case .setListpack, .streamListpacks3: 11
    case .hashWithAbsoluteTimes, .hashListpackWithTimesOnly, .hashWithTimes, .hashListpackWithTimes: 12
    }
  }
}

/// Versions of Redis's file format.
public enum SerialVersion {
  /// What Redis 7.0 writes, and Pantala as far as a value has nothing newer.
  public static let usual: UInt16 = 10
  /// What Redis 7.4 writes: the newest that is read.
  public static let newest: UInt16 = 12
}

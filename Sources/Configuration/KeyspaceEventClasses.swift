/// The classes of keyspace events and the two channels they appear on, a bit each, as the directive
/// `notify-keyspace-events` names them by letters.
public struct KeyspaceEventClasses: OptionSet, Sendable, Equatable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// K: published to `__keyspace@<db>__:<key>`, the message being the event.
  public static let keyspace = KeyspaceEventClasses(rawValue: 1 << 0)
  /// E: published to `__keyevent@<db>__:<event>`, the message being the key.
  public static let keyevent = KeyspaceEventClasses(rawValue: 1 << 1)
  /// g: DEL, EXPIRE, RENAME and their like.
  public static let generic = KeyspaceEventClasses(rawValue: 1 << 2)
  /// $
  public static let string = KeyspaceEventClasses(rawValue: 1 << 3)
  /// l
  public static let list = KeyspaceEventClasses(rawValue: 1 << 4)
  /// s
  public static let set = KeyspaceEventClasses(rawValue: 1 << 5)
  /// h
  public static let hash = KeyspaceEventClasses(rawValue: 1 << 6)
  /// z
  public static let sortedSet = KeyspaceEventClasses(rawValue: 1 << 7)
  /// x: a key's time has come.
  public static let expired = KeyspaceEventClasses(rawValue: 1 << 8)
  /// e: a key was removed for want of memory.
  public static let evicted = KeyspaceEventClasses(rawValue: 1 << 9)
  /// t
  public static let stream = KeyspaceEventClasses(rawValue: 1 << 10)
  /// m: a command looked for a key that is not there. Not part of A.
  public static let keyMiss = KeyspaceEventClasses(rawValue: 1 << 11)
  /// n: a key came into being. Not part of A.
  public static let new = KeyspaceEventClasses(rawValue: 1 << 12)
  /// d: events of modules. There are none; the letter is kept because A includes it.
  public static let module = KeyspaceEventClasses(rawValue: 1 << 13)
  /// A
  public static let all: KeyspaceEventClasses = [
    .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream, .module,
  ]

  /// Whether anything is published at all: some class, on some channel.
  public var publishes: Bool {
    !isDisjoint(with: [.keyspace, .keyevent]) && !subtracting([.keyspace, .keyevent]).isEmpty
  }
}

/// The letters of the directive.
extension KeyspaceEventClasses {
  /// Classes of keys' values and what befalls keys, in the order in which Redis prints them.
  private static let letters: [(letter: Character, meaning: KeyspaceEventClasses)] = [
    ("g", .generic), ("$", .string), ("l", .list), ("s", .set), ("h", .hash), ("z", .sortedSet),
    ("x", .expired), ("e", .evicted), ("t", .stream), ("d", .module),
  ]
  private static let otherLetters: [(letter: Character, meaning: KeyspaceEventClasses)] = [
    ("A", .all), ("K", .keyspace), ("E", .keyevent), ("m", .keyMiss), ("n", .new),
  ]

  /// The classes that letters name, in any order; nil if one of them names none.
  init?(letters text: String) {
    self = []
    for letter in text {
      guard let known = (Self.letters + Self.otherLetters).first(where: { $0.letter == letter }) else {
        return nil
      }
      insert(known.meaning)
    }
  }

  /// The letters in the order of Redis. (Redis 7.0 leaves the `n` out where there is an `A`; it is kept here, so that
  /// CONFIG REWRITE loses nothing.)
  var text: String {
    var text = ""
    let hasAll = isSuperset(of: .all)
    if hasAll {
      text = "A"
    } else {
      for (letter, meaning) in Self.letters where contains(meaning) { text.append(letter) }
      if contains(.new) { text.append("n") }
    }
    if contains(.keyspace) { text.append("K") }
    if contains(.keyevent) { text.append("E") }
    if contains(.keyMiss) { text.append("m") }
    if contains(.new), hasAll { text.append("n") }
    return text
  }
}

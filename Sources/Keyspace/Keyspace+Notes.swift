import Bytes

/// Something that happened to a key inside the keyspace, which no command can report because none asked for it.
public struct KeyNote: Sendable {
  public enum Kind: Sendable {
    /// The key was removed because its time had come.
    case expired
    /// Fields of the key's hash were removed because their time had come.
    case fieldsExpired
    /// They were the last, and so the key was removed.
    case emptied
    /// A read looked for the key and did not find it.
    case missed
    /// The key was created.
    case created
  }

  public let kind: Kind
  public let database: Int
  public let key: [UInt8]
}

/// What the keyspace is to note.
public struct KeyNoteKinds: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Keys and fields whose time has come.
  public static let expired = KeyNoteKinds(rawValue: 1 << 0)
  public static let missed = KeyNoteKinds(rawValue: 1 << 1)
  public static let created = KeyNoteKinds(rawValue: 1 << 2)
}

/// Noting what happens to keys. Notes wait until the shard takes them, which it does after every command group and every
/// slice of the sweep, so there are never more than those can cause.
extension Keyspace {
  /// The notes that were made, in order, which are then forgotten.
  public mutating func takeNotes() -> [KeyNote] {
    hasNotes = false
    let taken = notes
    notes = []
    return taken
  }

  /// Counts a read that did not find a key.
  @inline(__always)
  public mutating func countMiss(_ key: Key, in database: Int) {
    statistics.misses &+= 1
    if notedKinds.contains(.missed) { note(.missed, key.bytes, in: database) }
  }

  @inline(__always)
  mutating func noteCreation(_ key: Key, in database: Int) {
    if notedKinds.contains(.created) { note(.created, key.bytes, in: database) }
  }

  /// To be called while the key's bytes are still there.
  @inline(__always)
  mutating func noteExpiry(_ kind: KeyNote.Kind, _ key: ByteView, in database: Int) {
    if notedKinds.contains(.expired) { note(kind, key, in: database) }
  }

  @inline(never)
  private mutating func note(_ kind: KeyNote.Kind, _ key: ByteView, in database: Int) {
    notes.append(KeyNote(kind: kind, database: database, key: key.array))
    hasNotes = true
  }
}

import Bytes
import Configuration
import Keyspace

/// The classes of events, under the name that commands use: the directive that spells them knows them first.
public typealias KeyEventClasses = KeyspaceEventClasses

/// Who wants to know what happens to the keys of a shard. While nobody does, a change costs one test of this byte.
public struct KeyObservers: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Clients watch keys of this shard (WATCH).
  public static let watches = KeyObservers(rawValue: 1 << 0)
  /// Clients wait for keys of this shard (BLPOP and its like).
  public static let waiters = KeyObservers(rawValue: 1 << 1)
  /// Clients keep copies of keys of this shard (CLIENT TRACKING).
  public static let tracking = KeyObservers(rawValue: 1 << 2)
  /// Events are published (`notify-keyspace-events`).
  public static let notifications = KeyObservers(rawValue: 1 << 3)
  /// A function of the shard's gets every event (`Shard.eventListener`).
  public static let listener = KeyObservers(rawValue: 1 << 4)
}

/// An event as a listener gets it.
public struct KeyEvent: Sendable {
  public let database: Int
  public let key: [UInt8]
  public let eventClass: KeyEventClasses
  /// As Redis publishes it; empty for a change that it publishes nothing for.
  public let name: StaticString
  /// Whether clients that look at the key may find it changed.
  public let isChange: Bool
}

extension KeyCall {
  /// Reports that the call changed a key: it was given a value, its value or expiry time became another, or it was
  /// removed. To be called after the change, once for each event that Redis would publish, and not at all if nothing changed.
  ///
  /// That a key was created is noted by the keyspace itself, and reported before the next event.
  ///
  /// - Parameters:
  ///   - eventClass: one of the classes of types, or `generic`.
  ///   - event: its name as Redis publishes it, such as `lpush`.
  @inline(__always)
  public func changed(_ key: Key, _ eventClass: KeyEventClasses, _ event: StaticString) {
    shard.changed(key, in: database, eventClass, event)
  }

  /// Reports that elements of a collection were removed, and with the last one the key: then `del` follows.
  @inline(__always)
  public func changed(_ key: Key, _ eventClass: KeyEventClasses, _ event: StaticString, removedKey: Bool) {
    shard.changed(key, in: database, eventClass, event, removedKey: removedKey)
  }

  /// Reports that a key was given a value whatever it was before, or none: then it is removed, if it was there.
  @inline(__always)
  public func replaced(
    _ key: Key, _ eventClass: KeyEventClasses, _ event: StaticString, wasThere: Bool, isThere: Bool
  ) {
    shard.replaced(key, in: database, eventClass, event, wasThere: wasThere, isThere: isThere)
  }

  /// Reports a change for which Redis publishes no event.
  @inline(__always)
  public func changedSilently(_ key: Key) {
    shard.changed(key, in: database, [], "")
  }

  /// Reports an event that changed nothing of a key that clients could see, such as a miss.
  @inline(__always)
  public func noticed(_ key: Key, _ eventClass: KeyEventClasses, _ event: StaticString) {
    shard.noticed(key, in: database, eventClass, event)
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Reports that a key of this shard was changed; see `KeyCall.changed`.
  @inline(__always)
  public func changed(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    if pointee.observers.isEmpty { return }
    noteChange(key, in: database, eventClass, event)
  }

  /// Reports that elements of a collection were removed; see `KeyCall.changed`.
  @inline(__always)
  public func changed(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString, removedKey: Bool
  ) {
    if pointee.observers.isEmpty { return }
    noteChange(key, in: database, eventClass, event)
    if removedKey { noteChange(key, in: database, .generic, "del") }
  }

  /// Reports that a key was given a value whatever it was before, or none: then it is removed, if it was there.
  @inline(__always)
  public func replaced(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString, wasThere: Bool,
    isThere: Bool
  ) {
    if isThere {
      changed(key, in: database, eventClass, event)
    } else if wasThere {
      changed(key, in: database, .generic, "del")
    }
  }

  /// Reports an event that is not a change; see `KeyCall.noticed`.
  @inline(__always)
  public func noticed(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    if pointee.observers.isDisjoint(with: [.notifications, .listener]) { return }
    noteEvent(key, in: database, eventClass, event)
  }

  /// Reports that all keys of a database, or of all databases if it is nil, are about to be removed. There is no event
  /// for it. To be called while the keys are still there.
  @inline(never)
  public func flushed(database: Int?) {
    noteTrackedFlush()
    if pointee.observers.isEmpty { return }
    reportNotes()
    noteWaitedKeys(in: database.map { [$0] } ?? Array(0..<pointee.keyspace.databaseCount))
    noteFlushOfWatchedKeys(database: database)
  }

  /// Reports that the contents of two databases have been exchanged. There is no event for it.
  @inline(never)
  public func swapped(_ first: Int, _ second: Int) {
    if pointee.observers.isEmpty { return }
    reportNotes()
    noteWaitedKeys(in: [first, second])
    noteSwapOfWatchedKeys(first, second)
  }

  /// Reports what the keyspace noted by itself: keys that expired, were missed or created. To be called after each piece
  /// of work on the shard; before an event it happens anyway, so that all come in order.
  @inline(__always)
  public func reportNotes() {
    if pointee.keyspace.hasNotes { dispatchNotes() }
  }

  @inline(never)
  private func noteChange(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    reportNotes()
    dispatchChange(key, in: database, eventClass, event)
  }

  @inline(never)
  private func noteEvent(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    reportNotes()
    dispatchEvent(key, in: database, eventClass, event, isChange: false)
  }

  @inline(never)
  private func dispatchNotes() {
    while pointee.keyspace.hasNotes {
      for note in pointee.keyspace.takeNotes() {
        note.key.withBytes { bytes in
          let key = Key(bytes, hasher: pointee.keyspace.hasher)
          switch note.kind {
          case .expired: dispatchChange(key, in: note.database, .expired, "expired")
          case .fieldsExpired: dispatchChange(key, in: note.database, .hash, "hexpired")
          case .emptied: dispatchChange(key, in: note.database, .generic, "del")
          case .missed: dispatchEvent(key, in: note.database, .keyMiss, "keymiss", isChange: false)
          case .created: dispatchEvent(key, in: note.database, .new, "new", isChange: false)
          }
        }
      }
    }
  }

  /// Lets everybody know who has to do with changes.
  private func dispatchChange(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    if pointee.observers.contains(.waiters) { noteWaitedKey(key, in: database) }
    if pointee.observers.contains(.tracking) { noteTrackedChange(key) }
    if pointee.observers.contains(.watches) { pointee.watches.noteChange(key.hash, in: database) }
    dispatchEvent(key, in: database, eventClass, event, isChange: true)
  }

  /// Lets those know who get every event.
  private func dispatchEvent(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString, isChange: Bool
  ) {
    let observers = pointee.observers
    if observers.contains(.notifications) { publishEvent(key, in: database, eventClass, event) }
    if observers.contains(.listener), let listener = pointee.eventListener {
      listener(
        KeyEvent(
          database: database, key: key.bytes.array, eventClass: eventClass, name: event, isChange: isChange))
    }
  }

  /// Publishes an event to the channels that the configuration asks for.
  @inline(never)
  private func publishEvent(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    let wanted = pointee.settings.keyEventClasses
    if wanted.isDisjoint(with: eventClass) { return }
    publishEvent(event, of: key.bytes, in: database, on: wanted)
  }
}

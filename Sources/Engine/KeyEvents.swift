import Bytes
import Keyspace

/// The classes of keyspace events and the two channels they appear on, a bit each, as the directive
/// `notify-keyspace-events` names them by letters.
public struct KeyEventClasses: OptionSet, Sendable, Equatable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// K: published to `__keyspace@<db>__:<key>`, the message being the event.
  public static let keyspace = KeyEventClasses(rawValue: 1 << 0)
  /// E: published to `__keyevent@<db>__:<event>`, the message being the key.
  public static let keyevent = KeyEventClasses(rawValue: 1 << 1)
  /// g: DEL, EXPIRE, RENAME and their like.
  public static let generic = KeyEventClasses(rawValue: 1 << 2)
  /// $
  public static let string = KeyEventClasses(rawValue: 1 << 3)
  /// l
  public static let list = KeyEventClasses(rawValue: 1 << 4)
  /// s
  public static let set = KeyEventClasses(rawValue: 1 << 5)
  /// h
  public static let hash = KeyEventClasses(rawValue: 1 << 6)
  /// z
  public static let sortedSet = KeyEventClasses(rawValue: 1 << 7)
  /// x: a key's time has come.
  public static let expired = KeyEventClasses(rawValue: 1 << 8)
  /// e: a key was removed for want of memory.
  public static let evicted = KeyEventClasses(rawValue: 1 << 9)
  /// t
  public static let stream = KeyEventClasses(rawValue: 1 << 10)
  /// m: a command looked for a key that is not there. Not part of A.
  public static let keyMiss = KeyEventClasses(rawValue: 1 << 11)
  /// n: a key came into being. Not part of A.
  public static let new = KeyEventClasses(rawValue: 1 << 12)
  /// d: events of modules. There are none; the letter is kept because A includes it.
  public static let module = KeyEventClasses(rawValue: 1 << 13)
  /// A
  public static let all: KeyEventClasses = [
    .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream, .module,
  ]
}

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
}

extension KeyCall {
  /// Reports that the call changed a key: it was given a value, its value or expiry time became another, or it was
  /// removed. To be called after the change, once for each event that Redis would publish, and not at all if nothing changed.
  ///
  /// - Parameters:
  ///   - eventClass: one of the classes of types, `generic`, or `new`.
  ///   - event: its name as Redis publishes it, such as `lpush`.
  @inline(__always)
  public func changed(_ key: Key, _ eventClass: KeyEventClasses, _ event: StaticString) {
    shard.changed(key, in: database, eventClass, event)
  }

  /// Reports a change that may have brought the key into being, which is an event of its own.
  @inline(__always)
  public func changed(_ key: Key, _ eventClass: KeyEventClasses, _ event: StaticString, madeKey: Bool) {
    shard.changed(key, in: database, eventClass, event, madeKey: madeKey)
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

  /// Reports a change that may have brought the key into being; see `KeyCall.changed`.
  @inline(__always)
  public func changed(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString, madeKey: Bool
  ) {
    if pointee.observers.isEmpty { return }
    if madeKey { noticed(key, in: database, .new, "new") }
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
      changed(key, in: database, eventClass, event, madeKey: !wasThere)
    } else if wasThere {
      changed(key, in: database, .generic, "del")
    }
  }

  /// Reports an event that is not a change; see `KeyCall.noticed`.
  @inline(__always)
  public func noticed(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    if !pointee.observers.contains(.notifications) { return }
    publishEvent(key, in: database, eventClass, event)
  }

  @inline(never)
  private func noteChange(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
    let observers = pointee.observers
    if observers.contains(.notifications) { publishEvent(key, in: database, eventClass, event) }
  }

  /// Publishes an event to the channels that the configuration asks for.
  @inline(never)
  private func publishEvent(
    _ key: Key, in database: Int, _ eventClass: KeyEventClasses, _ event: StaticString
  ) {
  }
}

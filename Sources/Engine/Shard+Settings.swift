import Keyspace

/// A shard's copy of the settings.
extension Shard {
  /// Takes over the settings as the configuration has them now, with what follows from them at once.
  ///
  /// The configuration is asked when the shard gets to it, not when the change was made: of two changes that cross
  /// on their way, the later one stays, whichever message comes last.
  public mutating func adoptSettings() {
    settings = server.configuration.settings
    if slowLog.maximumLength != settings.slowlogMaxEntries {
      slowLog.resize(maximumLength: settings.slowlogMaxEntries)
    }
    adoptCollectionLimits()
    adoptKeyEventClasses()
    if settings.password.isEmpty { authenticateAll() }
    adoptOutputLimits()
    adoptUseSettings()
    // The next command that adds data asks what the limit is.
    dataLimit.granted = .min
    refusesWrites = false
  }

  /// What a client's unsent replies may take: what its class allows, and no more than what the system leaves for one client.
  func outputLimit(of client: UnsafeMutablePointer<Client>) -> Int {
    let limit = settings.outputBufferLimits.limit(of: client.pointee.kind).hardBytes
    guard let share = server.clientShareBytes else { return limit }
    return limit > 0 ? min(limit, share) : share
  }

  /// Gives the clients' replies the limits of their classes.
  private func adoptOutputLimits() {
    var client = firstClient
    while let current = client {
      current.pointee.reply.byteLimit = outputLimit(of: current)
      client = current.pointee.next
    }
  }

  /// Tells the keyspace up to which size collections stay compact.
  mutating func adoptCollectionLimits() {
    var limits = CollectionLimits()
    limits.hashPackedEntries = settings.hashMaxListpackEntries
    limits.hashPackedValueBytes = settings.hashMaxListpackValue
    limits.listPackedSize = settings.listMaxListpackSize
    limits.setIntegerEntries = settings.setMaxIntsetEntries
    limits.setPackedEntries = settings.setMaxListpackEntries
    limits.setPackedValueBytes = settings.setMaxListpackValue
    limits.sortedSetPackedEntries = settings.zsetMaxListpackEntries
    limits.sortedSetPackedValueBytes = settings.zsetMaxListpackValue
    limits.streamNodeBytes = settings.streamNodeMaxBytes
    limits.streamNodeEntries = settings.streamNodeMaxEntries
    keyspace.limits = limits
  }

  /// Starts or ends publishing events of keys.
  mutating func adoptKeyEventClasses() {
    setObserver(.notifications, settings.keyEventClasses.publishes)
  }

  /// Adds or removes one of those who want to know what happens to keys.
  mutating func setObserver(_ observer: KeyObservers, _ isThere: Bool) {
    if isThere { observers.insert(observer) } else { observers.remove(observer) }
  }

  /// Tells the keyspace what to note by itself for the observers.
  mutating func adoptNotedKinds() {
    var kinds: KeyNoteKinds = []
    if !observers.isEmpty { kinds.insert(.expired) }
    let wanted = observers.contains(.listener) ? [.new, .keyMiss] : settings.keyEventClasses
    if !observers.isDisjoint(with: [.listener, .notifications]) {
      if wanted.contains(.new) { kinds.insert(.created) }
      if wanted.contains(.keyMiss) { kinds.insert(.missed) }
    }
    keyspace.notedKinds = kinds
  }

  /// Without a password everybody is authenticated, also who was waiting to be.
  private func authenticateAll() {
    var client = firstClient
    while let current = client {
      current.pointee.flags.insert(.authenticated)
      client = current.pointee.next
    }
  }
}

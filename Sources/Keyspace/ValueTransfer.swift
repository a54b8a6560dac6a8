import Bytes

/// A key's value and expiry time as a value of its own: what travels when a key goes to another shard.
///
/// Blocks belong to the heap of their shard and can't change hands, so the value is copied out on one shard, crosses
/// as this, and is put into a block of the other.
public struct ValueTransfer: Sendable {
  /// The value as its kind keeps it, so that it arrives in the same form.
  enum Content: Sendable {
    case bytes([UInt8])
    case integer(Int64)
    case collection(FlatValue)
  }

  let content: Content
  /// When the key expires, in milliseconds since 1970; nil if it does not.
  public var expiry: Int64?
  /// The age of the key that the value comes from (`Entry.age`), if it is to keep it; otherwise it is a new key's, or that of
  /// the key it replaces.
  public var age: Int?

  init(content: Content, expiry: Int64?) {
    self.content = content
    self.expiry = expiry
  }

  /// A collection made elsewhere.
  public init(_ collection: FlatValue, expiry: Int64? = nil) {
    self.init(content: .collection(collection), expiry: expiry)
  }

  /// A string, kept as an integer where it is one.
  public init(string: ByteView, expiry: Int64? = nil) {
    if let integer = parseInt64(string) {
      self.init(content: .integer(integer), expiry: expiry)
    } else {
      self.init(content: .bytes(string.array), expiry: expiry)
    }
  }

  /// A string that is kept as bytes even if they spell an integer.
  public init(bytes: [UInt8], expiry: Int64? = nil) {
    self.init(content: .bytes(bytes), expiry: expiry)
  }

  /// The collection, if the value is one.
  public var collection: FlatValue? {
    if case .collection(let value) = content { value } else { nil }
  }

  /// The text, if the value is a string.
  public var string: [UInt8]? {
    switch content {
    case .bytes(let bytes): bytes
    case .integer(let value): Array(String(value).utf8)
    case .collection: nil
    }
  }
}

/// A collection as plain items: what travels between shards, what DUMP writes and RESTORE reads.
///
/// | kind      | items |
/// |-----------|-------|
/// | list      | the elements |
/// | set       | the members |
/// | hash      | field and value by turns; with `hasTimes` field, value, expiry time (milliseconds, 0 for none) |
/// | sortedSet | member and score (`Item.score`) by turns, in ascending order |
/// | stream    | as `StreamTransfer` says |
public struct FlatValue: Sendable {
  public let kind: ValueKind
  public var items = ItemArray()
  /// Whether a hash's fields have expiry times.
  public var hasTimes = false

  public init(kind: ValueKind) { self.kind = kind }
}

extension Keyspace {
  /// A copy of a key's value and expiry time.
  public func transfer(of entry: Entry) -> ValueTransfer {
    let content: ValueTransfer.Content
    switch entry.kind {
    case .bytes: content = .bytes(Array(entry.slot.handle.value))
    case .integer: content = .integer(entry.integer ?? 0)
    default:
      content = .collection(entry.kind.collectionType.flatten(entry, now: now))
    }
    return ValueTransfer(content: content, expiry: entry.expiry)
  }

  /// Gives a key the value and the expiry time that were taken from another.
  public mutating func place(
    _ transfer: ValueTransfer, at key: Key, in database: Int, replacing existing: Entry?
  ) {
    switch transfer.content {
    case .integer(let value):
      setInteger(key, in: database, to: value, replacing: existing, expiry: transfer.expiry)
    case .bytes(let bytes):
      // Not `setString`: bytes that look like an integer stay bytes.
      let target = store(
        key, in: database, replacing: existing, kind: .bytes, valueCount: bytes.count, expiry: transfer.expiry
      )
      bytes.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        copyBytes(from: from, to: to, source.count)
      }
    case .collection(let value):
      value.kind.collectionType.place(
        value, at: key, in: database, replacing: existing, expiry: transfer.expiry, keyspace: &self)
    }
    if let age = transfer.age { table(database).pointee.find(key)?.handle.age = UInt8(age) }
  }
}

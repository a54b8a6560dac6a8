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
  }

  let content: Content
  /// When the key expires, in milliseconds since 1970; nil if it does not.
  public let expiry: Int64?
}

extension Keyspace {
  /// A copy of a key's value and expiry time.
  public func transfer(of entry: Entry) -> ValueTransfer {
    let content: ValueTransfer.Content
    switch entry.kind {
    case .bytes: content = .bytes(Array(entry.slot.handle.value))
    case .integer: content = .integer(entry.integer ?? 0)
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
    }
  }
}

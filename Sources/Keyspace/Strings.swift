import Bytes

/// Strings: bytes, or an integer kept as 64 bits.
extension Keyspace {
  /// Bytes that the text of an integer value takes at the most.
  public static let integerTextBytes = 20

  /// Sets a key to a string, kept as an integer where the text is one.
  @inline(__always)
  public mutating func setString(
    _ key: Key, in database: Int, to value: ByteView, replacing existing: Entry?, expiry: Int64?
  ) {
    if value.count <= Self.integerTextBytes, let integer = parseInt64(value) {
      return setInteger(key, in: database, to: integer, replacing: existing, expiry: expiry)
    }
    let target = store(
      key, in: database, replacing: existing, kind: .bytes, valueCount: value.count, expiry: expiry)
    copyBytes(from: value.start, to: target.baseAddress.unsafelyUnwrapped, value.count)
  }

  /// Sets a key to an integer.
  public mutating func setInteger(
    _ key: Key, in database: Int, to value: Int64, replacing existing: Entry?, expiry: Int64?
  ) {
    let target = store(
      key, in: database, replacing: existing, kind: .integer, valueCount: 8, expiry: expiry)
    UnsafeMutableRawPointer(target.baseAddress.unsafelyUnwrapped).storeBytes(of: value, as: Int64.self)
  }

  /// Replaces the bytes of a string from `offset` on by `bytes`, growing it with zeros as needed; a key that is
  /// not there counts as empty. Returns the new length. The text of an integer becomes bytes.
  public mutating func writeString(
    _ key: Key, in database: Int, at offset: Int, _ bytes: ByteView, existing: Entry?
  ) -> Int {
    guard let existing else {
      let target = store(
        key, in: database, replacing: nil, kind: .bytes, valueCount: offset + bytes.count, expiry: nil)
      let start = target.baseAddress.unsafelyUnwrapped
      start.update(repeating: 0, count: offset)
      copyBytes(from: bytes.start, to: start + offset, bytes.count)
      return target.count
    }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.integerTextBytes) { scratch in
      let isInteger = existing.kind == .integer
      let oldCount = existing.text(scratch: scratch.baseAddress.unsafelyUnwrapped)?.count ?? 0
      let newCount = max(oldCount, offset + bytes.count)
      // Strings that grow are likely to grow again: room for half as much as there is, up to a mebibyte. (A block
      // that is more than half empty would be replaced at the next step.)
      let spare = newCount > oldCount ? min(newCount / 2, Self.spareBytesMaximum) : 0
      let target = store(
        key, in: database, replacing: existing, kind: .bytes, valueCount: newCount, expiry: existing.expiry,
        preservingValue: !isInteger, spare: spare)
      let start = target.baseAddress.unsafelyUnwrapped
      if isInteger { copyBytes(from: scratch.baseAddress.unsafelyUnwrapped, to: start, oldCount) }
      if offset > oldCount { (start + oldCount).update(repeating: 0, count: offset - oldCount) }
      copyBytes(from: bytes.start, to: start + offset, bytes.count)
      return newCount
    }
  }

  /// Bytes that a growing string gets ahead of need at the most.
  static let spareBytesMaximum = 1 << 20
}

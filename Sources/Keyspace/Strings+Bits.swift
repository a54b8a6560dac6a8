import Bytes

/// Changing the bytes of strings where they lie.
extension Entry {
  /// The bytes of a string that is kept as bytes; nil for an integer and for any other type. They may be changed; who
  /// does so counts the change in `Keyspace.dirty`. Valid until the keyspace is next changed in any other way.
  @inline(__always)
  public var mutableBytes: UnsafeMutableBufferPointer<UInt8>? {
    let handle = slot.handle
    return handle.kind == .bytes ? handle.value : nil
  }
}

extension Keyspace {
  /// Makes a string `count` bytes long, kept as bytes, and returns them, to be changed. Of what was there it keeps as
  /// much as fits, new bytes are zeros; a key that is not there counts as empty. The expiry time stays.
  public mutating func resizeString(
    _ key: Key, in database: Int, to count: Int, existing: Entry?
  ) -> UnsafeMutableBufferPointer<UInt8> {
    guard let existing else {
      let bytes = store(key, in: database, replacing: nil, kind: .bytes, valueCount: count, expiry: nil)
      bytes.update(repeating: 0)
      return bytes
    }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.integerTextBytes) { scratch in
      let isInteger = existing.kind == .integer
      let text = existing.text(scratch: scratch.baseAddress.unsafelyUnwrapped)
      let kept = min(text?.count ?? 0, count)
      let spare = count > kept ? min(count / 2, Self.spareBytesMaximum) : 0
      let bytes = store(
        key, in: database, replacing: existing, kind: .bytes, valueCount: count, expiry: existing.expiry,
        preservingValue: !isInteger, spare: spare)
      guard let start = bytes.baseAddress else { return bytes }
      if isInteger { copyBytes(from: scratch.baseAddress.unsafelyUnwrapped, to: start, kept) }
      (start + kept).update(repeating: 0, count: count - kept)
      return bytes
    }
  }
}

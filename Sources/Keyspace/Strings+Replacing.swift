import Bytes

/// Changing strings whose kind is known.
extension Keyspace {
  /// The longest string that a block can hold: its header counts in 32 bits.
  public static let stringBytesMaximum = Int(UInt32.max)

  /// Puts another integer in the place of one that is kept as an integer. The expiry time stays.
  @inline(__always)
  public mutating func replaceInteger(of entry: Entry, by value: Int64) {
    let handle = entry.slot.handle
    assert(handle.kind == .integer, "the value is not an integer")
    dirty += 1
    UnsafeMutableRawPointer(handle.value.baseAddress.unsafelyUnwrapped).storeBytes(of: value, as: Int64.self)
  }

  /// Sets a key to bytes, kept as bytes even if they spell an integer.
  public mutating func setBytes(
    _ key: Key, in database: Int, to value: ByteView, replacing existing: Entry?, expiry: Int64?
  ) {
    let target = store(
      key, in: database, replacing: existing, kind: .bytes, valueCount: value.count, expiry: expiry)
    copyBytes(from: value.start, to: target.baseAddress.unsafelyUnwrapped, value.count)
  }
}

import Bytes

/// The items of a packed hash. A view: valid until the hash is next changed.
struct PackedHash {
  /// Bytes in front of the items of a hash with times: the earliest of them.
  static let timesHeaderBytes = 8

  let start: UnsafeMutablePointer<UInt8>
  let byteCount: Int
  let hasTimes: Bool

  @inline(__always)
  init(_ entry: Entry) {
    let bytes = entry.compactBytes
    start = bytes.baseAddress.unsafelyUnwrapped
    byteCount = bytes.count
    hasTimes = entry.form == .packedWithTimes
  }

  /// The earliest time at which a field may expire, of a hash with times; `Int64.max` if none does. Not later
  /// than the truth.
  @inline(__always)
  var earliestTime: Int64 {
    get { UnsafeRawPointer(start).loadUnaligned(as: Int64.self) }
    nonmutating set { UnsafeMutableRawPointer(start).storeBytes(of: newValue, as: Int64.self) }
  }

  /// Bytes in front of the first field.
  @inline(__always)
  var headerBytes: Int { hasTimes ? Self.timesHeaderBytes : 0 }

  /// Where a field is; nil if the hash does not have it.
  @inline(__always)
  func find(_ field: Element) -> PackedField? {
    var next = UnsafePointer(start) + headerBytes
    let end = UnsafePointer(start) + byteCount
    while next < end {
      let value = next + ItemCode.byteCount(at: next)
      let behind = value + ItemCode.byteCount(at: value)
      if field.isStored(at: next) {
        return PackedField(offset: next - UnsafePointer(start), start: next, value: value, behind: behind)
      }
      next = hasTimes ? behind + ItemCode.byteCount(at: behind) : behind
    }
    return nil
  }
}

/// Where a field of a packed hash is.
struct PackedField {
  /// Bytes of the packed hash in front of the field.
  let offset: Int
  let start: UnsafePointer<UInt8>
  let value: UnsafePointer<UInt8>
  /// Behind the value: the time, or the next field.
  let behind: UnsafePointer<UInt8>

  @inline(__always) var valueOffset: Int { offset &+ (value - start) }
  @inline(__always) var valueBytes: Int { behind - value }
  /// Of a hash with times.
  @inline(__always) var time: Int64 { Item(at: behind).integer }
  @inline(__always) var timeOffset: Int { offset &+ (behind - start) }

  /// Bytes of field, value and time.
  @inline(__always)
  func byteCount(hasTimes: Bool) -> Int {
    (behind - start) &+ (hasTimes ? ItemCode.byteCount(at: behind) : 0)
  }
}

/// Goes through a packed hash.
struct PackedHashReader {
  private var reader: ItemReader
  private let hasTimes: Bool

  @inline(__always)
  init(_ packed: PackedHash) {
    reader = ItemReader(
      UnsafeBufferPointer(
        start: packed.start + packed.headerBytes, count: packed.byteCount - packed.headerBytes))
    hasTimes = packed.hasTimes
  }

  /// The next field; nil after the last.
  @inline(__always)
  mutating func next() -> HashField? {
    guard let name = reader.read(), let value = reader.read() else { return nil }
    return HashField(name: name, value: value, time: hasTimes ? reader.read()?.integer ?? 0 : 0)
  }
}

/// An integer of 1 to 64 bits that lies at any bit of a byte string, highest bit first, as BITFIELD addresses them.
///
/// Signed integers are in two's complement; unsigned ones have at most 63 bits, so that every value is an `Int64`.
public struct BitField: Sendable {
  /// What happens to a number that does not fit.
  public enum Overflow: Sendable {
    /// Its low bits are taken.
    case wrap
    /// The nearest number that fits is taken.
    case saturate
    /// There is no result.
    case fail
  }

  public let offset: Int
  public let width: Int
  public let isSigned: Bool

  public init(offset: Int, width: Int, isSigned: Bool) {
    precondition(offset >= 0 && width >= 1 && width <= (isSigned ? 64 : 63), "bit field out of range")
    self.offset = offset
    self.width = width
    self.isSigned = isSigned
  }

  /// The last bit.
  public var end: Int { offset + width - 1 }

  /// The numbers that fit.
  public var range: ClosedRange<Int64> {
    if !isSigned { return 0...Int64.max >> Int64(63 - width) }
    let shift = Int64(64 - width)
    return (Int64.min >> shift)...(Int64.max >> shift)
  }

  // MARK: Reading and writing

  /// The number in the field. What lies behind the bytes counts as zeros.
  public func value(in bytes: ByteView) -> Int64 { truncated(bits(in: bytes)) }

  /// Puts a number in the field, all of which must lie within the bytes.
  public func set(to value: Int64, in bytes: UnsafeMutablePointer<UInt8>) {
    var window: UInt128 = 0
    for index in byteRange { window = window << 8 | UInt128(bytes[index]) }
    let mask = UInt128(UInt64.max >> UInt64(64 - width)) << windowShift
    window = (window & ~mask) | ((UInt128(truncatingIfNeeded: value) << windowShift) & mask)
    for index in byteRange.reversed() {
      bytes[index] = UInt8(truncatingIfNeeded: window)
      window >>= 8
    }
  }

  private func bits(in bytes: ByteView) -> UInt64 {
    var window: UInt128 = 0
    for index in byteRange { window = window << 8 | UInt128(index < bytes.count ? bytes[index] : 0) }
    return UInt64(truncatingIfNeeded: window >> windowShift)
  }

  /// The bytes that the field touches, nine at the most.
  private var byteRange: Range<Int> { (offset >> 3)..<((end >> 3) + 1) }

  /// Bits behind the field in those bytes.
  private var windowShift: UInt128 { UInt128(7 - (end & 7)) }

  /// The number that the low bits of a word are.
  private func truncated(_ word: UInt64) -> Int64 {
    let high = Int64(bitPattern: word << UInt64(64 - width))
    let shift = Int64(64 - width)
    return isSigned ? high >> shift : Int64(bitPattern: UInt64(bitPattern: high) >> UInt64(64 - width))
  }

  // MARK: Arithmetic

  /// The number that setting the field to `value` gives; nil if that fails.
  public func fitted(_ value: Int64, _ overflow: Overflow) -> Int64? {
    let range = range
    if range.contains(value) { return value }
    switch overflow {
    case .wrap:
      return truncated(UInt64(bitPattern: value))
    case .saturate:
      // Clients of Redis see the highest number for anything negative in an unsigned field, and for a number so low
      // that its distance to the highest does not fit 64 bits.
      let isFar = range.upperBound.subtractingReportingOverflow(value).overflow
      return isSigned && value < 0 && !isFar ? range.lowerBound : range.upperBound
    case .fail:
      return nil
    }
  }

  /// The sum of the field's number and `amount`; nil if that fails.
  public func sum(_ old: Int64, _ amount: Int64, _ overflow: Overflow) -> Int64? {
    let (sum, carries) = old.addingReportingOverflow(amount)
    let range = range
    if !carries, range.contains(sum) { return sum }
    switch overflow {
    case .wrap: return truncated(UInt64(bitPattern: sum))
    case .saturate: return amount < 0 ? range.lowerBound : range.upperBound
    case .fail: return nil
    }
  }
}

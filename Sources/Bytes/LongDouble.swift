import CIntrinsics

/// C's `long double`, for INCRBYFLOAT and HINCRBYFLOAT: 80 bits on x86-64, 128 bits on aarch64.
///
///     guard let old = LongDouble(value), let increment = LongDouble(argument) else { … }
///     let sum = old + increment
///     guard sum.isFinite else { … }
///
/// The arithmetic is C's (Swift has no such type on aarch64), one call each; reading and printing cost some
/// hundred nanoseconds.
public struct LongDouble: Sendable {
  private let stored: pantala_long_double

  private init(stored: pantala_long_double) {
    self.stored = stored
  }

  /// The number that the whole of `bytes` spells, or nil.
  ///
  /// Accepts and refuses as `parseDouble` does, except that a text has less than 5,120 bytes. "inf" is
  /// accepted: that the sum isn't finite is an error of its own.
  public init?(_ bytes: ByteView) {
    var result = pantala_long_double()
    guard pantala_long_double_parse(bytes.start, bytes.count, &result) else { return nil }
    self.stored = result
  }

  /// The integer `value`, which a long double holds exactly.
  public init(_ value: Int64) {
    self.stored = pantala_long_double_from_integer(value)
  }

  public static func + (left: LongDouble, right: LongDouble) -> LongDouble {
    LongDouble(stored: pantala_long_double_add(left.stored, right.stored))
  }

  /// The smallest integer that is not below the value times `factor`; nil if 64 bits can't hold it.
  public func scaledUp(by factor: Int64) -> Int64? {
    var result: Int64 = 0
    return pantala_long_double_scale_up(stored, factor, &result) ? result : nil
  }

  /// Whether the value is neither NaN nor an infinity.
  public var isFinite: Bool { pantala_long_double_is_finite(stored) }

  /// The longest text `write` prints.
  public static var bytesMax: Int { Int(PANTALA_LONG_DOUBLE_TEXT_BYTES_MAX) }

  /// Prints the value, which must be finite, at `target`, which has room for `bytesMax` bytes; returns
  /// the count.
  ///
  /// Never an exponent; at most 17 digits behind the point and no trailing zeros, so 3.0 is "3" and -1e-30
  /// is "0".
  @discardableResult
  public func write(to target: UnsafeMutablePointer<UInt8>) -> Int {
    precondition(isFinite, "a value that isn't finite has no decimal text")
    return pantala_long_double_write(stored, target)
  }
}

import Bytes

/// What names an entry of a stream: a time in milliseconds and a number among the entries of that time.
public struct StreamID: Sendable, Hashable, Comparable, BitwiseCopyable {
  public var milliseconds: UInt64
  public var sequence: UInt64

  @inline(__always)
  public init(_ milliseconds: UInt64, _ sequence: UInt64) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }

  /// 0-0, which no entry has.
  public static let zero = StreamID(0, 0)
  public static let maximum = StreamID(.max, .max)

  @inline(__always)
  public static func < (left: StreamID, right: StreamID) -> Bool {
    left.milliseconds == right.milliseconds
      ? left.sequence < right.sequence : left.milliseconds < right.milliseconds
  }

  /// The ID after this one; nil if this is the last there is.
  public var successor: StreamID? {
    if sequence < .max { return StreamID(milliseconds, sequence + 1) }
    return milliseconds < .max ? StreamID(milliseconds + 1, 0) : nil
  }

  /// The ID before this one; nil if this is the first there is.
  public var predecessor: StreamID? {
    if sequence > 0 { return StreamID(milliseconds, sequence - 1) }
    return milliseconds > 0 ? StreamID(milliseconds - 1, .max) : nil
  }

  /// Bytes that `write` prints at the most.
  public static let textBytesMaximum = 2 * decimalBytesMax + 1

  /// Prints the ID as `milliseconds-sequence` at `target`, which has room for `textBytesMaximum`; returns the count.
  public func write(to target: UnsafeMutablePointer<UInt8>) -> Int {
    var count = writeUnsignedDecimal(milliseconds, to: target)
    target[count] = UInt8(ascii: "-")
    count += 1
    return count + writeUnsignedDecimal(sequence, to: target + count)
  }
}

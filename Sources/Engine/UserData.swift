/// What submissions to the ring are marked with: the upper byte says what, the rest is a client's address or a number.
public enum UserData {
  public static let kindShift: UInt64 = 56
  public static let payloadMask: UInt64 = (1 << 56) - 1

  /// A completion that needs no answer.
  public static let ignored: UInt64 = 0
  /// Another loop has sent messages.
  public static let wakeUp: UInt64 = 1 << kindShift
  public static let accept: UInt64 = 2
  public static let receive: UInt64 = 3
  public static let send: UInt64 = 4
  public static let cancel: UInt64 = 5
  public static let signal: UInt64 = 6

  @inline(__always)
  public static func make(_ kind: UInt64, _ payload: UInt64) -> UInt64 {
    kind << kindShift | payload & payloadMask
  }

  @inline(__always)
  public static func kind(_ userData: UInt64) -> UInt64 { userData >> kindShift }

  @inline(__always)
  public static func payload(_ userData: UInt64) -> UInt64 { userData & payloadMask }
}

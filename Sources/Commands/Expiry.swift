import Bytes
import Engine
import RESP

/// How an argument gives an expiry time.
enum ExpiryForm {
  /// Seconds from now, as with EX and EXPIRE.
  case seconds
  /// Milliseconds from now, as with PX and PEXPIRE.
  case milliseconds
  /// Seconds since 1970, as with EXAT and EXPIREAT.
  case unixSeconds
  /// Milliseconds since 1970, as with PXAT and PEXPIREAT.
  case unixMilliseconds

  var isInSeconds: Bool { self == .seconds || self == .unixSeconds }
  var isRelative: Bool { self == .seconds || self == .milliseconds }

  /// The form that the option before the argument names: EX, PX, EXAT or PXAT.
  init?(option: ByteView) {
    if option.equalsIgnoringCase("ex") {
      self = .seconds
    } else if option.equalsIgnoringCase("px") {
      self = .milliseconds
    } else if option.equalsIgnoringCase("exat") {
      self = .unixSeconds
    } else if option.equalsIgnoringCase("pxat") {
      self = .unixMilliseconds
    } else {
      return nil
    }
  }
}

/// Why an argument is no expiry time.
enum ExpiryError: Error {
  case notAnInteger
  /// Zero or less where that is not allowed, or not to be expressed in 64 bits of milliseconds.
  case outOfRange
}

/// The time that `argument` gives, in milliseconds since 1970.
///
/// - Parameter allowingZeroAndBelow: EXPIRE and its kin take such times, and remove the key; SET and GETEX refuse them.
func expiryMilliseconds(
  _ argument: ByteView, as form: ExpiryForm, now: Int64, allowingZeroAndBelow: Bool
) throws(ExpiryError) -> Int64 {
  guard let amount = parseInt64(argument) else { throw .notAnInteger }
  if amount <= 0, !allowingZeroAndBelow { throw .outOfRange }
  let (scaled, scaleOverflow) = amount.multipliedReportingOverflow(by: form.isInSeconds ? 1_000 : 1)
  if scaleOverflow { throw .outOfRange }
  let (time, overflow) = scaled.addingReportingOverflow(form.isRelative ? now : 0)
  if overflow { throw .outOfRange }
  return time
}

extension ReplyBuffer {
  /// The error reply of a command that was given no valid expiry time.
  @inline(never)
  mutating func error(_ error: ExpiryError, in command: StaticString) {
    switch error {
    case .notAnInteger: self.error(ErrorText.notAnInteger)
    case .outOfRange: self.error(ErrorText.invalidExpiry("\(command)"))
    }
  }
}

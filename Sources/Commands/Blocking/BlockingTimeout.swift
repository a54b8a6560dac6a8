import Bytes
import Engine
import RESP

/// How long blocking commands wait.
extension Arguments {
  /// The argument at `index` as seconds with a fraction, rounded up to milliseconds; zero is for ever.
  func patience(atSeconds index: Int) throws(WaitingError) -> Patience {
    guard let seconds = LongDouble(self[index]) else {
      throw WaitingError("ERR timeout is not a float or out of range")
    }
    // Redis takes what is beyond its integers for the smallest of them.
    return try Self.patience(milliseconds: seconds.scaledUp(by: 1_000) ?? .min)
  }

  /// The argument at `index` as milliseconds; zero is for ever.
  func patience(atMilliseconds index: Int) throws(WaitingError) -> Patience {
    guard let milliseconds = integer(at: index) else {
      throw WaitingError("ERR timeout is not an integer or out of range")
    }
    return try Self.patience(milliseconds: milliseconds)
  }

  private static func patience(milliseconds: Int64) throws(WaitingError) -> Patience {
    if milliseconds < 0 { throw WaitingError("ERR timeout is negative") }
    return milliseconds == 0 ? .endless : .milliseconds(milliseconds)
  }
}

extension ArgumentSpecification {
  /// The time that a command waits, in seconds.
  static let blockingTimeout = ArgumentSpecification("timeout", .double)
}

/// What happened to the timeout of the older blocking commands.
let fractionalTimeoutHistory = [("6.0.0", "The timeout may have a fraction.")]

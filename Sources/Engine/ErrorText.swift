import Bytes

/// Error replies that several commands share, as Redis words them.
public enum ErrorText {
  public static let syntax: StaticString = "ERR syntax error"
  public static let notAnInteger: StaticString = "ERR value is not an integer or out of range"
  public static let notAFloat: StaticString = "ERR value is not a valid float"
  public static let wrongType: StaticString =
    "WRONGTYPE Operation against a key holding the wrong kind of value"
  public static let noSuchKey: StaticString = "ERR no such key"
  public static let outOfMemory: StaticString =
    "OOM command not allowed when used memory > 'maxmemory'."
  public static let notAuthenticated: StaticString = "NOAUTH Authentication required."
  public static let notInTransaction: StaticString = "ERR Command not allowed inside a transaction"
  public static let transactionAborted: StaticString =
    "EXECABORT Transaction discarded because of previous errors."
  public static let transactionTooLarge: StaticString =
    "ERR the transaction's commands are larger than client-query-buffer-limit"
  public static let invalidDatabase: StaticString = "ERR DB index is out of range"
  public static let sameObject: StaticString = "ERR source and destination objects are the same"
  public static let stringTooLong: StaticString =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

  /// `ERR invalid expire time in 'set' command`
  public static func invalidExpiry(_ command: String) -> String {
    "ERR invalid expire time in '\(command)' command"
  }

  /// `ERR wrong number of arguments for 'get' command`
  public static func wrongArity(_ fullName: String) -> String {
    "ERR wrong number of arguments for '\(fullName)' command"
  }

  /// The error of a command that RESP2 clients can't call while they subscribe.
  static func subscribing(_ fullName: String) -> String {
    "ERR Can't execute '\(fullName)': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
  }

  /// The error of a container's unknown subcommand.
  public static func unknownSubcommand(_ name: ByteView, of container: String) -> String {
    // Redis formats the name as a C string: it ends at a NUL.
    let end = name.buffer.prefix(128).firstIndex(of: 0) ?? min(name.count, 128)
    let shown = name[0..<end]
    return "ERR unknown subcommand '\(shown.string)'. Try \(container.uppercased()) HELP."
  }
}

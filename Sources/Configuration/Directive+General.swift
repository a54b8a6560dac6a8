extension Directive {
  /// The process and its background work.
  static let general: [Directive] = [
    .integer(
      "databases", \.databaseCount, 1...Int(Int32.max), isMutable: false,
      summary: "number of databases SELECT can reach"),
    .path(
      "dir", \.directory, isMutable: true, isProtected: true,
      summary: "working directory; without it the one the server is started in"),
    .path(
      "pidfile", \.pidFilePath,
      summary: "file to write the process id to"),
    .choice(
      "loglevel", \.logLevel,
      summary: "least severe message that is logged"),
    .path(
      "logfile", \.logFilePath,
      summary: "file to log to; without it standard output"),
    hz,
    .integer(
      "active-expire-effort", \.activeExpireEffort, 1...10,
      summary: "how hard expired keys are looked for"),
  ]

  /// Redis takes any number for `hz` and silently moves it into these bounds.
  private static let backgroundTurnBounds = 1...500

  private static let hz = Directive.single(
    "hz", kind: .integer(backgroundTurnBounds, isPowerOfTwo: false), isMutable: true,
    summary: "background turns per second",
    read: { String($0.backgroundTurnsPerSecond) },
    write: { (settings, argument) throws(ConfigurationError) in
      guard let value = ValueText.integer(argument) else {
        throw .invalidValue(reason: "argument couldn't be parsed into an integer")
      }
      guard (0...Int(Int32.max)).contains(value) else {
        throw .invalidValue(reason: "argument must be between 0 and \(Int32.max) inclusive")
      }
      settings.backgroundTurnsPerSecond = min(
        max(value, backgroundTurnBounds.lowerBound), backgroundTurnBounds.upperBound)
    })
}

extension Directive {
  /// Who may do what.
  static let security: [Directive] = [
    .text(
      "requirepass", \.password, isSensitive: true,
      summary: "password that clients must give to AUTH; empty asks for none",
      validate: { (_) throws(ConfigurationError) in }),
    .choice(
      "enable-debug-command", \.debugCommandAccess, isMutable: false,
      summary: "who may call DEBUG: nobody, everybody or clients on this machine"),
    .choice(
      "enable-protected-configs", \.protectedDirectiveAccess, isMutable: false,
      summary: "who may change protected directives (dir) with CONFIG SET"),
  ]
}

import Configuration
import Engine
import Glibc
import Logging
import Synchronization

/// Writes log lines in the form that Redis users know: process, role, time, level, text.
///
/// Lines go to standard output or to the file of the `logfile` directive, in one write each, so that lines of
/// several threads don't mix.
struct ServerLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  /// What CONFIG SET loglevel says now, unless a logger was given a level of its own.
  var logLevel: Logger.Level {
    get { ownLevel ?? LogLevelCell.level.loggerLevel }
    set { ownLevel = newValue }
  }
  private var ownLevel: Logger.Level?
  private let descriptor: Int32
  private let processIdentifier = getpid()

  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    var seconds = time.tv_sec
    localtime_r(&seconds, &parts)
    var stamp = [CChar](repeating: 0, count: 64)
    let count = strftime(&stamp, stamp.count, "%d %b %Y %H:%M:%S", &parts)
    let stampText = String(decoding: stamp.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let milliseconds = String(time.tv_nsec / 1_000_000 + 1_000).dropFirst()
    let mark =
      switch event.level {
      case .trace, .debug: "."
      case .info: "-"
      case .notice: "*"
      case .warning, .error, .critical: "#"
      }
    let line = "\(processIdentifier):M \(stampText).\(milliseconds) \(mark) \(event.message)\n"
    _ = Array(line.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
}

/// Makes the server's logger. An empty path means standard output; nil if the file can't be opened.
func makeLogger(_ settings: Settings) -> Logger? {
  var descriptor = STDOUT_FILENO
  if !settings.logFilePath.isEmpty {
    descriptor = open(settings.logFilePath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    if descriptor < 0 { return nil }
  }
  LogLevelCell.level = settings.logLevel
  return Logger(label: "pantala") { _ in ServerLogHandler(descriptor: descriptor) }
}

extension LogLevel {
  /// The level of swift-log that means the same.
  fileprivate var loggerLevel: Logger.Level {
    switch self {
    case .debug: .debug
    case .verbose: .info
    case .notice: .notice
    case .warning: .warning
    case .nothing: .critical
    }
  }
}

import Configuration
import Synchronization

/// The least severe level that is logged, for all of the process to read and CONFIG SET to change.
///
/// There is one log in a process, and its writers are many and on all threads: hence one atomic.
public enum LogLevelCell {
  private static let index = Atomic<Int>(position(of: Settings().logLevel))

  /// The level now.
  public static var level: LogLevel {
    get { LogLevel.allCases[index.load(ordering: .relaxed)] }
    set { index.store(position(of: newValue), ordering: .relaxed) }
  }

  private static func position(of level: LogLevel) -> Int { LogLevel.allCases.firstIndex(of: level) ?? 0 }
}

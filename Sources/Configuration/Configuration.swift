/// The configuration of one server: its settings, and the file they can be written back to.
///
///     var configuration = try Configuration.load(arguments: ["--port", "7000"], readFile: read)
///     configuration.get(patterns: ["po*"])                     // [("port", "7000")]
///     try configuration.set([("maxmemory", "2gb"), ("hz", "20")])
///
/// It is a value without I/O. The server reads and writes the files, and if it can't do what a CONFIG SET asks
/// for (listen on a new port, say) it puts the value it had before back and answers
/// `ConfigurationError.setFailed(name:reason:)`.
public struct Configuration: Sendable {
  /// The settings in force.
  public var settings: Settings
  /// The configuration file as the command line named it, or nil if there was none. The server makes it
  /// absolute before it changes to `settings.directory`.
  public var filePath: String?

  /// Every setting at its default, without a file.
  public init() {
    settings = Settings()
    filePath = nil
  }

  /// All directives, in the order of the help text.
  public static var directives: [Directive] { DirectiveTable.standard.directives }

  /// The directive that a name or an alias means; case does not matter.
  public static func directive(named name: String) -> Directive? {
    DirectiveTable.standard.directive(named: name)
  }

  /// The configuration that a command line asks for: the defaults, then the file, then standard input, then the
  /// options.
  ///
  /// - Parameters:
  ///   - arguments: what follows the program's name: `[file] [-] [--name value ...]...`
  ///   - readFile: gives the text of the file at a path, or of standard input for `-`. What it throws appears,
  ///     as a string, behind the path. It should not read more than `ConfigurationLimits.totalBytes`.
  public static func load(
    arguments: [String], readFile: (String) throws -> String
  ) throws(ConfigurationError) -> Configuration {
    var loader = ConfigurationLoader(table: .standard)
    return try loader.load(arguments: arguments, readFile: readFile)
  }

  /// CONFIG GET: names and values, sorted by name, every name once.
  ///
  /// As in Redis 7, an alias is a name of its own, and a name given without a wildcard comes back as spelled.
  public func get(patterns: [String]) -> [(name: String, value: String)] {
    DirectiveTable.standard.values(matching: patterns, in: settings)
  }

  /// CONFIG SET: applies all pairs, or throws and applies none.
  ///
  /// - Parameter isLocalClient: whether the client may do what `enable-protected-configs local` allows.
  public mutating func set(
    _ pairs: [(name: String, value: String)], isLocalClient: Bool = false
  ) throws(ConfigurationError) {
    settings = try DirectiveTable.standard.settings(settings, setting: pairs, isLocalClient: isLocalClient)
  }

  /// CONFIG REWRITE: the text of the configuration file, brought up to date.
  ///
  /// Comments, order and `include` lines stay; a line of a directive is replaced in its place; what differs from
  /// its default and has no line yet is appended; superfluous lines of a directive are removed.
  ///
  /// - Parameter original: the file's present text; empty if there is no file yet.
  public func rewritten(original: String) -> String {
    ConfigurationRewriter(original: original, table: .standard).rewritten(settings)
  }
}

import Bytes

/// All directives of a server, and the way from a name to one of them.
struct DirectiveTable: Sendable {
  /// The directives by theme, in the order of the help text and of lines that CONFIG REWRITE appends.
  let themes: [(title: String, directives: [Directive])]
  private let directivesByName: [String: Directive]

  init(themes: [(title: String, directives: [Directive])]) {
    self.themes = themes
    var directivesByName: [String: Directive] = [:]
    for directive in themes.flatMap(\.directives) {
      for name in [directive.name] + directive.aliases {
        let previous = directivesByName.updateValue(directive, forKey: name)
        precondition(previous == nil, "the directive name \(name) is declared twice")
      }
    }
    self.directivesByName = directivesByName
  }

  /// The directives of this server.
  static let standard = DirectiveTable(themes: [
    ("Network", Directive.network),
    ("Clients", Directive.clients),
    ("Security", Directive.security),
    ("General", Directive.general),
    ("Memory", Directive.memoryLimits),
    ("Defragmentation", Directive.defragmentation),
    ("Collections", Directive.collections),
    ("Persistence", Directive.persistence),
    ("Observation", Directive.observation),
    ("Shards", Directive.shards),
  ])

  var directives: [Directive] { themes.flatMap(\.directives) }

  /// The directive that a name or an alias means; case does not matter.
  func directive(named name: String) -> Directive? {
    directivesByName[name.asciiLowercased]
  }

  /// Whether a text has any of the characters that make CONFIG GET match it as a pattern.
  private static func isPattern(_ text: String) -> Bool {
    text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
  }

  private static func matches(_ pattern: String, _ name: String) -> Bool {
    var pattern = pattern
    var name = name
    return pattern.withUTF8 { pattern in
      name.withUTF8 { name in
        guard let patternStart = pattern.baseAddress, let nameStart = name.baseAddress else { return false }
        return GlobPattern(ByteView(start: patternStart, count: pattern.count))
          .matches(ByteView(start: nameStart, count: name.count), ignoringCase: true)
      }
    }
  }

  /// CONFIG GET. A pattern gives every name and alias that matches; a plain name is given back as it was
  /// spelled. Sorted by name, and no name appears twice.
  func values(matching patterns: [String], in settings: Settings) -> [(name: String, value: String)] {
    var matches: [String: (name: String, directive: Directive)] = [:]
    for pattern in patterns {
      if Self.isPattern(pattern) {
        for (name, directive) in directivesByName where matches[name] == nil && Self.matches(pattern, name) {
          matches[name] = (name, directive)
        }
      } else if let directive = directive(named: pattern), matches[pattern.asciiLowercased] == nil {
        matches[pattern.asciiLowercased] = (pattern, directive)
      }
    }
    return matches.sorted { $0.key < $1.key }.map { ($0.value.name, $0.value.directive.read(settings)) }
  }

  /// CONFIG SET: the settings with all pairs applied. The first pair at fault decides the error.
  func settings(
    _ settings: Settings, setting pairs: [(name: String, value: String)], isLocalClient: Bool
  ) throws(ConfigurationError) -> Settings {
    let changes = try resolve(
      pairs, allowsProtected: settings.protectedDirectiveAccess.allows(localClient: isLocalClient))
    var settings = settings
    for (directive, value) in changes {
      let arguments = directive.takesSeveralArguments ? splitAtSpaces(value) : [value]
      do {
        try directive.write(&settings, arguments)
      } catch {
        throw .setFailed(name: directive.name, reason: error.message)
      }
    }
    return settings
  }

  /// Finds the directives of the pairs; like Redis, before any value is looked at.
  private func resolve(
    _ pairs: [(name: String, value: String)], allowsProtected: Bool
  ) throws(ConfigurationError) -> [(directive: Directive, value: String)] {
    var changes: [(directive: Directive, value: String)] = []
    var seenNames: Set<String> = []
    for (name, value) in pairs {
      guard let directive = directive(named: name) else { throw .unknownDirective(name: name) }
      if !directive.isMutable { throw .setFailed(name: name, reason: "can't set immutable config") }
      if directive.isProtected, !allowsProtected {
        throw .setFailed(name: name, reason: "can't set protected config")
      }
      if !seenNames.insert(directive.name).inserted {
        throw .setFailed(name: name, reason: "duplicate parameter")
      }
      changes.append((directive, value))
    }
    return changes
  }

  /// Like Redis, CONFIG SET knows no quoting, and two spaces have an empty argument between them.
  private func splitAtSpaces(_ value: String) -> [String] {
    if value.isEmpty { return [] }
    return value.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}

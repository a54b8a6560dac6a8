/// A section of INFO, in the order in which the reply shows them.
public enum InfoSection: String, CaseIterable, Sendable {
  case server, clients, memory, persistence, stats, replication, cpu, modules, commandstats, errorstats,
    latencystats, cluster, keyspace

  /// What stands behind the `#`.
  public var title: String {
    switch self {
    case .cpu: "CPU"
    default: rawValue.prefix(1).uppercased() + rawValue.dropFirst()
    }
  }

  /// Whether INFO without arguments shows the section. `all` shows every one.
  public var isDefault: Bool { self != .commandstats && self != .latencystats }
}

/// The sections that the arguments of INFO ask for.
///
/// Arguments add up: `INFO commandstats default` shows the default sections and commandstats. Names are
/// case-insensitive; unknown ones ask for nothing, and INFO of only such names is empty.
public struct InfoSelection: Sendable, Equatable {
  private var sections: Set<InfoSection> = []

  /// Names that are no section of Redis, in lower case: a server may have sections of its own.
  private var otherNames: Set<String> = []

  /// Whether `everything` was asked for, which includes what modules (here: the server's own sections) add.
  public private(set) var includesEverything = false

  /// The selection of INFO's arguments; none means the default sections.
  public init(arguments: [String]) {
    if arguments.isEmpty { addDefault() }
    for argument in arguments {
      let name = argument.lowercased()
      switch name {
      case "default": addDefault()
      case "all": sections.formUnion(InfoSection.allCases)
      case "everything":
        sections.formUnion(InfoSection.allCases)
        includesEverything = true
      default:
        if let section = InfoSection(rawValue: name) {
          sections.insert(section)
        } else {
          otherNames.insert(name)
        }
      }
    }
  }

  private mutating func addDefault() {
    sections.formUnion(InfoSection.allCases.filter(\.isDefault))
  }

  /// Whether a section is to be shown: ask before gathering what it costs to fill it.
  public func contains(_ section: InfoSection) -> Bool { sections.contains(section) }

  /// Whether a section that Redis doesn't have is to be shown: if it was named, or `everything` was.
  public func contains(ownSection name: String) -> Bool {
    includesEverything || otherNames.contains(name.lowercased())
  }

  /// Whether nothing of Redis's sections is to be shown.
  public var isEmpty: Bool { sections.isEmpty && !includesEverything }
}

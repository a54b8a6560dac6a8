extension CommandLineRequest {
  /// What `--help` prints: how to call the program, and every directive with its values and its default.
  public static var helpText: String {
    var lines = usage
    for (title, directives) in DirectiveTable.standard.themes {
      lines += ["", "\(title):"]
      for directive in directives {
        lines.append("  --\(directive.name) \(directive.kind)")
        lines.append("      \(directive.summary) (default: \(displayed(directive.defaultValue)))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func displayed(_ value: String) -> String {
    value.isEmpty ? "\"\"" : value
  }

  private static let usage = [
    "Usage: pantala [file] [-] [--name value ...]...",
    "       pantala --help | --version",
    "",
    "An in-memory server that speaks the Redis protocol.",
    "",
    "  file          a configuration file: one directive per line, '#' begins a comment,",
    "                'include <file>' reads another one",
    "  -             read more such lines from standard input",
    "  --name value  a directive as in the file; what comes later wins",
    "",
    "Sizes are in bytes and may have a unit: 1k is 1000, 1kb is 1024, likewise m, mb, g and gb.",
    "",
    "Examples:",
    "  pantala --port 7000 --maxmemory 2gb",
    "  pantala /etc/pantala.conf --loglevel verbose",
    "  echo 'port 7000' | pantala -",
  ]
}

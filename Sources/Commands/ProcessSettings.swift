import Configuration
import Engine
import Glibc

/// Settings that the process as a whole must follow, beside the shards' copies.
enum ProcessSettings {
  /// Does what a change of settings asks of the process, or throws and leaves things as they were.
  static func apply(_ new: inout Settings, insteadOf old: Settings) throws(ConfigurationError) {
    if new.maxClients > old.maxClients {
      let possible = DescriptorLimit.raise(forClients: new.maxClients)
      if possible < new.maxClients {
        throw .setFailed(
          name: "maxclients",
          reason:
            "The operating system is not able to handle the specified number of clients, try with \(possible)"
        )
      }
    }
    if new.directory != old.directory {
      guard chdir(new.directory) == 0 else {
        throw .setFailed(name: "dir", reason: String(cString: strerror(errno)))
      }
      new.directory = currentDirectory() ?? new.directory
    }
    LogLevelCell.level = new.logLevel
  }

  private static func currentDirectory() -> String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}

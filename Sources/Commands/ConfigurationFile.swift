import Glibc

/// Why the configuration file could not be read or written.
struct ConfigurationFileError: Error {
  let reason: String

  /// The system's word for what just failed.
  static var ofSystem: ConfigurationFileError {
    ConfigurationFileError(reason: String(cString: strerror(errno)))
  }
}

/// The configuration file, as CONFIG REWRITE reads and replaces it.
///
/// The work is a few small system calls on the caller's thread. It is an operator's command, and rare.
struct ConfigurationFile {
  let path: String

  /// The file's text; empty if there is none yet.
  func text() throws(ConfigurationFileError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return "" }
      throw .ofSystem
    }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &piece, piece.count)
      if count < 0 { throw .ofSystem }
      if count == 0 { break }
      content += piece.prefix(count)
    }
    // Written back as text, other bytes would be lost.
    guard let text = String(validating: content, as: UTF8.self) else {
      throw ConfigurationFileError(reason: "the file is not valid UTF-8")
    }
    return text
  }

  /// Puts a new text in the file's place. Whatever happens meanwhile, the path names the old file or the new one,
  /// whole.
  func replace(with text: String) throws(ConfigurationFileError) {
    var template = Array((path + ".XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw .ofSystem }
    let temporaryPath = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    do throws(ConfigurationFileError) {
      defer { close(descriptor) }
      try write(text, to: descriptor)
      guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
        throw .ofSystem
      }
    } catch {
      unlink(temporaryPath)
      throw error
    }
    syncDirectory()
  }

  /// The mode of the present file, which may have been chosen to keep a password secret.
  private var mode: mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0o644
  }

  private func write(_ text: String, to descriptor: Int32) throws(ConfigurationFileError) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw .ofSystem
      }
      rest = rest.dropFirst(count)
    }
  }

  /// Makes the new name last through a loss of power. Not every file system can; the file itself is safe anyway.
  private func syncDirectory() {
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

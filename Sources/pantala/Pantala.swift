import Configuration
import Engine
import Glibc
import Server

/// The executable: reads the command line, starts the server, and says in one line why it can't.
@main
enum Pantala {
  static func main() {
    do {
      switch try CommandLineRequest.parse(
        commandLine: Array(CommandLine.arguments.dropFirst()), readFile: readFile)
      {
      case .help:
        print(CommandLineRequest.helpText)
      case .version:
        print("Pantala \(ServerVersion.own) (speaks the commands of Redis \(ServerVersion.compatible))")
      case .serve(let configuration):
        try Server.run(configuration)
      }
    } catch let error as ConfigurationError {
      fail(error.message)
    } catch {
      fail("\(error)")
    }
  }

  private static func fail(_ text: String) -> Never {
    _ = Array((text + "\n").utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(1)
  }

  /// Why a configuration file can't be read.
  private struct ReadError: Error, CustomStringConvertible {
    let description: String
  }

  /// The content of a file, or of standard input for `-`.
  private static func readFile(_ path: String) throws -> String {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ReadError(description: String(cString: strerror(errno))) }
    defer { if path != "-" { close(descriptor) } }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while content.count <= ConfigurationLimits.totalBytes {
      let count = read(descriptor, &piece, piece.count)
      if count < 0 { throw ReadError(description: String(cString: strerror(errno))) }
      if count == 0 { break }
      content.append(contentsOf: piece.prefix(count))
    }
    return String(decoding: content, as: UTF8.self)
  }
}

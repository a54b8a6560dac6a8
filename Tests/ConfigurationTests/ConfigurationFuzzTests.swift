import TestSupport
import Testing

@testable import Configuration

@Suite("Random configuration files")
struct ConfigurationFuzzTests {
  private static let pieces =
    Configuration.directives.map(\.name) + [
      "include", "self", " ", " ", " ", "  ", "\t", "\n", "\n", "\n", "\r\n", "\"", "'", "\\", "\\x", "\\x41",
      "\\xff", "#", "yes", "no", "0", "1", "-1", "64", "1024", "4kb", "9gb", "normal", "slave", "\u{0}", "é",
      "99999999999999999999", "noeviction", "\"\"", "port 7000\n", "bind ::1\n", "save \"\"\n",
    ]

  private static func randomText(_ generator: inout SeededRandom) -> String {
    let count = Int.random(in: 0..<24, using: &generator)
    var text = ""
    for _ in 0..<count {
      if Int.random(in: 0..<8, using: &generator) == 0 {
        text.unicodeScalars.append(Unicode.Scalar(UInt8.random(in: 0...255, using: &generator)))
      } else {
        text += pieces[Int.random(in: 0..<pieces.count, using: &generator)]
      }
    }
    return text
  }

  @Test("no file crashes the parser, and what loads survives CONFIG REWRITE")
  func files() throws {
    var generator = SeededRandom(test: "ConfigurationFuzzTests.files")
    var loadedCount = 0
    for _ in 0..<20_000 {
      let text = Self.randomText(&generator)
      let files = Files(contents: ["self": text])
      var configuration = Configuration()
      do {
        configuration = try Configuration.load(arguments: ["self"], readFile: files.read)
        loadedCount += 1
      } catch {
        #expect(!error.message.isEmpty)
      }
      let rewritten = configuration.rewritten(original: text)
      guard !rewritten.contains("include") else { continue }
      let again = try Configuration.load(
        arguments: ["self"], readFile: Files(contents: ["self": rewritten]).read)
      #expect(again.settings == configuration.settings, "\(generator): \(text.debugDescription)")
    }
    #expect(loadedCount > 0)
  }

  @Test("no command line crashes the parser")
  func commandLines() {
    var generator = SeededRandom(test: "ConfigurationFuzzTests.commandLines")
    for _ in 0..<20_000 {
      let arguments = (0..<Int.random(in: 0..<6, using: &generator)).map { _ in
        (Bool.random(using: &generator) ? "--" : "") + Self.randomText(&generator)
      }
      let text = message { () throws(ConfigurationError) in _ = try configuration(arguments: arguments) }
      #expect(text.isEmpty || text.contains("\n") || text.hasPrefix("Fatal error"))
    }
  }

  @Test("no CONFIG SET or CONFIG GET crashes, and a refused one changes nothing")
  func setAndGet() {
    var generator = SeededRandom(test: "ConfigurationFuzzTests.setAndGet")
    let names = Configuration.directives.flatMap { [$0.name] + $0.aliases }
    var configuration = Configuration()
    for _ in 0..<20_000 {
      let pairs = (0..<Int.random(in: 1..<4, using: &generator)).map { _ in
        (
          name: names[Int.random(in: 0..<names.count, using: &generator)],
          value: Self.randomText(&generator)
        )
      }
      let before = configuration.settings
      let text = message { () throws(ConfigurationError) in try configuration.set(pairs) }
      #expect(text.isEmpty || configuration.settings == before)
      #expect(configuration.get(patterns: pairs.map(\.value)).count <= names.count)
    }
  }
}

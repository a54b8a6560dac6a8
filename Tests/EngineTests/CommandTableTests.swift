import Bytes
import Commands
import TestSupport
import Testing

@testable import Engine

@Suite("The command table")
struct CommandTableTests {
  private let table = CommandTable.all()

  private func index(_ name: String) -> Int? { withView(name) { table.lookup.find($0)?.pointee.index } }

  private func index(_ name: [UInt8]) -> Int? {
    withArguments([name]) { table.lookup.find($0[0])?.pointee.index }
  }

  private func subcommandIndex(_ name: [UInt8], of container: Int) -> Int? {
    withArguments([name]) {
      table.lookup.findSubcommand($0[0], of: table.lookup.entries + container)?.pointee.index
    }
  }

  /// The commands that are called by their own name.
  private var topLevel: [Int] { table.declarations.indices.filter { table.containers[$0] == nil } }

  /// A name in capitals, and with every other letter a capital.
  private func caseVariants(_ name: String) -> [String] {
    let mixed = name.enumerated().map { $0.offset % 2 == 0 ? $0.element.uppercased() : String($0.element) }
    return [name, name.uppercased(), mixed.joined()]
  }

  // MARK: Names

  @Test("finds every command by its name, whatever the case")
  func findsCommands() {
    #expect(topLevel.count > 50)
    for expected in topLevel {
      for name in caseVariants(table.declarations[expected].name) {
        #expect(index(name) == expected, "\(name)")
      }
    }
  }

  @Test("finds every subcommand in its container alone, whatever the case")
  func findsSubcommands() {
    var count = 0
    for expected in table.declarations.indices {
      guard let container = table.containers[expected] else { continue }
      count += 1
      let name = table.declarations[expected].name
      for variant in caseVariants(name) {
        #expect(subcommandIndex(Array(variant.utf8), of: container) == expected, "\(variant)")
      }
      #expect(table.fullNames[expected] == table.fullNames[container] + "|" + name)
      #expect(index(table.fullNames[expected]) == nil)
      for other in topLevel where other != container {
        let found = subcommandIndex(Array(name.utf8), of: other)
        #expect(found == nil || table.containers[found ?? 0] == other)
      }
    }
    #expect(count > 20)
  }

  @Test("finds nothing under names that are nearly right")
  func nearMisses() {
    let names = Set(topLevel.map { table.declarations[$0].name })
    for name in names {
      for other in Self.nearMisses(of: Array(name.utf8)) {
        let lowercased = other.map { lowercasedASCII($0) }
        let expected = names.contains(String(decoding: lowercased, as: UTF8.self))
        if (index(other) != nil) != expected { Issue.record("\(shown(other)) is taken for \(name)") }
      }
    }
    for subcommand in table.declarations.indices {
      guard let container = table.containers[subcommand] else { continue }
      let siblings = Set(table.declarations[container].subcommands.map { $0.declaration.name })
      for other in Self.nearMisses(of: Array(table.declarations[subcommand].name.utf8)) {
        let lowercased = other.map { lowercasedASCII($0) }
        let expected = siblings.contains(String(decoding: lowercased, as: UTF8.self))
        if (subcommandIndex(other, of: container) != nil) != expected {
          Issue.record("\(shown(other)) is taken for \(table.fullNames[subcommand])")
        }
      }
    }
    for nothing in [
      "", " ", "get ", " get", "g", "\0", String(repeating: "g", count: 24),
      String(repeating: "a", count: 100),
    ] {
      #expect(index(nothing) == nil)
    }
  }

  /// `name` with a byte changed in each of its bits, removed, doubled, or added.
  private static func nearMisses(of name: [UInt8]) -> [[UInt8]] {
    var misses: [[UInt8]] = [name + [0], name + [0x20], [0x20] + name, name + name]
    for place in name.indices {
      for bit in 0..<8 {
        var other = name
        other[place] ^= 1 << UInt8(bit)
        misses.append(other)
      }
      var shorter = name
      shorter.remove(at: place)
      misses.append(shorter)
      var longer = name
      longer.insert(name[place], at: place)
      misses.append(longer)
    }
    return misses
  }

  // MARK: Declarations

  @Test("declares every command so that the engine can route it")
  func declarations() {
    for index in table.declarations.indices {
      let declaration = table.declarations[index]
      let entry = table.lookup.entries[index]
      let name = table.fullNames[index]
      #expect(entry.index == index)
      #expect(declaration.name == declaration.name.lowercased() && !declaration.name.isEmpty, "\(name)")
      #expect(declaration.arity != 0, "\(name)")
      #expect(declaration.name.utf8.count <= CommandName.byteMaximum, "\(name)")
      #expect(!declaration.summary.isEmpty && !declaration.since.isEmpty, "\(name)")
      let hasCode =
        entry.keyCommand != nil || entry.clientCommand != nil || entry.coordinatedCommand != nil
      #expect(hasCode || entry.isContainer, "\(name) does nothing")
      #expect(entry.isContainer == !declaration.subcommands.isEmpty || hasCode, "\(name)")
      #expect(!(declaration.flags.contains(.write) && declaration.flags.contains(.readOnly)), "\(name)")
    }
  }

  @Test("has for every command that may concern several shards a way to do so")
  func severalShards() {
    for index in table.declarations.indices {
      let entry = table.lookup.entries[index]
      guard entry.keyCommand != nil, entry.coordinatedCommand == nil else { continue }
      let name = table.fullNames[index]
      if entry.hasKeys, !entry.hasSingleKey {
        // Split by keys: they must stand at regular places, and something must merge the replies.
        #expect(entry.firstKey > 0 && entry.keyStep > 0 && entry.lastKey < 0, "\(name)")
        #expect(entry.requestPolicy == .multiShard, "\(name)")
        #expect(entry.responsePolicy != .special, "\(name)")
      }
      if !entry.hasKeys, entry.requestPolicy != .byKeys {
        #expect(entry.requestPolicy == .allShards, "\(name)")
        #expect(entry.responsePolicy != .special && entry.responsePolicy != .byKeys, "\(name)")
      }
    }
  }

  @Test("finds single keys where their declaration says")
  func singleKeys() throws {
    let get = table.lookup.entries[try #require(index("get"))]
    #expect(get.hasSingleKey && get.firstKey == 1 && get.lastKey == 1)
    let mset = table.lookup.entries[try #require(index("mset"))]
    #expect(!mset.hasSingleKey && mset.firstKey == 1 && mset.lastKey == -1 && mset.keyStep == 2)
    let ping = table.lookup.entries[try #require(index("ping"))]
    #expect(!ping.hasSingleKey && !ping.hasKeys)
  }
}

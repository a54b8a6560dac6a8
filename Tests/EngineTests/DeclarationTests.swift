import Engine
import Testing

@testable import Commands

@Suite("What commands declare, as COMMAND INFO shows it")
struct DeclarationTests {
  private let table = CommandTable.all()

  @Test(
    "gives the first key, the last key and the step that older clients read",
    arguments: [
      ("get", 1, 1, 1), ("mget", 1, -1, 1), ("mset", 1, -1, 2), ("msetnx", 1, -1, 2), ("rename", 1, 2, 1),
      ("copy", 1, 2, 1), ("lcs", 1, 2, 1), ("memory", 0, 0, 0), ("memory|usage", 2, 2, 1),
      ("object|encoding", 2, 2, 1), ("ping", 0, 0, 0), ("swapdb", 0, 0, 0),
    ])
  func keyRanges(name: String, first: Int, last: Int, step: Int) throws {
    let index = try #require(table.fullNames.firstIndex(of: name))
    let range = KeyRange(table.declarations[index].keys)
    #expect([range.first, range.last, range.step] == [first, last, step])
  }

  @Test("puts adjoining keys into one range, and leaves out what does not adjoin or moves about")
  func keyRangesOfSeveral() {
    func range(_ specifications: KeySpecification...) -> [Int] {
      let range = KeyRange(specifications)
      return [range.first, range.last, range.step]
    }
    let counted = KeySpecification(
      begin: .index(2), find: .keyCount(countAt: 0, first: 1, step: 1), flags: [.readOnly])
    let behindWord = KeySpecification(
      begin: .keyword("STREAMS", start: 1), find: .range(last: -1, step: 1, limit: 2), flags: [.readOnly])
    #expect(range() == [0, 0, 0])
    #expect(range(.key([.readOnly]), .key(at: 2, [.overwrite])) == [1, 2, 1])
    #expect(range(.key([.overwrite]), .keys(from: 2, [.readOnly])) == [1, -1, 1])
    #expect(range(.key([.readOnly]), .key(at: 3, [.overwrite])) == [1, 1, 1])
    #expect(range(.key([.overwrite]), counted) == [1, 1, 1])
    #expect(range(behindWord) == [0, 0, 0])
  }

  @Test("is complete for every command")
  func complete() {
    for (index, declaration) in table.declarations.enumerated() {
      let name = table.fullNames[index]
      #expect(declaration.name == declaration.name.lowercased(), "\(name)")
      #expect(declaration.summary.hasSuffix("."), "\(name)")
      #expect(declaration.since.split(separator: ".").count == 3, "\(name)")
      let words = table.containers[index] == nil ? 1 : 2
      #expect(abs(declaration.arity) >= words, "\(name): the container's name counts")
      #expect(!(declaration.flags.contains(.write) && declaration.flags.contains(.readOnly)), "\(name)")
      for argument in declaration.arguments {
        if let key = argument.keySpecification { #expect(declaration.keys.indices.contains(key), "\(name)") }
      }
    }
  }

  @Test("finds commands by their full names, without case, and nothing by half a name")
  func lookup() {
    let names = ["memory|usage", "MEMORY|Usage", "get", "GET", "command|info"]
    for name in names { #expect(index(name) == table.fullNames.firstIndex(of: name.lowercased()), "\(name)") }
    for name in ["", "|", "memory|", "|usage", "get|x", "memory|usage|x", "memory usage", "usage"] {
      #expect(index(name) == nil, "\(name)")
    }
  }

  private func index(_ name: String) -> Int? {
    var name = name + "\n"
    return name.withUTF8 { bytes in
      bytes.baseAddress.flatMap { table.index(ofFullName: .init(start: $0, count: bytes.count - 1)) }
    }
  }
}

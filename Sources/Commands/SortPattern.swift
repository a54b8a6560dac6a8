import Bytes
import Engine
import Keyspace

/// A pattern of SORT's BY and GET: what an element stands for.
enum SortPattern: Sendable {
  /// `#`: the element itself.
  case element
  /// Without a `*` there is nothing to look up.
  case nothing
  /// The string at the key that has the element in the place of `*`, or a field of the hash there.
  case key(prefix: ByteView, suffix: ByteView, field: ByteView?)

  init(_ pattern: ByteView) {
    if pattern == ByteView("#") {
      self = .element
      return
    }
    guard let star = pattern.buffer.firstIndex(of: UInt8(ascii: "*")) else {
      self = .nothing
      return
    }
    let rest = pattern[(star + 1)..<pattern.count]
    // The first arrow behind the star counts, and only if something follows it.
    let arrow = (0..<max(rest.count - 2, 0)).first { rest[$0..<($0 + 2)] == ByteView("->") }
    self = .key(
      prefix: pattern[0..<star], suffix: arrow.map { rest[0..<$0] } ?? rest,
      field: arrow.map { rest[($0 + 2)..<rest.count] })
  }

  /// Whether its values have to be looked up.
  var needsLookup: Bool {
    if case .key = self { true } else { false }
  }
}

/// Values to look up: the names of keys that elements stand for.
///
/// All names of one lookup may be any shard's, so a lookup is small enough to travel and be answered soon, and is
/// repeated for the elements that follow.
struct SortLookup: Sendable {
  /// Names of a lookup.
  static let nameMaximum = 2_048

  private(set) var names = TextArray()
  /// The field to look up in each; nil for the string itself.
  private(set) var fields: [ByteView?] = []

  var isEmpty: Bool { fields.isEmpty }

  /// Adds what an element stands for, if it has to be looked up.
  mutating func add(_ pattern: SortPattern, of element: ByteView) {
    guard case .key(let prefix, let suffix, let field) = pattern else { return }
    names.append(prefix, element, suffix)
    fields.append(field)
  }

  private mutating func add(_ name: ByteView, field: ByteView?) {
    names.append(name)
    fields.append(field)
  }

  /// Looks all up on the one shard that has them. What is not there, or of another type, is missing.
  func run(on shard: UnsafeMutablePointer<Shard>, in database: Int) -> TextArray {
    var values = TextArray()
    values.reserveCapacity(fields.count)
    let hasher = shard.pointee.keyspace.hasher
    names.withTexts { names in
      for index in 0..<names.count {
        guard let name = names[index],
          let entry = shard.pointee.keyspace.lookup(Key(name, hasher: hasher), in: database, for: .read)
        else {
          values.appendMissing()
          continue
        }
        if let field = fields[index] {
          append(field, of: entry, on: shard, to: &values)
        } else {
          entry.withText { text in
            if let text { values.append(text) } else { values.appendMissing() }
          }
        }
      }
    }
    return values
  }

  private func append(
    _ field: ByteView, of entry: Entry, on shard: UnsafeMutablePointer<Shard>, to values: inout TextArray
  ) {
    guard entry.kind == .hash, let item = shard.pointee.keyspace.fieldValue(Element(field), of: entry) else {
      return values.appendMissing()
    }
    values.append(item)
  }

  /// Looks all up on the shards that have them: each is asked once.
  func run(_ operation: Operation) async -> TextArray {
    var lookups: [Int: SortLookup] = [:]
    var shards: [Int] = []
    names.withTexts { names in
      for index in 0..<names.count {
        guard let name = names[index] else { continue }
        let shard = operation.shard(of: name)
        lookups[shard, default: SortLookup()].add(name, field: fields[index])
        shards.append(shard)
      }
    }
    let asked = lookups.keys.sorted()
    let database = operation.database
    let answers = await operation.onShards(asked) { [lookups] shard in
      lookups[shard.pointee.index]?.run(on: shard, in: database) ?? TextArray()
    }
    return Self.interleave(answers, of: asked, in: shards)
  }

  /// The answers of several shards, in the order of the names that went to them.
  private static func interleave(_ answers: [TextArray], of asked: [Int], in shards: [Int]) -> TextArray {
    if answers.count == 1 { return answers[0] }
    var all = TextArray()
    var starts: [Int: Int] = [:]
    for (shard, answer) in zip(asked, answers) {
      starts[shard] = all.count
      all.append(contentsOf: answer)
    }
    var values = TextArray()
    values.reserveCapacity(shards.count)
    all.withTexts { texts in
      for shard in shards {
        let next = starts[shard, default: 0]
        starts[shard] = next + 1
        if let text = texts[next] { values.append(text) } else { values.appendMissing() }
      }
    }
    return values
  }
}

import Bytes
import Keyspace

/// Writing values, without the byte of their type.
extension SerialWriter {
  public mutating func write(_ value: SerialValue) {
    guard let collection = value.transfer.collection else {
      return write(string: value.transfer.string ?? [])
    }
    let items = collection.items
    switch value.type {
    case .listNodes: writeList(items, nodeSize: value.limits.listPackedSize)
    case .setIntegers: writeIntegers(items)
    case .set, .hash: writeElements(items, of: value.type == .set ? 1 : 2)
    case .hashListpack: writeListpack(items)
    case .hashWithTimes: writeFieldsWithTimes(items)
    case .hashListpackWithTimes: writePackedFieldsWithTimes(items)
    case .sortedSetListpack: writePackedScores(items)
    case .sortedSet: writeScores(items)
    case .streamListpacks2: writeStream(items, value.limits)
    default: preconditionFailure("values are not written in this form")
    }
  }

  private mutating func write(string bytes: [UInt8]) {
    bytes.withView { write(string: $0) }
  }

  /// How many elements of `itemCount` items there are, and then all items.
  private mutating func writeElements(_ items: ItemArray, of itemCount: Int) {
    write(count: items.count / itemCount)
    items.withReader { reader in while let item = reader.read() { write(item) } }
  }

  private mutating func writeListpack(_ items: ItemArray) {
    var builder = ListpackBuilder()
    builder.append(items)
    write(blob: builder.finish())
  }

  private mutating func writeIntegers(_ items: ItemArray) {
    var integers: [Int64] = []
    integers.reserveCapacity(items.count)
    items.withReader { reader in while let item = reader.read() { integers.append(item.integer) } }
    integers.sort()
    write(blob: integerRun(of: integers))
  }

  // MARK: Lists

  /// A list is a row of listpacks; how large they get is the reader's configuration as well as ours.
  private mutating func writeList(_ items: ItemArray, nodeSize: Int) {
    var limit = ListNodeLimit(listPackedSize: nodeSize)
    var nodeCount = 0
    items.forEachEncoded { if limit.beginsNode($0.count) { nodeCount += 1 } }
    write(count: nodeCount)
    limit = ListNodeLimit(listPackedSize: nodeSize)
    var node = ListpackBuilder()
    items.forEachEncoded { element in
      if limit.beginsNode(element.count), !node.isEmpty { writeNode(node.finish()) }
      if element.count < ListNodeLimit.plainBytesMinimum {
        node.append(encoded: element)
      } else {
        write(length: ListNode.plain.rawValue)
        write(Item(at: element.baseAddress.unsafelyUnwrapped))
      }
    }
    if !node.isEmpty { writeNode(node.finish()) }
  }

  private mutating func writeNode(_ listpack: [UInt8]) {
    write(length: ListNode.packed.rawValue)
    write(blob: listpack)
  }

  // MARK: Sorted sets

  /// Scores in listpacks are decimal text, or the integer that this spells.
  private mutating func writePackedScores(_ items: ItemArray) {
    var spelled = ItemArray()
    spelled.reserveCapacity(items.bytes.count)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: doubleBytesMax) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      items.withReader { reader in
        while let member = reader.read(), let score = reader.read() {
          spelled.append(member)
          if let integer = Int64(exactly: score.score) {
            spelled.append(integer)
          } else {
            spelled.append(ByteView(start: start, count: writeDouble(score.score, to: start)))
          }
        }
      }
    }
    writeListpack(spelled)
  }

  private mutating func writeScores(_ items: ItemArray) {
    write(count: items.count / 2)
    items.withReader { reader in
      while let member = reader.read(), let score = reader.read() {
        write(member)
        write(integer: score.score.bitPattern)
      }
    }
  }

  // MARK: Hashes with times

  /// One field of a hash with times: where its items lie, and its time.
  private struct Field {
    var name: Item
    var value: Item
    var time: Int64
  }

  private mutating func writeFieldsWithTimes(_ items: ItemArray) {
    let earliest = items.earliestTime
    write(integer: earliest)
    write(count: items.count / 3)
    items.withReader { reader in
      while let field = reader.read(), let value = reader.read(), let time = reader.read() {
        write(length: time.integer == 0 ? 0 : UInt64(time.integer - earliest + 1))
        write(field)
        write(value)
      }
    }
  }

  /// In the listpack the fields that expire first come first, and those that don't come last.
  private mutating func writePackedFieldsWithTimes(_ items: ItemArray) {
    write(integer: items.earliestTime)
    var builder = ListpackBuilder()
    items.withReader { reader in
      var fields: [Field] = []
      while let name = reader.read(), let value = reader.read(), let time = reader.read() {
        fields.append(Field(name: name, value: value, time: time.integer))
      }
      fields.sort { ($0.time == 0 ? .max : $0.time) < ($1.time == 0 ? .max : $1.time) }
      var ordered = ItemArray()
      ordered.reserveCapacity(items.bytes.count)
      for field in fields {
        ordered.append(field.name)
        ordered.append(field.value)
        ordered.append(field.time)
      }
      builder.append(ordered)
    }
    write(blob: builder.finish())
  }
}

extension ItemArray {
  fileprivate mutating func append(_ item: Item) { append(SerialElement(item)) }

  /// The earliest time of a hash's fields, every third item; 0 if there is none.
  fileprivate var earliestTime: Int64 {
    withReader { reader in
      var earliest = Int64.max
      while reader.read() != nil, reader.read() != nil, let time = reader.read() {
        if time.integer != 0 { earliest = min(earliest, time.integer) }
      }
      return earliest == .max ? 0 : earliest
    }
  }
}

/// Where one listpack of a list ends and the next begins, by the directive `list-max-listpack-size`.
struct ListNodeLimit {
  /// From this size on an element has no place in a listpack.
  static let plainBytesMinimum = Listpack.bytesMaximum

  private let bytesMaximum: Int
  private let countMaximum: Int
  private var bytes = 0
  private var count = 0

  /// Also where elements are counted, a listpack has a size that is good to change.
  private static let countedBytesMaximum = 8_192

  init(listPackedSize size: Int) {
    if size < 0 {
      bytesMaximum = 4_096 << min(-size - 1, 4)
      countMaximum = .max
    } else {
      bytesMaximum = Self.countedBytesMaximum
      countMaximum = max(size, 1)
    }
  }

  /// Whether the next element, of so many bytes as an item, begins a listpack.
  mutating func beginsNode(_ itemBytes: Int) -> Bool {
    let added = itemBytes + Listpack.lengthBytes(itemBytes)
    let empty = Listpack.headerBytes + 1
    let begins =
      count == 0 || count == countMaximum || bytes + added > bytesMaximum
      || itemBytes >= Self.plainBytesMinimum
    if begins {
      bytes = empty
      count = 0
    }
    bytes += added
    count += 1
    return begins
  }
}

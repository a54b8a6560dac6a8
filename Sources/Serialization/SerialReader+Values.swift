import Bytes
import Keyspace

/// Reading values: strings, lists and sets here, the other types in files of their own.
extension SerialReader {
  /// The byte that says how a value is written.
  public mutating func readType() throws(SerializationError) -> SerialType {
    let byte = try readByte()
    guard let type = SerialType(rawValue: byte) else { throw .unknownType(byte) }
    return type
  }

  /// The value that follows, in whatever form; checked through and through, so that it can be placed as it is.
  public mutating func readValue(of type: SerialType) throws(SerializationError) -> ValueTransfer {
    switch type {
    case .string: try readStringValue()
    case .list, .listZiplist, .listNodesOfZiplists, .listNodes: ValueTransfer(try readList(type))
    case .set, .setIntegers, .setListpack: ValueTransfer(try readSet(type))
    case .hash, .hashZipmap, .hashZiplist, .hashListpack: ValueTransfer(try readHash(type))
    case .hashWithAbsoluteTimes, .hashListpackWithTimesOnly, .hashWithTimes, .hashListpackWithTimes:
      ValueTransfer(try readHashWithTimes(type))
    case .sortedSetWithTexts, .sortedSet, .sortedSetZiplist, .sortedSetListpack:
      ValueTransfer(try readSortedSet(type))
    case .streamListpacks, .streamListpacks2, .streamListpacks3: ValueTransfer(try readStream(type))
    }
  }

  private mutating func readStringValue() throws(SerializationError) -> ValueTransfer {
    switch try readString() {
    case .text(let text): return ValueTransfer(string: text)
    case .integer(let integer):
      return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: decimalBytesMax) { digits in
        let start = digits.baseAddress.unsafelyUnwrapped
        return ValueTransfer(string: ByteView(start: start, count: writeDecimal(integer, to: start)))
      }
    }
  }

  // MARK: Lists

  private mutating func readList(_ type: SerialType) throws(SerializationError) -> FlatValue {
    var value = FlatValue(kind: .list)
    switch type {
    case .list:
      for _ in 0..<(try readElementCount()) { value.items.append(try readString()) }
    case .listZiplist: try value.items.appendAll(ZiplistReader(try readBlob()))
    case .listNodesOfZiplists:
      for _ in 0..<(try readElementCount()) { try value.items.appendAll(ZiplistReader(try readBlob())) }
    default:
      for _ in 0..<(try readElementCount()) { try readNode(into: &value.items) }
    }
    // Single nodes may be empty.
    if value.items.count == 0 { throw .emptyCollection }
    return value
  }

  private mutating func readNode(into items: inout ItemArray) throws(SerializationError) {
    switch ListNode(rawValue: try readLength()) {
    case .plain: items.append(try readString())
    case .packed: try items.appendAll(ListpackReader(try readBlob()))
    case nil: throw .invalidNode
    }
  }

  // MARK: Sets

  private mutating func readSet(_ type: SerialType) throws(SerializationError) -> FlatValue {
    var value = FlatValue(kind: .set)
    switch type {
    case .set:
      for _ in 0..<(try readElementCount()) { value.items.append(try readString()) }
    case .setIntegers:
      // In ascending order, and therefore without duplicates.
      try value.items.appendAll(IntegerRunReader(try readBlob()))
    default: try value.items.appendAll(ListpackReader(try readBlob()))
    }
    if value.items.count == 0 { throw .emptyCollection }
    if type != .setIntegers, value.items.hasDuplicates() { throw .duplicate }
    return value
  }
}

/// What a node of a list holds.
enum ListNode: UInt64 {
  /// A single element, as it is.
  case plain = 1
  case packed = 2
}

extension ItemArray {
  mutating func appendAll(_ run: some PackedReader) throws(SerializationError) {
    var run = run
    while let element = try run.next() { append(element) }
  }
}

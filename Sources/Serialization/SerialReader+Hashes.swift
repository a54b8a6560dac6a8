import Bytes
import Keyspace

extension SerialReader {
  mutating func readHash(_ type: SerialType) throws(SerializationError) -> FlatValue {
    var value = FlatValue(kind: .hash)
    switch type {
    case .hash:
      for _ in 0..<(try readElementCount()) {
        value.items.append(try readString())
        value.items.append(try readString())
      }
    case .hashZipmap: try value.items.appendPairs(ZipmapReader(try readBlob()))
    case .hashZiplist: try value.items.appendPairs(ZiplistReader(try readBlob()))
    default: try value.items.appendPairs(ListpackReader(try readBlob()))
    }
    if value.items.count == 0 { throw .emptyCollection }
    if value.items.hasDuplicates(stride: 2) { throw .duplicate }
    return value
  }

  /// A hash whose fields may have expiry times: field, value and time by turns.
  mutating func readHashWithTimes(_ type: SerialType) throws(SerializationError) -> FlatValue {
    var items = ItemArray()
    switch type {
    case .hashWithTimes:
      let earliest = try readInteger(Int64.self)
      try readFields(earliest: earliest, into: &items)
    case .hashWithAbsoluteTimes: try readFields(earliest: 1, into: &items)
    case .hashListpackWithTimes:
      // The earliest time stands before the listpack, for those who don't want to read it.
      _ = try readInteger(Int64.self)
      try items.appendTriples(ListpackReader(try readBlob()))
    default: try items.appendTriples(ListpackReader(try readBlob()))
    }
    if items.count == 0 { throw .emptyCollection }
    if items.hasDuplicates(stride: 3) { throw .duplicate }
    return FlatValue(fieldsWithTimes: items, now: now)
  }

  /// Times count from one before the `earliest`, so that zero is left for fields that have none.
  private mutating func readFields(
    earliest: Int64, into items: inout ItemArray
  ) throws(SerializationError) {
    for _ in 0..<(try readElementCount()) {
      let distance = try readLength()
      var time: Int64 = 0
      if distance != 0 {
        guard let distance = Int64(exactly: distance), FieldTime.range.contains(earliest) else {
          throw .invalidTime
        }
        let (sum, overflow) = distance.addingReportingOverflow(earliest - 1)
        guard !overflow, FieldTime.range.contains(sum) else { throw .invalidTime }
        time = sum
      }
      items.append(try readString())
      items.append(try readString())
      items.append(time)
    }
  }
}

extension FlatValue {
  /// The hash that field, value and time by turns spell, without the fields that have expired. If no field has a time,
  /// the hash has none.
  fileprivate init(fieldsWithTimes items: ItemArray, now: Int64) {
    self.init(kind: .hash)
    let isKept = { (time: Int64) in time == 0 || time > now }
    items.withReader { reader in
      while reader.read() != nil, reader.read() != nil, let time = reader.read()?.integer {
        if time != 0, isKept(time) { hasTimes = true }
      }
    }
    items.withReader { reader in
      while let field = reader.read(), let value = reader.read(), let time = reader.read()?.integer {
        guard isKept(time) else { continue }
        self.items.append(SerialElement(field))
        self.items.append(SerialElement(value))
        if hasTimes { self.items.append(time) }
      }
    }
  }
}

/// The expiry times that fields of hashes can have: milliseconds since 1970 in 48 bits.
enum FieldTime {
  static let range: ClosedRange<Int64> = 1...(1 << 48 - 1)
}

extension ItemArray {
  /// Field and value by turns.
  fileprivate mutating func appendPairs(_ run: some PackedReader) throws(SerializationError) {
    var run = run
    while let field = try run.next() {
      append(field)
      append(try run.nextOfPair())
    }
  }

  /// Field, value and expiry time by turns.
  fileprivate mutating func appendTriples(_ run: some PackedReader) throws(SerializationError) {
    var run = run
    while let field = try run.next() {
      append(field)
      append(try run.nextOfPair())
      guard case .integer(let time) = try run.nextOfPair(), time == 0 || FieldTime.range.contains(time) else {
        throw .invalidTime
      }
      append(time)
    }
  }
}

import Bytes
import Keyspace

extension SerialReader {
  /// Marks of texts that are no digits, in the place of their length.
  private enum ScoreText {
    static let notANumber: UInt8 = 253
    static let infinity: UInt8 = 254
    static let minusInfinity: UInt8 = 255
  }

  mutating func readSortedSet(_ type: SerialType) throws(SerializationError) -> FlatValue {
    var members = ScoredMembers()
    switch type {
    case .sortedSet:
      for _ in 0..<(try readElementCount()) {
        members.append(try readString())
        try members.score(Double(bitPattern: try readInteger(UInt64.self)))
      }
    case .sortedSetWithTexts:
      for _ in 0..<(try readElementCount()) {
        members.append(try readString())
        try members.score(try readScoreText())
      }
    case .sortedSetZiplist: try members.appendAll(ZiplistReader(try readBlob()))
    default: try members.appendAll(ListpackReader(try readBlob()))
    }
    return try members.value()
  }

  private mutating func readScoreText() throws(SerializationError) -> Double {
    let count = try readByte()
    switch count {
    case ScoreText.notANumber: throw .invalidScore
    case ScoreText.infinity: return .infinity
    case ScoreText.minusInfinity: return -.infinity
    default:
      guard let score = parseDouble(try readBytes(Int(count))) else { throw .invalidScore }
      return score
    }
  }
}

/// Members and scores in the order in which they were read, which is not to be relied on.
private struct ScoredMembers {
  private struct Place {
    var score: Double
    var offset: Int
  }

  private var members = ItemArray()
  private var places: [Place] = []
  private var nextOffset = 0

  mutating func append(_ member: SerialElement) {
    nextOffset = members.bytes.count
    members.append(member)
  }

  /// Gives the member that was appended last its score.
  mutating func score(_ score: Double) throws(SerializationError) {
    if score.isNaN { throw .invalidScore }
    places.append(Place(score: score, offset: nextOffset))
  }

  mutating func appendAll(_ run: some PackedReader) throws(SerializationError) {
    var run = run
    while let member = try run.next() {
      append(member)
      switch try run.nextOfPair() {
      case .integer(let integer): try score(Double(integer))
      case .text(let text):
        guard let number = parseDouble(text) else { throw .invalidScore }
        try score(number)
      }
    }
  }

  /// The sorted set, in ascending order.
  mutating func value() throws(SerializationError) -> FlatValue {
    if places.isEmpty { throw .emptyCollection }
    if members.hasDuplicates() { throw .duplicate }
    sort()
    var value = FlatValue(kind: .sortedSet)
    value.items.reserveCapacity(members.bytes.count + places.count * 9)
    members.bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for place in places { value.appendScored(Item(at: start + place.offset), place.score) }
    }
    return value
  }

  /// Redis writes large sorted sets from the greatest member to the least, and small ones the other way round: mostly there
  /// is nothing to sort.
  private mutating func sort() {
    let bytes = members.bytes
    bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      let precedes = { (left: Place, right: Place) in
        if left.score != right.score { return left.score < right.score }
        return Item(at: start + left.offset).precedes(Item(at: start + right.offset))
      }
      if places.count > 1, !precedes(places[0], places[1]) { places.reverse() }
      let isSorted = !zip(places, places.dropFirst()).contains { !precedes($0, $1) }
      if !isSorted { places.sort(by: precedes) }
    }
  }
}

extension Item {
  /// Whether the text of this item comes before that of the other, byte by byte.
  fileprivate func precedes(_ other: Item) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * decimalBytesMax) { digits in
      let start = digits.baseAddress.unsafelyUnwrapped
      let left = view(scratch: start)
      let right = other.view(scratch: start + decimalBytesMax)
      return left.buffer.lexicographicallyPrecedes(right.buffer)
    }
  }
}

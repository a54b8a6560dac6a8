import Bytes
import Keyspace

/// Texts one after the other in one piece of memory: what SORT sorts, the names it looks up and what it finds.
struct TextArray: Sendable {
  private var bytes: [UInt8] = []
  /// Where each text begins, and how many bytes it has; -1 for one that is missing.
  private var places: [(start: Int, count: Int)] = []

  var count: Int { places.count }

  mutating func reserveCapacity(_ count: Int) { places.reserveCapacity(count) }

  mutating func append(_ text: ByteView) {
    places.append((bytes.count, text.count))
    bytes.append(contentsOf: text.buffer)
  }

  /// Appends the parts of a text as one.
  mutating func append(_ first: ByteView, _ second: ByteView, _ third: ByteView) {
    places.append((bytes.count, first.count + second.count + third.count))
    bytes.append(contentsOf: first.buffer)
    bytes.append(contentsOf: second.buffer)
    bytes.append(contentsOf: third.buffer)
  }

  mutating func append(_ item: Item) {
    if let text = item.text { return append(text) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Keyspace.integerTextBytes) { scratch in
      append(item.view(scratch: scratch.baseAddress.unsafelyUnwrapped))
    }
  }

  mutating func appendMissing() { places.append((0, -1)) }

  mutating func append(contentsOf other: TextArray) {
    let offset = bytes.count
    bytes.append(contentsOf: other.bytes)
    for place in other.places { places.append((place.start + offset, place.count)) }
  }

  /// Calls `body` with the texts.
  func withTexts<Result, Failure: Error>(_ body: (Texts) throws(Failure) -> Result) throws(Failure) -> Result
  {
    try bytes.withUnsafeBufferPointer { bytes throws(Failure) in
      try places.withUnsafeBufferPointer { places throws(Failure) in
        try body(Texts(bytes: bytes.baseAddress, places: places))
      }
    }
  }

  /// The texts, valid during a call of `withTexts`.
  struct Texts {
    fileprivate let bytes: UnsafePointer<UInt8>?
    fileprivate let places: UnsafeBufferPointer<(start: Int, count: Int)>

    var count: Int { places.count }

    /// The text at `index`; nil if it is missing.
    @inline(__always)
    subscript(index: Int) -> ByteView? {
      let place = places[index]
      if place.count < 0 { return nil }
      guard let bytes else { return ByteView("") }
      return ByteView(start: bytes + place.start, count: place.count)
    }
  }
}

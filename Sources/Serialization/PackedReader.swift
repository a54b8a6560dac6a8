import Bytes
import Keyspace

/// Elements that lie packed in one string of the file.
protocol PackedReader {
  /// The next element, nil after the last. A view is valid as long as the run's bytes are.
  mutating func next() throws(SerializationError) -> SerialElement?
}

extension PackedReader {
  /// The next element, which must be there because the one before it is.
  mutating func nextOfPair() throws(SerializationError) -> SerialElement {
    guard let element = try next() else { throw .invalidPackedRun }
    return element
  }
}

extension ItemArray {
  @inline(__always)
  mutating func append(_ element: SerialElement) {
    switch element {
    case .text(let text): append(text)
    case .integer(let integer): append(integer)
    }
  }

  /// Appends an item as it is encoded elsewhere.
  mutating func append(encoded: UnsafeBufferPointer<UInt8>) { append(encoded: encoded, count: 1) }

  /// Calls `body` with the encoding of each item.
  func forEachEncoded(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      var offset = 0
      while offset < buffer.count {
        let byteCount = Item.byteCount(at: start + offset)
        body(UnsafeBufferPointer(start: start + offset, count: byteCount))
        offset += byteCount
      }
    }
  }
}

import Bytes
import Keyspace

extension ItemArray {
  /// Whether two of the items are the same; of every `stride` items only the first is looked at.
  func hasDuplicates(stride: Int = 1) -> Bool {
    // An item has one encoding only, and none is the beginning of another: bytes are compared, not texts.
    bytes.count < Int(UInt32.max)
      ? hasDuplicates(stride, placeAs: UInt32.self) : hasDuplicates(stride, placeAs: UInt.self)
  }

  /// Searches with a table of places, one up, at most half full: some eight bytes for each item.
  private func hasDuplicates<Place: FixedWidthInteger>(_ stride: Int, placeAs: Place.Type) -> Bool {
    let searchedCount = count / stride
    if searchedCount < 2 { return false }
    let capacity = 1 << (Int.bitWidth - (searchedCount * 2 - 1).leadingZeroBitCount)
    var table = [Place](repeating: 0, count: capacity)
    return bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      var offset = 0
      var number = 0
      while offset < buffer.count {
        let item = start + offset
        let byteCount = Item.byteCount(at: item)
        if number % stride == 0 {
          var slot = Int(truncatingIfNeeded: searchHasher.hash(ByteView(start: item, count: byteCount)))
          slot &= capacity - 1
          while table[slot] != 0 {
            let other = Int(table[slot]) - 1
            if equalBytes(start + other, item, min(byteCount, buffer.count - other)) { return true }
            slot = (slot + 1) & (capacity - 1)
          }
          table[slot] = Place(offset + 1)
        }
        offset += byteCount
        number += 1
      }
      return false
    }
  }
}

/// Different in every process, so that nobody can send elements that collide.
private let searchHasher = KeyHasher(
  seed: UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

import Bytes
import TestSupport
import Testing

@Suite struct HashTests {
  private func hash(_ bytes: [UInt8], _ hasher: KeyHasher = KeyHasher(seed: 1, 2)) -> UInt64 {
    withView(bytes) { hasher.hash($0) }
  }

  @Test func dependsOnBothSeeds() {
    for count in [0, 1, 3, 4, 8, 16, 17, 48, 49, 200] {
      let bytes = [UInt8](repeating: UInt8(ascii: "k"), count: count)
      let hashes = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (.max, .max)].map { seeds in
        hash(bytes, KeyHasher(seed: UInt64(seeds.0), UInt64(seeds.1)))
      }
      #expect(Set(hashes).count == hashes.count, "\(count) bytes")
      #expect(hash(bytes) == hash(bytes))
    }
  }

  @Test func dependsOnTheLength() {
    for byte: UInt8 in [0, 1, 0xff] {
      let hashes = (0...300).map { hash([UInt8](repeating: byte, count: $0)) }
      #expect(Set(hashes).count == hashes.count, "runs of byte \(byte)")
    }
    // Texts that load the same words.
    #expect(hash(Array("ab".utf8)) != hash(Array("abab".utf8)))
    #expect(hash(Array("abcd".utf8)) != hash(Array("abcdabcd".utf8)))
    #expect(hash(Array("a".utf8)) != hash(Array("aa".utf8)))
  }

  @Test func appendedNulsMatter() {
    var random = SeededRandom(seed: 3)
    for count in 0..<100 {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      var longer = bytes
      var hashes = [hash(bytes)]
      for _ in 0..<40 {
        longer.append(0)
        hashes.append(hash(longer))
      }
      expectEqual(Set(hashes).count, hashes.count, "\(count) bytes, seed 3")
    }
  }

  @Test func addressesDoNotMatter() {
    let hasher = KeyHasher(seed: 5, 6)
    for count in 0..<140 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
      let expected = hash(bytes, hasher)
      for offset in 0..<16 {
        let shifted = [UInt8](repeating: 0xaa, count: offset) + bytes + [0x55]
        withView(shifted) { view in
          expectEqual(hasher.hash(view[offset..<offset + count]), expected, "\(count) bytes at \(offset)")
        }
      }
    }
  }

  /// Every byte of a long key, and every place of a moved byte, is seen.
  @Test(arguments: [17, 31, 32, 33, 47, 48, 49, 64, 65, 80, 81, 96, 97, 113, 200])
  func everyByteMatters(count: Int) {
    var hashes: Set<UInt64> = [hash([UInt8](repeating: 0, count: count))]
    for index in 0..<count {
      for value: UInt8 in [1, 0x80, 0xff] {
        var bytes = [UInt8](repeating: 0, count: count)
        bytes[index] = value
        hashes.insert(hash(bytes))
      }
    }
    #expect(hashes.count == count * 3 + 1)
  }

  /// Blocks of 16 bytes in another order give another hash.
  @Test func orderOfBlocksMatters() {
    var hashes: Set<UInt64> = []
    for first in 0..<8 {
      for second in 0..<8 where second != first {
        var bytes = [UInt8](repeating: 0, count: 8 * 16 + 5)
        for index in 0..<16 {
          bytes[first * 16 + index] = 0x11
          bytes[second * 16 + index] = 0x22
        }
        hashes.insert(hash(bytes))
      }
    }
    #expect(hashes.count == 56)
  }

  // MARK: Avalanche

  /// Flipping any input bit flips any output bit with a probability of one half.
  @Test(arguments: [1, 2, 3, 4, 7, 8, 12, 16, 17, 33, 49, 100])
  func avalanche(count: Int) {
    let sampleCount = 10_000
    let seed = UInt64(count)
    var random = SeededRandom(seed: seed)
    // All bytes of a short key; some of a long one, for time.
    let places = stride(from: 0, to: count, by: max(1, count / 12))
    // Keys too short for enough samples are hashed under many seeds.
    let fixedHasher = KeyHasher(seed: seed, 77)
    var counters = [BitCounters](repeating: BitCounters(), count: places.underestimatedCount * 8)
    var key = [UInt8](repeating: 0, count: count)
    key.withUnsafeMutableBufferPointer { buffer in
      let view = ByteView(start: UnsafePointer(buffer.baseAddress!), count: count)
      for _ in 0..<sampleCount {
        for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: random.next()) }
        let hasher = count < 4 ? KeyHasher(seed: random.next(), random.next()) : fixedHasher
        let original = hasher.hash(view)
        var row = 0
        for place in places {
          for bit in 0..<8 {
            buffer[place] ^= 1 << UInt8(bit)
            counters[row].add(original ^ hasher.hash(view))
            buffer[place] ^= 1 << UInt8(bit)
            row += 1
          }
        }
      }
    }
    for (row, counter) in counters.enumerated() {
      for bit in 0..<64 {
        let probability = Double(counter.count(ofBit: bit)) / Double(sampleCount)
        if abs(probability - 0.5) > 0.03 {
          Issue.record("\(count) bytes, input bit \(row), output bit \(bit): \(probability), seed \(seed)")
        }
      }
    }
  }

  // MARK: Sequential keys

  /// Two million keys `key:000000000000` and so on: no two hashes are the same, and each part of the
  /// hash that the table uses is as even as chance.
  @Test func sequentialKeys() {
    let seed: UInt64 = 1
    let keyCount = 2_000_000
    let hasher = KeyHasher(seed: seed, 9)
    let hashes = UnsafeMutablePointer<UInt64>.allocate(capacity: keyCount)
    defer { hashes.deallocate() }
    var key = Array("key:000000000000".utf8)
    key.withUnsafeMutableBufferPointer { buffer in
      let view = ByteView(start: UnsafePointer(buffer.baseAddress!), count: buffer.count)
      for index in 0..<keyCount {
        hashes[index] = hasher.hash(view)
        var place = buffer.count - 1
        while buffer[place] == UInt8(ascii: "9") {
          buffer[place] = UInt8(ascii: "0")
          place -= 1
        }
        buffer[place] += 1
      }
    }
    #expect(collisionCount(hashes, keyCount) == 0, "seed \(seed)")
    for (shift, width) in [(0, 8), (8, 12), (16, 16), (32, 16), (48, 16), (56, 8)] {
      let deviation = chiSquareDeviation(hashes, keyCount, shift: shift, width: width)
      #expect(abs(deviation) < 4.5, "\(width) bits from bit \(shift), seed \(seed)")
    }
    // Bits 8 to 31 are too many cells for chi-square; count the pairs in one cell instead.
    let expectedPairs = Double(keyCount) * Double(keyCount) / 2 / Double(1 << 24)
    let pairs = Double(pairCount(hashes, keyCount, shift: 8, width: 24))
    #expect(abs(pairs - expectedPairs) < 5 * expectedPairs.squareRoot(), "\(pairs) pairs, seed \(seed)")
  }

  /// How many hashes were met before, counted with a table of open addresses.
  private func collisionCount(_ hashes: UnsafeMutablePointer<UInt64>, _ count: Int) -> Int {
    let mask = (1 << 22) - 1
    let table = UnsafeMutablePointer<UInt64>.allocate(capacity: mask + 1)
    table.initialize(repeating: 0, count: mask + 1)
    defer { table.deallocate() }
    var collisions = 0
    for index in 0..<count {
      let hash = hashes[index]
      var cell = Int(truncatingIfNeeded: hash >> 13) & mask
      while table[cell] != 0, table[cell] != hash { cell = (cell + 1) & mask }
      if table[cell] == hash { collisions += 1 }
      table[cell] = hash
    }
    return collisions
  }

  private func cellCounts(
    _ hashes: UnsafeMutablePointer<UInt64>, _ count: Int, shift: Int, width: Int
  ) -> UnsafeMutableBufferPointer<UInt32> {
    let cells = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 1 << width)
    cells.initialize(repeating: 0)
    let mask = UInt64(1 << width) - 1
    for index in 0..<count { cells[Int(truncatingIfNeeded: hashes[index] >> UInt64(shift) & mask)] += 1 }
    return cells
  }

  /// The chi-square statistic over the cells of some hash bits, in standard deviations from what chance gives.
  private func chiSquareDeviation(
    _ hashes: UnsafeMutablePointer<UInt64>, _ count: Int, shift: Int, width: Int
  ) -> Double {
    let cells = cellCounts(hashes, count, shift: shift, width: width)
    defer { cells.deallocate() }
    let expected = Double(count) / Double(1 << width)
    var statistic = 0.0
    for index in 0..<cells.count {
      let difference = Double(cells[index]) - expected
      statistic += difference * difference / expected
    }
    let freedom = Double((1 << width) - 1)
    return (statistic - freedom) / (2 * freedom).squareRoot()
  }

  /// How many pairs of hashes share their cell.
  private func pairCount(
    _ hashes: UnsafeMutablePointer<UInt64>, _ count: Int, shift: Int, width: Int
  ) -> Int {
    let cells = cellCounts(hashes, count, shift: shift, width: width)
    defer { cells.deallocate() }
    var pairs = 0
    for cell in 0..<cells.count where cells[cell] > 1 { pairs += Int(cells[cell] * (cells[cell] - 1) / 2) }
    return pairs
  }
}

/// How often each of 64 bits was set: plane n holds bit n of all 64 counts, so that adding a word
/// takes about two steps.
private struct BitCounters {
  private var planes = InlineArray<16, UInt64>(repeating: 0)

  mutating func add(_ word: UInt64) {
    var carry = word
    var plane = 0
    while carry != 0 {
      let sum = planes[plane] ^ carry
      carry &= planes[plane]
      planes[plane] = sum
      plane += 1
    }
  }

  func count(ofBit bit: Int) -> Int {
    (0..<16).reduce(0) { $0 + Int(planes[$1] >> UInt64(bit) & 1) << $1 }
  }
}

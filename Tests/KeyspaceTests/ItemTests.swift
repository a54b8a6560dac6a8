import Bytes
import TestSupport
import Testing

@testable import Keyspace

@Suite("Elements of collections")
struct ItemTests {
  private static let boundaryBits: [Int64] = [0, 1, 7, 12, 15, 16, 24, 31, 32, 63]
  private static let integerValues = boundaryBits.flatMap { bits -> [Int64] in
    let power = bits == 63 ? Int64.max : Int64(1) << bits
    return [power - 1, power, power &+ 1, -power, -power &- 1, -power &+ 1]
  }

  private static let scoreValues: [Double] = [
    0, 1, -1, 0.1, -0.1, 1e300, .infinity, -.infinity, 9_007_199_254_740_991, 9_007_199_254_740_992, 4e18,
  ]

  private func encoded(_ element: Element) -> [UInt8] {
    var array = ItemArray()
    array.append(element)
    return array.bytes
  }

  @Test("read back as they were written, with their length", arguments: [0, 1, 63, 64, 4_095, 4_096, 70_000])
  func texts(count: Int) {
    let text = [UInt8](repeating: 0xf5, count: count)
    withView(text) { view in
      let bytes = encoded(Element(view))
      bytes.withUnsafeBufferPointer { buffer in
        let start = buffer.baseAddress!
        let item = Item(at: start)
        #expect(item.array == text && item.byteCount == bytes.count && item.textCount == count)
        #expect(ItemCode.byteCount(at: start) == bytes.count && Element(view).byteCount == bytes.count)
        #expect(Element(view).isStored(at: start))
      }
    }
  }

  @Test("that spell integers are integers, in the shortest form", arguments: integerValues)
  func integer(value: Int64) {
    withView(Array(String(value).utf8)) { view in
      let bytes = encoded(Element(view))
      #expect(bytes == encoded(Element(value)) && bytes.count <= ItemCode.integerBytesMaximum)
      bytes.withUnsafeBufferPointer { buffer in
        let item = Item(at: buffer.baseAddress!)
        #expect(item.text == nil && item.integer == value && item.byteCount == bytes.count)
        #expect(ItemCode.byteCount(at: buffer.baseAddress!) == bytes.count)
        #expect(item.textCount == String(value).utf8.count && item.array == view.array)
      }
    }
    // The next shorter form has no room for the value.
    let size = encoded(Element(value)).count
    let bits = 64 - (value < 0 ? ~value : value).leadingZeroBitCount + 1
    #expect(
      size == (0...127 ~= value ? 1 : bits <= 13 ? 2 : bits <= 16 ? 3 : bits <= 24 ? 4 : bits <= 32 ? 5 : 9))
  }

  @Test("are the same exactly if their encodings are")
  func comparison() {
    let texts = ["", "0", "00", "-0", "127", "128", "+1", "a", "ab", "b", String(repeating: "a", count: 64)]
      .map { Array($0.utf8) }
    let hasher = KeyHasher(seed: 3, 4)
    for left in texts {
      for right in texts {
        withView(left) { leftView in
          withView(right) { rightView in
            encoded(Element(rightView)).withUnsafeBufferPointer { buffer in
              let item = Item(at: buffer.baseAddress!)
              #expect(Element(leftView).isStored(at: buffer.baseAddress!) == (left == right))
              if left == right { #expect(Element(leftView).hash(hasher) == item.hash(hasher)) }
            }
          }
        }
      }
    }
  }

  @Test(
    "that are scores keep every double but the sign of zero",
    arguments: Self.scoreValues)
  func scores(score: Double) {
    var array = ItemArray()
    array.append(score: score)
    array.append(score: -0.0)
    array.withReader { reader in
      #expect(reader.read()?.score.bitPattern == score.bitPattern)
      #expect(reader.read()?.score.bitPattern == 0)
      #expect(reader.read() == nil)
    }
  }
}

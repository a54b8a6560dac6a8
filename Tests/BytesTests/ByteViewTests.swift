import Bytes
import TestSupport
import Testing

@Suite struct ByteViewTests {
  @Test func slicesAndCopies() {
    withView("hello world") { view in
      #expect(view[6..<11].string == "world")
      #expect(view[0..<0].isEmpty)
      #expect(view[4] == UInt8(ascii: "o"))
      #expect(view.array == Array("hello world".utf8))
    }
    #expect(ByteView("literal").string == "literal")
  }

  @Test func comparesIgnoringCase() {
    withView("GeT") { view in
      #expect(view.equalsIgnoringCase("get"))
      #expect(!view.equalsIgnoringCase("gets"))
      #expect(!view.equalsIgnoringCase("set"))
    }
    #expect(lowercasedASCII(UInt8(ascii: "Z")) == UInt8(ascii: "z"))
    for byte in "@[`{09".utf8 { #expect(lowercasedASCII(byte) == byte) }
    #expect(lowercasedASCII(0xc0) == 0xc0)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func equalityFindsEveryDifference(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for count in 0..<80 {
      var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let original = bytes
      withView(original) { left in
        withView(bytes) { right in expectEqual(left == right, true, "\(count) bytes, seed \(seed)") }
        for index in 0..<count {
          bytes[index] ^= 1 << UInt8(random.below(8))
          withView(bytes) { right in
            expectEqual(left == right, false, "byte \(index) of \(count), seed \(seed)")
          }
          bytes[index] = original[index]
        }
      }
    }
  }

  @Test func copiesExactlyTheCount() {
    let source = (0..<200).map { UInt8($0) }
    for count in 0...200 {
      var target = [UInt8](repeating: 0xee, count: 208)
      source.withUnsafeBufferPointer { from in
        target.withUnsafeMutableBufferPointer { to in
          copyBytes(from: from.baseAddress!, to: to.baseAddress!, count)
        }
      }
      expectEqual(Array(target[..<count]), Array(source[..<count]), "\(count) bytes")
      expectEqual(target[count...].allSatisfy { $0 == 0xee }, true, "behind \(count) bytes")
    }
  }
}

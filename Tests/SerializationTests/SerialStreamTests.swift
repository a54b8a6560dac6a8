import Bytes
import Keyspace
import TestSupport
import Testing

@testable import Serialization

/// A source that brings a few bytes at a time.
private struct Trickle: SerialSource {
  var bytes: ArraySlice<UInt8>
  let pieceMaximum: Int

  mutating func read(into target: UnsafeMutableRawBufferPointer) throws(SerializationError) -> Int {
    let count = min(bytes.count, target.count, pieceMaximum)
    target.copyBytes(from: bytes.prefix(count))
    bytes.removeFirst(count)
    return count
  }
}

/// A sink that keeps all, or fails.
private final class Collector: SerialSink {
  var bytes: [UInt8] = []
  var pieceCount = 0
  var failure: SerializationError?

  func write(_ piece: UnsafeRawBufferPointer) throws(SerializationError) {
    pieceCount += 1
    if let failure { throw failure }
    bytes += piece
  }
}

@Suite struct SerialStreamTests {
  @Test(
    arguments: [
      (0, "00"), (63, "3f"), (64, "4040"), (16_383, "7fff"), (16_384, "8000004000"),
      (0xffff_ffff, "80ffffffff"),
      (0x1_0000_0000, "810000000100000000"),
    ] as [(UInt64, String)])
  func lengths(_ length: UInt64, _ hex: String) throws {
    var writer = SerialWriter()
    writer.write(length: length)
    #expect(writer.bytes == bytesOf(hex: hex))
    var reader = SerialReader(source: Trickle(bytes: writer.bytes[...], pieceMaximum: 1))
    #expect(try reader.readLength() == length)
    #expect(try reader.isAtEnd)
  }

  @Test(arguments: [
    ("", "00"), ("1", "c001"), ("-129", "c17fff"), ("32768", "c200800000"),
    ("2147483648", "0a32313437343833363438"),
    ("007", "03303037"), ("xxxxxxxxxxxxxxxxxxxx", "147878787878787878787878787878787878787878"),
  ])
  func strings(_ text: String, _ hex: String) throws {
    var writer = SerialWriter()
    withView(Array(text.utf8)) { writer.write(string: $0) }
    #expect(writer.bytes == bytesOf(hex: hex))
  }

  @Test func longStringsAreCompressedUnlessThatIsSwitchedOff() {
    let text = [UInt8](repeating: 0x78, count: 1_000)
    var compressing = SerialWriter()
    withView(text) { compressing.write(string: $0) }
    #expect(compressing.byteCount < 50)
    #expect(compressing.bytes.first == 0xc3)
    var plain = SerialWriter(compresses: false)
    withView(text) { plain.write(string: $0) }
    #expect(plain.bytes == [0x43, 0xe8] + text)
  }

  /// Strings of all kinds and sizes, written to a sink, read from a source.
  @Test func whatGoesOutComesInAgain() throws {
    var random = SeededRandom(test: "SerialStream.roundTrip")
    for pieceMaximum in [1, 7, 1_000, 1 << 20] {
      var texts: [[UInt8]] = [[], [0x31], random.bytes(70_000), Array(repeating: 7, count: 300_000)]
      for _ in 0..<100 { texts.append(random.bytes(random.below(300))) }
      for _ in 0..<100 { texts.append(Array(String(Int64(bitPattern: random.next())).utf8)) }
      let collector = Collector()
      var writer = SerialWriter(sink: collector)
      for text in texts { withView(text) { writer.write(string: $0) } }
      writer.write(integer: UInt16(0x1234))
      try writer.flush()
      #expect(writer.byteCount == collector.bytes.count)
      #expect(writer.bytes.isEmpty)
      #expect(collector.pieceCount > 1)

      var reader = SerialReader(source: Trickle(bytes: collector.bytes[...], pieceMaximum: pieceMaximum))
      for text in texts {
        switch try reader.readString() {
        case .text(let view): #expect(view.array == text)
        case .integer(let integer): #expect(Array(String(integer).utf8) == text)
        }
      }
      #expect(try reader.readInteger(UInt16.self) == 0x1234)
      #expect(reader.checksum == writer.checksum)
      #expect(try reader.isAtEnd)
    }
  }

  @Test func aSinkThatFailsIsToldOfAtTheEnd() {
    let collector = Collector()
    collector.failure = .unreadable(28)
    var writer = SerialWriter(sink: collector)
    for _ in 0..<10 { withView([UInt8](repeating: 1, count: 50_000)) { writer.write($0) } }
    #expect(throws: SerializationError.unreadable(28)) { try writer.flush() }
    #expect(collector.pieceCount == 1)
  }

  @Test(
    arguments: [
      ("", .truncated), ("05616263", .truncated), ("82", .invalidLength), ("bf00", .invalidLength),
      ("c4", .invalidString),
      ("c0", .truncated), ("c301", .truncated), ("80ffffffff", .truncated),
      ("81ffffffffffffffff", .invalidLength),
      ("810000000100000000", .tooLong), ("c30180fffffffe0061", .invalidCompression),
      ("c3c001", .invalidLength),
      ("c3018100000001000000000061", .tooLong),
    ] as [(String, SerializationError)])
  func hostileStrings(_ hex: String, _ expected: SerializationError) {
    withView(bytesOf(hex: hex)) { view in
      var reader = SerialReader(view)
      do throws(SerializationError) {
        _ = try reader.readString()
        Issue.record("\(hex) was read")
      } catch {
        #expect(error == expected)
      }
    }
    var reader = SerialReader(source: Trickle(bytes: bytesOf(hex: hex)[...], pieceMaximum: 3))
    do throws(SerializationError) {
      _ = try reader.readString()
      Issue.record("\(hex) was read")
    } catch {
      #expect(error == expected)
    }
  }
}

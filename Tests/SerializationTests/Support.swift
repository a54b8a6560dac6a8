import Bytes
import Keyspace
import TestSupport
import Testing

@testable import Serialization

func bytesOf(hex: String) -> [UInt8] {
  let digits = Array(hex.utf8)
  return stride(from: 0, to: digits.count, by: 2).map { index in
    UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)!
  }
}

extension String {
  /// One byte for each character, which must be below 256.
  var latin1: [UInt8] { unicodeScalars.map { UInt8($0.value) } }
}

/// What reading comes to.
typealias Outcome = Result<ValueTransfer, SerializationError>

func readPayload(_ bytes: [UInt8]) -> Outcome {
  withView(bytes) { view in
    do throws(SerializationError) {
      return .success(try DumpPayload.read(view))
    } catch {
      return .failure(error)
    }
  }
}

/// A payload with a footer that fits.
func payload(_ type: SerialType, _ body: [UInt8], version: UInt16 = 12) -> [UInt8] {
  payload(typeByte: type.rawValue, body, version: version)
}

func payload(typeByte: UInt8, _ body: [UInt8], version: UInt16 = 12) -> [UInt8] {
  sealed([typeByte] + body + [UInt8(version & 0xff), UInt8(version >> 8)])
}

/// Content and version, with the checksum that belongs to them.
func sealed(_ content: [UInt8]) -> [UInt8] {
  var checksum = CRC64()
  checksum.update(content)
  return content + (0..<8).map { UInt8(truncatingIfNeeded: checksum.value >> UInt64(8 * $0)) }
}

extension Result where Success == ValueTransfer, Failure == SerializationError {
  var error: SerializationError? {
    if case .failure(let error) = self { error } else { nil }
  }

  /// The texts of a value's items; of a sorted set, members and scores.
  var texts: [[UInt8]]? {
    guard case .success(let value) = self else { return nil }
    return value.collection.map(\.texts) ?? value.string.map { [$0] }
  }
}

extension FlatValue {
  var texts: [[UInt8]] {
    var texts: [[UInt8]] = []
    items.withReader { reader in
      while let item = reader.read() {
        if kind == .sortedSet, texts.count % 2 == 1 {
          texts.append(Array(spelled(item.score).utf8))
        } else {
          texts.append(item.array)
        }
      }
    }
    return texts
  }

  private func spelled(_ score: Double) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: doubleBytesMax) { digits in
      let count = writeDouble(score, to: digits.baseAddress!)
      return String(decoding: UnsafeBufferPointer(start: digits.baseAddress, count: count), as: UTF8.self)
    }
  }

  /// The name that the tables of payloads use.
  var kindName: String { hasTimes ? "hashWithTimes" : "\(kind)" }

  init(kind: ValueKind, texts: [[UInt8]], hasTimes: Bool = false) {
    self.init(kind: kind)
    self.hasTimes = hasTimes
    for (number, text) in texts.enumerated() {
      if kind == .sortedSet, number % 2 == 1 {
        items.append(score: Double(String(decoding: text, as: UTF8.self))!)
      } else {
        withView(text) { items.append($0) }
      }
    }
  }
}

import Bytes
import Testing

/// Random numbers that are the same for a seed on every machine (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Up to `countMax` bytes of `alphabet`.
  mutating func bytes(of alphabet: [UInt8], countMax: Int) -> [UInt8] {
    (0..<below(countMax + 1)).map { _ in alphabet[below(alphabet.count)] }
  }

  /// A number of any magnitude, every number of bits as likely as the others.
  mutating func anyMagnitude() -> UInt64 {
    let shift = below(65)
    return shift == 64 ? 0 : next() >> UInt64(shift)
  }
}

/// Calls `body` with a view of `bytes`. What lies behind the view is no digit and no NUL, so that reading
/// on is noticed.
func withView<Result>(_ bytes: [UInt8], _ body: (ByteView) -> Result) -> Result {
  (bytes + [0xee]).withUnsafeBufferPointer { buffer in
    body(ByteView(start: buffer.baseAddress!, count: bytes.count))
  }
}

func withView<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
  withView(Array(text.utf8), body)
}

/// The text a function writes into a buffer of `countMax` bytes; nil if it touches a byte behind it.
func written(countMax: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) -> String? {
  let guardByte: UInt8 = 0xee
  var buffer = [UInt8](repeating: guardByte, count: countMax + 8)
  let count = buffer.withUnsafeMutableBufferPointer { write($0.baseAddress!) }
  guard buffer[countMax...].allSatisfy({ $0 == guardByte }) else { return nil }
  return String(decoding: buffer[..<count], as: UTF8.self)
}

/// `#expect(actual == expected)` for loops of many thousand turns, where the macro takes long.
func expectEqual<Value: Equatable>(
  _ actual: Value, _ expected: Value, _ comment: @autoclosure () -> String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if actual != expected {
    Issue.record("\(actual) instead of \(expected): \(comment())", sourceLocation: sourceLocation)
  }
}

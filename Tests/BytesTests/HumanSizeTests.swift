import Bytes
import Glibc
import TestSupport
import Testing

@Suite struct HumanSizeTests {
  private func human(_ bytes: UInt64) -> String {
    var output = Array("=".utf8)
    appendHumanSize(bytes: bytes, to: &output)
    return String(decoding: output.dropFirst(), as: UTF8.self)
  }

  @Test(
    arguments: [
      (0, "0B"), (1, "1B"), (1_023, "1023B"), (1_024, "1.00K"), (1_536, "1.50K"), (12_636, "12.34K"),
      (1_048_575, "1024.00K"), (1_048_576, "1.00M"), (1_073_741_823, "1024.00M"), (1_610_612_736, "1.50G"),
      (1 << 40, "1.00T"), (1 << 50, "1.00P"), ((1 << 60) - 1, "1024.00P"), (1 << 60, "1152921504606846976B"),
      (.max, "18446744073709551615B"),
    ] as [(UInt64, String)])
  func examples(bytes: UInt64, expected: String) {
    #expect(human(bytes) == expected)
  }

  /// Exact halves of a hundredth go to the even neighbour, as C does: 1.125, 1.375, 1.625, 1.875.
  @Test func halvesGoToEven() {
    #expect(human(1_024 + 128) == "1.12K")
    #expect(human(1_024 + 384) == "1.38K")
    #expect(human(1_024 + 640) == "1.62K")
    #expect(human(1_024 + 896) == "1.88K")
  }

  private func modelHuman(_ bytes: UInt64) -> String {
    guard bytes >= 1_024, bytes < 1 << 60 else { return "\(bytes)B" }
    var unit = 1_024.0
    var names = Array("KMGTP")
    while Double(bytes) >= unit * 1_024, bytes >= UInt64(unit) * 1_024 {
      unit *= 1_024
      names.removeFirst()
    }
    var buffer = [CChar](repeating: 0, count: 64)
    let count = withVaList([Double(bytes) / unit]) { vsnprintf(&buffer, buffer.count, "%.2f", $0) }
    return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      + String(names[0])
  }

  @Test(arguments: [1, 2] as [UInt64])
  func randomSizesAsTheModel(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let bytes = random.anyMagnitude()
      expectEqual(human(bytes), modelHuman(bytes), "\(bytes), seed \(seed)")
    }
  }
}

import TestSupport
import Testing

@testable import Keyspace

@Suite("The handle of a key")
struct HandleTests {
  @Test("gives back every field that it was made of, whatever the others are")
  func roundTrip() throws {
    var random = SeededRandom(test: "HandleTests.roundTrip")
    let addresses: [UInt] = [
      16, 0x10, 0xffff_ffff_fff0, 0x7fff_ffff_fff0, 0x5555_5555_5550, 0xaaaa_aaaa_aaa0,
    ]
    for turn in 0..<20_000 {
      let address =
        turn < 1_000 ? addresses[turn % addresses.count] : UInt(random.next()) & 0xffff_ffff_fff0 | 16
      let block = try #require(UnsafeMutableRawPointer(bitPattern: address))
      let kind = ValueKind.allCases[random.below(ValueKind.allCases.count)]
      let hasExpiry = random.below(2) == 0
      let keyField = random.below(64)
      let units = random.below(32)
      let hasSlack = random.below(2) == 0
      var handle = Handle(
        block: block, kind: kind, hasExpiry: hasExpiry, keyField: UInt64(keyField), units: units,
        hasSlack: hasSlack)
      let age = UInt8(random.below(16))
      if turn % 2 == 0 {
        handle.age = UInt8(random.below(16))
        handle.age = age
      }
      expectEqual(handle.block, block, "\(random)")
      expectEqual(handle.kind, kind, "\(random)")
      expectEqual(handle.hasExpiry, hasExpiry, "\(random)")
      expectEqual(handle.keyField, keyField, "\(random)")
      expectEqual(handle.isLong, keyField == 63, "\(random)")
      expectEqual(handle.blockBytes, units * 16, "\(random)")
      expectEqual(handle.hasSlack, hasSlack, "\(random)")
      expectEqual(handle.age, turn % 2 == 0 ? age : 0, "\(random)")
      expectEqual(handle.isEmpty, false, "\(random)")
    }
  }

  @Test("of zeros alone is that of an empty slot")
  func empty() {
    #expect(Handle.empty.isEmpty && Handle(bits: 0).isEmpty)
    for bit in 0..<64 { #expect(!Handle(bits: 1 << UInt64(bit)).isEmpty) }
  }

  @Test("has room for every kind of value")
  func kinds() {
    #expect(ValueKind.allCases.allSatisfy { $0.rawValue < 8 })
  }
}

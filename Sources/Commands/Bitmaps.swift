import Bytes
import Engine
import Keyspace
import RESP

/// The bitmaps family, in the order of the reference.
let bitmapCommands: [any Command.Type] = [
  BitCountCommand.self, BitFieldCommand.self, BitFieldReadOnlyCommand.self, BitOpCommand.self,
  BitPosCommand.self, GetBitCommand.self, SetBitCommand.self,
]

enum SetBitCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "setbit", arity: 4, flags: [.write, .denyOutOfMemory],
    keys: [.key([.readWrite, .access, .update])],
    group: .bitmap, since: "2.2.0",
    summary: "Sets or clears a bit of the string value of a key and returns what it was.",
    complexity: "O(1), but for a string that must grow to have the bit.",
    arguments: [.init("key", .key), .init("offset", .integer), .init("value", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let offset = call.bitOffset(call.arguments[2]) else { return call.refuseBitOffset() }
    let value = call.arguments[3]
    guard value.count == 1, value[0] & 0xfe == UInt8(ascii: "0") else { return call.refuseBit() }
    let isSet = value[0] == UInt8(ascii: "1")
    let key = call.key(1)
    let existing = call.keyspace.lookup(key, in: call.database, for: .write)
    if let bytes = existing?.mutableBytes, offset >> 3 < bytes.count {
      let start = bytes.baseAddress.unsafelyUnwrapped
      let wasSet = bit(at: offset, in: start)
      if wasSet != isSet {
        setBit(at: offset, to: isSet, in: start)
        call.keyspace.dirty &+= 1
        call.changed(key, .string, "setbit")
      }
      return call.reply.pointee.integer(wasSet ? 1 : 0)
    }
    setBeyond(&call, key, existing, offset, isSet)
  }

  /// The same for a string that is too short or kept as an integer.
  @inline(never)
  private static func setBeyond(
    _ call: inout KeyCall, _ key: Key, _ existing: Entry?, _ offset: Int, _ isSet: Bool
  ) {
    let grows = offset >> 3 >= existing?.textCount ?? 0
    guard let bytes = call.bytes(of: key, existing, reachingBit: offset) else { return call.refuseType() }
    let wasSet = bit(at: offset, in: bytes)
    setBit(at: offset, to: isSet, in: bytes)
    if grows || wasSet != isSet { call.changed(key, .string, "setbit") }
    call.reply.pointee.integer(wasSet ? 1 : 0)
  }
}

enum GetBitCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "getbit", arity: 3, flags: [.readOnly, .fast], keys: [.key([.readOnly, .access])],
    group: .bitmap, since: "2.2.0", summary: "Returns a bit of the string value of a key.",
    complexity: "O(1)", arguments: [.init("key", .key), .init("offset", .integer)])

  static func execute(_ call: inout KeyCall) {
    guard let offset = call.bitOffset(call.arguments[2]) else { return call.refuseBitOffset() }
    guard let entry = call.keyspace.lookup(call.key(1), in: call.database, for: .read) else {
      return call.reply.pointee.integer(0)
    }
    entry.withText { text in
      guard let text else { return call.refuseType() }
      call.reply.pointee.integer(offset >> 3 < text.count && bit(at: offset, in: text.start) ? 1 : 0)
    }
  }
}

extension KeyCall {
  /// The bit that an argument names; nil if it is no integer, negative, or behind the longest string.
  @inline(__always)
  func bitOffset(_ argument: ByteView) -> Int? {
    guard let offset = parseInt64(argument), offset >= 0, offset >> 3 < bitmapBytesMaximum else { return nil }
    return Int(offset)
  }

  /// The first bit of the field whose number among fields of `width` bits an argument gives.
  func bitOffset(_ argument: ByteView, times width: Int) -> Int? {
    guard let number = parseInt64(argument), number >= 0 else { return nil }
    let (offset, overflow) = Int(number).multipliedReportingOverflow(by: width)
    return !overflow && offset >> 3 < bitmapBytesMaximum ? offset : nil
  }

  /// The longest string whose bits can be addressed.
  @inline(__always)
  private var bitmapBytesMaximum: Int {
    min(shard.pointee.settings.protoMaxBulkBytes, Keyspace.stringBytesMaximum)
  }

  /// The bytes of a string that is to be changed, grown with zeros as far as `offset`; nil if the key holds another
  /// type.
  func bytes(of key: Key, _ existing: Entry?, reachingBit offset: Int) -> UnsafeMutablePointer<UInt8>? {
    if let existing, !existing.isString { return nil }
    let count = max(existing?.textCount ?? 0, (offset >> 3) + 1)
    return keyspace.resizeString(key, in: database, to: count, existing: existing).baseAddress
  }

  @inline(never)
  func refuseBitOffset() { reply.pointee.error("ERR bit offset is not an integer or out of range") }

  @inline(never)
  fileprivate func refuseBit() { reply.pointee.error("ERR bit is not an integer or out of range") }
}

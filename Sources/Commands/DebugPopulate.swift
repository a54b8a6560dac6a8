import Bytes
import Engine
import Keyspace
import RESP

/// DEBUG POPULATE: makes many strings.
///
/// Keys are made in slices. In each, every shard goes through the same numbers and makes the keys that are its own;
/// between slices it serves its clients.
enum DebugPopulate {
  /// Numbers of a slice: about a quarter of a millisecond.
  private static let sliceCount = 1_024
  /// Bytes that the values of a slice may take, so that a slice of large values is short.
  private static let sliceBytes = 4 << 20

  /// The keys of one call.
  private struct Plan: Sendable {
    var count: Int
    var prefix: [UInt8]
    /// The size of each value; 0 for as long as its text is.
    var size: Int
  }

  static func coordinate(_ operation: Operation) async {
    guard let plan = plan(operation) else { return }
    let database = operation.database
    let step = plan.size == 0 ? sliceCount : max(1, min(sliceCount, sliceBytes / plan.size))
    var first = 0
    while first < plan.count, !operation.client.pointee.flags.contains(.closeNow) {
      let numbers = first..<min(first + step, plan.count)
      _ = await operation.onEveryShard { make(numbers, of: plan, in: database, on: $0) }
      first = numbers.upperBound
      // With a single shard there was nothing to wait for, and the loop has others to serve.
      await Task.yield()
    }
    operation.reply.pointee.ok()
  }

  /// The arguments, or nil with the error written.
  private static func plan(_ operation: Operation) -> Plan? {
    let arguments = operation.arguments
    let sizeMaximum = operation.server.configuration.settings.protoMaxBulkBytes
    guard let count = number(arguments[2]), let size = arguments.count > 4 ? number(arguments[4]) : 0 else {
      operation.reply.pointee.error("ERR value is out of range, must be positive")
      return nil
    }
    guard size <= sizeMaximum else {
      operation.reply.pointee.error(ErrorText.stringTooLong)
      return nil
    }
    return Plan(
      count: count, prefix: arguments.count > 3 ? arguments[3].array : Array("key".utf8), size: size)
  }

  private static func number(_ argument: ByteView) -> Int? {
    guard let value = parseInt64(argument), value >= 0 else { return nil }
    return Int(value)
  }

  private static func make(
    _ numbers: Range<Int>, of plan: Plan, in database: Int, on shard: UnsafeMutablePointer<Shard>
  ) {
    let own = shard.pointee.index
    let shardCount = shard.pointee.server.shardCount
    var name = NumberedText(plan.prefix + [UInt8(ascii: ":")], byteCount: 0)
    var value = NumberedText(Array("value:".utf8), byteCount: plan.size)
    for number in numbers {
      name.withView(of: number) { name in
        let key = Key(name, hasher: shard.pointee.keyspace.hasher)
        guard shardIndex(ofHash: key.hash, shardCount: shardCount) == own,
          shard.pointee.keyspace.lookup(key, in: database, for: .peek) == nil
        else { return }
        value.withView(of: number) { value in
          shard.pointee.keyspace.setString(key, in: database, to: value, replacing: nil, expiry: nil)
        }
      }
    }
  }
}

/// A text that ends in a number, written over and over into the same bytes.
private struct NumberedText {
  private var bytes: [UInt8]
  private let prefixCount: Int
  /// What each text is cut or filled up with zeros to; 0 for neither.
  private let byteCount: Int

  init(_ prefix: [UInt8], byteCount: Int) {
    self.byteCount = byteCount
    prefixCount = prefix.count
    let room = max(prefix.count + Keyspace.integerTextBytes, byteCount)
    bytes = prefix + [UInt8](repeating: 0, count: room - prefix.count)
  }

  /// Lends the text of `number`. Numbers must rise from call to call, so that no digit of an earlier one is left.
  mutating func withView(of number: Int, _ body: (ByteView) -> Void) {
    bytes.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      let count = prefixCount + writeDecimal(Int64(number), to: start + prefixCount)
      body(ByteView(start: start, count: byteCount == 0 ? count : byteCount))
    }
  }
}

import Bytes
import Keyspace
import RESP

/// Commands whose policies say all about how they spread and how their replies combine.
extension Operation {
  /// What one shard is to execute: the command with that shard's keys.
  private struct Part: Sendable {
    var shard: Int
    /// The ranges of its arguments, the name included.
    var ranges: [ArgumentRange]
    /// For each of its keys, which key of the whole call it is.
    var keyNumbers: [Int]
  }

  /// Runs a `KeyCommand` on the shards that its request policy names, and merges their replies.
  public func coordinateByPolicy() async {
    guard let command = entry.pointee.keyCommand else {
      preconditionFailure("a command without code")
    }
    let isForAll = entry.pointee.requestPolicy == .allShards || entry.pointee.isPublishing
    let parts = isForAll ? partsForAllShards() : partsByKeys()
    let base = arguments.base
    let database = database
    let version = reply.pointee.version
    var partOfShard: [Int: Part] = [:]
    for part in parts { partOfShard[part.shard] = part }
    let held = HeldInput(base: base)
    let replies = await onShards(parts.map(\.shard)) { [partOfShard] shard -> [UInt8] in
      guard let part = partOfShard[shard.pointee.index] else { return [] }
      return shard.replyBytes(version: version) { buffer in
        part.ranges.withUnsafeBufferPointer { ranges in
          guard let start = ranges.baseAddress else { return }
          var call = KeyCall(
            shard: shard, arguments: Arguments(base: held.base, ranges: start, count: ranges.count),
            reply: buffer, database: database)
          command.execute(&call)
        }
      }
    }
    merge(replies, parts)
  }

  /// The start of input that is held still until the operation ends.
  private struct HeldInput: @unchecked Sendable {
    // Sendable is sound because the input is only read, and stays until every shard has answered.
    let base: UnsafePointer<UInt8>
  }

  private func partsForAllShards() -> [Part] {
    let ranges = (0..<arguments.count).map { arguments.ranges[$0] }
    return (0..<server.shardCount).map { Part(shard: $0, ranges: ranges, keyNumbers: []) }
  }

  private func partsByKeys() -> [Part] {
    let first = entry.pointee.firstKey
    let step = entry.pointee.keyStep
    precondition(first > 0 && step > 0, "only keys at regular places can be spread by policy")
    var parts: [Part] = []
    var placeOfShard: [Int: Int] = [:]
    var number = 0
    var index = first
    while index < arguments.count {
      let owner = shard(of: arguments[index])
      let place: Int
      if let known = placeOfShard[owner] {
        place = known
      } else {
        place = parts.count
        placeOfShard[owner] = place
        parts.append(Part(shard: owner, ranges: (0..<first).map { arguments.ranges[$0] }, keyNumbers: []))
      }
      for offset in 0..<step where index + offset < arguments.count {
        parts[place].ranges.append(arguments.ranges[index + offset])
      }
      parts[place].keyNumbers.append(number)
      number += 1
      index += step
    }
    return parts
  }

  // MARK: Merging

  private func merge(_ replies: [[UInt8]], _ parts: [Part]) {
    // An error of any shard is the answer, whatever the policy, unless one success is enough.
    let isError = { (bytes: [UInt8]) in bytes.first == UInt8(ascii: "-") }
    if entry.pointee.mergingPolicy == .oneSucceeded {
      return writeRaw(replies.first { !isError($0) } ?? replies[0])
    }
    if let error = replies.first(where: isError) { return writeRaw(error) }
    switch entry.pointee.mergingPolicy {
    case .allSucceeded: writeRaw(replies[0])
    case .byKeys: mergeInKeyOrder(replies, parts)
    case let policy:
      let numbers = replies.map(Self.integer)
      reply.pointee.integer(numbers.dropFirst().reduce(numbers[0], policy.combine))
    }
  }

  /// Puts the elements of the shards' arrays where their keys stood in the call.
  private func mergeInKeyOrder(_ replies: [[UInt8]], _ parts: [Part]) {
    var elements: [ArraySlice<UInt8>?] = []
    for (bytes, part) in zip(replies, parts) {
      var offset = ReplyScanner.endOfLine(bytes, from: 0)
      for number in part.keyNumbers {
        let end = ReplyScanner.endOfElement(bytes, from: offset)
        while elements.count <= number { elements.append(nil) }
        elements[number] = bytes[offset..<end]
        offset = end
      }
    }
    reply.pointee.array(elements.count)
    for element in elements { if let element { reply.pointee.append(Array(element)) } }
  }

  /// Writes a reply that is already in the protocol's form, and counts it if it is an error.
  func writeRaw(_ bytes: [UInt8]) {
    guard bytes.first == UInt8(ascii: "-") else { return reply.pointee.append(bytes) }
    bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress, buffer.count >= 3 else { return }
      reply.pointee.error(ByteView(start: start + 1, count: buffer.count - 3))
    }
  }

  private static func integer(_ bytes: [UInt8]) -> Int64 {
    bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress, buffer.count > 3 else { return 0 }
      return parseInt64(ByteView(start: start + 1, count: buffer.count - 3)) ?? 0
    }
  }
}

/// Finds where replies end, in bytes that this server wrote itself.
enum ReplyScanner {
  /// The first byte after the line that begins at `start`.
  static func endOfLine(_ bytes: [UInt8], from start: Int) -> Int {
    var offset = start
    while bytes[offset] != 0x0a { offset += 1 }
    return offset + 1
  }

  /// The first byte after the element that begins at `start`.
  static func endOfElement(_ bytes: [UInt8], from start: Int) -> Int {
    var offset = start
    var pending = 1
    while pending > 0 {
      let lineEnd = endOfLine(bytes, from: offset)
      let count = bytes[(offset + 1)..<(lineEnd - 2)].withUnsafeBufferPointer { buffer in
        buffer.baseAddress.flatMap { parseInt64(ByteView(start: $0, count: buffer.count)) }.map(Int.init)
      }
      pending -= 1
      switch bytes[offset] {
      case UInt8(ascii: "$"), UInt8(ascii: "="):
        offset = lineEnd + ((count ?? -1) >= 0 ? (count ?? 0) + 2 : 0)
      case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"):
        pending += max(count ?? 0, 0)
        offset = lineEnd
      case UInt8(ascii: "%"):
        pending += max(count ?? 0, 0) * 2
        offset = lineEnd
      default:
        offset = lineEnd
      }
    }
    return offset
  }
}

import Bytes
import Engine
import Keyspace
import RESP

enum LcsCommand: KeyCommand, CoordinatedCommand {
  static let declaration = CommandDeclaration(
    name: "lcs", arity: -3, flags: [.readOnly],
    keys: [
      KeySpecification(
        begin: .index(1), find: .range(last: 1, step: 1, limit: 0), flags: [.readOnly, .access])
    ],
    group: .string, since: "7.0.0",
    summary: "Finds the longest subsequence of bytes that the strings of two keys have in common.",
    complexity: "O(N*M), the lengths of the two strings; 64 bytes of one are compared at a time.",
    arguments: [
      .init("key1", .key), .init("key2", .key), .token("LEN", optional: true), .token("IDX", optional: true),
      .init("len", .integer, token: "MINMATCHLEN", optional: true), .token("WITHMATCHLEN", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    let first = copy(call.arguments[1], in: call.database, on: call.shard)
    let second = copy(call.arguments[2], in: call.database, on: call.shard)
    answer(
      first, second, call.arguments, tableBytesMaximum: call.shard.pointee.settings.protoMaxBulkBytes,
      call.reply)
  }

  static func coordinate(_ operation: Operation) async {
    let arguments = operation.arguments
    let database = operation.database
    let firstShard = operation.shard(of: arguments[1])
    // Two keys that are one shard's don't come here.
    let copies = await operation.onShards([firstShard, operation.shard(of: arguments[2])]) { shard in
      copy(arguments[shard.pointee.index == firstShard ? 1 : 2], in: database, on: shard)
    }
    answer(
      copies[0], copies[1], arguments,
      tableBytesMaximum: operation.localShard.pointee.settings.protoMaxBulkBytes, operation.reply)
  }

  /// A copy of a key's string, empty if there is no key; nil if the key holds something else.
  private static func copy(
    _ name: ByteView, in database: Int, on shard: UnsafeMutablePointer<Shard>
  ) -> [UInt8]? {
    let key = Key(name, hasher: shard.pointee.keyspace.hasher)
    guard let entry = shard.pointee.keyspace.lookup(key, in: database, for: .read) else { return [] }
    return entry.withText { $0?.array }
  }

  private static func answer(
    _ first: [UInt8]?, _ second: [UInt8]?, _ arguments: Arguments, tableBytesMaximum: Int,
    _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    guard let first, let second else {
      return reply.pointee.error("ERR The specified keys must contain string values")
    }
    let options: LcsOptions
    do {
      options = try LcsOptions(arguments)
    } catch {
      return reply.pointee.error(error.text)
    }
    // Redis's limits, so that the same calls are refused: a table of 32-bit numbers must fit the maximum.
    guard first.count < Int(UInt32.max) - 1, second.count < Int(UInt32.max) - 1 else {
      return reply.pointee.error("ERR String too long for LCS")
    }
    let (cells, overflow) = (first.count + 1).multipliedReportingOverflow(by: second.count + 1)
    guard !overflow, cells <= tableBytesMaximum / MemoryLayout<UInt32>.size else {
      return reply.pointee.error(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    }
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        answer(ByteView(first), ByteView(second), options, reply)
      }
    }
  }

  private static func answer(
    _ first: ByteView, _ second: ByteView, _ options: LcsOptions, _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    let common = LongestCommonSubsequence(first, second, lengthOnly: options.result == .length)
    switch options.result {
    case .length:
      reply.pointee.integer(common.length)
    case .text:
      reply.pointee.bulk(common.text(of: common.runs(in: first, second), in: first))
    case .runs:
      let runs = common.runs(in: first, second).filter { $0.count >= options.minimumCount }
      reply.pointee.map(2)
      reply.pointee.bulk("matches")
      reply.pointee.array(runs.count)
      for run in runs {
        reply.pointee.array(options.includesCounts ? 3 : 2)
        for start in [run.firstStart, run.secondStart] {
          reply.pointee.array(2)
          reply.pointee.integer(start)
          reply.pointee.integer(start + run.count - 1)
        }
        if options.includesCounts { reply.pointee.integer(run.count) }
      }
      reply.pointee.bulk("len")
      reply.pointee.integer(common.length)
    }
  }
}

/// The options of LCS.
private struct LcsOptions {
  enum Result {
    case text
    case length
    case runs
  }

  /// Why the arguments are no options.
  struct Refusal: Error {
    let text: StaticString
  }

  private(set) var result = Result.text
  /// Shorter runs are left out.
  private(set) var minimumCount: Int64 = 0
  private(set) var includesCounts = false

  init(_ arguments: Arguments) throws(Refusal) {
    var wantsLength = false
    var index = 3
    while index < arguments.count {
      if arguments.isWord("idx", at: index) {
        result = .runs
      } else if arguments.isWord("len", at: index) {
        wantsLength = true
      } else if arguments.isWord("withmatchlen", at: index) {
        includesCounts = true
      } else if arguments.isWord("minmatchlen", at: index), arguments.hasArgument(after: index) {
        index += 1
        guard let count = arguments.integer(at: index) else { throw Refusal(text: ErrorText.notAnInteger) }
        minimumCount = count
      } else {
        throw Refusal(text: ErrorText.syntax)
      }
      index += 1
    }
    guard wantsLength else { return }
    guard result != .runs else {
      throw Refusal(text: "ERR If you want both the length and indexes, please just use IDX.")
    }
    result = .length
  }
}

extension ByteView {
  /// A view of an array's bytes, for as long as the array's storage is held.
  fileprivate init(_ bytes: UnsafeBufferPointer<UInt8>) {
    // An empty array may have no storage; an empty view's start is never read.
    self = bytes.baseAddress.map { ByteView(start: $0, count: bytes.count) } ?? ByteView("")
  }
}

import TestSupport
import Testing

@testable import Statistics

@Suite struct SlowLogTests {
  private func entry(_ id: UInt64) -> SlowLog.Entry {
    SlowLog.Entry(
      id: id, unixSeconds: 1000 + Int64(id), microseconds: id, arguments: [Array("get".utf8)],
      clientAddress: "127.0.0.1:1", clientName: "")
  }

  private func trimmed(_ arguments: [[UInt8]]) -> [String] {
    let buffers = arguments.map { argument in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: argument.count, alignment: 1)
      buffer.copyBytes(from: argument)
      return buffer
    }
    let copies = SlowLog.trimmedArguments(count: buffers.count) { UnsafeRawBufferPointer(buffers[$0]) }
    // The log must have copied: a receive buffer is overwritten by the next request.
    for buffer in buffers {
      buffer.initializeMemory(as: UInt8.self, repeating: 0xff)
      buffer.deallocate()
    }
    return copies.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func argumentsAreCutAsInRedis() {
    let numbers = { (count: Int) in (0..<count).map { Array(String($0).utf8) } }
    #expect(trimmed(numbers(32)) == (0..<32).map(String.init))
    #expect(trimmed(numbers(33)) == (0..<31).map(String.init) + ["... (2 more arguments)"])
    #expect(trimmed(numbers(42)).last == "... (11 more arguments)")
    #expect(trimmed(numbers(42)).count == 32)
    let long = { (count: Int) in [Array(repeating: UInt8(ascii: "x"), count: count)] }
    #expect(trimmed(long(128)) == [String(repeating: "x", count: 128)])
    #expect(trimmed(long(129)) == [String(repeating: "x", count: 128) + "... (1 more bytes)"])
    #expect(trimmed(long(200)) == [String(repeating: "x", count: 128) + "... (72 more bytes)"])
    #expect(trimmed([]).isEmpty)
  }

  @Test(arguments: 1...20)
  func ringKeepsTheNewestThroughEveryResize(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var log = SlowLog(maximumLength: 5)
    var model: [UInt64] = []
    var maximumLength = 5
    for id in 0..<400 as Range<UInt64> {
      switch Int.random(in: 0..<20, using: &random) {
      case 0:
        maximumLength = Int.random(in: 0...9, using: &random)
        log.resize(maximumLength: maximumLength)
      case 1 where id % 3 == 0:
        log.reset()
        model = []
      default:
        log.record(entry(id))
        model.insert(id, at: 0)
      }
      model = Array(model.prefix(maximumLength))
      let limit = Int.random(in: -1...12, using: &random)
      let expected = limit == -1 ? model : Array(model.prefix(limit))
      #expect(log.count == model.count)
      #expect(log.newest(limit).map(\.id) == expected)
    }
  }

  @Test func shardsMergeNewestFirst() {
    let maximumLength = 4
    var shards: [[SlowLog.Entry]] = []
    for shard in 0..<3 as Range<UInt64> {
      var log = SlowLog(maximumLength: maximumLength)
      for turn in 0..<10 as Range<UInt64> where turn != shard { log.record(entry(turn * 3 + shard)) }
      shards.append(log.newest(-1))
    }
    let merge = { (limit: Int) in
      SlowLog.merge(shards, limit: limit, maximumLength: maximumLength).map(\.id)
    }
    #expect(merge(-1) == [29, 28, 27, 26])
    #expect(merge(2) == [29, 28])
    #expect(merge(0) == [])
    #expect(merge(100) == [29, 28, 27, 26])
    #expect(SlowLog.mergedLength(shards.map(\.count), maximumLength: maximumLength) == 4)
    #expect(SlowLog.mergedLength([1, 0, 2], maximumLength: 128) == 3)
  }

  @Test func lengthZeroKeepsNothing() {
    var log = SlowLog(maximumLength: 0)
    log.record(entry(1))
    #expect(log.count == 0)
    #expect(log.newest(-1) == [])
  }
}

import Bytes
import Engine
import Keyspace
import RESP

/// A call that finds something answers it at once, whether it would wait or not.
enum XReadCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "xread", arity: -4, flags: [.readOnly, .blocking, .movableKeys],
    keys: [
      KeySpecification(
        begin: .keyword("STREAMS", start: 1), find: .range(last: -1, step: 1, limit: 2),
        flags: [.readOnly, .access])
    ],
    group: .stream, since: "5.0.0", summary: "Returns the entries of streams that come after given IDs.",
    complexity: "O(log N + M) for each stream, N being its entries and M those returned.",
    arguments: [
      .init("count", .integer, token: "COUNT", optional: true),
      .init("milliseconds", .integer, token: "BLOCK", optional: true), streamsArgument,
    ])

  static func request(_ arguments: Arguments) throws(WaitingError) -> StreamReadRequest {
    try StreamReadRequest(arguments, ofGroup: false)
  }

  static func mayWait(_ arguments: Arguments) -> Bool { arguments.mayAskToBlock }
}

enum XReadGroupCommand: BlockingCommand {
  static let declaration = CommandDeclaration(
    name: "xreadgroup", arity: -7, flags: [.write, .blocking, .movableKeys],
    keys: [
      KeySpecification(
        begin: .keyword("STREAMS", start: 4), find: .range(last: -1, step: 1, limit: 2),
        flags: [.readOnly, .access])
    ],
    group: .stream, since: "5.0.0",
    summary: "Delivers new entries of streams to a consumer of a group, or returns what is pending of it.",
    complexity: "O(log N + M) for each stream, N being its entries and M those returned.",
    arguments: [
      .init("group_consumer", .block, token: "GROUP", [.init("group", .string), .init("consumer", .string)]),
      .init("count", .integer, token: "COUNT", optional: true),
      .init("milliseconds", .integer, token: "BLOCK", optional: true),
      .init("noack", .pureToken, token: "NOACK", optional: true), streamsArgument,
    ])

  static func request(_ arguments: Arguments) throws(WaitingError) -> StreamReadRequest {
    try StreamReadRequest(arguments, ofGroup: true)
  }

  static func mayWait(_ arguments: Arguments) -> Bool { arguments.mayAskToBlock }
}

extension Arguments {
  /// Whether the word BLOCK stands among the options: a look that costs little, and is enough to know that a call can't
  /// wait.
  fileprivate var mayAskToBlock: Bool {
    for index in 1..<count {
      if isWord("block", at: index) { return true }
      if isWord("streams", at: index) { return false }
    }
    return false
  }
}

private let streamsArgument = ArgumentSpecification(
  "streams", .block, token: "STREAMS",
  [.init("key", .key, multiple: true), .init("id", .string, multiple: true)])

// MARK: Requests

/// What a call of XREAD or XREADGROUP asks for.
struct StreamReadRequest: Sendable {
  /// What a stream is to be read from.
  enum Start: Equatable {
    /// The first entry after an ID.
    case after(StreamID)
    /// What comes from now on: `$`.
    case end
    /// The last entry: `+`.
    case lastEntry
    /// What the group has not delivered: `>`.
    case undelivered
    /// What is pending of the consumer after an ID.
    case pending(StreamID)
  }

  /// Why a stream can't be read.
  enum Failure: Error, Sendable {
    case text(StaticString)
    /// No such key, or no such group in it.
    case noGroup
  }

  let arguments: Arguments
  /// Whether the call is one of XREADGROUP.
  let isOfGroup: Bool
  /// Entries of a stream that are returned at the most.
  private(set) var limit = Int.max
  /// How long the call is ready to wait; nil if it is not, 0 for ever.
  private(set) var blockMilliseconds: Int64?
  private(set) var omitsPending = false
  /// Where the name of the group is, which the consumer's follows.
  private var groupArgument = 0
  /// Where the keys are, which the IDs follow.
  private(set) var firstKey = 0
  private(set) var streamCount = 0

  init(_ arguments: Arguments, ofGroup: Bool) throws(WaitingError) {
    self.arguments = arguments
    isOfGroup = ofGroup
    var index = 1
    while index < arguments.count, firstKey == 0 {
      index = try readOption(at: index)
    }
    guard firstKey > 0 else { throw WaitingError(ErrorText.syntax) }
    if isOfGroup, groupArgument == 0 { throw WaitingError("ERR Missing GROUP option for XREADGROUP") }
  }

  /// Reads an option and returns where the next one is.
  private mutating func readOption(at index: Int) throws(WaitingError) -> Int {
    let hasMore = arguments.hasArgument(after: index)
    if hasMore, arguments.isWord("block", at: index) {
      guard let time = arguments.integer(at: index + 1) else {
        throw WaitingError("ERR timeout is not an integer or out of range")
      }
      if time < 0 { throw WaitingError("ERR timeout is negative") }
      blockMilliseconds = time
      return index + 2
    }
    if hasMore, arguments.isWord("count", at: index) {
      guard let count = arguments.integer(at: index + 1) else { throw WaitingError(ErrorText.notAnInteger) }
      limit = count > 0 ? Int(count) : .max
      return index + 2
    }
    if hasMore, arguments.isWord("streams", at: index) {
      firstKey = index + 1
      streamCount = (arguments.count - firstKey) / 2
      guard (arguments.count - firstKey).isMultiple(of: 2) else {
        throw WaitingError(
          "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
      }
      return arguments.count
    }
    if index + 2 < arguments.count, arguments.isWord("group", at: index) {
      guard isOfGroup else {
        throw WaitingError("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
      }
      groupArgument = index + 1
      return index + 3
    }
    if arguments.isWord("noack", at: index) {
      guard isOfGroup else {
        throw WaitingError("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
      }
      omitsPending = true
      return index + 1
    }
    throw WaitingError(ErrorText.syntax)
  }

  /// The key of a stream of the call.
  func key(_ number: Int) -> ByteView { arguments[firstKey + number] }
  var group: ByteView { arguments[groupArgument] }
  var consumer: ByteView { arguments[groupArgument + 1] }

  /// From where a stream is to be read.
  func start(_ number: Int) throws(Failure) -> Start {
    let text = arguments[firstKey + streamCount + number]
    if text.count == 1 {
      switch text[0] {
      case UInt8(ascii: "$"):
        if isOfGroup { throw .text(Self.meaninglessEnd) }
        return .end
      case UInt8(ascii: "+"):
        if isOfGroup { throw .text(Self.meaninglessLast) }
        return .lastEntry
      case UInt8(ascii: ">"):
        guard isOfGroup else { throw .text(Self.onlyOfGroup) }
        return .undelivered
      default: break
      }
    }
    guard let id = parseStreamID(text) else { throw .text(StreamErrorText.invalidID) }
    if !isOfGroup { return .after(id) }
    // Redis keeps `>` as the greatest ID, and so takes the one for the other.
    return id == .maximum ? .undelivered : .pending(id)
  }

  private static let meaninglessEnd: StaticString =
    """
    ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
    specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.
    """
  private static let meaninglessLast: StaticString =
    """
    ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
    specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.
    """
  private static let onlyOfGroup: StaticString =
    """
    ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
    """

  /// Writes why a stream can't be read.
  func write(_ failure: Failure, of number: Int, to reply: UnsafeMutablePointer<ReplyBuffer>) {
    switch failure {
    case .text(let text): reply.pointee.error(text)
    case .noGroup:
      reply.pointee.error(
        ("NOGROUP No such key '", "' or consumer group '", "' in XREADGROUP with GROUP option"),
        naming: key(number), group)
    }
  }
}

// MARK: Reading

/// Reading the streams of a shard.
extension UnsafeMutablePointer<Shard> {
  /// The stream of a key of a call; nil if there is none.
  private func find(_ request: StreamReadRequest, _ number: Int, in database: Int)
    throws(StreamReadRequest.Failure) -> StreamValue?
  {
    let key = Key(request.key(number), hasher: pointee.keyspace.hasher)
    guard let entry = pointee.keyspace.lookup(key, in: database, for: .read) else { return nil }
    guard entry.kind == .stream else { throw .text(ErrorText.wrongType) }
    return pointee.keyspace.stream(entry)
  }

  /// Checks whether a stream of a call can be read.
  fileprivate func check(_ request: StreamReadRequest, _ number: Int, in database: Int)
    throws(StreamReadRequest.Failure)
  {
    let stream = try find(request, number, in: database)
    if request.isOfGroup, stream?.group(named: request.group) == nil { throw .noGroup }
    _ = try request.start(number)
  }

  /// Reads a stream of a call: writes its name and the entries found. Returns false if there is nothing to answer, and
  /// then has written nothing.
  fileprivate func read(
    _ request: StreamReadRequest, _ number: Int, in database: Int, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) throws(StreamReadRequest.Failure) -> Bool {
    let stream = try find(request, number, in: database)
    let group = request.isOfGroup ? stream?.group(named: request.group) : nil
    if request.isOfGroup, group == nil { throw .noGroup }
    let start = try request.start(number)
    guard let stream else { return false }
    let reader = StreamReader(
      stream: stream, request: request, name: request.key(number), shard: self, database: database,
      reply: reply)
    switch start {
    case .end: return false
    case .lastEntry: return reader.readLast()
    case .after(let id): return reader.read(after: id)
    case .undelivered:
      return group.map { reader.deliver(to: $0) > 0 } ?? false
    case .pending(let id):
      if let group { reader.readPending(after: id, of: group) }
      return true
    }
  }
}

/// Reads one stream of a call.
private struct StreamReader {
  let stream: StreamValue
  let request: StreamReadRequest
  let name: ByteView
  let shard: UnsafeMutablePointer<Shard>
  let database: Int
  let reply: UnsafeMutablePointer<ReplyBuffer>

  private var now: Int64 { shard.pointee.keyspace.now }

  private func writeName() {
    // The answer is a map in RESP3, an array of pairs in RESP2.
    if reply.pointee.version == .resp2 { reply.pointee.array(2) }
    reply.pointee.bulk(name)
  }

  func read(after id: StreamID) -> Bool {
    guard id < stream.lastID, let first = id.successor else { return false }
    let count = stream.count(from: first, through: .maximum, limit: request.limit)
    if count == 0 { return false }
    writeName()
    reply.pointee.array(count)
    stream.forEachEntry(from: first, through: .maximum, limit: count) { reply.pointee.entry($0) }
    return true
  }

  func readLast() -> Bool {
    guard let last = stream.lastPresentID else { return false }
    writeName()
    stream.write(from: last, through: last, to: reply)
    return true
  }

  private func makeConsumer(of group: ConsumerGroup) -> Consumer {
    let consumer = group.makeConsumer(request.consumer, seenTime: now)
    shard.pointee.keyspace.dirty += 1
    let key = Key(name, hasher: shard.pointee.keyspace.hasher)
    shard.noticed(key, in: database, .stream, "xgroup-createconsumer")
    return consumer
  }

  /// Delivers what the group has not delivered yet to the consumer; returns how many entries.
  func deliver(to group: ConsumerGroup) -> Int {
    let existing = group.consumer(named: request.consumer)
    existing?.seenTime = now
    guard group.lastID < stream.lastID, let first = group.lastID.successor else { return 0 }
    let count = stream.count(from: first, through: .maximum, limit: request.limit)
    if count == 0 { return 0 }
    let consumer = existing ?? makeConsumer(of: group)
    // Entries that are not pending afterwards do not count as activity.
    if !request.omitsPending { consumer.activeTime = now }
    shard.pointee.keyspace.dirty += 1
    writeName()
    reply.pointee.array(count)
    stream.forEachEntry(from: first, through: .maximum, limit: count) { entry in
      group.advance(to: entry.id)
      reply.pointee.entry(entry)
      if !request.omitsPending {
        group.setPending(entry.id, of: consumer, deliveryTime: now, deliveryCount: 1)
      }
    }
    return count
  }

  /// Writes what is pending of the consumer, which counts as delivering it once more.
  func readPending(after id: StreamID, of group: ConsumerGroup) {
    let consumer = group.consumer(named: request.consumer) ?? makeConsumer(of: group)
    consumer.seenTime = now
    shard.pointee.keyspace.dirty += 1
    writeName()
    var list = ElementList(for: reply)
    if let first = id.successor {
      consumer.forEachPendingID(from: first) { id in
        list.append { write(id, of: group, consumer, to: $0) }
        return list.count < request.limit
      }
    }
    reply.pointee.array(list.count)
    list.move(to: reply)
  }

  private func write(
    _ id: StreamID, of group: ConsumerGroup, _ consumer: Consumer, to reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> Bool {
    let isThere = stream.withEntry(id) { reply.pointee.entry($0) }
    if isThere {
      if let pending = group.pending(id) {
        group.setPending(
          id, of: consumer, deliveryTime: now, deliveryCount: pending.deliveryCount &+ 1)
      }
    } else {
      reply.pointee.array(2)
      reply.pointee.bulk(id)
      reply.pointee.nullArray()
    }
    return true
  }
}

extension UnsafeMutablePointer<Shard> {
  /// Executes XREAD or XREADGROUP where all streams are on one shard. Returns false, with nothing written, if no stream
  /// has anything.
  func readStreams(
    _ request: StreamReadRequest, in database: Int, _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) -> Bool {
    var number = 0
    do throws(StreamReadRequest.Failure) {
      // No stream is read before all are known to be readable: reading a group's changes it. That is two lookups of each
      // key, which Redis counts, too.
      while number < request.streamCount {
        try check(request, number, in: database)
        number += 1
      }
      number = 0
      var list = ElementList(for: reply)
      while number < request.streamCount {
        var failure: StreamReadRequest.Failure?
        list.append { reply in
          do throws(StreamReadRequest.Failure) {
            return try read(request, number, in: database, to: reply)
          } catch let error {
            failure = error
            return false
          }
        }
        if let failure { throw failure }
        number += 1
      }
      if list.count == 0 { return false }
      reply.pointee.writeStreams(list.count)
      list.move(to: reply)
    } catch {
      request.write(error, of: number, to: reply)
    }
    return true
  }

  /// Serves a call that waited with what one of its streams has now. Redis looks at no other of its streams then.
  func readStream(
    _ request: StreamReadRequest, at key: WaitedKey, after position: StreamID,
    _ reply: UnsafeMutablePointer<ReplyBuffer>
  ) {
    guard let entry = key.entry, entry.kind == .stream else { return }
    let stream = pointee.keyspace.stream(entry)
    reply.pointee.writeStreams(1)
    let reader = StreamReader(
      stream: stream, request: request, name: key.key.bytes, shard: self, database: key.database, reply: reply
    )
    if request.isOfGroup {
      guard let group = stream.group(named: request.group) else { return }
      pointee.keyspace.dirty += reader.deliver(to: group)
    } else {
      _ = reader.read(after: position)
    }
  }
}

extension ReplyBuffer {
  /// The head of the answer: that of a map in RESP3.
  fileprivate mutating func writeStreams(_ count: Int) {
    if version == .resp3 { map(count) } else { array(count) }
  }
}

// MARK: Several shards

extension Operation {
  /// What reading a stream came to.
  private enum Outcome: Sendable {
    case nothing
    case found(ElementList)
    case failed(StreamReadRequest.Failure)
  }

  /// Executes XREAD or XREADGROUP where the streams are on several shards. Each shard is asked once, for all its
  /// streams; for XREADGROUP, which changes groups, once more before, whether its streams can be read at all. Returns
  /// false, with nothing written, if no stream has anything.
  func readStreams(_ request: StreamReadRequest) async -> Bool {
    var numbersOfShard: [Int: [Int]] = [:]
    for number in 0..<request.streamCount {
      numbersOfShard[shard(of: request.key(number)), default: []].append(number)
    }
    if request.isOfGroup {
      let failures = await ask(numbersOfShard) { shard, number, database, _ in
        do throws(StreamReadRequest.Failure) {
          try shard.check(request, number, in: database)
          return .nothing
        } catch {
          return .failed(error)
        }
      }
      if writeFailure(of: failures, request) { return true }
    }
    let outcomes = await ask(numbersOfShard) { shard, number, database, version in
      var list = ElementList(on: shard, version: version)
      var failure: StreamReadRequest.Failure?
      list.append { reply in
        do throws(StreamReadRequest.Failure) {
          if !request.isOfGroup { try shard.check(request, number, in: database) }
          return try shard.read(request, number, in: database, to: reply)
        } catch let error {
          failure = error
          return false
        }
      }
      if let failure { return .failed(failure) }
      if list.count == 0 { return .nothing }
      list.seal()
      return .found(list)
    }
    return write(outcomes, request)
  }

  /// Has each shard do something for its streams; the outcomes are in the order of the streams.
  private func ask(
    _ numbersOfShard: [Int: [Int]],
    _ body: @escaping @Sendable (UnsafeMutablePointer<Shard>, Int, Int, ProtocolVersion) -> Outcome
  ) async -> [Outcome] {
    let database = database
    let version = reply.pointee.version
    let shards = numbersOfShard.keys.sorted()
    let parts = await onShards(shards) { shard in
      (numbersOfShard[shard.pointee.index] ?? []).map { body(shard, $0, database, version) }
    }
    var outcomes = [Outcome](repeating: .nothing, count: numbersOfShard.values.reduce(0) { $0 + $1.count })
    for (shard, part) in zip(shards, parts) {
      for (number, outcome) in zip(numbersOfShard[shard] ?? [], part) { outcomes[number] = outcome }
    }
    return outcomes
  }

  /// Writes the first failure, if there is one.
  private func writeFailure(of outcomes: [Outcome], _ request: StreamReadRequest) -> Bool {
    for (number, outcome) in outcomes.enumerated() {
      if case .failed(let failure) = outcome {
        request.write(failure, of: number, to: reply)
        return true
      }
    }
    return false
  }

  private func write(_ outcomes: [Outcome], _ request: StreamReadRequest) -> Bool {
    let foundCount = outcomes.count { if case .found = $0 { true } else { false } }
    if foundCount == 0 { return writeFailure(of: outcomes, request) }
    reply.pointee.writeStreams(foundCount)
    for (number, outcome) in outcomes.enumerated() {
      if case .found(let list) = outcome { appendElements(list, of: shard(of: request.key(number))) }
    }
    if outcomes.contains(where: { if case .failed = $0 { true } else { false } }) {
      // What others found is given back with the rest of the reply.
      reply.pointee.release()
      _ = writeFailure(of: outcomes, request)
    }
    return true
  }
}

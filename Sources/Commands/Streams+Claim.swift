import Bytes
import Engine
import Keyspace
import RESP

enum XClaimCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xclaim", arity: -6, flags: [.write, .fast], keys: [.key([.readWrite, .update])],
    tips: .nondeterministicOutput, group: .stream, since: "5.0.0",
    summary: "Gives pending entries to another consumer, as if they had been delivered to it.",
    complexity: "O(log N) for each ID, N being what is pending in the group.",
    arguments: [
      .init("key", .key), .init("group", .string), .init("consumer", .string),
      .init("min-idle-time", .string), .init("id", .string, multiple: true),
      .init("ms", .integer, token: "IDLE", optional: true),
      .init("unix-time-milliseconds", .unixTime, token: "TIME", optional: true),
      .init("count", .integer, token: "RETRYCOUNT", optional: true),
      .init("force", .pureToken, token: "FORCE", optional: true),
      .init("justid", .pureToken, token: "JUSTID", optional: true),
      .init("id", .string, token: "LASTID", optional: true),
    ])

  static func execute(_ call: inout KeyCall) {
    let found = call.find(call.key(1), .stream, for: .read)
    if case .otherType = found { return call.refuseType() }
    guard case .entry(let entry) = found,
      let group = call.keyspace.stream(entry).group(named: call.arguments[2])
    else {
      return call.reply.pointee.noSuchGroup(call.arguments[2], in: call.arguments[1])
    }
    guard let request = XClaimRequest(call) else { return }
    if request.lastID > group.lastID { group.lastID = request.lastID }
    var claim = StreamClaim(group: group, consumerName: call.arguments[3], now: call.now)
    var list = ElementList(for: call.reply)
    for index in request.ids {
      guard let id = parseStreamID(call.arguments[index]) else { continue }
      if claim.take(id, request) {
        list.append { group.stream.write(id, idOnly: request.isIDOnly, to: $0) }
      }
    }
    call.keyspace.dirty += claim.changeCount
    if claim.madeConsumer { call.noticed(call.key(1), .stream, "xgroup-createconsumer") }
    call.reply.pointee.array(list.count)
    list.move(to: call.reply)
  }
}

/// What a call of XCLAIM asks for.
private struct XClaimRequest {
  let minimumIdle: Int64
  /// The arguments that are IDs.
  private(set) var ids = 5..<5
  private(set) var deliveryTime: Int64
  private(set) var deliveryCount: Int64 = -1
  /// Whether what is not pending becomes so.
  private(set) var isForced = false
  private(set) var isIDOnly = false
  private(set) var lastID = StreamID.zero

  /// Reads a call's arguments. If they are not right, the error is written.
  init?(_ call: KeyCall) {
    let arguments = call.arguments
    guard let idle = arguments.integer(at: 4) else {
      call.reply.pointee.error("ERR Invalid min-idle-time argument for XCLAIM")
      return nil
    }
    minimumIdle = max(0, idle)
    deliveryTime = call.now
    var index = 5
    while index < arguments.count, parseStreamID(arguments[index]) != nil { index += 1 }
    ids = 5..<index
    do throws(CommandError) {
      while index < arguments.count {
        guard try readOption(arguments, at: index, now: call.now) else {
          call.reply.pointee.error(
            ("ERR Unrecognized XCLAIM option '", "'", ""), naming: arguments[index], ByteView(""))
          return nil
        }
        index += takesValue(arguments[index]) ? 2 : 1
      }
    } catch {
      call.reply.pointee.error(error.text)
      return nil
    }
    if deliveryTime < 0 || deliveryTime > call.now { deliveryTime = call.now }
  }

  private func takesValue(_ option: ByteView) -> Bool {
    !option.equalsIgnoringCase("force") && !option.equalsIgnoringCase("justid")
  }

  /// Reads an option; false if there is none of that name, or its value is missing.
  private mutating func readOption(_ arguments: Arguments, at index: Int, now: Int64) throws(CommandError)
    -> Bool
  {
    if arguments.isWord("force", at: index) {
      isForced = true
    } else if arguments.isWord("justid", at: index) {
      isIDOnly = true
    } else if !arguments.hasArgument(after: index) {
      return false
    } else if arguments.isWord("idle", at: index) {
      guard let idle = arguments.integer(at: index + 1) else {
        throw CommandError("ERR Invalid IDLE option argument for XCLAIM")
      }
      deliveryTime = now &- idle
    } else if arguments.isWord("time", at: index) {
      guard let time = arguments.integer(at: index + 1) else {
        throw CommandError("ERR Invalid TIME option argument for XCLAIM")
      }
      deliveryTime = time
    } else if arguments.isWord("retrycount", at: index) {
      guard let count = arguments.integer(at: index + 1) else {
        throw CommandError("ERR Invalid RETRYCOUNT option argument for XCLAIM")
      }
      deliveryCount = count
    } else if arguments.isWord("lastid", at: index) {
      lastID = try arguments.streamID(at: index + 1)
    } else {
      return false
    }
    return true
  }
}

/// Giving pending entries to a consumer, which is made when it is given its first.
private struct StreamClaim {
  let group: ConsumerGroup
  let consumerName: ByteView
  let now: Int64
  private var consumer: Consumer?
  private(set) var changeCount = 0
  private(set) var madeConsumer = false

  init(group: ConsumerGroup, consumerName: ByteView, now: Int64) {
    self.group = group
    self.consumerName = consumerName
    self.now = now
    consumer = group.consumer(named: consumerName)
    consumer?.seenTime = now
  }

  /// Takes an entry as a call of XCLAIM asks for it; returns whether the consumer has it now.
  mutating func take(_ id: StreamID, _ request: XClaimRequest) -> Bool {
    let pending = group.pending(id)
    guard group.stream.contains(id) else {
      drop(id)
      return false
    }
    if let pending {
      if request.minimumIdle > 0, now - pending.deliveryTime < request.minimumIdle { return false }
    } else if !request.isForced {
      return false
    }
    // What was not pending counts as delivered before.
    var count = pending?.deliveryCount ?? 1
    if request.deliveryCount >= 0 {
      count = UInt64(request.deliveryCount)
    } else if !request.isIDOnly {
      count &+= 1
    }
    give(id, deliveryTime: request.deliveryTime, deliveryCount: count)
    return true
  }

  /// Removes what is pending of an entry that is not there any more.
  mutating func drop(_ id: StreamID) {
    if group.removePending(id) { changeCount += 1 }
  }

  mutating func give(_ id: StreamID, deliveryTime: Int64, deliveryCount: UInt64) {
    let consumer = consumer ?? makeConsumer()
    consumer.activeTime = now
    group.setPending(id, of: consumer, deliveryTime: deliveryTime, deliveryCount: deliveryCount)
    changeCount += 1
  }

  private mutating func makeConsumer() -> Consumer {
    let consumer = group.makeConsumer(consumerName, seenTime: now)
    self.consumer = consumer
    madeConsumer = true
    changeCount += 1
    return consumer
  }
}

extension StreamValue {
  /// Writes an entry that is there, or only its ID.
  fileprivate func write(_ id: StreamID, idOnly: Bool, to reply: UnsafeMutablePointer<ReplyBuffer>) -> Bool {
    if idOnly {
      reply.pointee.bulk(id)
      return true
    }
    return withEntry(id) { reply.pointee.entry($0) }
  }
}

enum XAutoClaimCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xautoclaim", arity: -6, flags: [.write, .fast], keys: [.key([.readWrite, .delete])],
    tips: .nondeterministicOutput, group: .stream, since: "6.2.0",
    summary: "Gives entries that were pending for long to another consumer, from an ID on.",
    complexity: "O(1) if COUNT is small.",
    arguments: [
      .init("key", .key), .init("group", .string), .init("consumer", .string),
      .init("min-idle-time", .string), .init("start", .string),
      .init("count", .integer, token: "COUNT", optional: true),
      .init("justid", .pureToken, token: "JUSTID", optional: true),
    ],
    history: [("7.0.0", "The reply has a third element: pending entries that were deleted from the stream.")])

  /// Redis takes no more than it could hold the IDs of.
  private static let countMaximum = Int64.max / 16
  /// For each entry asked for, so many are looked at.
  private static let attemptsPerEntry = 10

  static func execute(_ call: inout KeyCall) {
    // Redis looks for the key before it reads the options, and so counts it whatever they are.
    let found = call.find(call.key(1), .stream, for: .read)
    do throws(CommandError) {
      guard let idle = call.arguments.integer(at: 4) else {
        throw CommandError("ERR Invalid min-idle-time argument for XAUTOCLAIM")
      }
      let start = try call.arguments.streamRangeStart(at: 5)
      let (count, isIDOnly) = try options(call.arguments)
      if case .otherType = found { return call.refuseType() }
      guard case .entry(let entry) = found,
        let group = call.keyspace.stream(entry).group(named: call.arguments[2])
      else {
        return call.reply.pointee.noSuchGroup(call.arguments[2], in: call.arguments[1])
      }
      call.claim(from: start, of: group, minimumIdle: max(0, idle), count: count, isIDOnly: isIDOnly)
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  private static func options(_ arguments: Arguments) throws(CommandError) -> (count: Int, isIDOnly: Bool) {
    var count = 100
    var isIDOnly = false
    var index = 6
    while index < arguments.count {
      if arguments.isWord("count", at: index), arguments.hasArgument(after: index) {
        guard let given = arguments.integer(at: index + 1), 1...countMaximum ~= given else {
          throw CommandError("ERR COUNT must be > 0")
        }
        count = Int(given)
        index += 2
      } else if arguments.isWord("justid", at: index) {
        isIDOnly = true
        index += 1
      } else {
        throw CommandError(ErrorText.syntax)
      }
    }
    return (count, isIDOnly)
  }

  fileprivate static func attempts(for count: Int) -> Int {
    let (attempts, overflow) = count.multipliedReportingOverflow(by: attemptsPerEntry)
    return overflow ? .max : attempts
  }
}

extension KeyCall {
  fileprivate func claim(
    from start: StreamID, of group: ConsumerGroup, minimumIdle: Int64, count: Int, isIDOnly: Bool
  ) {
    var claim = StreamClaim(group: group, consumerName: arguments[3], now: now)
    var claimed = ElementList(for: reply)
    var deleted = ElementList(for: reply)
    var left = count
    var attempts = XAutoClaimCommand.attempts(for: count)
    var next = group.firstPending(from: start)
    while let pending = next, attempts > 0, left > 0 {
      attempts -= 1
      if !group.stream.contains(pending.id) {
        claim.drop(pending.id)
        deleted.append {
          $0.pointee.bulk(pending.id)
          return true
        }
        left -= 1
      } else if minimumIdle == 0 || now - pending.deliveryTime >= minimumIdle {
        claim.give(
          pending.id, deliveryTime: now, deliveryCount: pending.deliveryCount &+ (isIDOnly ? 0 : 1))
        claimed.append { group.stream.write(pending.id, idOnly: isIDOnly, to: $0) }
        left -= 1
      }
      next = group.firstPending(from: pending.id, isStrict: true)
    }
    keyspace.dirty += claim.changeCount
    if claim.madeConsumer { noticed(key(1), .stream, "xgroup-createconsumer") }
    reply.pointee.array(3)
    reply.pointee.bulk(next?.id ?? .zero)
    reply.pointee.array(claimed.count)
    claimed.move(to: reply)
    reply.pointee.array(deleted.count)
    deleted.move(to: reply)
  }
}

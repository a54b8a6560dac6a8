import Bytes
import Engine
import Keyspace
import RESP

/// The streams family, in the order of the reference.
let streamCommands: [any Command.Type] = [
  XAckCommand.self, XAddCommand.self, XAutoClaimCommand.self, XClaimCommand.self, XDelCommand.self,
  XGroupCommand.self, XInfoCommand.self, XLenCommand.self, XPendingCommand.self, XRangeCommand.self,
  XReadCommand.self, XReadGroupCommand.self, XRevRangeCommand.self, XSetIDCommand.self, XTrimCommand.self,
]

enum XLenCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xlen", arity: 2, flags: [.readOnly, .fast], keys: [.key([.readOnly])], group: .stream,
    since: "5.0.0", summary: "Returns how many entries a stream has.", complexity: "O(1)",
    arguments: [.init("key", .key)])

  static func execute(_ call: inout KeyCall) {
    switch call.find(call.key(1), .stream, for: .read) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry): call.reply.pointee.integer(call.keyspace.stream(entry).count)
    }
  }
}

enum XDelCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xdel", arity: -3, flags: [.write, .fast], keys: [.key([.readWrite, .delete])], group: .stream,
    since: "5.0.0", summary: "Deletes entries of a stream by their IDs and returns how many there were.",
    complexity: "O(log N) for each ID, N being the number of entries of the stream.",
    arguments: [.init("key", .key), .init("id", .string, multiple: true)])

  static func execute(_ call: inout KeyCall) {
    let key = call.key(1)
    switch call.find(key, .stream, for: .write) {
    case .missing: call.reply.pointee.integer(0)
    case .otherType: call.refuseType()
    case .entry(let entry):
      guard call.arguments.areStreamIDs(from: 2) else {
        return call.reply.pointee.error(StreamErrorText.invalidID)
      }
      let stream = call.keyspace.stream(entry)
      var deleted = 0
      for index in 2..<call.arguments.count {
        if let id = parseStreamID(call.arguments[index]), stream.delete(id) { deleted += 1 }
      }
      call.keyspace.dirty += deleted
      if deleted > 0 { call.changed(key, .stream, "xdel") }
      call.reply.pointee.integer(deleted)
    }
  }
}

enum XTrimCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xtrim", arity: -4, flags: [.write], keys: [.key([.readWrite, .delete])],
    tips: .nondeterministicOutput, group: .stream, since: "5.0.0",
    summary: "Removes the oldest entries of a stream, down to a length or an ID.",
    complexity: "O(N) in the number of entries removed; whole blocks of them go at once.",
    arguments: [.init("key", .key), streamTrimmingArgument(isOptional: false)],
    history: [("6.2.0", "Strategy `MINID` and option `LIMIT`.")])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let options = try XAddOptions(trimming: call.arguments, limits: call.keyspace.limits)
      let key = call.key(1)
      switch call.find(key, .stream, for: .write) {
      case .missing: call.reply.pointee.integer(0)
      case .otherType: call.refuseType()
      case .entry(let entry):
        let removed = options.trimming.map { call.keyspace.stream(entry).trim($0) } ?? 0
        call.keyspace.dirty += removed
        if removed > 0 { call.changed(key, .stream, "xtrim") }
        call.reply.pointee.integer(removed)
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }
}

enum XSetIDCommand: KeyCommand {
  static let declaration = CommandDeclaration(
    name: "xsetid", arity: -3, flags: [.write, .denyOutOfMemory, .fast], keys: [.key([.readWrite, .update])],
    group: .stream, since: "5.0.0", summary: "Sets what a stream knows of entries that are gone.",
    complexity: "O(1)",
    arguments: [
      .init("key", .key), .init("last-id", .string),
      .init("entries_added", .integer, token: "ENTRIESADDED", since: "7.0.0", optional: true),
      .init("max_deleted_entry_id", .string, token: "MAXDELETEDID", since: "7.0.0", optional: true),
    ],
    history: [("7.0.0", "Arguments `entries_added` and `max_deleted_entry_id`.")])

  static func execute(_ call: inout KeyCall) {
    do throws(CommandError) {
      let request = try Request(call.arguments)
      let key = call.key(1)
      switch call.find(key, .stream, for: .write) {
      case .missing: call.reply.pointee.error(ErrorText.noSuchKey)
      case .otherType: call.refuseType()
      case .entry(let entry):
        let stream = call.keyspace.stream(entry)
        stream.set(try request.state(after: stream))
        call.keyspace.dirty += 1
        // In Redis too, what a stream knows beside its entries is none of a transaction's business.
        call.noticed(key, .stream, "xsetid")
        call.reply.pointee.ok()
      }
    } catch {
      call.reply.pointee.error(error.text)
    }
  }

  /// What the arguments ask for.
  private struct Request {
    private let lastID: StreamID
    private var entriesAdded: Int64?
    private var greatestDeletedID: StreamID?

    init(_ arguments: Arguments) throws(CommandError) {
      lastID = try arguments.streamID(at: 2)
      var index = 3
      while index < arguments.count {
        guard arguments.hasArgument(after: index) else { throw CommandError(ErrorText.syntax) }
        if arguments.isWord("entriesadded", at: index) {
          guard let count = arguments.integer(at: index + 1) else {
            throw CommandError(ErrorText.notAnInteger)
          }
          if count < 0 { throw CommandError("ERR entries_added must be positive") }
          entriesAdded = count
        } else if arguments.isWord("maxdeletedid", at: index) {
          let id = try arguments.streamID(at: index + 1)
          if lastID < id {
            throw CommandError(
              "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
          }
          greatestDeletedID = id
        } else {
          throw CommandError(ErrorText.syntax)
        }
        index += 2
      }
    }

    func state(after stream: StreamValue) throws(CommandError) -> StreamTransfer.State {
      var state = stream.state
      if let last = stream.lastPresentID {
        if lastID < last {
          throw CommandError("ERR The ID specified in XSETID is smaller than the target stream top item")
        }
        if let entriesAdded, entriesAdded < Int64(stream.count) {
          throw CommandError(
            "ERR The entries_added specified in XSETID is smaller than the target stream length")
        }
      }
      state.lastID = lastID
      if let entriesAdded { state.entriesAdded = UInt64(entriesAdded) }
      // Zero says that nothing is to be set.
      if let greatestDeletedID, greatestDeletedID != .zero { state.greatestDeletedID = greatestDeletedID }
      return state
    }
  }
}
